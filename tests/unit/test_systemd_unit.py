"""The unit as systemd itself reads it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rail.process import limit_problem

UNIT = Path(__file__).parent.parent.parent / "systemd" / "focusd.service"

EXPOSURE = 2.3
"""What `systemd-analyze security` may say at most, of 10; 0.4 of it for asking after the clock."""


def settings() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if match := re.fullmatch(r"(\w+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_the_unit_is_as_closed_as_camera_and_pins_allow() -> None:
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", UNIT],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    match = re.search(r"exposure level for focusd.service: ([\d.]+)", said)
    assert match is not None, said
    assert float(match[1]) <= EXPOSURE, said


def test_what_camera_pins_and_real_time_need_is_left_open() -> None:
    unit = settings()
    devices = {allowed.split()[0] for allowed in unit["DeviceAllow"]}
    assert devices >= {"char-gpiochip", "char-video4linux", "char-media", "char-dma_heap", "char-ttyAMA"}
    assert int(unit["LimitRTPRIO"][0]) >= 40
    assert unit["LimitMEMLOCK"] == ["1G"]
    assert limit_problem(2**30, root=False) is None
    assert unit["SupplementaryGroups"] == ["gpio video dialout"]
    taken_away = {
        "PrivateDevices",
        "PrivateUsers",
        "RestrictRealtime",
        "MemoryDenyWriteExecute",
        "ProcSubset",
    }
    assert taken_away.isdisjoint(unit)


def test_the_kernel_may_be_asked_whether_the_clock_was_set_and_nobody_may_set_it() -> None:
    unit = settings()
    filters = unit["SystemCallFilter"]
    assert filters.index("~@privileged") < filters.index("adjtimex clock_adjtime clock_adjtime64")
    assert "ProtectClock" not in unit  # which takes the calls away again
    assert unit["CapabilityBoundingSet"] == [""]


def test_the_death_of_a_merge_is_not_the_daemons() -> None:
    assert settings()["OOMPolicy"] == ["continue"]


def test_a_wrong_setting_is_not_tried_again() -> None:
    assert settings()["RestartPreventExitStatus"] == ["2 3"]
    assert int(settings()["StartLimitBurst"][0]) * 33 < int(settings()["StartLimitIntervalSec"][0])
