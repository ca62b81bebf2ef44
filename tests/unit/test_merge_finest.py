"""Finest detail is chosen apart: hairs that cross what is textured, and the ground between them."""

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from rendered import MARGIN, Rendered, Shake, Surface, _texture, psnr, render

import stack.merge.resolution
from stack.merge.finest import Finest
from stack.merge.focus import Focus
from stack.merge.resolution import deciding_factor
from stack.merge.settings import MergeSettings
from stack.merge.stream import Merge

SIZE = (480, 360)
SLICES = 10
INNER = np.s_[20:-20, 20:-20]


@cache
def fur() -> Rendered:
    """Pale and dark hairs, two or three pixels wide, crossing one another before rough ground."""
    height, width = (round(side * (1 + 2 * MARGIN)) for side in SIZE[::-1])
    random = np.random.default_rng(3)
    surfaces = [
        Surface(
            _texture(height, width, random, 0.8),
            np.ones((height, width), np.float32),
            np.full((height, width), SLICES - 1, np.float32),
        )
    ]
    for number in range(60):
        near = number / 60 * (SLICES - 2)
        mask = np.zeros((height, width), np.uint8)
        (x, y), turn = random.uniform(0, 1, 2) * (width, height), random.uniform(0, np.pi)
        reach = np.array([np.cos(turn), np.sin(turn)]) * 130
        ends = (np.rint((np.array([x, y]) + end) * 16).astype(int) for end in (-reach, reach))
        cv2.line(mask, *map(tuple, ends), 255, int(random.integers(2, 4)), cv2.LINE_AA, 4)
        light = np.full((height, width, 3), 0.55 if number % 2 else 0.04, np.float32)
        depth = np.full((height, width), SLICES - 2 - near, np.float32)
        surfaces.append(Surface(light, (mask / 255).astype(np.float32), depth))
    return render(surfaces, SLICES, 1.4, SIZE, Shake(noise=0.5, seed=3))


def merged(frames: list[np.ndarray]) -> np.ndarray:
    merge = Merge(MergeSettings(align=False, even_light=False))
    for index, frame in enumerate(frames):
        merge.add(index, frame)
    return merge.finish().pixels


def unrefined(monkeypatch: pytest.MonkeyPatch, frames: list[np.ndarray]) -> np.ndarray:
    with monkeypatch.context() as patch:
        patch.setattr(Finest, "refine", lambda *_: None)
        return merged(frames)


@pytest.fixture(params=[1, 2])
def judged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """By how much pictures are reduced to judge them."""
    factor: int = request.param
    monkeypatch.setattr(stack.merge.resolution, "DECIDING_PIXELS", SIZE[0] * SIZE[1] // factor)
    assert deciding_factor(SIZE[0] * SIZE[1]) == factor
    return factor


def test_hairs_before_rough_ground_are_truer(monkeypatch: pytest.MonkeyPatch, judged: int) -> None:
    subject = fur()
    before, after = (
        psnr(picture[INNER], subject.truth[INNER])
        for picture in (unrefined(monkeypatch, subject.frames), merged(subject.frames))
    )
    assert after > before + 0.4


def test_slices_that_are_alike_leave_nothing_to_choose(monkeypatch: pytest.MonkeyPatch, judged: int) -> None:
    frames = fur().frames[:1] * 3
    refined, as_it_was = merged(frames), unrefined(monkeypatch, frames)
    # At a lower resolution a slice has less detail than the picture, and that is not to be lost.
    assert np.abs(refined.astype(int) - as_it_was).max() <= 1


def test_noise_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(1).normal(0, 2, (8, 200, 300, 3))
    frames = [np.rint(120 + cv2.GaussianBlur(one, (0, 0), 0.7)).astype(np.uint8) for one in noise]
    assert merged(frames).std() < 1.05 * unrefined(monkeypatch, frames).std()


def test_about_glints_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A glint out of focus is a disc with a rim, and the rim is sharp."""
    y, x = np.mgrid[:200, :300].astype(np.float32)
    ground = 60 + 10 * np.random.default_rng(2).standard_normal((200, 300)).astype(np.float32)
    away = np.hypot(x - 150, y - 100)
    discs = [np.where(away < radius, 255, ground) for radius in (3, 9, 15)]
    frames = [np.repeat(np.clip(disc, 0, 255).astype(np.uint8)[..., None], 3, axis=2) for disc in discs]
    near = away < 20
    assert (merged(frames)[near] == unrefined(monkeypatch, frames)[near]).all()


class Picture:
    """A canvas that shows stripes, and remembers what is added to them."""

    def __init__(self, light: np.ndarray) -> None:
        self._light = light
        self.added = np.zeros_like(light)

    def light(self) -> np.ndarray:
        return self._light

    def brighten(self, by: np.ndarray, factor: int) -> None:
        assert factor == 1
        self.added += by


def test_a_slice_counts_nowhere_that_it_is_held_back() -> None:
    stripes = np.tile(np.float32([20, -20]), (96, 20))
    faint, nothing = 0.5 * stripes, np.zeros_like(stripes)
    held, left, right = nothing.copy(), np.s_[:, :15], np.s_[:, 25:]
    held[right] = 1
    strip = Focus(slice(0, 96), nothing, nothing, nothing, faint, 0.1)
    finest = Finest(96, 40, 1)
    finest.take(strip, nothing)
    finest.take(replace(strip, fine=stripes, held=held), nothing)
    picture = Picture(0.6 * stripes)
    finest.refine(picture, np.zeros((24, 10), np.float32))
    assert np.abs(picture.added[left] - stripes[left] / 2).max() < 3
    assert np.abs(picture.added[right]).max() < 3
