"""A disk that is not mounted when the daemon starts: waited for, and given up in time for the supervisor."""

import configparser
from pathlib import Path

import pytest

from focusd.disk_wait import DISK_WAIT_S, await_disk
from focusd.errors import StartFailed
from focusd.settings import Storage


class Time:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self, comes_after_s, disk):
        self.now_s = 0.0
        self.comes_after_s = comes_after_s
        self.disk = disk

    def now(self):
        return self.now_s

    def sleep(self, seconds):
        self.now_s += seconds
        if self.now_s >= self.comes_after_s:
            self.disk.append(True)


@pytest.fixture
def storage(tmp_path, monkeypatch):
    """A disk that is there once `there` holds something."""
    there = []
    monkeypatch.setattr("focusd.disk_wait.disk_of", lambda storage, state: missing(there))
    return Storage(sessions=str(tmp_path), mount=str(tmp_path)), there


def missing(there):
    from stack.errors import DiskNotMounted

    if not there:
        raise DiskNotMounted("no disk is mounted at /mnt/x", root=None)


def test_one_that_is_mounted_late_is_waited_for_and_that_is_told_once(storage, tmp_path, caplog):
    time = Time(DISK_WAIT_S - 5, storage[1])
    await_disk(storage[0], tmp_path, time.now, time.sleep)
    assert DISK_WAIT_S - 6 < time.now_s < DISK_WAIT_S
    assert caplog.messages == ["no disk is mounted at /mnt/x. Waiting for it"]


def test_one_that_does_not_come_is_a_failed_start(storage, tmp_path):
    time = Time(10 * DISK_WAIT_S, storage[1])
    with pytest.raises(StartFailed, match="no disk is mounted at /mnt/x"):
        await_disk(storage[0], tmp_path, time.now, time.sleep)
    assert DISK_WAIT_S <= time.now_s <= DISK_WAIT_S + 2


def test_the_supervisor_goes_on_trying_for_as_long_as_it_takes():
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.read(Path(__file__).parents[2] / "systemd/focusd.service")
    burst, interval_s = (unit.getint("Unit", f"StartLimit{key}") for key in ("Burst", "IntervalSec"))
    between_s = DISK_WAIT_S + unit.getfloat("Service", "RestartSec")
    assert burst * between_s > interval_s
    assert unit.getfloat("Service", "TimeoutStartSec") > DISK_WAIT_S
    assert "1" not in unit.get("Service", "RestartPreventExitStatus").split()
