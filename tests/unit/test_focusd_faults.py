"""Each fault in mid-stack: who is told and how, what is left, and that the stack goes on from there."""

import errno
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from daemon_rig import PLAN, DaemonRig

from camera.camera import Camera
from camera.errors import CameraError, CameraTimeout, CameraUnavailable, ExposureDrifted, ProofMissing
from focusd.jobs import Resume
from focusd.panel import Mood, mood
from rail.clock import Clock
from rail.errors import Halted
from stack.errors import DiskGone, SliceUnsaved
from stack.faults import faults
from stack.journal import Journal
from stack.session import Session
from stack.session_state import Phase


@dataclass(frozen=True)
class Fault:
    """Something that breaks after slice 1 of five.

    Attributes
    ----------
    error, words
        What the job ends with, and what its reason says.
    happen, mend
        How it comes about, and goes.
    recorded
        Whether the journal can still be written.
    """

    error: type[Exception]
    words: str
    happen: Callable[[DaemonRig], object]
    mend: Callable[[DaemonRig], object]
    recorded: bool = True


def simulated(name: str, error: type[Exception], words: str) -> Fault:
    """A fault of the simulated world."""
    return Fault(
        error,
        words,
        lambda rig: rig.rail.world.break_down(name),
        lambda rig: rig.rail.world.mend(name),
    )


FAULTS = {
    "camera times out": simulated("camera_timeout", CameraTimeout, "cable"),
    "exposure drifts": simulated("exposure_drift", ExposureDrifted, "differs from the lock"),
    "frames prove nothing": simulated("camera_unproven", ProofMissing, "ExposureTime"),
    "limit is hit": simulated("limit_far_open", Halted, "limit"),
    "disk is gone": Fault(
        DiskGone,
        "Connect it again",
        lambda rig: rig.sessions.root.rename(rig.folder / "pulled out"),
        lambda rig: (rig.folder / "pulled out").rename(rig.sessions.root),
        recorded=False,
    ),
    "folder is moved": Fault(
        SliceUnsaved,
        "It was moved or removed",
        lambda rig: rig.sessions.open(1).path.rename(rig.folder / "0001-moved"),
        lambda rig: (rig.folder / "0001-moved").rename(
            rig.sessions.root / rig.last("slice_saved")["session"]
        ),
    ),
}


@pytest.fixture
def rig(tmp_path: Path) -> DaemonRig:
    rig = DaemonRig(tmp_path)
    rig.marked()
    return rig


def lamp(rig: DaemonRig) -> Mood:
    glance = rig.operator.glance()
    return mood(
        job=glance.job,
        phase=glance.progress.phase,
        merging=False,
        paused=False,
        failed=glance.failed,
        emergency=glance.emergency,
        refused_ns=None,
        now_ns=0,
    )


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_on_every_face_and_the_stack_goes_on_when_it_is_mended(
    rig: DaemonRig, name: str
) -> None:
    fault = FAULTS[name]
    rig.on("slice_saved", lambda: fault.happen(rig), index=1)
    job = rig.shoot()
    rig.listening.close()
    assert isinstance(job.ended.exception(0), fault.error)

    ended = rig.last("job_ended")
    assert (ended["ending"], fault.words in ended["reason"]) == ("failed", True), ended
    now = rig.operator.now()
    assert (now.job, now.moving, now.last_error) == (None, False, ended["reason"])
    assert lamp(rig) is Mood.FAILED
    assert rig.lights == [True, False]

    fault.mend(rig)
    session = rig.sessions.open(1)
    left = session.state()
    assert left.resumable and {0, 1} <= set(left.saved)
    assert [session.flaw(saved) for saved in left.saved.values()] == [None] * len(left.saved)
    if fault.recorded:
        assert left.phase is Phase.FAILED
        assert rig.last("stack_failed")["error"] == left.reason == ended["reason"]
        assert any(fault.words in told.words for told in faults(session.entries()))

    assert rig.tell(Resume("1")).ended.exception(0) is None
    done = session.state()
    assert (done.phase, done.missing) == (Phase.DONE, ())
    assert {index: done.saved[index] for index in left.saved} == left.saved
    assert len({saved.exposure for saved in done.saved.values()}) == 1
    assert lamp(rig) is Mood.READY
    assert rig.rail.world.carriage().specimen_contacts == 0


def test_a_camera_that_is_gone_refuses_to_go_on_in_words_until_it_is_back(rig: DaemonRig) -> None:
    """Its cable came off in mid-stack: nothing comes any more, and then it cannot be opened either."""
    rig.on("slice_saved", lambda: rig.rail.world.break_down("camera_timeout"), index=1)
    rig.shoot()
    rig.listening.close()
    good = rig.eye._open_camera

    def gone(_heard: object) -> Camera:
        raise CameraUnavailable("no camera was found; look at its ribbon")

    rig.eye._open_camera = gone
    job = rig.tell(Resume("1"))
    assert isinstance(job.accepted.exception(0), CameraError)
    assert "look at its ribbon" in rig.last("job_ended")["reason"]
    assert rig.operator.now().camera.problem == "no camera was found; look at its ribbon"
    assert rig.sessions.open(1).state().resumable
    rig.rail.world.mend("camera_timeout")
    rig.eye._open_camera = good
    assert rig.tell(Resume("1")).ended.exception(0) is None
    assert rig.sessions.open(1).state().phase is Phase.DONE


def test_while_the_disk_is_gone_the_rig_still_answers(rig: DaemonRig) -> None:
    rig.sessions.root.rename(rig.folder / "pulled out")
    assert rig.operator.now().free_bytes is None
    job = rig.shoot()
    assert isinstance(job.accepted.exception(0), DiskGone)
    assert rig.last("refused")["reason"].startswith("the disk of the sessions is gone or failing")
    assert not rig.sessions.root.exists(), "nothing may be begun on the disk below"


def test_a_journal_that_cannot_be_opened_for_a_failing_disk_is_told_in_words(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(session: Session, clock: Clock) -> Journal:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(Session, "journal", failing)
        with pytest.raises(DiskGone, match=r"gone or failing \(Input/output error\): nothing that was saved"):
            rig.shoot().ended.result(0)
    assert rig.lights[-1] is False
    rig.tell(Resume(None)).ended.result(0)
    assert rig.sessions.open(1).state().phase is Phase.DONE


def test_what_cannot_be_journaled_is_in_the_log(rig: DaemonRig, caplog: pytest.LogCaptureFixture) -> None:
    rig.on("slice_saved", lambda: FAULTS["disk is gone"].happen(rig), index=1)
    rig.shoot()
    rig.listening.close()
    assert any(FAULTS["disk is gone"].words in one.getMessage() for one in caplog.records)


def test_what_goes_wrong_after_a_stack_is_done_is_in_the_log(
    rig: DaemonRig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.on("stack_done", lambda: rig.rail.world.break_down("limit_near_open"))
    rig.shoot()
    rig.listening.close()
    assert rig.sessions.open(1).state().phase is Phase.DONE
    assert any("the axis was not parked" in one.getMessage() for one in caplog.records)


def test_a_slice_that_is_shot_again_is_merged_in_its_place(rig: DaemonRig) -> None:
    rig.on("slice_saved", rig.operator.stop, index=3)
    rig.shoot()
    rig.listening.close()
    (session,) = rig.sessions.all()
    (session.path / "slices/0001.jpg").unlink()
    assert rig.tell(Resume("1")).ended.exception(0) is None
    names = [f"slices/000{index}.jpg" for index in range(5)]
    assert rig.merges.fed[-1] == (session.id, [*names, "end"])


def test_a_camera_that_is_gone_for_days_leaves_one_folder_and_its_words(rig: DaemonRig) -> None:
    rig.rail.world.break_down("camera_timeout")
    for _ in range(4):
        assert isinstance(rig.shoot().ended.exception(0), CameraTimeout)
    (left,) = rig.sessions.all()
    assert (left.number, left.state().phase) == (4, Phase.FAILED)
    assert "cable" in (left.state().reason or "")
    assert rig.last("session_removed")["session"].startswith("0003-")
    rig.rail.world.mend("camera_timeout")
    assert rig.tell(Resume(None)).ended.exception(0) is None
    assert left.state().phase is Phase.DONE


def test_a_stack_that_failed_before_its_first_slice_stays_where_the_next_says_something_else(
    rig: DaemonRig,
) -> None:
    rig.rail.world.break_down("camera_timeout")
    rig.shoot()
    rig.shoot(replace(PLAN, name="wasp"))
    rig.rail.world.mend("camera_timeout")
    rig.rail.world.break_down("limit_far_open")
    rig.shoot(replace(PLAN, name="wasp"))
    assert [one.number for one in rig.sessions.all()] == [1, 2, 3]


@pytest.mark.parametrize("file", ["slices/0000.jpg", "aside/0000.jpg", "merges/1/merged.jpg"])
def test_no_folder_goes_that_holds_anything_of_a_picture(rig: DaemonRig, file: str) -> None:
    rig.rail.world.break_down("camera_timeout")
    rig.shoot()
    kept = rig.sessions.open(1).path / file
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(b"jpeg")
    rig.shoot()
    rig.shoot()
    assert [one.number for one in rig.sessions.all()] == [1, 3]
    assert kept.exists()
