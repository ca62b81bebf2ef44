"""Shooting: slices show the right place at rest, nothing acknowledged is lost, every end is orderly."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from stack_rig import BACKLASH_STEPS, PLACES, PLAN, FilmCamera, Rig, assert_complete, at_slice, pictures

from camera.camera import Aim, Exposure, Frame
from camera.errors import CameraTimeout
from rail.axis import Trust
from stack.ending import EndingKind
from stack.errors import FrameStale, FrameUnusable, NotResumable
from stack.journal import Journal, replay
from stack.plan import AroundHere, FromHere, Pitch
from stack.progress import Pace
from stack.session_state import Phase
from stack.stop import StopKind
from stack.writer import SliceWriter


@pytest.fixture
def rig(tmp_path: Path, slice_writer: SliceWriter) -> Rig:
    return Rig(tmp_path, slice_writer)


def test_a_stack_shows_every_place_at_rest_and_exposed_alike(rig: Rig) -> None:
    session = rig.session()
    ending = rig.shoot(session)
    assert (ending.kind, ending.saved, ending.trouble) == (EndingKind.DONE, 6, ())
    assert_complete(session)
    assert rig.events() == ["stack_started", "exposure_locked", *["slice_saved"] * 6, "stack_done"]
    assert [event["session"] for event in rig.told] == [session.id] * len(rig.told)


def test_it_meters_once_at_the_middle_slice_then_begins_at_the_first(inline_rig: Rig) -> None:
    inline_rig.shoot(inline_rig.session())
    assert inline_rig.camera.meterings == [1030 - BACKLASH_STEPS]
    assert inline_rig.rail.moves == [1030, *PLACES, 1000]


def test_a_plans_own_exposure_is_taken_without_metering(inline_rig: Rig) -> None:
    session = inline_rig.session(replace(PLAN, exposure=Exposure(15_000, 1.0, (2.0, 1.5))))
    inline_rig.shoot(session)
    assert inline_rig.camera.meterings == []
    assert inline_rig.rail.moves == [*PLACES, 1000]
    assert_complete(session, time_us=15_000)


def test_a_metered_exposure_is_as_bright_as_the_plan_wants_it(inline_rig: Rig) -> None:
    session = inline_rig.session(replace(PLAN, aim=Aim(stops=-1)))
    inline_rig.shoot(session)
    assert_complete(session, time_us=6_170)
    assert inline_rig.sessions.open(session.id).plan.aim == Aim(stops=-1)


def test_several_frames_a_slice_are_taken_at_one_place_and_recorded(rig: Rig) -> None:
    session = rig.session(replace(PLAN, frames=4))
    assert rig.shoot(session).kind is EndingKind.DONE
    assert rig.rail.moves == [1030, *PLACES, 1000]
    assert rig.camera.captured == [place - BACKLASH_STEPS for place in PLACES for _ in range(4)]
    for entry in replay(session.journal_path).entries:
        if entry.event == "slice_saved":
            metadata = entry.facts["metadata"]
            assert metadata["frames"] == 4
            assert sorted(set(metadata["began_ns"])) == metadata["began_ns"]
            assert entry.facts["began_ns"] == metadata["began_ns"][0]


def test_a_stop_between_the_frames_of_a_slice_saves_no_part_of_it(rig: Rig) -> None:
    session = rig.session(replace(PLAN, frames=4))
    rig.camera.asked = lambda: rig.ask() if len(rig.camera.captured) == 10 else None
    assert rig.shoot(session).kind is EndingKind.PAUSED
    assert session.state().missing == (2, 3, 4, 5)
    rig.camera.asked = lambda: None
    rig.rearm()
    assert rig.shoot(session).kind is EndingKind.DONE


def test_no_exposure_begins_before_a_flash_has_recharged(
    inline_rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Frame] = []
    capture = FilmCamera.capture

    def noted(camera: FilmCamera, after_ns: int, recycle_ns: int = 0) -> Frame:
        assert recycle_ns == 2_500_000_000
        taken.append(capture(camera, after_ns, recycle_ns))
        return taken[-1]

    monkeypatch.setattr(FilmCamera, "capture", noted)
    inline_rig.shoot(inline_rig.session(replace(PLAN, frames=2, recycle_s=2.5)))
    assert len(taken) == 12
    for earlier, later in pairwise(taken):
        assert later.began_ns - earlier.ended_ns >= 2_500_000_000


def test_an_abort_ends_the_session_for_good_and_keeps_what_was_captured(rig: Rig) -> None:
    session = rig.session()
    rig.telling = at_slice(3, lambda: rig.ask(StopKind.ABORT))
    ending = rig.shoot(session)
    assert ending.kind is EndingKind.ABORTED
    assert rig.events()[-1] == "stack_aborted"
    assert len(pictures(session)) == len(rig.camera.captured) == 3
    rig.rearm()
    with pytest.raises(NotResumable, match="aborted"):
        rig.shoot(session)


@pytest.mark.parametrize(
    ("trust", "plan", "homings"),
    [
        (Trust.KNOWN, PLAN, 0),
        (Trust.UNKNOWN, PLAN, 1),
        (Trust.ASSUMED, PLAN, 1),
        (Trust.ASSUMED, replace(PLAN, assumed_is_enough=True), 0),
        (Trust.UNKNOWN, replace(PLAN, range=FromHere(50)), 0),
    ],
)
def test_it_homes_only_when_its_places_need_it(tmp_path: Path, trust: Trust, plan: Any, homings: int) -> None:
    rig = Rig(tmp_path, trust=trust)
    assert rig.shoot(rig.session(plan)).kind is EndingKind.DONE
    assert rig.rail.homings == homings
    assert rig.events().count("homed") == homings


def test_a_rail_that_may_not_home_fails_in_words_and_does_not_move(tmp_path: Path) -> None:
    rig = Rig(tmp_path, trust=Trust.UNKNOWN, home_allowed=False)
    ending = rig.shoot(rig.session())
    assert (ending.kind, ending.reason) == (EndingKind.FAILED, "homing was never allowed")
    assert rig.rail.moves == []


def test_a_failure_is_recorded_the_hardware_stopped_and_every_frame_kept(rig: Rig) -> None:
    session = rig.session()
    error = CameraTimeout("no frame came for 5 s", waited_s=5)

    def fail() -> None:
        if len(rig.camera.captured) == 3:
            raise error

    rig.camera.asked = fail
    ending = rig.shoot(session)
    assert (ending.kind, ending.error, ending.reason) == (EndingKind.FAILED, error, "no frame came for 5 s")
    assert (session.state().phase, session.state().reason) == (Phase.FAILED, "no frame came for 5 s")
    assert len(pictures(session)) == ending.saved == 3
    assert (rig.rail.stopped, rig.camera.stopped) == (True, True)
    rig.camera.asked = lambda: None
    rig.rearm()
    assert rig.shoot(session).kind is EndingKind.DONE
    assert_complete(session)


def test_nothing_on_the_way_out_hides_what_went_wrong_first(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = rig.session()
    error = CameraTimeout("no frame came", waited_s=5)

    def fail() -> None:
        if rig.camera.captured:
            monkeypatch.setattr(rig.rail, "stop", lambda: 1 / 0)
            monkeypatch.setattr(Journal, "append", lambda *_, **__: 1 / 0)
            raise error

    rig.camera.asked = fail
    ending = rig.shoot(session)
    assert ending.error is error
    assert len(ending.trouble) >= 2
    assert rig.camera.stopped


def test_what_no_ending_can_hold_still_stops_the_hardware_and_saves_the_frames(rig: Rig) -> None:
    session = rig.session()

    def interrupt() -> None:
        if len(rig.camera.captured) == 2:
            raise KeyboardInterrupt

    rig.camera.asked = interrupt
    with pytest.raises(KeyboardInterrupt):
        rig.shoot(session)
    assert (rig.rail.stopped, rig.camera.stopped, len(pictures(session))) == (True, True, 2)


@pytest.mark.parametrize(("light", "words"), [(0.0001, "black"), (90.0, "white")])
def test_a_first_frame_that_shows_nothing_ends_the_stack_in_words(
    inline_rig: Rig, light: float, words: str
) -> None:
    rig = inline_rig
    session = rig.session(replace(PLAN, exposure=Exposure(12_340, 1.0, (2.0, 1.5))))
    rig.camera.light = light
    ending = rig.shoot(session)
    assert isinstance(ending.error, FrameUnusable) and words in str(ending.error)
    assert len(rig.camera.captured) == 1
    assert pictures(session) == []


def test_a_frame_begun_before_the_axis_had_settled_is_refused(
    inline_rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = FilmCamera.capture

    def stale(camera: FilmCamera, after_ns: int, recycle_ns: int) -> Frame:
        frame = capture(camera, after_ns, recycle_ns)
        return replace(frame, began_ns=after_ns - 1) if len(camera.captured) == 3 else frame

    monkeypatch.setattr(FilmCamera, "capture", stale)
    session = inline_rig.session()
    ending = inline_rig.shoot(session)
    assert isinstance(ending.error, FrameStale) and (ending.error.index, ending.error.early_ns) == (2, 1)
    assert set(session.state().saved) == {0, 1}


def test_a_delay_passes_before_anything_moves_and_can_be_stopped(inline_rig: Rig) -> None:
    rig = inline_rig
    began_ns = rig.clock.monotonic_ns()
    session = rig.session(replace(PLAN, delay_s=10))
    rig.rail.halfway = lambda: rig.ask() if not rig.rail.restless else None
    rig.shoot(session)
    assert rig.clock.monotonic_ns() - began_ns >= 10e9

    class PressedClock(type(rig.clock)):  # type: ignore[misc]
        def sleep_until_ns(self, instant_ns: int) -> None:
            super().sleep_until_ns(instant_ns)
            if self.monotonic_ns() - self.began_ns > 3e9:
                rig.ask()

    rig.rearm()
    rig.rail.moves.clear()
    rig.clock.__class__ = PressedClock
    rig.clock.began_ns = began_ns = rig.clock.monotonic_ns()
    waiting = rig.session(replace(PLAN, delay_s=10))
    assert rig.shoot(waiting).kind is EndingKind.PAUSED
    assert rig.clock.monotonic_ns() - began_ns <= 3.1e9
    assert rig.rail.moves == []


def test_a_plan_around_here_shot_twice_shows_the_same(inline_rig: Rig) -> None:
    rig = inline_rig
    rig.rail.move_to(1025)
    plan = replace(PLAN, range=AroundHere(50), spacing=Pitch(10))
    first, second = rig.session(plan), None
    rig.shoot(first)
    second = rig.session(plan)
    rig.shoot(second)
    assert pictures(first) == pictures(second)
    assert len(pictures(second)) == 6


def test_a_long_way_to_the_first_slice_is_not_expected_of_the_others():
    pace = Pace(estimate_ns=2_000_000_000, slices=4)
    left_s = []
    for done, now_s in enumerate((0, 27, 28, 29)):
        left_s.append(pace.seconds_left(done, now_s * 1_000_000_000))
        pace = pace.from_first((27 + done) * 1_000_000_000)
    assert left_s == [8, 6, 2, 1]


def test_progress_says_where_it_is_and_how_long_it_takes(inline_rig: Rig) -> None:
    inline_rig.shoot(inline_rig.session())
    progress = [event for event in inline_rig.told if event["event"] == "progress"]
    assert [event["phase"] for event in progress] == ["metering", *["shooting"] * 6, "parking"]
    shooting = progress[1:7]
    assert [event["index"] for event in shooting] == list(range(6))
    left_s = [event["seconds_left"] for event in shooting]
    assert left_s == sorted(left_s, reverse=True)
    assert left_s[0] == pytest.approx(6 * 0.111, rel=0.5)
