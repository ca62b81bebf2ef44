from pathlib import Path

import pytest
from daemon_rig import DaemonRig

from focusd.marks import HomingConsent, MarkBook
from stack.plan import Marks


def test_marks_are_where_the_axis_stands_and_survive_a_restart(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path)
    rig.home()
    assert rig.book.mark("near", None).near_u == rig.axis.scale.length_u(rig.axis.position().steps)
    assert rig.book.mark("far", 700.0).far_u == 700.0
    again = MarkBook(tmp_path / "marks.json", rig.axis, rig.hub.publish)
    assert again.marks == rig.book.marks
    assert rig.book.clear() == Marks()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"near_u": "here", "far_u": null}', '{"near_u": true}'])
def test_a_file_that_makes_no_sense_means_no_marks(tmp_path: Path, text: str) -> None:
    (tmp_path / "marks.json").write_text(text)
    assert DaemonRig(tmp_path).book.marks == Marks()


def test_consent_is_given_once_or_by_the_configuration(tmp_path: Path) -> None:
    consent = HomingConsent(tmp_path / "consent", configured=False)
    assert not consent.given()
    consent.give()
    assert HomingConsent(tmp_path / "consent", configured=False).given()
    assert HomingConsent(tmp_path / "none", configured=True).given()
