"""Stacks of rendered subjects, and of the simulator's fly, photographed as a rig would."""

from typing import Final

import numpy as np
from held_back import HELD_BACK
from rendered import Rendered, Shake, render
from subjects import KINDS, Canvas

NEVER: Final = 1e3
"""Depth, in slices, of what no slice has in focus; drawn at twice the stack's depth."""


def rendered(kind: str, size: tuple[int, int], seed: int, noise: float = 1.0, grain: float = 1.0) -> Rendered:
    """Photograph one kind of subject; discs grow to about 22 px of 800 at the far end of the stack.

    `noise` is times a small sensor's; texture is `grain` times as coarse as pixels can barely show.
    """
    subject, slices, breathing = {**KINDS, **HELD_BACK}[kind]
    shake = Shake(breathing, size[0] / 1600, 0.02, 0.05, noise, seed)
    blur_px = 22 / 800 * size[0] / (slices - 1)
    stack = render(subject(Canvas(size, slices, seed, grain)), slices, blur_px, size, shake)
    stack.depth[stack.depth > slices] = NEVER
    return stack


def insect(size: tuple[int, int], seed: int) -> Rendered:
    """Photograph the simulator's fly in 27 slices with the depth of field overlapping by a quarter."""
    from simulator.insect import InsectScene
    from simulator.scene import SceneSpec

    spec = SceneSpec(seed=seed)
    scene = InsectScene(spec, size)
    places = np.linspace(spec.near_um - 30, spec.far_um + 30, 27)
    random = np.random.default_rng(seed)
    frames = []
    for place in places:
        light = scene.render(float(place))
        spread = np.sqrt(light / 6000 + (4 / 6000) ** 2)
        frames.append(_eight_bit(light + spread * random.standard_normal(light.shape)))
    first = np.vstack([scene.placed(float(places[0])), [0, 0, 1]])
    transforms = [(np.vstack([scene.placed(float(p)), [0, 0, 1]]) @ np.linalg.inv(first))[:2] for p in places]
    depth = (scene.depth_at(float(places[0])) - places[0]) / (places[1] - places[0])
    truth = _encoded(scene.truth_at(float(places[0]))) * 255
    return Rendered(frames, truth, np.nan_to_num(depth, nan=NEVER), transforms)


def _encoded(linear: np.ndarray) -> np.ndarray:
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _eight_bit(linear: np.ndarray) -> np.ndarray:
    return np.asarray(np.rint(_encoded(linear) * 255), np.uint8)


def draw(kind: str, size: tuple[int, int], seed: int = 1, noise: float = 1.0, grain: float = 1.0) -> Rendered:
    """Give a stack of any kind; the insect is as noisy and as finely drawn as it is."""
    return insect(size, seed) if kind == "insect" else rendered(kind, size, seed, noise, grain)
