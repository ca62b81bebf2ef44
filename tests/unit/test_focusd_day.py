"""A day of a time-lapse of something that grows: true merges of rendered slices, on paper all the rest.

A bud reaches 7 um farther towards the lens with every stack. Near follows it by what each merge measured, and
the slices of most stacks go when the disk fills; power fails three times.
"""

from functools import cache

import cv2
import numpy as np
import pytest
from rendered import MARGIN, Shake, Surface, _texture, render
from series_machine import HALF_HOUR_S, RESERVE_BYTES, Machine, PaperOperator, asked

from focusd.reports import chosen_merge
from stack.journal import replay
from stack.manner import Manner
from stack.merge.merging import Merging, Photo
from stack.merge.products import Maps, save_version
from stack.merge.record import describe
from stack.merge.settings import MergeSettings
from stack.merge.versions import choose
from stack.plan import Between, Pitch, StackPlan
from stack.retention import Keep, Weight, has_slices, weighed
from stack.timelapse import every_series

STACKS = 48
SIZE = (96, 72)
FAR_UM, NEAR_UM, GROWTH_UM = 800.0, 560.0, 7.0
"""Where the ground lies, how near the bud reaches at first, and by how much more each time."""
BLUR_PX_A_UM = 0.0225
CANVAS = tuple(round(side * (1 + 2 * MARGIN)) for side in SIZE[::-1])


@cache
def texture():
    return _texture(*CANVAS, np.random.default_rng(4), 1.0)


def bud(number):
    """Give how far each point lies behind the rail's zero, in um, at stack `number`."""
    y, x = np.mgrid[: CANVAS[0], : CANVAS[1]].astype(np.float32)
    away = np.hypot((x / CANVAS[1] - 0.5) / 0.3, (y / CANVAS[0] - 0.5) / 0.3)
    height_um = FAR_UM - NEAR_UM + GROWTH_UM * number
    return (FAR_UM - height_um * np.clip(1.15 - away, 0, 1)).astype(np.float32)


class Gardener(PaperOperator):
    """Photographs the bud and merges its slices, as they are and where the plan has them."""

    plan = StackPlan("bud", Between(500, 850), Pitch(50))

    def _save_all(self, session, exposure):
        number = len([one for one in self.sessions.ids() if one <= session.id]) - 1
        places_u = [session.scale.length_u(steps) for steps in session.layout.positions_steps]
        pitch_u = session.layout.pitch_u
        surface = Surface(texture(), np.ones(CANVAS, np.float32), (bud(number) - places_u[0]) / pitch_u)
        frames = render([surface], len(places_u), BLUR_PX_A_UM * pitch_u, SIZE, Shake(seed=number)).frames
        for index, frame in enumerate(frames):
            self._save(session, index, exposure, cv2.imencode(".jpg", frame)[1].tobytes())

    def _merge(self, session):
        merging = Merging(MergeSettings())
        saved = session.state().saved
        for index in sorted(saved):
            merging.add(Photo(index, session.path / saved[index].file, saved[index].file))
        maps = Maps(None, None)
        merged = merging.finish(settled=maps.pack)
        facts = describe(merged, MergeSettings(), [photo.name for photo in merging.photos], 0.0)
        version = save_version(session.path, merged, facts, merging.photos[0].path, 92, maps)
        choose(session.path, version.number)
        self.disk.used_bytes += weighed(session).rest_bytes
        self._write(session, "merge_started")
        done = {"merge": version.number, "files": list(version.files.values()), "sha256": version.sha256}
        self._write(session, "merge_done", slices=len(saved), seconds=0.0, **done)


class Garden(Machine):
    operator_class = Gardener
    weight = Weight(30_000, 24_000)


@pytest.fixture
def garden(tmp_path):
    return Garden(tmp_path, disk_bytes=STACKS * 24_000 + 4 * 30_000 + 8 * 45_000)


def test_a_day_of_growing_is_followed_merged_and_fits_the_disk(garden):
    garden.timelapse.start(asked(count=STACKS, manner=Manner(follow=True, keep=Keep.named("every:12"))))
    for cut_after in (7.3, 9.02, 14.1):
        garden.let(cut_after * HALF_HOUR_S, step_s=60.0)
        garden.cut(90)
    garden.let(20 * HALF_HOUR_S, step_s=60.0)
    assert garden.slots == dict.fromkeys(range(STACKS), "done")
    sessions = garden.operator.sessions.all()
    near_um = [session.scale.length_u(session.layout.positions_steps[0]) for session in sessions]
    bud_um = [float(bud(number).min()) for number in range(STACKS)]
    behind_um = [near - true for near, true in zip(near_um, bud_um, strict=True)]
    assert max(behind_um) <= 60  # little more than a slice too late
    assert min(behind_um) >= -160  # and never much too soon
    assert near_um[-1] < 300 < near_um[0]
    assert all(chosen_merge(session)["coverage"]["judged"] for session in sessions)
    have = [number for number, session in enumerate(sessions) if has_slices(session)]
    assert {0, 12, 24, 36} <= set(have) != set(range(STACKS))
    assert garden.disk.free_bytes() >= RESERVE_BYTES
    entries = replay(every_series(garden.folder / "series")[0].path / "journal.jsonl").entries
    assert 3 <= [entry.event for entry in entries].count("range_followed") <= 12
