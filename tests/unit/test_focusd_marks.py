import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from bad_sectors import put_in_bad_sectors
from contention import WatchedLock
from daemon_rig import DaemonRig

from focusd.errors import Refused
from focusd.jobs import Goto, Home, Jog, Zero
from focusd.marks import HomingConsent, MarkBook, in_order
from rail.axis import Trust
from rail.errors import (
    BeyondReach,
    PositionUnknown,
)
from rail.screw import Scale
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
    ("act", "kept"),
    [
        (lambda book: book.mark("far", 700.0), Marks(600.0, 700.0)),
        (lambda book: book.clear(), Marks()),
        (lambda book: book.forget("the position is unknown"), Marks()),
    ],
    ids=["the other end", "clear", "forget"],
)
def test_what_comes_while_an_end_is_marked_is_neither_lost_nor_undone_by_it(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch, act: Callable[[MarkBook], object], kept: Marks
) -> None:
    rig.home()
    rig.book._lock = lock = WatchedLock()

    def in_order_as_it_comes(marks: Marks, scale: Scale) -> Marks:
        monkeypatch.undo()
        lock.meanwhile(lambda: act(rig.book))
        return in_order(marks, scale)

    monkeypatch.setattr("focusd.marks.in_order", in_order_as_it_comes)
    rig.book.mark("near", 600.0)
    lock.join()
    assert rig.book.marks == kept
    assert MarkBook(rig.folder / "marks.json", rig.axis, rig.hub.publish).marks == kept


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"near_u": "here", "far_u": 700.0}', '{"near_u": 600.0, "far_u": true}'],
)
def test_a_file_that_makes_no_sense_means_no_marks(tmp_path: Path, text: str) -> None:
    (tmp_path / "marks.json").write_text(text)
    assert DaemonRig(tmp_path).book.marks == Marks()


@pytest.mark.parametrize(
    ("grid", "kept"),
    [
        ({}, Marks(600.0, 680.0)),
        ({"grid": "5/16 um"}, Marks(600.0, 680.0)),
        ({"grid": "5/16 um, inverted"}, Marks()),
        ({"grid": "-1/20 d"}, Marks()),
    ],
    ids=["not noted", "this axis", "turned round", "a lens"],
)
def test_marks_of_another_axis_are_none_and_never_half_of_a_range_here(
    rig: DaemonRig, grid: dict[str, str], kept: Marks
) -> None:
    assert rig.axis.grid == "5/16 um"
    (rig.folder / "marks.json").write_text(json.dumps({"near_u": 600.0, "far_u": 680.0, **grid}))
    rig.begin()
    rig.home()
    assert rig.book.marks == kept
    rig.book.mark("far", 700.0)
    rig.begin()
    assert rig.book.marks == replace(kept, far_u=700.0)


def test_consent_is_given_once_or_by_the_configuration(tmp_path: Path) -> None:
    consent = HomingConsent(tmp_path / "consent", configured=False)
    assert not consent.given()
    consent.give()
    assert HomingConsent(tmp_path / "consent", configured=False).given()
    assert HomingConsent(tmp_path / "none", configured=True).given()


def test_a_consent_in_a_bad_sector_is_none_and_keeps_focusd_from_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    consent = HomingConsent(tmp_path / "consent", configured=False)
    consent.give()
    put_in_bad_sectors(monkeypatch, tmp_path / "consent")
    assert not consent.given()


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


def test_marks_lapse_when_places_count_from_elsewhere_and_only_then(rig: DaemonRig) -> None:
    rig.marked()
    rig.tell(Goto(600.0)).ended.result(0)
    same = rig.tell(Zero(600.0))
    assert (rig.book.marks, same.marks_lapsed) == (Marks(600.0, 680.0), None)
    other = rig.tell(Zero(500.0))
    assert rig.book.marks == Marks()
    assert "mark again" in rig.last("marks_lapsed")["reason"] == other.marks_lapsed
    assert rig.tell(Zero(400.0)).marks_lapsed is None, "there were none any more"


def test_marks_set_where_the_axis_only_seemed_to_stand_are_never_gone_to_from_its_reference(
    rig: DaemonRig,
) -> None:
    """The motor was let go, the screw turned by hand, and the subject marked by what the camera saw there."""
    rig.home()
    rig.axis.release()
    rig.book.mark("near", 1_600.0)
    rig.book.mark("far", 1_680.0)
    edges = rig.rail.edges
    assert "mark them again" in str(rig.shoot().accepted.exception(0))
    assert rig.rail.edges == edges
    again = MarkBook(rig.folder / "marks.json", rig.axis, rig.hub.publish)
    assert again.marks == Marks(1_600.0, 1_680.0, assumed=True)
    homing = rig.tell(Home())
    assert rig.book.marks == Marks()
    assert "only assumed" in rig.last("marks_lapsed")["reason"] == homing.marks_lapsed


def test_marks_set_at_a_known_place_outlast_a_rest_without_current_and_the_homing_after_it(
    rig: DaemonRig,
) -> None:
    rig.marked()
    rig.axis.release()
    rig.home()
    assert rig.book.marks == Marks(600.0, 680.0)


def test_marks_lapse_when_the_position_is_lost(rig: DaemonRig) -> None:
    rig.marked()
    rig.rail.after_edges(700, rig.rail.stepper.halt)
    assert rig.tell(Goto(2500.0)).ended.exception(0) is not None
    assert rig.axis.position().trust is Trust.UNKNOWN
    assert rig.book.marks == Marks()
    assert rig.told("marks_lapsed") == ["marks_lapsed"]
    assert rig.operator.now().last_error is not None
    with pytest.raises(PositionUnknown):
        rig.book.mark("near", None)


def test_when_the_motor_that_is_let_go_does_not_keep_the_place_marks_lapse_at_once(
    rig: DaemonRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.marked()
    monkeypatch.setattr(rig.axis, "release", rig.rail.axis._reckoning.lose)
    rig.operator._release()
    assert rig.book.marks == Marks()


def test_marks_of_a_place_that_the_power_took_lapse_as_the_daemon_starts(tmp_path: Path) -> None:
    marks = {"near_u": 600.0, "far_u": 680.0, "assumed": False}
    (tmp_path / "marks.json").write_text(json.dumps(marks))
    rig = DaemonRig(tmp_path)
    assert rig.book.marks == Marks(600.0, 680.0)
    rig.operator.close()
    rig.operator.work()
    assert (rig.book.marks, rig.told("marks_lapsed")) == (Marks(), ["marks_lapsed"])
