"""What the installer decides; what it does is tested in fresh systems (`make fresh`)."""

import sys
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parent.parent.parent / "systemd"
sys.path.insert(0, str(SYSTEMD))

from host import Failed, unfit  # noqa: E402
from steps import LINKS, Step, carry_out, fingerprint, held  # noqa: E402

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
