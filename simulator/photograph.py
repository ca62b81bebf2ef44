"""How a shot becomes pixels: light gathered along the carriage's true path, noise, white balance, gamma."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.formats import DEEP_FORMATS, formatted, stored
from simulator.scene import Scene, View
from simulator.sensor import CameraSpec
from simulator.stream import Shot
from simulator.world import World

FloatArray = NDArray[np.float32]

REFERENCE_NS = 10_000_000
"""The exposure at which radiance 1 saturates a pixel at gain 1: the scenes' own measure."""

_PROBE_NS = 2_000_000
_FEWEST_PROBES, _MOST_PROBES = 33, 512
_MOST_RENDERS = 8
_STILL_UM, _STILL_PX = 4.0, 0.1
_PATCH_UM, _PATCH_PX = 10.0, 0.5
_NOISE_MARGIN_PX = 64
_GHOST = 0.3
_BLACK_16 = 4096


class Darkroom:
    """Develops shots of one scene. Rendering happens only here, and only when pixels are asked for.

    Parameters
    ----------
    spec, scene, world
        The camera, what is before it, and where the carriage was when.
    px_per_um
        Pixels for a micrometre across the axis.
    """

    def __init__(self, spec: CameraSpec, scene: Scene, world: World, px_per_um: float) -> None:
        self._spec = spec
        self._scene = scene
        self._world = world
        self._px_per_um = px_per_um
        width, height = spec.size_px
        generator = np.random.default_rng(spec.seed)
        shape = (height + _NOISE_MARGIN_PX, 3 * (width + _NOISE_MARGIN_PX))
        self._noise = generator.standard_normal(shape, np.float32)
        self._rendered: tuple[float, FloatArray] | None = None

    def wanted_us(self) -> float:
        """Give the exposure at gain 1 and light 1 that brings the scene's mean to a middle grey."""
        scene = self._scene
        light = scene.render((scene.near_um + scene.far_um) / 2, View())[::8, ::8].mean(axis=2)
        exposure = np.geomspace(1e-4, 1e4, 200)
        means = np.array([np.minimum(light * factor, 1.0).mean() for factor in exposure])
        return float(exposure[np.searchsorted(means, 0.18).clip(0, 199)]) * REFERENCE_NS / 1000

    def picture(self, shot: Shot, stream: dict[str, Any]) -> NDArray[Any]:
        """Give the finished picture as `stream` has it; see `develop` and `formats.formatted`."""
        bits = 16 if stream["format"] in DEEP_FORMATS else 8
        return formatted(self.develop(shot, bits), stream["format"], stream["size"])

    def raw(self, shot: Shot, stream: dict[str, Any]) -> NDArray[np.uint8]:
        """Give what the sensor read as the raw `stream` holds it; see `develop_raw`, `formats.stored`."""
        return stored(self.develop_raw(shot), stream, self._spec.bits)

    def develop(self, shot: Shot, bits: int = 8) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Give the finished picture, shape `(H, W, 3)`, 8 or 16 bits, blue-green-red, sRGB."""
        spec = self._spec
        red, blue = (gain / light for gain, light in zip(shot.colour_gains, spec.light_gains, strict=True))
        electrons = spec.full_well_e / shot.gain
        applied = np.array([blue, 1.0, red], np.float32) * shot.digital_gain
        amplified = (
            np.array([shot.colour_gains[1], 1.0, shot.colour_gains[0]], np.float32) * shot.digital_gain
        )
        level = self._gathered(shot)
        level *= self._in_rows(applied * self._sensitivity(shot))
        self._glow(level, shot)
        self._add_noise(level, amplified / electrons, (amplified * spec.read_noise_e / electrons) ** 2, shot)
        np.clip(level, 0.0, 1.0, out=level)
        level *= 65_535.0
        width, height = spec.size_px
        picture = _SRGB[bits][level.astype(np.uint16)].reshape(height, width, 3)
        return np.repeat(picture[:, :, 1:2], 3, axis=2) if spec.mono else picture

    def develop_raw(self, shot: Shot) -> NDArray[np.uint16]:
        """Give what the sensor read, shape `(H, W)`, BGGR, black at a sixteenth."""
        spec = self._spec
        width, height = spec.size_px
        electrons = spec.full_well_e / shot.gain
        level = self._gathered(shot)
        filters = np.array([1 / spec.light_gains[1], 1.0, 1 / spec.light_gains[0]], np.float32)
        level *= self._in_rows(filters * self._sensitivity(shot))
        self._glow(level, shot)
        ones = np.ones(3, np.float32)
        self._add_noise(level, ones / electrons, ones * (spec.read_noise_e / electrons) ** 2, shot)
        blue, green, red = level.reshape(height, width, 3).transpose(2, 0, 1)
        mosaic = green.copy()
        if not spec.mono:
            mosaic[0::2, 0::2] = blue[0::2, 0::2]
            mosaic[1::2, 1::2] = red[1::2, 1::2]
        white, black = 2**spec.bits - 1, _BLACK_16 >> 16 - spec.bits
        codes = np.rint(mosaic * (white - black)) + black
        raw: NDArray[np.uint16] = np.clip(codes, 0, white).astype(np.uint16)
        return raw

    def _sensitivity(self, shot: Shot) -> float:
        return shot.light * shot.exposure_ns / REFERENCE_NS * shot.gain

    def _in_rows(self, by_channel: FloatArray) -> FloatArray:
        """Repeat three values along a row of pixels."""
        row: FloatArray = np.tile(by_channel.astype(np.float32), self._spec.size_px[0])
        return row[None, :]

    def _gathered(self, shot: Shot) -> FloatArray:
        """Give the scene's light as the rows saw it, flicker included; shape `(H, 3 * W)`, the caller's."""
        level = self._exposed(shot)
        if self._spec.corner_light < 1:
            level *= self._fall_off()
        if self._spec.flicker_percent:
            level *= self._flicker(shot)[:, None]
        return level

    def _exposed(self, shot: Shot) -> FloatArray:
        """Average the scene over the path of the carriage, for each row over its own time."""
        begin_ns, end_ns = shot.readout_ns - shot.exposure_ns, shot.readout_ns + self._spec.readout_ns
        probes = min(max((end_ns - begin_ns) // _PROBE_NS, _FEWEST_PROBES), _MOST_PROBES)
        instants_ns = np.linspace(begin_ns, end_ns, probes).astype(np.int64)
        along_um, across_um = self._world.motion_um(instants_ns)
        across_px = across_um * self._px_per_um
        parts = self._parts(along_um, across_px)
        edges = np.linspace(0, probes, parts + 1).astype(int)
        edges_ns = begin_ns + (end_ns - begin_ns) * edges / probes
        looks = [
            (along_um[first:last].mean(), across_px[first:last].mean()) for first, last in pairwise(edges)
        ]
        weights = self._row_weights(shot, edges_ns)
        if shot.before_ns is not None:
            before_um, before_across_um = self._world.motion_um(shot.before_ns)
            weights = np.vstack([weights * (1 - _GHOST), np.full_like(weights[:1], _GHOST)])
            looks.append((before_um[0], before_across_um[0] * self._px_per_um))
        return self._blended(looks, weights)

    def _parts(self, along_um: NDArray[np.float64], across_px: NDArray[np.float64]) -> int:
        travel_um, travel_px = np.ptp(along_um), np.ptp(across_px)
        if travel_um < _STILL_UM and travel_px < _STILL_PX:
            return 1
        wanted = max(travel_um / _PATCH_UM, travel_px / _PATCH_PX)
        return int(min(max(2, np.ceil(wanted)), _MOST_RENDERS))

    def _row_weights(self, shot: Shot, edges_ns: NDArray[np.float64]) -> FloatArray:
        """Give the share of each part in each row's exposure, shape `(parts, H)`, columns adding up to 1."""
        rows_ns = shot.readout_ns + np.arange(self._spec.size_px[1]) * self._spec.row_ns
        covered_ns = np.clip(edges_ns[:, None], rows_ns - shot.exposure_ns, rows_ns)
        return (np.diff(covered_ns, axis=0) / shot.exposure_ns).astype(np.float32)

    def _blended(self, looks: list[tuple[float, float]], weights: FloatArray) -> FloatArray:
        """Add up renders; looks that show the same picture are rendered once."""
        shares: dict[tuple[float, float], FloatArray] = {}
        for (along_um, across_px), weight in zip(looks, weights, strict=True):
            seen = (round(float(along_um), 1), round(float(across_px), 1))
            shares[seen] = shares.get(seen, np.zeros_like(weight)) + weight
        total: FloatArray | None = None
        for (along_um, across_px), weight in shares.items():
            level = self._render(along_um, across_px)
            if len(shares) > 1:
                level *= weight[:, None]
            total = level if total is None else np.add(total, level, out=total)
        assert total is not None
        return total

    def _render(self, along_um: float, across_px: float) -> FloatArray:
        """Render, remembering the last picture at rest: a slice taken twice is the same scene."""
        width, height = self._spec.size_px
        if across_px == 0.0 and self._rendered is not None and self._rendered[0] == along_um:
            return self._rendered[1].copy()
        level = self._scene.render(along_um, View(shift_px=(0.0, across_px))).reshape(height, 3 * width)
        if across_px == 0.0:
            self._rendered = (along_um, level.copy())
        return level

    def _fall_off(self) -> FloatArray:
        """Give what lens and sensor pass on, 1 in the middle of the frame; shape `(H, 3 * W)`."""
        width, height = self._spec.size_px
        y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
        through = 1 - (1 - self._spec.corner_light) * (x**2 + y**2) / 2
        return np.repeat(through, 3, axis=1).astype(np.float32)

    def _glow(self, level: FloatArray, shot: Shot) -> None:
        """Add what hot pixels read in the dark, each in one colour."""
        if self._spec.hot_pixels:
            random = np.random.default_rng(self._spec.seed)
            places = random.choice(level.size, self._spec.hot_pixels, replace=False)
            level.reshape(-1)[places] += shot.exposure_ns / 500_000_000 * shot.gain

    def _flicker(self, shot: Shot) -> FloatArray:
        """Give each row's light: the mean of `1 + depth * sin(2 * pi * f * t)` over its exposure."""
        depth, angular = self._spec.flicker_percent / 100, 2e-9 * np.pi * self._spec.flicker_hertz
        end_ns = shot.readout_ns + np.arange(self._spec.size_px[1]) * self._spec.row_ns
        swing = np.cos(angular * (end_ns - shot.exposure_ns)) - np.cos(angular * end_ns)
        light: FloatArray = (1 + depth * swing / (angular * shot.exposure_ns)).astype(np.float32)
        return light

    def _add_noise(self, level: FloatArray, shot_noise: FloatArray, floor: FloatArray, shot: Shot) -> None:
        """Add noise of variance `level * shot_noise + floor`, a piece of the drawn field for each frame."""
        offsets = np.random.default_rng((self._spec.seed, shot.number)).integers(0, _NOISE_MARGIN_PX, 2)
        row, column = int(offsets[0]), 3 * int(offsets[1])
        height, width = level.shape
        spread = level * self._in_rows(shot_noise)
        spread += self._in_rows(floor)
        np.sqrt(spread, out=spread)
        spread *= self._noise[row : row + height, column : column + width]
        level += spread


def _srgb_table(most: int) -> FloatArray:
    """Tabulate the sRGB curve (IEC 61966-2-1) for 16-bit linear values."""
    linear = np.arange(65_536) / 65_535
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    codes: FloatArray = np.rint(most * encoded).astype(np.float32)
    return codes


_SRGB: dict[int, NDArray[Any]] = {
    8: _srgb_table(255).astype(np.uint8),
    16: _srgb_table(65_535).astype(np.uint16),
}
