"""A stack's report: complete, one file, and safe whatever the names in it."""

import base64
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from stack_rig import PLAN, Rig

from stack.optics import Optics
from stack.report import report, report_html, report_json, warnings
from stack.session import Facts, MergeState, Session

EVIL = '<script>alert("x")</script>&"'


@pytest.fixture
def session(tmp_path: Path) -> Session:
    rig = Rig(tmp_path)
    session = rig.session(replace(PLAN, optics=Optics(2.0, f_number=4.0, pixel_um=3.1)))
    rig.shoot(session)
    return session


class Page(HTMLParser):
    """What a browser would find in the page."""

    VOID = frozenset(("meta", "img", "br"))

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(html)
        assert self.open == [], "tags are left open"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_report_holds_what_is_needed_to_shoot_the_stack_again(session: Session) -> None:
    values = json.loads(report_json(report(session, session.state())))
    assert values["outcome"] == "done"
    assert values["layout"] == {
        "slices": 6, "near_u": 1000.0, "far_u": 1050.0, "pitch_u": 10.0, "asked_pitch_u": 10,
        "dof_u": pytest.approx(79.2), "step_u": 1.0,
    }  # fmt: skip
    assert [one["position_u"] for one in values["slices"]] == [1000, 1010, 1020, 1030, 1040, 1050]
    seconds = [one["seconds"] for one in values["slices"]]
    assert seconds[0] == 0 and seconds == sorted(seconds)
    assert values["exposure"] == {"time_us": 12_340, "gain": 1.0, "colour_gains": [2.0, 1.5]}
    assert values["plan"]["optics"]["magnification"] == 2.0
    assert values["warnings"] == []


def test_the_page_stands_alone_and_shows_picture_and_slices(session: Session) -> None:
    html = report_html(report(session, session.state()), picture=b"\xff\xd8jpeg")
    page = Page(html)
    assert page.links == ["data:image/jpeg;base64," + base64.b64encode(b"\xff\xd8jpeg").decode()]
    assert page.tags.count("tr") == 1 + 6
    for words in ("done", "6 of\n6 slices", "79.2 µm", "2x f/4", "12.34 ms", "1050.00"):
        assert words in page.text
    assert "script" not in page.tags


def test_the_page_names_camera_and_moments_as_people_do(session: Session) -> None:
    values = report(session, session.state())
    values["camera"] = {
        "make": "Raspberry Pi",
        "model": "imx477",
        "sensor": "imx477",
        "size_px": [4056, 3040],
    }
    values["began_at"] = "2026-11-23T07:15:27.054326+00:00"
    text = Page(report_html(values)).text
    assert "Raspberry Pi imx477, 4056 × 3040 pixels" in text
    assert "2026-11-23 07:15:27 UTC" in text


def test_a_page_without_picture_has_none(session: Session) -> None:
    assert "img" not in Page(report_html(report(session, session.state()))).tags


def test_whatever_names_hold_stays_text(session: Session) -> None:
    named = replace(
        session,
        plan=replace(session.plan, name=EVIL),
        facts=Facts(fields={EVIL: EVIL}, versions={EVIL: EVIL}),
    )
    state = replace(session.state(), reason=EVIL, retaken={1: EVIL})
    page = Page(report_html(report(named, state, {"warnings": [EVIL]})))
    assert "script" not in page.tags
    assert page.text.count(EVIL) == 9


def test_what_may_have_cost_quality_is_said(session: Session) -> None:
    state = session.state()
    state = replace(
        state,
        saved={index: state.saved[index] for index in (1, 5)},
        retaken={1: "its checksum differs"},
        damage=("line 3: its checksum does not fit",),
        merges=(MergeState(error="out of memory", ended=True), MergeState()),
    )
    coarse = replace(session.layout, dof_u=9.0)
    assert warnings(coarse, state, {"warnings": ["Slice 4 was too dark."], "other": 1}) == [
        "4 of 6 slices are missing: 0, 2-4.",
        "Slices are 10 µm apart and each is sharp over 9 µm: expect unsharp bands between them.",
        "Slice 1 was shot again: its checksum differs.",
        "The journal was altered on disk, line 3: its checksum does not fit.",
        "A merge failed: out of memory",
        "Slice 4 was too dark.",
    ]


def test_times_across_a_restart_are_not_made_up(session: Session) -> None:
    state = session.state()
    saved = dict(state.saved)
    saved[5] = replace(saved[5], began_ns=17)
    values = report(session, replace(state, saved=saved))
    assert [one["seconds"] for one in values["slices"]] == [None] * 6
    assert "–" in Page(report_html(values)).text


def test_a_session_not_yet_shot_has_a_report(tmp_path: Path) -> None:
    session = Rig(tmp_path).session()
    page = Page(report_html(report(session, session.state())))
    assert "None was saved." in page.text and "not begun" in page.text
