"""A stack's report: complete, one file, and safe whatever the names in it."""

import base64
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from stack_rig import PLAN, Rig

from stack.faults import Fault
from stack.optics import Optics
from stack.report import report, report_json, warnings
from stack.report_page import Pictures, report_html
from stack.session import Facts, Session

EVIL = '<script>alert("x")</script>&"\'><svg onload=x>'

MERGE = {
    "height_px": 48,
    "seconds": 4.2,
    "settings": {"method": "weighted"},
    "depth": {"um_per_slice": 10.0, "span": [0.5, 4.5]},
    "slices": [
        {"index": index, "sharpness": 2.0 + index, "share": share, "likeness": 1.0, "doubt": ""}
        for index, share in enumerate((0.0, 0.1, 0.4, 0.3, 0.2, 0.0))
    ],
    "coverage": {"first": 0.0, "last": 0.0, "sure": 0.8, "judged": True, "gaps": []},
    "warnings": [],
}
"""What a merge says of six slices that cover their subject."""

OPEN = {**MERGE["coverage"], "first": 0.2, "gaps": [{"before": 2, "after": 3, "left": 0.6}]}
STILL_GAINS = (
    "the nearest slice still gains sharpness: the subject starts in front of your near point "
    "(20% of what is in focus is sharpest there); begin nearer next time"
)


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
    html = report_html(report(session, session.state(), MERGE), Pictures(b"\xff\xd8jpeg", b"\xff\xd8depth"))
    page = Page(html)
    assert page.links == [
        "data:image/jpeg;base64," + base64.b64encode(content).decode()
        for content in (b"\xff\xd8jpeg", b"\xff\xd8depth")
    ]
    assert page.tags.count("tr") == 1 + 6
    for words in (
        "done",
        "6 slices",
        "79.2 µm",
        "2x f/4",
        "12.34 ms",
        "1050.00",
        "40.0%",
        "0",
        "40 µm depth",
    ):
        assert words in page.text
    for fetching in ("script", "link", "iframe", "object", "base", "form"):
        assert fetching not in page.tags
    for fetching in ("url(", "@import", "http:", "https:", "onload"):
        assert fetching not in html


def test_the_curves_have_a_place_for_every_slice(session: Session) -> None:
    state = session.state()
    whole = report_html(report(session, state, MERGE))
    assert whole.count('class="bar"') == 4
    assert whole.count("<polyline") == 1
    assert whole.count("slice 2, 1020 µm: sharpness 4, 40.0% of the picture") == 2
    lacking = replace(state, saved={index: state.saved[index] for index in (0, 1, 3, 4)})
    torn = report_html(report(session, lacking, {**MERGE, "coverage": OPEN}))
    assert torn.count("<polyline") == 2
    assert torn.count('class="missing" x="2"') == torn.count('class="missing" x="5"') == 2
    assert torn.count('class="soft" x="2.5" y="0" width="1"') == 2


def test_without_a_merge_there_are_no_curves(session: Session) -> None:
    assert "svg" not in Page(report_html(report(session, session.state()))).tags


def test_what_the_merge_measured_stands_beside_each_slice(session: Session) -> None:
    rows = report(session, session.state(), MERGE)["slices"]
    assert [row["sharpness"] for row in rows] == [2, 3, 4, 5, 6, 7]
    assert [row["share"] for row in rows] == [0, 0.1, 0.4, 0.3, 0.2, 0]
    assert [row["share"] for row in report(session, session.state())["slices"]] == [None] * 6


def test_coverage_is_said_in_plain_words_and_once(session: Session) -> None:
    good = report(session, session.state(), MERGE)
    assert good["coverage"]["covered"]
    assert good["coverage"]["words"] == [
        "The slices cover the subject: both ends lie beyond it, and no soft band between them."
    ]
    doubt = "0003.jpg: alignment is doubtful: likeness"
    merge = {**MERGE, "coverage": OPEN, "warnings": [STILL_GAINS, doubt]}
    values = report(session, session.state(), merge)
    nearest, band = values["coverage"]["words"]
    assert not values["coverage"]["covered"]
    assert nearest == STILL_GAINS.capitalize() + "."
    assert band.startswith("Between slices 2 and 3 the pitch exceeds the depth of field: expect a soft band")
    assert values["warnings"] == [f"{doubt}."]
    text = Page(report_html(values)).text
    assert text.count("still gains sharpness") == text.count("expect a soft band") == 1


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
        facts=Facts(fields={EVIL: EVIL}, versions={EVIL: EVIL}, camera={"make": EVIL}),
    )
    state = replace(session.state(), reason=EVIL, damage=(EVIL,))
    slices = [{**one, "doubt": EVIL} for one in MERGE["slices"]]
    merge = {**MERGE, "warnings": [EVIL], "settings": {"method": EVIL}, "slices": slices}
    fault = Fault("2026-11-26T12:00:00+00:00", EVIL)
    page = Page(report_html(report(named, state, merge, [fault]), Pictures(b"jpeg", b"depth")))
    assert "script" not in page.tags
    assert page.tags.count("svg") == 2
    assert page.text.count(EVIL) == 2 + 1 + 1 + 3 + 4 + 1 + 2 * 6


def test_what_may_have_cost_quality_is_said(session: Session) -> None:
    state = session.state()
    state = replace(
        state,
        saved={index: state.saved[index] for index in (1, 5)},
        damage=("line 3: its checksum does not fit",),
    )
    coarse = replace(session.layout, dof_u=9.0)
    assert warnings(coarse, state) == [
        "4 of 6 slices are missing: 0, 2-4.",
        "Slices are 10 µm apart and each is sharp over 9 µm: expect unsharp bands between them.",
        "The journal cannot be read in full, line 3: its checksum does not fit.",
    ]
    assert warnings(coarse, state, underway=True) == warnings(coarse, state)[1:], "more are to come"
    told = report(session, state, underway=True)["warnings"]
    assert told == ["The journal cannot be read in full, line 3: its checksum does not fit."]
    merge = {"warnings": ["slice 4 was too dark"], "other": 1}
    assert report(session, session.state(), merge)["warnings"] == ["Slice 4 was too dark."]


def test_optics_that_tell_other_pixels_than_the_camera_are_told(session: Session) -> None:
    for pixel_um, starts in ((3.1, []), (1.55, ["The optics' pixel_um is 3.1"]), (None, []), ("x", [])):
        shot = replace(session, facts=replace(session.facts, camera={"pixel_um": pixel_um}))
        told = report(shot, session.state())["warnings"]
        assert [one[:27] for one in told] == starts


def test_what_happened_on_the_way_is_told_with_its_time(session: Session) -> None:
    fault = Fault("2026-11-26T12:34:56+00:00", "Slice 3 was shot again: its checksum differs.", 3)
    values = report(session, session.state(), faults=[fault])
    assert values["faults"] == [{"at": fault.at, "index": 3, "words": fault.words}]
    assert "12:34:56 Slice 3 was shot again" in Page(report_html(values)).text


def test_a_slice_shot_again_later_keeps_the_times(session: Session) -> None:
    state = session.state()
    again = replace(state.saved[2], began_ns=state.saved[5].began_ns + 10**9)
    saved = {**{index: one for index, one in state.saved.items() if index != 2}, 2: again}
    seconds = [one["seconds"] for one in report(session, replace(state, saved=saved))["slices"]]
    assert seconds[2] == max(seconds)
    assert seconds[0] == 0


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
    assert "No slice was saved." in page.text and "not begun" in page.text


def test_one_slice_is_one_and_one_temperature_is_one(session: Session) -> None:
    values = report(session, session.state(), MERGE)
    one = {**values["slices"][0], "temperature_c": 52.0}
    alone = {**values, "slices": [one], "layout": {**values["layout"], "slices": 1}}
    told = Page(report_html({**alone, "reason": "asked to stop"})).text
    assert "1 slice ·" in told and "The slice" in told and "1 slices" not in told
    assert "52 °C" in told and "52 to" not in told and "Asked to stop." in told
