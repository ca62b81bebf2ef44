"""A disk that fills up under a stack or its merge: the rig rests, tells, and goes on when there is room."""

import errno
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from daemon_rig import DaemonRig

import focusd.foresight
from camera.camera import Exposure
from focusd.errors import StartFailed
from focusd.follower import Follower
from focusd.ground import disk_of
from focusd.jobs import Resume
from focusd.paused import goes_on
from focusd.room import LONGEST_WAIT_LOOKS, has_room_to_merge, merge_bytes, wanted_bytes
from focusd.settings import Storage
from rail.axis import Trust
from stack.disk import Disk
from stack.ending import Ending, EndingKind
from stack.errors import DiskFull, DiskGone, DiskNotMounted
from stack.saving import room_needed
from stack.session_state import Phase, SavedFile, SavedSlice, SessionState
from stack.stop import StopKind


@pytest.fixture
def rig(tmp_path: Path) -> DaemonRig:
    rig = DaemonRig(tmp_path)
    rig.marked()
    return rig


def fill(rig: DaemonRig, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let nothing more be written; give what makes room."""
    full = [True]

    def refusing(write: Callable[..., object]) -> Callable[..., object]:
        def written(*arguments: object) -> object:
            if full:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(*arguments)

        return written

    for name in ("pwrite", "fsync"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))
    return full.clear


def test_a_disk_that_fills_up_makes_it_rest_in_the_dark_and_room_makes_it_go_on(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_room: list[Callable[[], None]] = []
    seen = []

    def rests() -> None:
        seen.append((rig.operator.now(), rig.lights[-1]))
        make_room.pop()()

    rig.on("slice_saved", lambda: make_room.append(fill(rig, monkeypatch)), index=1)
    rig.on("rest_began", rests)
    rig.shoot().ended.result(0)
    ((now, light),) = seen
    assert (now.progress.phase, now.progress.rests) == ("resting", rig.last("rest_began")["reason"])
    assert (now.job, now.moving, now.position.trust, light) == ("shoot", False, Trust.KNOWN, False)
    assert "Make room" in rig.last("rest_began")["reason"]
    state = rig.sessions.open(1).state()
    assert (state.phase, len(state.saved)) == (Phase.DONE, 5)
    assert rig.told("rest_began", "rest_ended") == ["rest_began", "rest_ended"]
    assert rig.operator.rests is None
    ((_, fed),) = rig.merges.fed
    assert fed == [*(f"slices/000{index}.jpg" for index in range(5)), "end"], "one merge, fed once"
    assert rig.last("job_ended")["ending"] == "done"


@pytest.mark.parametrize(("kind", "phase"), [(StopKind.STOP, Phase.PAUSED), (StopKind.ABORT, Phase.ABORTED)])
def test_while_it_waits_for_room_it_can_be_stopped_and_aborted(
    rig: DaemonRig, kind: StopKind, phase: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    free_bytes = [10**12]
    monkeypatch.setattr(Disk, "free_bytes", lambda disk: free_bytes[0])
    rig.on("slice_saved", lambda: free_bytes.__setitem__(0, 0), index=1)
    rig.on("rest_began", lambda: rig.operator.stop(kind, "enough"))
    job = rig.shoot()
    assert job.ended.exception(0) is None
    assert rig.last("job_ended")["ending"] in ("paused", "aborted")
    assert rig.sessions.open(1).state().phase is phase
    free_bytes[0] = 10**12
    if phase is Phase.PAUSED:
        rig.hooks.clear()
        rig.listening.close()
        rig.tell(Resume(None)).ended.result(0)
        assert rig.sessions.open(1).state().phase is Phase.DONE


@pytest.mark.parametrize("meanwhile", ["shooting", "waiting", "paused"])
def test_a_stack_given_up_on_a_full_disk_stays_given_up_once_that_can_be_written(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    make_room: list[Callable[[], None]] = []

    def give_up() -> None:
        make_room.append(fill(rig, monkeypatch))
        if meanwhile == "shooting":
            rig.operator.stop(StopKind.ABORT, "enough")

    if meanwhile == "paused":
        rig.on("slice_saved", rig.operator.stop, index=1)
    else:
        rig.on("slice_saved", give_up, index=1)
        rig.on("rest_began", lambda: rig.operator.stop(StopKind.ABORT, "enough"))
    rig.shoot()
    if meanwhile == "paused":
        make_room.append(fill(rig, monkeypatch))
        rig.operator.abort("enough")
        rig.operator.work_once()
    assert rig.sessions.open(1).state().phase is not Phase.ABORTED
    assert rig.operator.glance().paused is None
    make_room.pop()()
    rig.studio.close()
    state = rig.sessions.open(1).state()
    assert (state.phase, state.reason) == (Phase.ABORTED, "enough")


def test_a_stack_stopped_on_a_full_disk_waits_and_says_why(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_room: list[Callable[[], None]] = []

    def stop() -> None:
        make_room.append(fill(rig, monkeypatch))
        rig.operator.stop(reason="enough")

    rig.on("slice_saved", stop, index=1)
    rig.shoot()
    waits = rig.operator.glance().paused
    assert waits is not None and (waits.saved, waits.why) == (2, "enough")
    make_room.pop()()
    rig.studio.close()
    assert rig.sessions.open(1).state().reason == "enough"


def test_a_stack_stopped_as_it_waits_for_room_does_not_go_on_by_itself(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    free_bytes = [10**12]
    monkeypatch.setattr(Disk, "free_bytes", lambda disk: free_bytes[0])
    rig.on("slice_saved", lambda: free_bytes.__setitem__(0, 0), index=1)
    rig.on("rest_began", lambda: rig.operator.stop(reason="enough"))
    rig.shoot()
    assert not goes_on(rig.sessions.open(1).state(), "auto")


def test_it_goes_on_when_there_is_room_and_not_before(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_until_ns = [0]
    monkeypatch.setattr(
        Disk, "free_bytes", lambda disk: 0 if rig.clock.monotonic_ns() < full_until_ns[0] else 10**12
    )
    later = 5 * 10**9
    rig.on("slice_saved", lambda: full_until_ns.__setitem__(0, rig.clock.monotonic_ns() + later), index=1)
    rig.shoot().ended.result(0)
    assert rig.told("rest_began", "rest_ended") == ["rest_began", "rest_ended"]
    assert rig.last("rest_ended")["seconds"] in (4, 5)
    why = rig.last("rest_began")["reason"]
    assert re.match(r"the disk is full: 0 MB are free, and what is missing needs \d+ MB\.", why)
    assert rig.sessions.open(1).state().phase is Phase.DONE


def test_room_that_is_none_is_tried_less_and_less_often(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quota, say: the disk has room, and will not give it."""
    waits: list[float] = []
    make_room: list[Callable[[], None]] = []
    rig.on("rest_began", lambda: reasons.append(rig.last("rest_began")["reason"]))
    reasons: list[str] = []
    rig.on("slice_saved", lambda: make_room.append(fill(rig, monkeypatch)), index=1)

    def tried() -> None:
        waits.append(rig.last("rest_ended")["seconds"])
        if len(waits) == 9:
            make_room.pop()()

    rig.on("rest_ended", tried)
    rig.shoot().ended.result(0)
    assert waits == [1, 2, 4, 8, 16, 32, *[LONGEST_WAIT_LOOKS] * 3]
    assert all("the disk of the stacks has room" in reason for reason in reasons)
    assert "the disk filled up while slice" in reasons[0]
    assert rig.sessions.open(1).state().phase is Phase.DONE


def test_a_folder_that_cannot_be_made_is_refused_in_words(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(rig, monkeypatch)
    error = rig.shoot().accepted.exception(0)
    assert isinstance(error, DiskFull)
    assert rig.sessions.ids() == ()
    assert rig.last("job_ended")["ending"] == "refused"


def test_a_disk_that_is_pulled_out_between_two_stacks_is_not_replaced_by_the_one_below(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = DaemonRig(tmp_path)
    mounted = {Path("/"), rig.sessions.root}
    disk = Disk(rig.sessions.root, None, lambda: frozenset(mounted)).held()
    rig.archive = replace(rig.archive, disk=disk)
    rig.begin()
    rig.marked()
    rig.shoot().ended.result(0)
    mounted.remove(rig.sessions.root)
    for order in (rig.shoot, lambda: rig.tell(Resume(None))):
        assert isinstance(order().accepted.exception(0), DiskNotMounted)
    assert len(rig.sessions.ids()) == 1
    assert rig.operator.now().free_bytes is None
    assert rig.rail.world.carriage().edges > 0


def test_a_slice_that_is_shot_again_begins_the_merge_anew_where_it_has_it(rig: DaemonRig) -> None:
    rig.shoot().ended.result(0)
    rig.merges.fed.clear()
    follower = Follower(rig.sessions.open(1), rig.merges)
    whole = [f"slices/000{index}.jpg" for index in range(5)]
    follower.observe({"event": "stack_resumed"})
    follower.observe({"event": "slice_retaken", "index": 9})
    assert rig.merges.fed == [(rig.sessions.ids()[0], whole)]
    follower.observe({"event": "slice_retaken", "index": 1})
    follower.observe({"event": "stack_resumed"})
    assert [fed for _, fed in rig.merges.fed] == [[*whole, "dropped"], whole]


@pytest.mark.parametrize("saved", [0, 1, 2])
def test_a_merge_that_is_given_up_is_offered_again_where_there_is_something_to_merge(
    rig: DaemonRig, saved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    why: list[str] = []
    monkeypatch.setattr(Follower, "drop", lambda follower, reason: why.append(reason))
    rig.shoot().ended.result(0)
    Follower(rig.sessions.open(1), rig.merges).end(Ending(EndingKind.PAUSED, "enough", saved=saved))
    offered = "; `focusctl merge 1` merges what there is" if saved > 1 else ""
    assert why == [f"the stack is paused{offered}"]


def test_a_configured_disk_must_be_mounted_and_the_daemons_own_folder_need_not(tmp_path: Path) -> None:
    disk = disk_of(Storage(), tmp_path)
    assert (disk.root, disk.root.is_dir()) == (tmp_path / "sessions", True)
    missing = tmp_path / "disk"
    with pytest.raises(DiskNotMounted, match=str(missing)):
        disk_of(Storage(sessions=str(missing / "stacks"), mount=str(missing)), tmp_path)
    assert not missing.exists()
    with pytest.raises(DiskNotMounted, match="/mnt/no-such-disk"):
        disk_of(Storage(sessions="/mnt/no-such-disk/stacks"), tmp_path)
    assert disk_of(Storage(sessions=str(missing), mount="none"), tmp_path).root.is_dir()


def test_a_folder_of_sessions_that_cannot_be_made_is_told_with_where_one_can(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    storage = Storage(sessions=str(tmp_path / "file" / "stacks"), mount="none")
    with pytest.raises(
        StartFailed, match=r"file/stacks, cannot be made: Not a directory.* below /mnt"
    ) as told:
        disk_of(storage, tmp_path)
    unit = (Path(__file__).parents[2] / "systemd" / "focusd.service").read_text()
    (written,) = re.findall("^ReadWritePaths=(.*)$", unit, re.MULTILINE)
    assert all(place.removeprefix("-") in str(told.value) for place in written.split())


def test_a_folder_that_may_not_be_written_to_is_not_taken_for_a_loose_cable() -> None:
    assert "chown" in str(DiskGone(PermissionError(errno.EACCES, "Permission denied", "/srv/stacks")))
    assert "cable" in str(DiskGone(OSError(errno.EIO, "Input/output error", "/srv/stacks")))


@pytest.mark.parametrize("storage", [Storage(), Storage(sessions="{}/sessions")])
def test_a_link_to_a_disk_is_as_good_as_its_name(tmp_path, storage):
    (tmp_path / "sessions").symlink_to("/mnt/no-such-disk/stacks")
    linked = storage.sessions and storage.sessions.format(tmp_path)
    with pytest.raises(DiskNotMounted, match="at /mnt or below it"):
        disk_of(Storage(sessions=linked), tmp_path)


def test_the_room_that_is_waited_for_is_that_of_all_that_is_missing() -> None:
    state = SessionState(Phase.PAUSED, 100)
    assert wanted_bytes(state, 1_000, 500) == 100_500
    assert wanted_bytes(SessionState(Phase.PAUSED, 1), 1_000, 500) == room_needed(1_000, 500)


def test_slices_still_missing_are_taken_to_weigh_what_the_heaviest_did_with_its_raw_file() -> None:
    exposure = Exposure(10_000, 1.0, (2.0, 1.5))

    def saved(index: int, size_bytes: int, *beside: SavedFile) -> SavedSlice:
        return SavedSlice(
            index, f"slices/{index:04d}.jpg", "", size_bytes, 0, 0.0, exposure, 0, "2026-11-23", beside
        )

    slices = {0: saved(0, 3_000, SavedFile("slices/0000.dng", "", 4_000)), 1: saved(1, 2_000)}
    assert wanted_bytes(SessionState(Phase.PAUSED, 100, slices), 1_000, 500) == 500 + 98 * 7_000


def test_whether_a_picture_has_room_is_asked_of_the_disk(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.shoot().ended.result(0)
    session = rig.sessions.open(1)
    assert merge_bytes((4000, 3000)) == 48_000_000
    needed = merge_bytes(session.size_px or (0, 0))
    for free_bytes, has_room in ((needed, True), (needed - 1, False)):
        monkeypatch.setattr(Disk, "free_bytes", lambda disk, free=free_bytes: free)
        assert has_room_to_merge(rig.disk, session) is has_room
    monkeypatch.undo()
    assert not has_room_to_merge(Disk(rig.folder / "pulled-out"), session)
    assert focusd.foresight.merge_bytes is merge_bytes
