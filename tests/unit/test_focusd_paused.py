"""A stack that waits, after a pause or from an earlier daemon: who is told, and who goes on with it."""

import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from daemon_rig import PLAN, DaemonRig

from focusd import unfinished
from focusd.bench import Bench
from focusd.config import load_config
from focusd.house import line_of
from focusd.jobs import Jog, Resume
from focusd.merges import Merges
from focusd.opening import take_up
from focusd.panel import Mood, Request
from focusd.paused import DAEMON_ENDED, TRIES, ResumeAtBoot, cut_short, goes_on, left_over, paused
from rail.errors import HomingNotAllowed
from stack.errors import NotResumable
from stack.plan import FromHere
from stack.session_state import Phase, SessionState


class Resting:
    def progress(self) -> None:
        return None


class PowerCut(BaseException):
    """Nothing of the daemon is left to handle it."""


def cut() -> None:
    raise PowerCut


def bench_of(rig: DaemonRig) -> Bench:
    config = load_config(None, ["plans.default={spacing: {pitch_u: 20}}"])
    return Bench(config, rig.operator, cast(Merges, Resting()), rig.hub, rig.clock)


def interrupted(folder: Path, *, simulated: bool | None = False) -> DaemonRig:
    """Shoot until slice 1 is saved, then let the power fail; give the rig as it was."""
    folder.mkdir(parents=True, exist_ok=True)
    rig = upon(DaemonRig(folder), simulated=simulated)
    rig.marked()
    rig.on("slice_saved", cut, index=1)
    with pytest.raises(PowerCut):
        rig.shoot()
    return rig


def booted(earlier: DaemonRig, folder: Path, **settings: bool) -> DaemonRig:
    """Give a new daemon on the disk of an earlier one, its axis as after any start."""
    folder.mkdir()
    rig = DaemonRig(folder, **settings)
    rig.sessions._root = earlier.sessions.root
    return rig


def upon(rig: DaemonRig, *, simulated: bool | None) -> DaemonRig:
    """Have a rig say of itself whether it is an invented one; None: as an older daemon, nothing."""
    rig.begin_as(simulated=simulated)
    return rig


def state(**facts: object) -> SessionState:
    return replace(SessionState(Phase.SHOOTING, 5), **facts)


def test_where_nothing_was_ever_shot_nothing_is_left_over(tmp_path: Path) -> None:
    assert left_over(DaemonRig(tmp_path).sessions) is None


def test_what_waits_says_whether_somebody_or_a_power_cut_paused_it(tmp_path: Path) -> None:
    cut_off = left_over(interrupted(tmp_path).sessions)
    assert cut_off is not None
    session, found = cut_off
    wished = replace(found, phase=Phase.PAUSED, reason="focusctl stop")
    told = [paused(session, one).why for one in (found, wished, replace(wished, reason=None))]
    assert told == [
        "it was interrupted: the power failed, or focusd",
        "focusctl stop",
        "somebody paused it",
    ]


@pytest.mark.parametrize(
    ("left", "wished"),
    [
        (state(), False),
        (state(phase=Phase.CREATED), False),
        (state(phase=Phase.PAUSED, reason=DAEMON_ENDED), False),
        (state(phase=Phase.PAUSED, reason="the disk is full", lacked_room=True), False),
        (state(phase=Phase.PAUSED, reason="focusctl stop"), True),
    ],
)
def test_only_what_ended_against_everybodys_wish_goes_on_by_itself(left: SessionState, wished: bool) -> None:
    assert cut_short(left) is not wished
    assert goes_on(left, "auto") is not wished
    assert not goes_on(left, "ask")


def test_what_was_begun_in_vain_too_often_waits_for_a_person() -> None:
    assert goes_on(state(begun_in_vain=TRIES - 1), "auto")
    assert not goes_on(state(begun_in_vain=TRIES), "auto")


def test_how_often_it_was_begun_in_vain_is_read_from_the_journal(tmp_path: Path) -> None:
    rig = interrupted(tmp_path)
    session = rig.sessions.open(1)
    assert session.state().begun_in_vain == 0
    with session.journal(rig.clock) as journal:
        journal.append("stack_resumed", missing=[2])
        journal.append("stack_resumed", missing=[2])
    assert session.state().begun_in_vain == 2


@pytest.mark.parametrize("at_boot", ["ask", "auto", "never"])
def test_after_a_power_cut_every_face_tells_of_it_unless_it_is_to_be_left_alone(
    tmp_path: Path, at_boot: ResumeAtBoot
) -> None:
    rig = booted(interrupted(tmp_path / "cut"), tmp_path / "boot")
    by_itself = take_up(rig.sessions, rig.studio, rig.hub, at_boot)
    assert (by_itself is not None) is (at_boot == "auto")
    glance, bench = rig.operator.glance(), bench_of(rig)
    if at_boot == "never":
        assert rig.told("stack_interrupted") == []
        assert glance.paused is None
        assert bench.shown(rig.clock.monotonic_ns()) is Mood.READY
        return
    told = rig.last("stack_interrupted")
    assert (told["session"], told["saved"], told["slices"]) == (rig.sessions.ids()[0], 2, 5)
    assert "focusctl resume" in told["words"]
    assert "focusctl resume" in line_of(glance, None)
    assert rig.operator.now().paused is not None
    assert bench.shown(rig.clock.monotonic_ns()) is Mood.PAUSED


def test_a_journal_that_cannot_be_opened_keeps_focusd_from_nothing_else(tmp_path: Path) -> None:
    """As one that root had copied, or one in a bad sector: nor does an older stack go on in its place."""
    rig = booted(interrupted(tmp_path / "cut"), tmp_path / "boot")
    older = rig.sessions.open(1)
    shutil.copytree(older.path, rig.sessions.root / "0002-2026-11-23T14-05-12Z-moss")
    journal = rig.sessions.open(2).journal_path
    journal.unlink()
    journal.mkdir()
    assert take_up(rig.sessions, rig.studio, rig.hub, "auto") is None
    with pytest.raises(NotResumable, match=r"moss, the newest, cannot be read: .*: Is a directory"):
        rig.tell(Resume(None)).accepted.result(0)
    rig.tell(Resume("1")).ended.result(0)
    assert older.state().phase is Phase.DONE


def test_a_press_goes_on_with_what_waits(tmp_path: Path) -> None:
    rig = booted(interrupted(tmp_path / "cut"), tmp_path / "boot")
    take_up(rig.sessions, rig.studio, rig.hub, "ask")
    bench_of(rig).ask(Request.SHOOT)
    rig.operator.work_once()
    assert rig.sessions.open(1).state().phase is Phase.DONE
    assert len(rig.sessions.ids()) == 1
    assert rig.operator.glance().paused is None


def test_a_long_press_gives_up_what_waits(tmp_path: Path) -> None:
    rig = booted(interrupted(tmp_path / "cut"), tmp_path / "boot")
    take_up(rig.sessions, rig.studio, rig.hub, "ask")
    bench_of(rig).ask(Request.ABORT)
    rig.operator.work_once()
    assert rig.sessions.open(1).state().phase is Phase.ABORTED
    assert rig.operator.glance().paused is None


def test_a_long_press_that_stops_a_move_does_not_give_up_the_stack_that_waits(tmp_path: Path) -> None:
    rig = booted(interrupted(tmp_path / "cut"), tmp_path / "boot")
    take_up(rig.sessions, rig.studio, rig.hub, "ask")
    bench = bench_of(rig)
    rig.operator.order(Jog(100.0))
    bench.ask(Request.STOP)
    rig.operator.work_once()
    bench.ask(Request.STOP_FOR_GOOD)
    assert not rig.operator.busy
    assert rig.operator.glance().paused is not None
    bench.ask(Request.SHOOT)
    bench.ask(Request.STOP)
    rig.operator.work_once()
    bench.ask(Request.STOP_FOR_GOOD)
    rig.operator.work_once()
    assert rig.sessions.open(1).state().phase is Phase.ABORTED


def test_a_long_press_that_stops_another_stack_before_it_is_begun_leaves_the_one_that_waits(
    tmp_path: Path,
) -> None:
    rig = booted(interrupted(tmp_path / "cut"), tmp_path / "boot")
    take_up(rig.sessions, rig.studio, rig.hub, "auto")
    bench = bench_of(rig)
    rig.operator._prepare = lambda: bench.ask(Request.STOP)
    rig.shoot()
    assert rig.last("job_ended")["ending"] == "stopped"
    bench.ask(Request.STOP_FOR_GOOD)
    assert not rig.operator.busy
    assert rig.operator.glance().paused is not None


def test_gone_on_with_it_homes_twice_and_says_how_well_that_repeats(tmp_path: Path) -> None:
    rig = booted(interrupted(tmp_path / "cut"), tmp_path / "boot")
    take_up(rig.sessions, rig.studio, rig.hub, "auto")
    rig.tell(Resume(None)).ended.result(0)
    after = rig.sessions.open(1).state()
    assert (after.phase, after.repeat_u) == (Phase.DONE, 0.0)
    assert "doubts" not in rig.last("homed")
    assert rig.last("stack_resumed")["missing"] == [2, 3, 4]


def test_homing_that_does_not_repeat_is_told(tmp_path: Path) -> None:
    rig = booted(interrupted(tmp_path / "cut"), tmp_path / "boot")
    touch, slack = rig.axis._homing.touch, iter([None, 40])

    def touch_elsewhere() -> int | None:
        missed_steps, off_steps = touch(), next(slack)
        return missed_steps if off_steps is None else off_steps

    rig.axis._homing.touch = touch_elsewhere
    rig.tell(Resume(None)).ended.result(0)
    (doubt,) = rig.last("homed")["doubts"]
    assert "12.5 µm" in doubt
    assert "does not repeat" in doubt


def test_where_the_rig_may_not_home_it_waits_and_nothing_moves(tmp_path: Path) -> None:
    rig = booted(interrupted(tmp_path / "cut"), tmp_path / "boot", home_allowed=False)
    left = take_up(rig.sessions, rig.studio, rig.hub, "auto")
    assert left is not None
    job = rig.tell(Resume(left.session))
    assert "focusctl home --allow" in str(job.accepted.exception(0))
    assert rig.rail.world.carriage().edges == 0
    assert rig.sessions.open(1).state().phase is Phase.SHOOTING
    assert rig.operator.glance().paused is not None


def test_what_was_counted_from_where_it_stood_cannot_go_on_and_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "cut").mkdir()
    earlier = DaemonRig(tmp_path / "cut")
    earlier.on("slice_saved", cut, index=1)
    with pytest.raises(PowerCut):
        earlier.shoot(replace(PLAN, range=FromHere(60.0)))
    rig = booted(earlier, tmp_path / "boot")
    assert take_up(rig.sessions, rig.studio, rig.hub, "auto") is None
    assert "cannot go on" in rig.last("stack_interrupted")["words"]
    assert rig.operator.glance().paused is None


def test_an_older_stack_that_was_left_is_let_be(tmp_path: Path) -> None:
    rig = interrupted(tmp_path)
    assert left_over(rig.sessions) is not None
    shoot_another(rig)
    assert left_over(rig.sessions) is None


def test_an_older_stack_that_was_gone_on_with_and_cut_short_again_is_told_until_another_is_shot(
    tmp_path: Path,
) -> None:
    earlier = interrupted(tmp_path / "cut")
    shoot_another(earlier)
    rig = booted(earlier, tmp_path / "boot")
    rig.on("slice_saved", cut, index=2)
    with pytest.raises(PowerCut):
        rig.tell(Resume("1"))
    again = booted(rig, tmp_path / "again")
    waits = take_up(again.sessions, again.studio, again.hub, "auto")
    assert waits is not None
    assert (waits.session, waits.saved) == (again.sessions.ids()[0], 3)
    shoot_another(again)
    assert left_over(again.sessions) is None


def test_a_stack_goes_on_though_the_disk_has_no_room_to_note_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For room its slices are waited for; refused, nobody would go on with it once there is some."""
    rig = booted(interrupted(tmp_path / "cut"), tmp_path / "boot")

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("stack.sessions.write_durably", full)
    rig.tell(Resume("1")).ended.result(0)
    assert rig.sessions.open(1).state().phase is Phase.DONE


def test_where_all_stacks_were_removed_none_was_left_over(tmp_path: Path) -> None:
    """One that had been gone on with was still noted, and focusd did not start."""
    rig = interrupted(tmp_path)
    rig.sessions.note_gone_on(rig.sessions.open(1))
    rig.sessions.remove(rig.sessions.open(1))
    assert left_over(rig.sessions) is None


def shoot_another(rig: DaemonRig) -> None:
    """Make a newer session of the first, and end it."""
    first = rig.sessions.open(1)
    newer = rig.sessions.create(first.plan, first.layout, first.scale, first.facts)
    with newer.journal(rig.clock) as journal:
        journal.append("stack_aborted", reason="enough")


@pytest.mark.parametrize("before", [True, False])
def test_a_stack_of_the_other_kind_of_rig_waits_for_no_press_and_never_goes_on_by_itself(
    tmp_path: Path, before: bool
) -> None:
    earlier = interrupted(tmp_path / "cut", simulated=before)
    rig = upon(booted(earlier, tmp_path / "boot"), simulated=not before)
    assert take_up(rig.sessions, rig.studio, rig.hub, "auto") is None
    told = rig.last("stack_interrupted")
    assert (told["goes_on"], f"focusctl merge {told['session']}" in told["words"]) == (False, True)
    assert ("was begun on a simulated rig" in told["words"]) is before
    assert rig.operator.glance().paused is None
    with pytest.raises(NotResumable, match="where its places mean nothing"):
        rig.tell(Resume(None)).ended.result(0)
    with pytest.raises(NotResumable, match="where its places mean nothing"):
        rig.tell(Resume(told["session"])).ended.result(0)
    assert rig.rail.world.carriage().edges == 0
    assert rig.sessions.open(1).state().phase is Phase.SHOOTING


def test_a_stack_of_an_axis_that_was_set_otherwise_since_waits_for_no_press(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every press would be refused, and none would begin another."""
    rig = booted(interrupted(tmp_path / "cut"), tmp_path / "boot")
    monkeypatch.setattr(rig.rail.axis._record, "grid", "5/16 um, inverted")
    assert take_up(rig.sessions, rig.studio, rig.hub, "auto") is None
    told = rig.last("stack_interrupted")
    assert (told["goes_on"], "counts as `5/16 um, inverted` now" in told["words"]) == (False, True)
    assert rig.operator.glance().paused is None
    monkeypatch.undo()
    assert take_up(rig.sessions, rig.studio, rig.hub, "auto") is not None


def test_without_being_named_the_latest_of_this_kind_of_rig_goes_on(tmp_path: Path) -> None:
    rig = booted(interrupted(tmp_path / "cut"), tmp_path / "boot")
    session = rig.sessions.open(1)
    rig.sessions.create(session.plan, session.layout, session.scale, replace(session.facts, simulated=True))
    rig.tell(Resume(None)).ended.result(0)
    assert rig.sessions.open(1).state().phase is Phase.DONE


def test_without_being_named_none_goes_on_that_was_left_many_stacks_ago(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unfinished, "LOOK_BACK", 2)
    rig = booted(interrupted(tmp_path / "cut"), tmp_path / "boot")
    session = rig.sessions.open(1)
    for _ in range(2):
        newer = rig.sessions.create(session.plan, session.layout, session.scale, session.facts)
        with newer.journal(rig.clock) as journal:
            journal.append("stack_aborted", reason="enough")
    with pytest.raises(NotResumable, match="none of the newest 2 sessions has slices left"):
        rig.tell(Resume(None)).ended.result(0)
    monkeypatch.setattr(unfinished, "LOOK_BACK", 3)
    with pytest.raises(
        NotResumable, match=r"0003-.* is aborted, and 0001-.* lacks slices.*`focusctl resume 1`"
    ):
        rig.tell(Resume(None)).ended.result(0)
    assert rig.rail.world.carriage().edges == 0
    rig.tell(Resume("1")).ended.result(0)
    assert rig.sessions.open(1).state().phase is Phase.DONE


def test_what_is_over_or_cannot_be_read_behind_the_newest_hides_no_stack_that_lacks_slices(
    tmp_path: Path,
) -> None:
    rig = booted(interrupted(tmp_path / "cut"), tmp_path / "boot")
    first = rig.sessions.open(1)
    unreadable, of_another_rig, newest = (
        rig.sessions.create(first.plan, first.layout, first.scale, replace(first.facts, simulated=simulated))
        for simulated in (first.facts.simulated, True, first.facts.simulated)
    )
    for over in (of_another_rig, newest):
        with over.journal(rig.clock) as journal:
            journal.append("stack_aborted", reason="enough")
    unreadable.journal_path.unlink()
    unreadable.journal_path.mkdir()
    with pytest.raises(NotResumable, match=r"0004-.* is aborted, and 0001-.* lacks slices"):
        rig.tell(Resume(None)).ended.result(0)
    with first.journal(rig.clock) as journal:
        journal.append("stack_aborted", reason="enough")
    with pytest.raises(NotResumable, match="no session has slices left to shoot"):
        rig.tell(Resume(None)).ended.result(0)


def test_a_stack_that_has_to_home_first_goes_on_only_where_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = booted(interrupted(tmp_path / "cut"), tmp_path / "boot")
    with monkeypatch.context() as patched:
        patched.setattr(rig.consent, "given", lambda: False)
        with pytest.raises(HomingNotAllowed, match=r"session 0001-.* can go on once the position is known"):
            rig.tell(Resume(None)).ended.result(0)
    assert (rig.rail.world.carriage().edges, rig.lights) == (0, [])
    rig.tell(Resume(None)).ended.result(0)
    assert rig.sessions.open(1).state().phase is Phase.DONE


def test_a_stack_of_which_nobody_recorded_the_rig_goes_on_as_before(tmp_path: Path) -> None:
    rig = booted(interrupted(tmp_path / "cut", simulated=None), tmp_path / "boot")
    assert take_up(rig.sessions, rig.studio, rig.hub, "auto") is not None
    rig.tell(Resume(None)).ended.result(0)
    assert rig.sessions.open(1).state().phase is Phase.DONE


def test_what_would_be_refused_for_its_places_is_not_named_as_what_could_go_on(tmp_path: Path) -> None:
    rig = booted(interrupted(tmp_path / "cut"), tmp_path / "boot")
    first = rig.sessions.open(1)
    newer = rig.sessions.create(first.plan, first.layout, first.scale, first.facts)
    with newer.journal(rig.clock) as journal:
        journal.append("stack_aborted", reason="enough")

    def words(elsewhere: str | None) -> str:
        with pytest.raises(NotResumable) as refused:
            unfinished.newest_unfinished(rig.sessions, lambda _: elsewhere, simulated=False)
        return str(refused.value)

    assert "`focusctl resume 1`" in words(None)
    assert words("its places are counted in other steps") == "its places are counted in other steps"
