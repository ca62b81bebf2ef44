"""What the installer decides; what it does is tested in fresh systems (`make fresh`)."""

import os
import pwd
import shutil
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
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

loader = SourceFileLoader("install", str(SYSTEMD / "install"))
spec = spec_from_loader("install", loader)
assert spec is not None
install = module_from_spec(spec)
loader.exec_module(install)

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
    assert os.access(SYSTEMD / "install", os.X_OK)
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


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two releases, 2 in force and 1 before it, each with a focusd that takes all settings."""
    for number in ("1", "2"):
        (tmp_path / number / "bin").mkdir(parents=True)
        (tmp_path / number / "share").mkdir()
        (tmp_path / number / "share" / "focusd.service").write_text(number)
        focusd = tmp_path / number / "bin" / "focusd"
        focusd.write_text("#!/bin/sh\n")
        focusd.chmod(0o755)
    (tmp_path / "config.yaml").touch()
    names = {"CURRENT": "current", "PREVIOUS": "previous", "UNIT": "focusd.service"}
    places = {name: tmp_path / file for name, file in names.items()}
    for name, place in places.items():
        monkeypatch.setattr(host, name, place)
        monkeypatch.setattr(install, name, place)
    monkeypatch.setattr(steps, "SETTINGS", tmp_path / "config.yaml")
    monkeypatch.setattr(install, "active", lambda: True)
    host.point(places["CURRENT"], tmp_path / "2")
    host.point(places["PREVIOUS"], tmp_path / "1")
    host.place_unit(tmp_path / "2" / "share" / "focusd.service")
    return tmp_path


def in_force(folder: Path) -> tuple[str, str, str]:
    unit = (folder / "focusd.service").read_text()
    return (folder / "current").readlink().name, (folder / "previous").readlink().name, unit


def test_a_rollback_takes_the_unit_with_it_and_is_undone_by_another(
    releases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "refresh", lambda **_: None)
    assert (install.rollback(), in_force(releases)) == (0, ("1", "2", "1"))
    assert (install.rollback(), in_force(releases)) == (0, ("2", "1", "2"))


def test_a_release_that_does_not_take_the_settings_is_not_gone_back_to(
    releases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "refresh", lambda **_: pytest.fail("the daemon would not start again"))
    (releases / "1" / "bin" / "focusd").write_text("#!/bin/sh\necho no such setting >&2; exit 3\n")
    with pytest.raises(Failed, match="no such setting"):
        install.rollback()
    assert in_force(releases) == ("2", "1", "2")


def test_a_rollback_to_a_release_that_does_not_start_leaves_the_other_in_force(
    releases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    def restarted(*, restart: bool) -> None:
        assert restart
        started.append(in_force(releases)[0])
        if started == ["1"]:
            raise Failed("it does not start")

    monkeypatch.setattr(install, "refresh", restarted)
    with pytest.raises(Failed, match="does not start"):
        install.rollback()
    assert (started, in_force(releases)) == (["1", "2"], ("2", "1", "2"))


@pytest.mark.parametrize("kind", ["sessions", "series"])
def test_stacks_and_films_are_kept_and_a_note_of_numbers_is_neither(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "STATE", tmp_path)
    (tmp_path / kind).mkdir()
    (tmp_path / kind / ".highest-number").touch()
    assert not steps.pictures()
    (tmp_path / kind / "0001-moss").mkdir()
    assert steps.pictures()


@pytest.mark.skipif(os.geteuid() != 0, reason="to give a file to somebody takes root")
def test_state_that_was_copied_from_another_card_is_given_to_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sessions").mkdir()
    (tmp_path / "sessions" / "merged.jpg").symlink_to(tmp_path.parent)
    for path in (tmp_path, tmp_path / "sessions"):
        os.chown(path, 64_000, 64_000)
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setattr(steps, "STATE", tmp_path)
    monkeypatch.setattr(pwd, "getpwnam", lambda _: nobody)
    state = steps.State()
    assert not state.done()
    state.do()
    assert {path.lstat().st_uid for path in (tmp_path, *tmp_path.rglob("*"))} == {nobody.pw_uid}
    assert tmp_path.parent.stat().st_uid != nobody.pw_uid


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


@pytest.mark.parametrize("unread", ["| true", ">&-"])
def test_a_check_that_nobody_reads_complains_of_nothing(unread: str, tmp_path: Path) -> None:
    script = tmp_path / "check.py"
    script.write_text(
        "import runpy, sys\n"
        f"sys.path.insert(0, {str(Path(host.__file__).parent)!r})\n"
        "import steps, host\n"
        "host.unfit = lambda *_: None\n"
        "steps.steps = lambda: [type('Step', (), {'says': 'a' * 99, 'done': lambda _: True})()] * 5000\n"
        "sys.argv = ['install', '--check']\n"
        f"runpy.run_path({str(Path(host.__file__).parent / 'install')!r}, run_name='__main__')\n"
    )
    ended = subprocess.run(
        ["sh", "-c", f"{sys.executable} {script} {unread}"], capture_output=True, text=True, check=False
    )
    assert ended.stderr == ""
