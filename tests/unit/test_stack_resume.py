"""Resuming: what was saved stays, what is missing is shot alike, at places that are sure."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stack_rig import (
    BACKLASH_STEPS,
    PLACES,
    PLAN,
    InlineWriter,
    LateWriter,
    Rig,
    assert_complete,
    at_slice,
    paused,
    pictures,
)

from rail.axis import Trust
from rail.errors import Halted
from stack.ending import EndingKind
from stack.errors import CameraChanged, FrameUnusable, NotResumable
from stack.plan import FromHere, Park
from stack.session_state import Phase
from stack.writer import SliceWriter


def blocks(rig: Rig, act: Callable[[int], None]) -> None:
    """Call `act` with a running number wherever the shooter hands control to something else."""
    count = iter(range(10_000))

    def hook() -> None:
        act(next(count))

    rig.rail.halfway = rig.camera.asked = rig.encoding = hook
    rig.telling = lambda event: hook()


@pytest.mark.parametrize("make_writer", [InlineWriter, LateWriter])
def test_stopped_at_any_point_it_pauses_keeps_every_frame_and_completes_when_resumed(
    tmp_path: Path, make_writer: Callable[[], SliceWriter]
) -> None:
    endings = []
    for point in range(1000):
        rig = Rig(tmp_path / str(point), make_writer())
        session = rig.session()

        def stop(number: int, rig: Rig = rig, point: int = point) -> None:
            if number == point:
                rig.ask()

        blocks(rig, stop)
        ending = rig.shoot(session)
        endings.append(ending.kind)
        blocks(rig, lambda number: None)
        state = session.state()
        if ending.kind is EndingKind.DONE:
            assert_complete(session)
            if not rig.stop.kind:
                break
            continue
        assert (ending.kind, ending.reason, state.phase) == (EndingKind.PAUSED, "button", Phase.PAUSED)
        assert len(state.saved) == len(rig.camera.captured) == ending.saved
        before = dict(state.saved)
        rig.rearm()
        assert rig.shoot(session).kind is EndingKind.DONE
        assert_complete(session)
        assert {index: session.state().saved[index] for index in before} == before
    assert endings.count(EndingKind.PAUSED) > 20


def test_killed_at_any_point_the_folder_is_read_resumed_and_completed(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "run")
    session = rig.session()
    told: list[list[int]] = []

    def freeze(number: int) -> None:
        shutil.copytree(rig.root, tmp_path / f"killed{number}")
        told.append([event["index"] for event in rig.told if event["event"] == "slice_saved"])

    blocks(rig, freeze)
    rig.shoot(session)
    assert len(told) > 30
    for number, acknowledged in enumerate(told):
        after = Rig(tmp_path / f"killed{number}", trust=Trust.UNKNOWN)
        found = after.sessions.open(1)
        before = found.state()
        assert set(acknowledged) <= set(before.saved)
        if before.phase is Phase.DONE:
            continue
        assert (before.phase, before.resumable) in ((Phase.SHOOTING, True), (Phase.CREATED, True))
        assert after.shoot(found).kind is EndingKind.DONE
        assert_complete(found)
        assert {index: found.state().saved[index] for index in before.saved} == before.saved
        anew = 2 if before.saved else 1  # twice to see whether homing repeats
        assert after.rail.homings == (anew if before.missing else 0)


@pytest.mark.parametrize("trust", [Trust.UNKNOWN, Trust.ASSUMED])
@pytest.mark.parametrize("after", [Park.START, Park.PARK])
def test_with_nothing_left_to_shoot_the_axis_stays_where_it_is_unless_that_is_sure(
    tmp_path: Path, after: Park, trust: Trust
) -> None:
    rig = Rig(tmp_path / "run")
    session = rig.session(replace(PLAN, after=after))

    def cut(event: Mapping[str, Any]) -> None:
        if event["event"] == "slice_saved" and event["index"] == len(PLACES) - 1:
            shutil.copytree(rig.root, tmp_path / "cut")

    rig.telling = cut
    rig.shoot(session)
    woken = Rig(tmp_path / "cut", trust=trust)
    assert woken.shoot(woken.sessions.open(1)).kind is EndingKind.DONE
    assert_complete(woken.sessions.open(1))
    assert (woken.rail.moves, woken.rail.homings) == ([], 0)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes and was saved with"),
        (lambda path: path.write_bytes(path.read_bytes().replace(b"false", b"False")), "checksum"),
        (lambda path: path.unlink(), "cannot be read"),
    ],
)
def test_a_recorded_slice_that_is_not_what_was_saved_is_shot_again(
    inline_rig: Rig, spoil: Callable[[Path], None], why: str
) -> None:
    rig, session = inline_rig, inline_rig.session()
    rig.telling = at_slice(4, rig.ask)
    rig.shoot(session)
    spoil(session.path / "slices/0001.jpg")
    (session.path / "slices/.0004.jpg.beef.part").write_bytes(b"half")
    rig.telling = lambda event: None
    rig.told.clear()
    rig.rearm()
    rig.rail.moves.clear()
    assert rig.shoot(session).kind is EndingKind.DONE
    assert_complete(session)
    assert rig.rail.moves == [1010, 1040, 1050, 1000]
    assert rig.events() == ["slice_retaken", "stack_resumed", *["slice_saved"] * 3, "stack_done"]
    assert rig.told[0]["index"] == 1 and why in rig.told[0]["why"]
    assert rig.told[1]["missing"] == [1, 4, 5]
    assert list((session.path / "slices").glob(".*")) == []


def test_a_file_that_no_line_of_the_journal_speaks_of_is_set_aside_and_its_slice_shot(
    inline_rig: Rig,
) -> None:
    rig, session = inline_rig, paused(inline_rig)
    (session.path / "slices/0003.jpg").write_bytes(b"shot, and not said")
    rig.told.clear()
    assert rig.shoot(session).kind is EndingKind.DONE
    assert_complete(session)
    assert (session.path / "aside/0003.jpg").read_bytes() == b"shot, and not said"
    (retaken,) = [event for event in rig.told if event["event"] == "slice_retaken"]
    assert (retaken["index"], list(retaken["aside"])) == (3, ["aside/0003.jpg"])


def test_resumed_it_keeps_the_recorded_exposure_though_the_light_has_changed(inline_rig: Rig) -> None:
    session = paused(inline_rig)
    inline_rig.camera.light = 0.7
    inline_rig.camera.exposure = None
    assert inline_rig.shoot(session).kind is EndingKind.DONE
    assert len(inline_rig.camera.meterings) == 1
    assert_complete(session)


def test_resumed_with_nothing_saved_it_meters_anew(inline_rig: Rig) -> None:
    rig, session = inline_rig, inline_rig.session()
    rig.camera.asked = lambda: rig.ask() if rig.camera.exposure else None
    assert rig.shoot(session).saved == 0
    assert session.state().exposure is not None
    rig.camera.asked = lambda: None
    rig.camera.light = 0.5
    rig.rearm()
    assert rig.shoot(session).kind is EndingKind.DONE
    assert_complete(session, time_us=24_690)


@pytest.mark.parametrize("change", ["drift", "size"])
def test_resumed_with_a_camera_that_cannot_repeat_its_frames_it_fails_before_a_slice(
    inline_rig: Rig, change: str
) -> None:
    session = paused(inline_rig)
    if change == "drift":
        inline_rig.camera.drift = 0.98
    else:
        inline_rig.camera.size_px = (32, 24)
    ending = inline_rig.shoot(session)
    assert isinstance(ending.error, CameraChanged)
    assert len(inline_rig.camera.captured) == 3


def test_a_stack_done_but_for_its_last_line_is_finished_without_moving(inline_rig: Rig) -> None:
    rig, session = inline_rig, inline_rig.session(replace(PLAN, after=Park.STAY))
    rig.shoot(session)
    lines = session.journal_path.read_bytes().splitlines(keepends=True)
    session.journal_path.write_bytes(b"".join(lines[:-1]))
    rig.rail.moves.clear()
    assert rig.shoot(session).kind is EndingKind.DONE
    assert rig.rail.moves == []
    assert_complete(session)
    with pytest.raises(NotResumable, match="done"):
        rig.shoot(session)


@pytest.mark.parametrize(
    ("trust", "plan", "homings"),
    [
        (Trust.KNOWN, PLAN, 0),
        (Trust.UNKNOWN, PLAN, 2),
        (Trust.ASSUMED, PLAN, 2),
        (Trust.ASSUMED, replace(PLAN, assumed_is_enough=True), 0),
        (Trust.ASSUMED, replace(PLAN, range=FromHere(50)), 2),
    ],
)
def test_it_goes_on_only_where_the_place_is_sure_and_homes_twice_to_make_it_so(
    tmp_path: Path, trust: Trust, plan: Any, homings: int
) -> None:
    rig = Rig(tmp_path)
    session = rig.session(plan)
    rig.telling = at_slice(3, rig.ask)
    assert rig.shoot(session).kind is EndingKind.PAUSED
    after = Rig(tmp_path, trust=trust)
    assert after.shoot(session).kind is EndingKind.DONE
    assert after.rail.homings == homings


@pytest.mark.parametrize(
    ("missed_steps", "goes_on"), [(0, True), (-10, True), (11, False), (3_000, False), (None, False)]
)
def test_places_counted_from_an_assumed_one_are_gone_to_only_where_that_was_right(
    tmp_path: Path, missed_steps: int | None, goes_on: bool
) -> None:
    """The motor had been let go, and perhaps the screw turned by hand; slices are 10 steps apart."""
    rig = Rig(tmp_path, trust=Trust.ASSUMED)
    rig.rail.motor_steps = 1000
    session = rig.session(replace(PLAN, range=FromHere(50)))
    rig.telling = at_slice(3, rig.ask)
    assert rig.shoot(session).kind is EndingKind.PAUSED
    rig.telling = lambda event: None
    rig.rearm()
    rig.rail.moves.clear()
    rig.rail.missed_steps = missed_steps
    ending = rig.shoot(session)
    assert ending.kind is (EndingKind.DONE if goes_on else EndingKind.FAILED)
    if not goes_on:
        assert "only assumed to stand" in str(ending.error)
        assert rig.rail.moves == []


def test_places_counted_from_an_unknown_position_mean_nothing_from_another_start(tmp_path: Path) -> None:
    """Nothing was shot yet, and the power failed: the axis stands elsewhere by its new count."""
    rig = Rig(tmp_path, trust=Trust.UNKNOWN)
    rig.rail.motor_steps = 500
    session = rig.session(replace(PLAN, range=FromHere(50)))
    with pytest.raises(NotResumable, match="count is lost"):
        Rig(tmp_path, trust=Trust.UNKNOWN).shoot(session)
    assert rig.shoot(session).kind is EndingKind.DONE


def test_places_counted_from_an_unknown_position_are_resumed_only_while_the_count_lives(
    tmp_path: Path,
) -> None:
    plan = replace(PLAN, range=FromHere(50))
    rig = Rig(tmp_path, trust=Trust.UNKNOWN)
    session = rig.session(plan)
    rig.telling = at_slice(3, rig.ask)
    rig.shoot(session)
    rig.telling = lambda event: None
    rig.rearm()
    with pytest.raises(NotResumable, match="count is lost"):
        Rig(tmp_path, trust=Trust.UNKNOWN).shoot(session)
    assert rig.shoot(session).kind is EndingKind.DONE
    assert [picture["carriage"] for picture in pictures(session)] == [
        step - BACKLASH_STEPS for step in range(0, 60, 10)
    ]

    homed = Rig(tmp_path / "homed", trust=Trust.UNKNOWN)
    lost = homed.session(plan)
    homed.telling = at_slice(3, homed.ask)
    homed.shoot(lost)
    homed.rearm()
    homed.rail.home()
    with pytest.raises(NotResumable, match="count is lost"):
        homed.shoot(lost)


def test_a_halt_ends_the_count(tmp_path: Path) -> None:
    rig = Rig(tmp_path, trust=Trust.UNKNOWN)
    session = rig.session(replace(PLAN, range=FromHere(50)))

    def halt() -> None:
        if len(rig.camera.captured) == 2:
            raise Halted("limit", position=rig.rail.position())

    rig.rail.halfway = halt
    assert rig.shoot(session).kind is EndingKind.FAILED
    rig.rail.halfway = lambda: None
    rig.rearm()
    with pytest.raises(NotResumable, match="count is lost"):
        rig.shoot(session)


def test_a_light_that_is_off_is_noticed_when_a_stack_is_resumed(inline_rig: Rig) -> None:
    session = paused(inline_rig)
    inline_rig.camera.light = 0.0
    assert isinstance(inline_rig.shoot(session).error, FrameUnusable)
    assert len(pictures(session)) == 3


def test_places_that_left_the_reach_since_the_plan_was_made_are_refused_before_any_move(
    inline_rig: Rig,
) -> None:
    session = paused(inline_rig)
    inline_rig.rail.reach = replace(inline_rig.rail.reach, farthest_steps=1049)
    inline_rig.rail.moves.clear()
    assert inline_rig.shoot(session).kind is EndingKind.FAILED
    assert inline_rig.rail.moves == []
