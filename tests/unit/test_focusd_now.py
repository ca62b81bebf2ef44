"""What anybody sees of the rig, at rest and at work."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from contention import WatchedLock
from daemon_rig import DaemonRig

from focusd.bulletin import Bulletin
from focusd.jobs import Goto, Jog
from focusd.now import Glance, Now, Progress
from stack.disk import Disk
from stack.errors import DiskGone, StopAsked
from stack.plan import Marks


def test_at_rest_the_rig_is_seen_as_it_is(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path, reserve_bytes=123)
    rig.marked()
    rig.eye.camera()
    free_bytes = rig.disk.free_bytes()
    seen = rig.operator.now()
    assert replace(seen, free_bytes=free_bytes) == Now(
        job=None,
        paused=None,
        job_number=None,
        progress=Progress(),
        position=rig.axis.position(),
        moving=False,
        emergency=False,
        scale=rig.axis.scale,
        reach=rig.axis.reach,
        homing_allowed=True,
        marks=Marks(600.0, 680.0),
        camera=rig.eye.facts,
        free_bytes=free_bytes,
        reserve_bytes=123,
        last_error=None,
        lit=False,
    )
    assert seen.free_bytes is not None
    assert rig.operator.glance() == Glance(None, Progress(), failed=False, emergency=False, paused=None)
    assert (rig.operator.busy, rig.operator.session, rig.operator.lost) == (
        False,
        None,
        "the operator's thread has ended; start focusd again",
    )


def test_a_disk_that_is_gone_hides_nothing_else(rig: DaemonRig, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(disk: Disk) -> int:
        raise DiskGone(OSError(5, "Input/output error"))

    monkeypatch.setattr(Disk, "free_bytes", gone)
    assert rig.operator.now().free_bytes is None


def test_during_a_job_it_is_seen_what_is_done_and_how_far(rig: DaemonRig) -> None:
    rig.marked()
    seen = []
    rig.rail.after_edges(
        50, lambda: seen.append((rig.operator.now(), rig.operator.glance(), rig.operator.busy))
    )
    job = rig.tell(Goto(1000.0))
    ((now, glance, busy),) = seen
    assert (now.job, now.job_number, now.progress, now.moving) == (
        "goto",
        job.number,
        Progress(phase="moving"),
        True,
    )
    assert (glance.job, glance.progress, busy) == ("goto", Progress(phase="moving"), True)
    homing = []
    rig.rail.after_edges(50, lambda: homing.append(rig.operator.glance().progress))
    rig.home()
    assert homing == [Progress(phase="homing")]
    jogging = []
    rig.rail.after_edges(50, lambda: jogging.append(rig.operator.glance().progress))
    rig.tell(Jog(100.0))
    assert jogging == [Progress(phase="moving")]


def test_the_lights_and_what_waits_are_seen(rig: DaemonRig) -> None:
    rig.marked()
    lit = []

    def stop() -> None:
        lit.append(rig.operator.now().lit)
        rig.operator.stop()

    rig.on("slice_saved", stop, index=1)
    rig.shoot()
    assert lit == [True]
    waits = rig.operator.now().paused
    assert waits is not None
    assert waits.session == rig.sessions.ids()[0]
    assert rig.operator.glance().paused == waits


def test_progress_is_told_with_what_is_merged_and_in_which_unit(rig: DaemonRig) -> None:
    rig.marked()
    rig.operator._bulletin._merged = lambda session: len(session)
    rig.shoot()
    told = rig.last("progress")
    assert (told["merged"], told["unit"]) == (len(rig.sessions.ids()[0]), "um")


def test_of_what_is_measured_it_is_told_how_much_is_done(rig: DaemonRig) -> None:
    rig.operator._bulletin.observe({"event": "measuring", "done": 3, "of": 8})
    assert rig.operator.glance().progress == Progress(phase="measuring", index=2, slices=8)
    assert rig.last("measuring")["of"] == 8


@pytest.mark.parametrize(
    ("act", "shown"),
    [
        (lambda told: told.turn_over(), Progress()),
        (lambda told: told.show(rests="it is hot"), Progress(phase="shooting", rests="it is hot")),
    ],
    ids=["the job's end", "another thread"],
)
def test_what_is_told_while_progress_is_shown_is_neither_lost_nor_undone_by_it(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch, act: Callable[[Bulletin], object], shown: Progress
) -> None:
    told = rig.operator._bulletin
    told._lock = lock = WatchedLock()

    def replace_as_it_comes(progress: Progress, **changes: Any) -> Progress:
        monkeypatch.undo()
        lock.meanwhile(lambda: act(told))
        return replace(progress, **changes)

    monkeypatch.setattr("focusd.bulletin.replace", replace_as_it_comes)
    told.show(phase="shooting")
    lock.join()
    assert told.progress == shown


def test_why_a_stack_rests_is_shown_until_it_goes_on(rig: DaemonRig) -> None:
    rests = []
    for event in ({"event": "rest_began", "reason": "the disk is full"}, {"event": "rest_ended"}):
        rig.operator._bulletin.observe(event)
        rests.append((rig.operator.rests, rig.operator.now().progress.rests))
    assert rests == [("the disk is full", "the disk is full"), (None, None)]


def test_how_a_job_ended_is_told_with_why_and_who_wished_it(rig: DaemonRig) -> None:
    job = rig.tell(Jog(50.0))
    assert told_end(rig) == {"job": job.number, "kind": "jog", "ending": "done"}
    job = rig.operator.order(Jog(50.0))
    rig.operator.stop(reason="the button was pressed")
    rig.operator.work_once()
    assert told_end(rig) == {
        "job": job.number,
        "kind": "jog",
        "ending": "stopped",
        "reason": "the button was pressed",
        "exit_code": 130,
    }
    assert isinstance(job.accepted.exception(0), StopAsked)
    job = rig.tell(Goto(99_999.0))
    assert (told_end(rig)["ending"], told_end(rig)["exit_code"]) == ("refused", 3)
    assert rig.last("refused") == {
        **rig.last("refused"),
        "job": job.number,
        "kind": "goto",
        "reason": told_end(rig)["reason"],
    }
    assert rig.operator.now().last_error is None, "a refusal is no failure"


def told_end(rig: DaemonRig) -> dict[str, object]:
    return {
        name: value for name, value in rig.last("job_ended").items() if name not in ("seq", "event", "at")
    }
