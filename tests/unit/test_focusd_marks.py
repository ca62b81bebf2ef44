from pathlib import Path

import pytest
from daemon_rig import DaemonRig

from focusd.errors import Refused
from focusd.jobs import Jog
from focusd.marks import HomingConsent, MarkBook
from rail.errors import BeyondReach
from stack.plan import Marks


def test_marks_are_where_the_axis_stands_and_survive_a_restart(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path)
    rig.home()
    here_u = rig.axis.scale.length_u(rig.axis.position().steps)
    assert rig.book.mark("near", None)[0] == Marks(near_u=here_u)
    again = MarkBook(tmp_path / "marks.json", rig.axis, rig.hub.publish)
    assert again.mark("far", 700.0)[0] == Marks(near_u=here_u, far_u=700.0)
    assert MarkBook(tmp_path / "marks.json", rig.axis, rig.hub.publish).marks == again.marks
    rig.book = again
    assert rig.book.clear() == Marks()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"near_u": "here", "far_u": 700.0}', '{"near_u": 600.0, "far_u": true}'],
)
def test_a_file_that_makes_no_sense_means_no_marks(tmp_path: Path, text: str) -> None:
    (tmp_path / "marks.json").write_text(text)
    assert DaemonRig(tmp_path).book.marks == Marks()


def test_consent_is_given_once_or_by_the_configuration(tmp_path: Path) -> None:
    consent = HomingConsent(tmp_path / "consent", configured=False)
    assert not consent.given()
    consent.give()
    assert HomingConsent(tmp_path / "consent", configured=False).given()
    assert HomingConsent(tmp_path / "none", configured=True).given()


def test_what_cannot_be_written_is_refused_in_words(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path)
    rig.home()
    gone = tmp_path / "gone"
    book = MarkBook(gone / "marks.json", rig.axis, rig.hub.publish)
    with pytest.raises(Refused, match=r"cannot be remembered.*No such file"):
        book.mark("near", None)
    assert book.marks == Marks()
    with pytest.raises(Refused, match="cannot be remembered"):
        HomingConsent(gone / "consent", configured=False).give()


def test_marks_lapse_even_where_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    rig = DaemonRig(tmp_path)
    path = tmp_path / "state" / "marks.json"
    path.write_text('{"near_u": 1.0, "far_u": 2.0}')
    book = MarkBook(path, rig.axis, rig.hub.publish)
    path.unlink()
    path.parent.rmdir()
    book.lapse()
    assert book.marks == Marks()


def test_while_the_axis_moves_only_a_place_that_is_given_can_be_marked(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path)
    rig.home()
    said: list[Exception] = []

    def mark() -> None:
        with pytest.raises(Refused, match="the axis moves") as refusal:
            rig.book.mark("near", None)
        said.append(refusal.value)
        rig.book.mark("far", 700.0)

    rig.rail.after_edges(100, mark)
    rig.tell(Jog(300.0)).ended.result(0)
    assert (len(said), rig.book.marks) == (1, Marks(far_u=700.0))
    here_u = rig.axis.scale.length_u(rig.axis.position().steps)
    assert rig.book.mark("near", None)[0] == Marks(near_u=here_u, far_u=700.0)


def test_marks_the_wrong_way_round_change_places_and_that_is_said(tmp_path: Path) -> None:
    rig = DaemonRig(tmp_path)
    rig.home()
    rig.book.mark("far", 600.0)
    assert rig.book.mark("near", 700.0) == (Marks(near_u=600.0, far_u=700.0), True)
    assert rig.book.mark("far", 550.0) == (Marks(near_u=550.0, far_u=600.0), True)
    assert rig.book.mark("far", 650.0) == (Marks(near_u=550.0, far_u=650.0), False)


@pytest.mark.parametrize("place_u", [-100.0, 1e6])
def test_a_mark_where_the_axis_cannot_go_is_refused(tmp_path: Path, place_u: float) -> None:
    rig = DaemonRig(tmp_path)
    rig.home()
    with pytest.raises(BeyondReach):
        rig.book.mark("near", place_u)
    assert rig.book.marks == Marks()
