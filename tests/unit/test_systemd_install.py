"""What the installer decides; what it does is tested in fresh systems (`make fresh`)."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parent.parent.parent / "systemd"
sys.path.insert(0, str(SYSTEMD))

import host  # noqa: E402
import steps  # noqa: E402
from host import Failed, Refused, under_way, unfit  # noqa: E402
from steps import (  # noqa: E402
    LINKS,
    Accounts,
    InForce,
    Release,
    Step,
    SystemPackages,
    brought,
    carry_out,
    fingerprint,
    held,
)

PI = {"VERSION_CODENAME": "bookworm", "PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)"}


def test_a_machine_that_cannot_have_it_is_told_why() -> None:
    assert unfit(PI, 64, 0) is None
    assert unfit({"VERSION_CODENAME": "trixie"}, 64, 0) is None
    assert "sudo" in str(unfit(PI, 64, 1000))
    assert "32-bit" in str(unfit(PI, 32, 0))
    assert "an unknown system" in str(unfit({}, 64, 0))


def test_numpy_stays_the_systems_own_and_opencv_takes_it() -> None:
    assert held("1.24.2") == ["numpy==1.24.2", "opencv-python-headless==4.11.0.86"]
    assert held("2.2.4") == ["numpy==2.2.4"]


class Noted(Step):
    def __init__(self, name: str, notes: list[str], *, done: bool = False, fails: bool = False) -> None:
        self.says, self._notes, self._done, self._fails = name, notes, done, fails

    def done(self) -> bool:
        return self._done

    def do(self) -> None:
        self._notes.append(f"do {self.says}")
        if self._fails:
            raise Failed("no")

    def undo(self) -> None:
        self._notes.append(f"undo {self.says}")


def test_a_step_that_fails_undoes_itself_and_all_that_was_done_before() -> None:
    notes: list[str] = []
    steps = [
        Noted("a", notes),
        Noted("b", notes, done=True),
        Noted("c", notes, fails=True),
        Noted("d", notes),
    ]
    with pytest.raises(Failed):
        carry_out(steps)
    assert notes == ["do a", "do c", "undo c", "undo a"]


def test_what_is_done_is_left_alone() -> None:
    notes: list[str] = []
    carry_out([Noted("a", notes, done=True), Noted("b", notes, done=True)])
    assert notes == []


def test_a_release_is_known_by_what_it_is_made_from() -> None:
    source = SYSTEMD.parent
    assert fingerprint(source) == fingerprint(source)
    assert {target.split("/")[0] for target in LINKS.values()} == {"bin", "share"}


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "etc" / "focusrail" / "brought"
    monkeypatch.setattr(steps, "BROUGHT", path)
    return path


def test_on_a_system_that_has_all_packages_the_groups_it_lacked_are_written_down(
    notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "GROUPS", ("nobody-has-this",))
    monkeypatch.setattr(steps, "run", lambda *_: "")
    accounts = Accounts(None)
    accounts.do()
    assert brought("group") == {"nobody-has-this"}
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)
    accounts.undo()
    assert not notes.parent.exists()


def test_an_upgrade_that_fails_forgets_nothing_that_came_with_an_earlier_one(
    notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, purged = {"bash", "python3-venv"}, []
    monkeypatch.setattr(steps, "installed", lambda: set(there))
    monkeypatch.setattr(steps, "install_packages", there.add)
    monkeypatch.setattr(steps, "purge", purged.append)
    monkeypatch.setattr(steps, "PACKAGES", ("rsync",))
    steps.note("package", {"python3-venv"})
    packages = SystemPackages()
    packages.do()
    assert brought("package") == {"python3-venv", "rsync"}
    packages.undo()
    assert (brought("package"), purged) == ({"python3-venv"}, [{"rsync"}])


def test_what_is_interrupted_before_it_knows_what_is_installed_removes_nothing(
    notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> set[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(steps, "installed", interrupted)
    packages = SystemPackages()
    with pytest.raises(KeyboardInterrupt):
        packages.do()
    monkeypatch.setattr(steps, "installed", lambda: {"bash"})
    monkeypatch.setattr(steps, "purge", lambda names: pytest.fail(f"{names} would be gone"))
    packages.undo()


@pytest.mark.parametrize(
    ("job", "phase", "said"),
    [
        (None, None, None),
        (None, "stopped", None),
        ("shoot", None, "shoot is running: wait for its end, or focusctl stop"),
        ("shoot", "stopped", "shoot is running: wait for its end, or focusctl stop"),
        (None, "running", "the time-lapse 1-moss is running: wait for its end, or focusctl timelapse stop"),
    ],
)
def test_a_stack_or_a_series_under_way_is_told_with_the_way_out(
    job: str | None, phase: str | None, said: str | None
) -> None:
    series = phase and {"series": "1-moss", "phase": phase}
    assert under_way({"job": job and {"kind": job}, "timelapse": series}) == said


def test_a_stack_that_began_meanwhile_is_not_cut_short_nor_by_the_undoing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(steps, "active", lambda: True)
    monkeypatch.setattr(host, "busy", lambda: "shoot is running")
    for name in ("refresh", "point", "place_unit", "remove_unit"):
        monkeypatch.setattr(steps, name, lambda *_, **__: pytest.fail("the daemon would be restarted"))
    in_force = InForce(Release())
    with pytest.raises(Refused, match="shoot is running"):
        carry_out([in_force])


@pytest.mark.skipif(shutil.which("systemctl") is None, reason="systemctl is not installed")
def test_a_service_that_was_disabled_can_be_enabled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "UNIT", tmp_path / steps.UNIT.relative_to("/"))
    host.place_unit(SYSTEMD / "focusd.service")
    for verb in ("enable", "disable", "mask", "unmask", "enable"):
        done = subprocess.run(
            ["systemctl", f"--root={tmp_path}", verb, "focusd"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{verb}: {done.stderr}"
    wanted = tmp_path / "etc/systemd/system/multi-user.target.wants/focusd.service"
    assert wanted.readlink() == steps.UNIT
    host.remove_unit()
    assert not (tmp_path / "usr/local/lib/systemd").exists()
