"""A disk that is not there, and one that is full at any write."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from stack_rig import PLAN, Rig, pictures

from stack.check import check
from stack.disk import Disk, expected_below, mount_points, places_in
from stack.durable import out_of_room
from stack.ending import EndingKind
from stack.errors import DiskFull, DiskGone, DiskNotMounted, JournalFailed
from stack.session_state import Phase


@pytest.mark.parametrize(
    ("root", "below"),
    [
        ("/media/usb/stacks", "/media"),
        ("/run/media/ann/stick", "/run/media"),
        ("/mnt/stacks", "/mnt"),
        ("/mnt", "/mnt"),
        ("/srv/disk/stacks", "/srv/disk"),
        ("/srv/other/stacks", None),
        ("/var/lib/focusrail/sessions", None),
    ],
)
def test_a_disk_is_expected_where_disks_are_plugged_in_or_the_system_wants_one(
    root: str, below: str | None
) -> None:
    wanted = [Path("/boot/firmware"), Path("/srv/disk")]
    assert expected_below(Path(root), wanted) == (Path(below) if below else None)


@pytest.mark.parametrize(
    ("mounted", "there"),
    [(["/"], False), (["/", "/media/usb"], True), (["/", "/media/stick"], False), (["/", "/media"], True)],
)
def test_a_disk_that_is_not_mounted_is_named_and_what_would_be_done_about_it(
    mounted: list[str], there: bool
) -> None:
    disk = Disk(Path("/media/usb/stacks"), Path("/media"), lambda: frozenset(map(Path, mounted)))
    if there:
        disk.check()
        return
    with pytest.raises(DiskNotMounted, match=r"/media/usb/stacks.*storage\.mount"):
        disk.check()
    with pytest.raises(DiskNotMounted):
        disk.free_bytes()


def test_what_is_mounted_when_it_starts_must_stay_mounted() -> None:
    mounted = {Path("/"), Path("/data")}
    disk = Disk(Path("/data/stacks"), None, lambda: frozenset(mounted)).held()
    disk.check()
    mounted.remove(Path("/data"))
    with pytest.raises(DiskNotMounted, match="/data"):
        disk.check()
    on_the_card = Disk(Path("/var/stacks"), None, lambda: frozenset(mounted)).held()
    on_the_card.check()


def test_what_is_free_is_what_anybody_may_fill(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(Path("/stacks"))
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=10, f_bfree=12, f_frsize=4096))
    assert disk.free_bytes() == 40_960

    def pulled_out(_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "statvfs", pulled_out)
    with pytest.raises(DiskGone, match="Input/output"):
        disk.free_bytes()


def test_the_system_says_what_is_mounted() -> None:
    assert Path("/proc") in mount_points()


def test_a_table_of_mounts_is_read_without_its_comments_swaps_and_torn_lines(tmp_path: Path) -> None:
    table = tmp_path / "fstab"
    table.write_text(
        "# /dev/sdb1 /srv/not ext4\n#UUID=1 /srv/neither ext4\n\ntmpfs\n/dev/sda2 none swap sw\n"
        "UUID=2 /srv/my\\040disk ext4 defaults,nofail\n"
    )
    assert list(places_in(table)) == [Path("/srv/my disk")]
    assert list(places_in(tmp_path / "none")) == []


# --- full -------------------------------------------------------------------------------------------------


class Filling:
    """A disk that takes so many writes, and after that none until there is `room`."""

    WRITES = ("pwrite", "fsync", "mkdir", "rename", "replace")

    def __init__(self, takes: int) -> None:
        self.takes = takes
        self.done = 0
        self.room = False

    @contextmanager
    def filling(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        with monkeypatch.context() as patched:
            for name in self.WRITES:
                patched.setattr(os, name, self._limited(getattr(os, name)))
            yield

    def _limited(self, write):  # type: ignore[no-untyped-def]
        def limited(*arguments, **named):  # type: ignore[no-untyped-def]
            if not self.room and self.done >= self.takes:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.done += 1
            return write(*arguments, **named)

        return limited


def writes_of_a_stack(folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Count the writes of a whole stack, so that each can be the one that fails."""
    disk, rig = Filling(10**9), Rig(folder)
    with disk.filling(monkeypatch):
        rig.shoot(rig.session(PLAN))
    return disk.done


def test_full_at_any_write_it_pauses_at_rest_loses_nothing_and_goes_on_with_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = writes_of_a_stack(tmp_path / "whole", monkeypatch)
    assert writes > 40
    for takes in range(writes):
        disk, rig = Filling(takes), Rig(tmp_path / str(takes))
        with disk.filling(monkeypatch):
            try:
                session = rig.session(PLAN)
                ending = rig.shoot(session)
            except (OSError, JournalFailed) as error:
                assert out_of_room(error), "while the session was made"
                continue
            told = {event["index"] for event in rig.told if event["event"] == "slice_saved"}
            if ending.kind is EndingKind.DONE:
                continue
            assert (ending.kind, ending.lacks_room) == (EndingKind.PAUSED, True), ending.reason
            assert told <= set(session.state().saved)
            assert check(session.path).problems == ()
            before = {
                index: (session.path / one.file).read_bytes() for index, one in session.state().saved.items()
            }
            disk.room = True
            rig.rearm()
            assert rig.shoot(session).kind is EndingKind.DONE
        assert session.state().phase is Phase.DONE
        assert [shown["index"] for shown in pictures(session)] == list(range(6))
        for index, content in before.items():
            assert (session.path / f"slices/{index:04d}.jpg").read_bytes() == content
        assert check(session.path).problems == ()


def test_only_a_full_disk_counts_as_full() -> None:
    assert out_of_room(OSError(errno.ENOSPC, "")) and out_of_room(OSError(errno.EDQUOT, ""))
    assert not out_of_room(OSError(errno.EIO, "")) and not out_of_room(None)
    assert not out_of_room(DiskFull("said, not felt", free_bytes=0, needed_bytes=1))
