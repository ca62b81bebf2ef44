"""What a camera is made of, and what it makes of the exposure it is asked for."""

from dataclasses import dataclass, replace

from simulator.voice_coil import VoiceCoilSpec


@dataclass(frozen=True, slots=True)
class CameraSpec:
    """One camera module, much like an HQ camera (IMX477) read out with binned pixels.

    Attributes
    ----------
    model, size_px
        The sensor's name, and width and height of all it has, both even.
    cell_nm
        Distance between its pixels.
    line_ns, margin_lines, shortest_frame_us
        Time to read one row, rows a frame must be longer than its exposure, shortest frame.
    largest_gain
        Analogue gain codes give `1024 / (1024 - code)` up to this.
    control_delay
        Frames from the request that carries a control to the first one exposed with it.
    processing_ns
        From the last row to the finished frame.
    ready_ns
        From `start` to the first exposure.
    full_well_e, read_noise_e
        Electrons of a saturated pixel at gain 1, and noise of reading one.
    light_gains
        The (red, blue) gains that make the light white.
    ambient, lamp
        Light that is always there, and light that the lamp on the panel's light pin adds once it is warm.
        1 is what the scene was made for.
    lamp_low, warm_up_ns
        Whether the lamp shines while its pin is low; see `simulator.lamp`.
    flicker_percent, flicker_hertz
        Depth of the mains' flicker, and its frequency.
    platform
        PISP, a Pi 5: 16-bit streams; unless noise reduction is off, the frame before is blended into every
        frame; raw pixels squeezed with loss unless asked for unpacked. VC4: any board before.
    global_shutter
        All rows are exposed at once, as an IMX296 does; otherwise one after the other.
    offset_ns
        What an exposure is longer than its lines.
    mono
        No colour filter: no colour gains, no white balance.
    native
        Whether it is on the Pi's own connector. On USB there is no raw stream, no tuning, and no frame says
        how it was exposed.
    whole_px
        Width and height of all its pixels, where it is in a mode that shows fewer.
    lacking
        Controls that it does not have.
    packs_raw
        Whether raw pixels are packed whatever is asked for.
    adjusts
        Whether it gives frames of another size than asked for, without a word.
    seed
        Of all noise.
    lens
        Its own focus motor; None: it has none.
    corner_light
        Part of the light in the middle that reaches the corners; it falls off with the square of the way.
    hot_pixels
        How many shine by themselves: saturated after half a second at gain 1.
    bits
        Of a raw pixel: 12, or 10 as an IMX708 has.
    memory_bytes
        What the kernel has for the buffers of its streams; None: enough.
    """

    model: str = "imx477"
    size_px: tuple[int, int] = (1600, 1200)
    cell_nm: int = 3100
    line_ns: int = 16_457
    margin_lines: int = 22
    shortest_frame_us: int = 25_000
    largest_gain: float = 22.2609
    control_delay: int = 2
    processing_ns: int = 15_000_000
    ready_ns: int = 120_000_000
    full_well_e: float = 8_000.0
    read_noise_e: float = 3.0
    light_gains: tuple[float, float] = (2.1, 1.7)
    ambient: float = 1.0
    lamp: float = 0.0
    lamp_low: bool = False
    warm_up_ns: int = 100_000_000
    flicker_percent: float = 0.0
    flicker_hertz: float = 100.0
    platform: str = "PISP"
    global_shutter: bool = False
    offset_ns: int = 0
    mono: bool = False
    native: bool = True
    whole_px: tuple[int, int] | None = None
    lacking: tuple[str, ...] = ()
    packs_raw: bool = False
    adjusts: bool = False
    seed: int = 1
    lens: VoiceCoilSpec | None = None
    corner_light: float = 1.0
    hot_pixels: int = 0
    bits: int = 12
    memory_bytes: int | None = None

    @property
    def readout_ns(self) -> int:
        """Time from the first row to the last."""
        return self.size_px[1] * self.line_ns

    @property
    def row_ns(self) -> int:
        """How much later each row's exposure ends than the one before."""
        return 0 if self.global_shutter else self.line_ns

    def lines(self, time_us: float) -> int:
        """Give the whole lines within an exposure time, at least one."""
        return max(1, (int(time_us * 1000) - self.offset_ns) // self.line_ns)

    def exposure_ns(self, lines: int) -> int:
        """Give the time that so many lines are exposed."""
        return lines * self.line_ns + self.offset_ns

    def gain(self, wanted: float) -> float:
        """Give the analogue gain whose code is the last not above `wanted`."""
        code = int(1024 - 1024 / min(max(wanted, 1.0), self.largest_gain))
        return 1024 / (1024 - code)

    def frame_ns(self, lines: int, shortest_us: int) -> int:
        """Give the time between frames for an exposure of `lines`."""
        needed_ns = (lines + self.margin_lines) * self.line_ns
        return max(needed_ns, 1000 * shortest_us, 1000 * self.shortest_frame_us)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What has been asked of the camera so far.

    Attributes
    ----------
    time_us, gain, colour_gains
        None: automatic.
    shortest_us, longest_us
        FrameDurationLimits.
    noise_reduction
        NoiseReductionMode; 0 is off.
    compensation
        ExposureValue, in stops.
    """

    time_us: float | None = None
    gain: float | None = None
    colour_gains: tuple[float, float] | None = None
    shortest_us: int = 100
    longest_us: int = 1_000_000_000
    noise_reduction: int = 0
    compensation: float = 0.0


@dataclass(frozen=True, slots=True)
class Held:
    """The exposure in force, before the sensor's grid."""

    time_us: float
    gain: float
    colour_gains: tuple[float, float]


def amended(wishes: Wishes, controls: dict[str, object], held: Held) -> Wishes:
    """Give `wishes` after `controls`, as libcamera 0.5 and later understand them.

    AeEnable stands for both exposure modes; switching automatic off without a value keeps what is in force.
    A value sets its own mode to manual, and zero sets it back.
    """
    value = _Reader(controls)
    if (on := value.flag("AeEnable")) is not None:
        wishes = replace(
            wishes,
            time_us=None if on else wishes.time_us or held.time_us,
            gain=None if on else wishes.gain or held.gain,
        )
    if (mode := value.number("ExposureTimeMode")) is not None:
        wishes = replace(wishes, time_us=(wishes.time_us or held.time_us) if mode else None)
    if (mode := value.number("AnalogueGainMode")) is not None:
        wishes = replace(wishes, gain=(wishes.gain or held.gain) if mode else None)
    if (time_us := value.number("ExposureTime")) is not None:
        wishes = replace(wishes, time_us=time_us or None)
    if (gain := value.number("AnalogueGain")) is not None:
        wishes = replace(wishes, gain=gain or None)
    if (on := value.flag("AwbEnable")) is not None:
        wishes = replace(wishes, colour_gains=None if on else wishes.colour_gains or held.colour_gains)
    if (gains := value.pair("ColourGains")) is not None:
        wishes = replace(wishes, colour_gains=gains)
    if (limits := value.pair("FrameDurationLimits")) is not None:
        wishes = replace(wishes, shortest_us=int(limits[0]), longest_us=int(limits[1]))
    if (mode := value.number("NoiseReductionMode")) is not None:
        wishes = replace(wishes, noise_reduction=int(mode))
    if (stops := value.number("ExposureValue")) is not None:
        wishes = replace(wishes, compensation=stops)
    return wishes


class _Reader:
    """Controls by name, None where absent."""

    def __init__(self, controls: dict[str, object]) -> None:
        self._controls = controls

    def flag(self, name: str) -> bool | None:
        return bool(self._controls[name]) if name in self._controls else None

    def number(self, name: str) -> float | None:
        value = self._controls.get(name)
        return float(value) if isinstance(value, int | float) else None

    def pair(self, name: str) -> tuple[float, float] | None:
        value = self._controls.get(name)
        if not isinstance(value, tuple | list):
            return None
        first, second = value
        return float(first), float(second)


class Automatics:
    """Automatic exposure and white balance, each closing a part of the gap with every frame.

    Parameters
    ----------
    spec
        The camera.
    wanted_us
        The exposure at gain 1 and light 1 that shows the scene well.
    """

    _PACE = 0.35
    _LONGEST_US = 60_000.0

    def __init__(self, spec: CameraSpec, wanted_us: float) -> None:
        self._spec = spec
        self._wanted_us = wanted_us
        self._total_us = 20_000.0
        self._gains = (1.6, 1.4)

    def expose(self, wishes: Wishes, light: float) -> tuple[Held, int]:
        """Give the exposure for the next frame and its AeState: 0 idle, 1 searching, 2 converged."""
        if wishes.colour_gains is None:
            red, blue = self._gains
            aim_red, aim_blue = self._spec.light_gains
            self._gains = (red + self._PACE * (aim_red - red), blue + self._PACE * (aim_blue - blue))
        else:
            self._gains = wishes.colour_gains
        longest_us = wishes.longest_us - self._spec.margin_lines * self._spec.line_ns / 1000
        if wishes.time_us is not None and wishes.gain is not None:
            time_us = min(wishes.time_us, longest_us)
            self._total_us = time_us * wishes.gain
            return Held(time_us, wishes.gain, self._gains), 0
        aim_us = self._wanted_us * 2**wishes.compensation / max(light, 1e-4)
        aim_us = min(aim_us, self._LONGEST_US * self._spec.largest_gain)
        self._total_us *= (aim_us / self._total_us) ** self._PACE
        state = 2 if abs(self._total_us / aim_us - 1) < 0.02 else 1
        return self._split(wishes, longest_us), state

    def _split(self, wishes: Wishes, longest_us: float) -> Held:
        """Divide the total between time and gain: time first."""
        if wishes.gain is not None:
            time_us = self._total_us / wishes.gain
        else:
            time_us = wishes.time_us or min(self._total_us, self._LONGEST_US)
        time_us = min(time_us, longest_us)
        gain = wishes.gain or min(max(self._total_us / time_us, 1.0), self._spec.largest_gain)
        return Held(time_us, gain, self._gains)
