"""Time-lapse series on disk with a known truth: what was drawn, how far it was shifted, how light it was.

Sessions and series are the real ones, written by the code that writes them on the rig; only the pictures are
drawn instead of merged.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from camera.camera import Exposure
from rail.axis import Position, Trust
from rail.screw import Scale
from simulator.clock import VirtualClock
from stack.layout import lay_out
from stack.merge.versions import choose, version_numbers
from stack.plan import Between, Count, Marks, StackPlan
from stack.record import exposure_record
from stack.schedule import Schedule
from stack.session import Facts
from stack.sessions import Sessions
from stack.timelapse import create

SIZE = (320, 240)
EVERY_S = 1800
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LOCKED = Exposure(10_000, 1.0, (2.0, 1.5))
PLAN = StackPlan("moss", Between(100, 200), Count(3))
SCALE = Scale("um", 1)


@dataclass
class Drawn:
    """One slot: how its picture was taken, or why there is none.

    `right_px`, `down_px`, `turn_deg`, `grown` move the subject in the frame; `light` multiplies it; `crop` is
    what a merge cuts off (left, top, right, bottom); `radius` is that of a thing that grows before the scene
    and moves `sideways_px` in it; `changed` is how much of the scene is another by now, 0 to 1.
    """

    right_px: float = 0.0
    down_px: float = 0.0
    turn_deg: float = 0.0
    grown: float = 1.0
    light: float = 1.0
    crop: tuple[int, int, int, int] = (0, 0, 0, 0)
    radius: float = 0.0
    sideways_px: float = 0.0
    changed: float = 0.0
    exposure: Exposure | None = LOCKED
    end: str = "done"
    reason: str | None = None
    merged: bool = True
    merge_error: str | None = None
    late_s: float = 0.0
    took_s: float = 240.0
    pixels: np.ndarray | None = None


LOOK = ("right_px", "down_px", "turn_deg", "grown", "light", "crop", "radius", "sideways_px", "changed")
"""What of a slot is seen in its picture."""


@dataclass
class Made:
    """A series on disk."""

    folder: Path
    sessions: Path
    ids: list = field(default_factory=list)


@cache
def background(size=SIZE, seed=3):
    """A scene in linear light, `(H, W, 3)`, with detail everywhere and a margin of a fifth on all sides."""
    random = np.random.default_rng(seed)
    width, height = (round(1.4 * side) for side in size)
    scene = np.full((height, width, 3), 0.22, np.float32)
    for sigma, strength in ((2.0, 0.5), (6.0, 0.9), (20.0, 1.6)):
        noise = cv2.GaussianBlur(random.standard_normal((height, width, 3)).astype(np.float32), (0, 0), sigma)
        scene += 0.06 * strength * noise / noise.std()
    return np.clip(scene, 0.02, 0.6)


def drawn(one, size=SIZE, noise_seed=0):
    """Draw a picture: `(H, W, 3)` blue-green-red, 8 bit, with a sensor's noise."""
    look = tuple(getattr(one, name) for name in LOOK)
    return _drawn(look, size, noise_seed).copy()


@lru_cache(maxsize=64)
def _drawn(look, size, noise_seed):
    """Draw what slots of that look show; many series sway alike."""
    one = Drawn(**dict(zip(LOOK, look, strict=True)))
    width, height = size
    scene = (1 - one.changed) * background(size) + one.changed * background(size, 4)
    middle = scene.shape[1] / 2 - 0.5, scene.shape[0] / 2 - 0.5
    if one.radius:
        centre = round(middle[0] + one.sideways_px), round(middle[1])
        leaf = np.zeros_like(scene)
        y, x = np.mgrid[: scene.shape[0], : scene.shape[1]].astype(np.float32)
        # Its own pattern grows with it.
        pattern = 0.25 + 0.12 * np.sin((x - centre[0]) / one.radius * 14) * np.sin(
            (y - middle[1]) / one.radius * 11
        )
        leaf[:] = pattern[..., None] * np.array([0.4, 1.0, 0.6], np.float32)
        cover = np.zeros(scene.shape[:2], np.uint8)
        cv2.circle(cover, centre, round(one.radius), 255, -1, cv2.LINE_AA)
        share = cover[..., None].astype(np.float32) / 255
        scene = scene * (1 - share) + leaf * share
    turn = cv2.getRotationMatrix2D(middle, -one.turn_deg, one.grown)
    turn[:, 2] += one.right_px - (middle[0] - (width - 1) / 2), one.down_px - (middle[1] - (height - 1) / 2)
    linear = cv2.warpAffine(scene, turn, size, flags=cv2.INTER_CUBIC) * one.light
    grain = np.random.default_rng(noise_seed).standard_normal(linear.shape) * 0.002
    value = np.clip(linear + grain, 0, 1) ** (1 / 2.2)
    left, top, right, bottom = one.crop
    whole = np.rint(255 * value).astype(np.uint8)
    return np.ascontiguousarray(whole[top : height - bottom, left : width - right])


def series(folder, slots, name="moss", size=SIZE, every_s=EVERY_S):
    """Write a series of `slots`, and its sessions, below a state folder; give where they are."""
    clock, sessions = VirtualClock(1_000_000_000), Sessions(folder / "sessions")
    sessions.root.mkdir(parents=True, exist_ok=True)
    series = create(folder / "series", Schedule(every_s, len(slots)), NOON, {"plan": "default"}, name)
    made = Made(series.path, sessions.root)
    journal = series.journal(clock)
    journal.append("series_anchored", boot="b", origin_ns=0, start=NOON.isoformat(), how="started")
    for number, one in enumerate(slots):
        begins = NOON + timedelta(seconds=number * every_s + one.late_s)
        journal._now = lambda at=begins: at
        if one.end == "skipped":
            journal.append("slot_skipped", slot=number, reason=one.reason)
            made.ids.append(None)
            continue
        session = _session(sessions, one, number, size, clock)
        made.ids.append(session.id)
        journal.append("slot_begun", slot=number)
        journal.append("slot_begun", slot=number, session=session.id)
        journal._now = lambda at=begins + timedelta(seconds=one.took_s): at
        if one.end != "begun":
            facts = {"reason": one.reason} if one.reason else {}
            journal.append(f"slot_{one.end}", slot=number, session=session.id, **facts)
    journal.close()
    return made


def _session(sessions, one, number, size, clock):
    layout = lay_out(PLAN, SCALE, Position(0, Trust.KNOWN), Marks())
    session = sessions.create(PLAN, layout, SCALE, Facts({}, {}, {"size_px": list(size)}, {}))
    with session.journal(clock) as journal:
        journal.append("stack_started")
        if one.exposure is not None:
            journal.append("exposure_locked", exposure=exposure_record(one.exposure), size_px=list(size))
        if one.end == "done":
            journal.append("stack_done")
        if one.merge_error:
            journal.append("merge_started")
            journal.append("merge_failed", error=one.merge_error)
    if one.end == "done" and one.merged:
        merge(session, one, number, size)
    return session


def merge(session, one, number=0, size=SIZE):
    """Write another merge of a session and choose it."""
    folder = session.path / "merges" / str(1 + len(version_numbers(session.path)))
    folder.mkdir()
    pixels = drawn(one, size, number) if one.pixels is None else one.pixels
    (folder / "merged.jpg").write_bytes(simplejpeg.encode_jpeg(pixels, quality=92, colorspace="BGR"))
    left, top, *_ = one.crop
    crop = {"left": left, "top": top, "width": pixels.shape[1], "height": pixels.shape[0]}
    (folder / "merge.json").write_text(json.dumps({"crop": crop}))
    choose(session.path, int(folder.name))
