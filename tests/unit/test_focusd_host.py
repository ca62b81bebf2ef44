from pathlib import Path

import pytest

from camera.memory import Memory
from focusd.host import PROBE_BYTES, Mount, mount_of, write_speed
from focusd.host_verdicts import of_clock, of_disk_speed, of_memory, of_mount, of_versions, of_vitals
from focusd.verdicts import Health
from stack.vitals import Limits, Vitals

MOUNTINFO = r"""
22 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw
30 22 0:26 / /tmp rw shared:2 - tmpfs tmpfs rw
31 22 8:1 / /media/my\040disk rw shared:3 - exfat /dev/sda1 rw
32 22 8:2 / /srv/old ro,noatime shared:4 - ext4 /dev/sdb1 ro
""".strip()


@pytest.mark.parametrize(
    ("folder", "device", "health"),
    [
        ("/var/lib/focusrail", "/dev/mmcblk0p2", Health.GOOD),
        ("/tmp/x", "tmpfs", Health.DOUBTFUL),
        ("/tmpfile", "/dev/mmcblk0p2", Health.GOOD),
        ("/media/my disk/sessions", "/dev/sda1", Health.BAD),
        ("/srv/old", "/dev/sdb1", Health.BAD),
    ],
)
def test_what_sessions_lie_on_is_found_and_judged(folder: str, device: str, health: Health) -> None:
    mount = mount_of(Path(folder), MOUNTINFO)
    assert mount is not None
    assert mount.device == device
    (verdict,) = of_mount(folder, mount)
    assert verdict.health is health
    assert bool(verdict.remedy) is (health is not Health.GOOD)


def test_a_network_is_no_disk() -> None:
    (verdict,) = of_mount("/net", Mount("server:/x", "nfs4", writable=True))
    assert verdict.health is Health.DOUBTFUL
    assert list(of_mount("/x", None)) == []


def test_a_disk_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    speed = write_speed(tmp_path)
    assert speed is not None
    assert 0 < speed <= PROBE_BYTES * 1e6
    assert list(tmp_path.iterdir()) == []
    assert write_speed(tmp_path / "gone") is None


@pytest.mark.parametrize(
    ("speed", "health"), [(20e6, Health.GOOD), (1e6, Health.DOUBTFUL), (None, Health.BAD)]
)
def test_a_slow_disk_is_told(speed: float | None, health: Health) -> None:
    assert of_disk_speed(speed).health is health


def test_heat_and_a_weak_supply_are_told_and_silence_is_no_verdict() -> None:
    assert list(of_vitals(Vitals(), Limits())) == []
    cool = list(of_vitals(Vitals(45.0, under_voltage=False), Limits()))
    assert [one.health for one in cool] == [Health.GOOD, Health.GOOD]
    bad = list(of_vitals(Vitals(85.0, under_voltage=True), Limits()))
    assert [(one.thing, one.health) for one in bad] == [
        ("temperature", Health.BAD),
        ("supply", Health.BAD),
    ]


def test_little_contiguous_memory_is_told() -> None:
    assert of_memory(Memory(2**30, None, None)).health is Health.GOOD
    assert of_memory(Memory(2**29, 256 * 2**20, 0)).health is Health.GOOD
    assert "cma-256" in of_memory(Memory(2**29, 64 * 2**20, 0)).remedy


def test_the_clock_and_the_versions() -> None:
    assert of_clock(True).health is Health.GOOD
    assert of_clock(False).health is Health.DOUBTFUL
    assert of_versions({"numpy": "2.1"}, "3.13.1").words == "Python 3.13.1, numpy 2.1"
