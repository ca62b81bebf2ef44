"""The real daemon on a small disk of its own, which fills up, and which is not there."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE

import pytest
from daemon_process import daemon

from stack.check import Verdict, check

SIZE_BYTES = 4_000_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own, mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "small", str(place)]
    if os.geteuid() != 0 or subprocess.run(mounting, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=False, capture_output=True)


def fill(ballast: Path) -> None:
    """Leave no room for anything."""
    with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def test_a_disk_that_fills_up_under_a_stack_and_has_room_again(disk: Path, tmp_path: Path) -> None:
    settings = (f"storage={{sessions: {disk / 'stacks'}, mount: {disk}, reserve_mb: 0}}",)
    with daemon(tmp_path, *settings) as focusd:
        focusd.home_and_mark()
        begun = focusd.tell("/shoot", count=6)
        focusd.wait_for("slice_saved", lambda event: event["index"] == 1)
        fill(disk / "ballast")
        assert "the disk is full" in focusd.wait_for("rest_began")["reason"]
        status = focusd.ask("/status")
        assert (status["axis"]["moving"], status["light"]["on"]) == (False, False)
        assert (status["job"]["kind"], status["job"]["phase"]) == ("shoot", "resting")
        told = {event["index"] for event in focusd.events if event["event"] == "slice_saved"}
        assert check(Path(begun["folder"])).problems == ()
        (disk / "ballast").unlink()
        assert focusd.wait_for("merge_done")["slices"] == 6
        checked = check(Path(begun["folder"]))
        assert (checked.problems, checked.phase, checked.unfinished) == ((), "done", ())
        assert told < {event["index"] for event in focusd.events if event["event"] == "slice_saved"}
        too_many = focusd.call("POST", "/shoot", count=240)
        assert (too_many[0], too_many[1]["exit_code"]) == (409, 3)
        assert "MB" in too_many[1]["detail"]


def test_a_disk_that_is_pulled_out_under_a_stack_is_not_replaced_by_the_one_below(
    disk: Path, tmp_path: Path
) -> None:
    settings = f"storage={{sessions: {disk / 'stacks'}, reserve_mb: 0}}"
    with daemon(tmp_path, settings) as focusd:
        focusd.home_and_mark()
        focusd.tell("/shoot", count=6)
        focusd.wait_for("slice_saved", lambda event: event["index"] == 1)
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
        ended = focusd.wait_for("job_ended", lambda event: event["kind"] == "shoot")
        assert (ended["ending"], ended["exit_code"]) == ("failed", 3)
        assert "disk" in ended["reason"]
        assert focusd.ask("/status")["disk"]["free_bytes"] is None
        for path in ("/shoot", "/resume", "/plan"):
            status, problem = focusd.call("POST", path)
            assert (status, problem["exit_code"], problem["title"]) == (409, 3, "Disk not mounted")
    assert list(disk.iterdir()) == [], "nothing was written below"


def test_a_disk_that_is_mounted_late_is_waited_for_and_nothing_written_below_it(
    disk: Path, tmp_path: Path
) -> None:
    subprocess.run(["umount", str(disk)], check=True)
    command = [sys.executable, "-m", "focusd.daemon", "--simulate", "--state-dir", str(tmp_path / "state")]
    storage = f"storage={{sessions: {disk}/stacks, mount: {disk}, reserve_mb: 0}}"
    command += ["--socket", str(tmp_path / "s"), "--set", storage, "--set", "simulation.scene=ruler"]
    with subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        said = process.stderr.readline()
        assert "no disk is mounted" in said and "Waiting for it" in said
        assert list(disk.iterdir()) == []
        mounting = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "small", str(disk)]
        subprocess.run(mounting, check=True)
        assert process.stdout.readline().startswith("focusd ready")
        process.terminate()
    assert (disk / "stacks").is_dir()


def leave(disk: Path, free_bytes: int) -> None:
    """Fill a disk but for so much."""
    room = os.statvfs(disk)
    (disk / "ballast").write_bytes(b"x" * (room.f_bavail * room.f_frsize - free_bytes))


def test_where_a_series_fills_the_disk_the_slices_go_that_its_owner_does_not_keep(
    disk: Path, tmp_path: Path
) -> None:
    settings = (
        f"storage={{sessions: {disk / 'stacks'}, mount: {disk}, reserve_mb: 0}}",
        "plans.default={range: {near_u: 1200, far_u: 1800}, spacing: {count: 8}, settle_ms: 20}",
        "timelapse.clock_wait_s=0",
        "timelapse.series={name: moss, every_s: 4, count: 2, overlaps: true, keep: merged, exposure: ramp}",
    )
    with daemon(tmp_path, *settings) as focusd:
        first = focusd.wait_for("merge_done")["session"]
        leave(disk, 1_000_000)
        gone = focusd.wait_for("slices_let_go")
        assert (gone["session"], gone["bytes"] > 50_000) == (first, True)
        focusd.wait_for("series_done")
        slots = [event["slot"] for event in focusd.events if event["event"] == "slot_done"]
        assert len(slots) == 2
        one, two = (Path(focusd.ask(f"/sessions/{number}")["folder"]) for number in (1, 2))
        found = check(one)
        assert (found.count(Verdict.LET_GO), found.problems) == (8, ())
        assert (one / "merged.jpg").stat().st_size > 10_000
        assert "The files of the slices are gone" in (one / "report.html").read_text()
        assert check(two).count(Verdict.INTACT) == 8
        refused = focusd.call("POST", "/merge", session=first)
        assert refused[0] == 409 and "are gone" in refused[1]["detail"]
        tether = focusd.ask("/sessions/2")["exposure"]
        assert tether["colour_gains"] == focusd.ask("/sessions/1")["exposure"]["colour_gains"]
