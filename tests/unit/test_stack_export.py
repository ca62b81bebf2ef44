"""A stack handed out: names by template, copies that are the same, nothing replaced, a CSV of the day."""

import csv
import hashlib
import json
import subprocess
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stack_rig import MICRON
from tools import needs

from rail.axis import Position, Trust
from stack.daybook import DayRow, csv_of, enter, rows_of
from stack.errors import ExportRefused
from stack.export import export, export_stem
from stack.layout import lay_out
from stack.plan import Between, Marks, Pitch, StackPlan
from stack.session import Facts
from stack.sessions import Sessions
from stack.xmp import xmp

PLAN = StackPlan("beetle", Between(1000, 1020), Pitch(10))
LAYOUT = lay_out(PLAN, MICRON, Position(0, Trust.KNOWN), Marks())
FIELDS = {"catalogue": 'BM "1042" <a>', "view": "dorsal", "found": "Kew & Käfer, 12 m"}
NOON = datetime(2026, 11, 23, 12, 5, 12, tzinfo=UTC)


@pytest.fixture
def session(tmp_path):
    session = Sessions(tmp_path / "sessions", now=lambda: NOON).create(
        PLAN, LAYOUT, MICRON, Facts(versions={"focusrail": "0.1.0"}, fields=FIELDS)
    )
    (session.path / "merges/1").mkdir()
    for name in ("merged.jpg", "depth.png"):
        (session.path / "merges/1" / name).write_bytes(name.encode())
        (session.path / name).symlink_to(f"merges/1/{name}")
    (session.path / "report.html").write_text("<p>")
    (session.path / "report.json").write_text("{}")
    return session


@pytest.fixture
def place(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def exported(session, place, template="{number}-{catalogue}-{view}", *, slices=False):
    return export(session, session.state(), place, template, slices=slices)


def test_pictures_report_and_xmp_go_out_by_the_template(session, place):
    files = exported(session, place)
    stem = "0001-BM-1042-a-dorsal"
    names = [f"{stem}-depth.png", f"{stem}.jpg", f"{stem}-report.html", f"{stem}.xmp"]
    assert sorted(one.name for one in files) == sorted(names)
    assert sorted(path.name for path in place.iterdir()) == sorted([*names, "stacks-2026-11-23.csv"])
    assert (place / f"{stem}.jpg").read_bytes() == b"merged.jpg"
    for one in files:
        content = (place / one.name).read_bytes()
        assert (one.bytes, one.sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_the_csv_of_the_day_has_every_file_once_however_often_it_goes_out(session, place):
    files = exported(session, place)
    exported(session, place)
    with (place / "stacks-2026-11-23.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["file"], row["sha256"]) for row in rows] == sorted((one.name, one.sha256) for one in files)
    assert {row["catalogue"] for row in rows} == {FIELDS["catalogue"]}
    assert json.loads(rows[0]["fields"]) == FIELDS


def test_a_file_with_other_content_is_never_replaced(session, place):
    exported(session, place)
    (place / "0001-BM-1042-a-dorsal.jpg").write_bytes(b"retouched for a week")
    before = {path: path.read_bytes() for path in place.iterdir()}
    with pytest.raises(ExportRefused, match=r"0001-BM-1042-a-dorsal\.jpg already, with other content"):
        exported(session, place)
    assert {path: path.read_bytes() for path in place.iterdir()} == before


def test_a_foreign_csv_is_left_alone(session, place):
    (place / "stacks-2026-11-23.csv").write_text("date,money\n")
    with pytest.raises(ExportRefused, match="not a CSV of ours"):
        exported(session, place)
    assert (place / "stacks-2026-11-23.csv").read_text() == "date,money\n"


def test_a_copy_that_reads_back_otherwise_is_told(session, place, monkeypatch):
    monkeypatch.setattr("stack.export.write_durably", lambda path, content: path.write_bytes(content[:-1]))
    with pytest.raises(ExportRefused, match="does not read back"):
        exported(session, place)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{catalog}", "asks for {catalog}, which this stack does not have; it has catalogue, date, found"),
        ("{catalogue", "cannot be read"),
        ("{number:>9}", "asks for {number}"),
        ("{number!r}", "asks for {number}"),
        ("a/{number}", "cannot be the name of a file"),
        ("BM:{number}", "cannot be the name of a file on every disk: leave out"),
        ("..", "cannot be the name of a file"),
        ("", "cannot be the name of a file"),
    ],
)
def test_a_template_that_does_not_fit_is_refused_before_anything_is_written(session, place, template, words):
    with pytest.raises(ExportRefused, match=words.replace("{", r"\{")):
        exported(session, place, template)
    assert list(place.iterdir()) == []


def test_there_must_be_a_picture_and_a_place(session, place, tmp_path):
    with pytest.raises(ExportRefused, match="mounted"):
        exported(session, tmp_path / "stick")
    for path in (*session.path.glob("*.jpg"), *session.path.glob("*.png"), *session.path.glob("*.html")):
        path.unlink()
    with pytest.raises(ExportRefused, match="merge it first"):
        exported(session, place)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.text(max_size=60), min_size=1))
def test_whatever_the_fields_say_the_name_is_one_every_file_system_takes(facts):
    stem = export_stem("-".join(f"{{{name}}}" for name in facts), facts)
    assert stem.isascii() and not set(stem) & set('/\\:*?"<>|') and len(stem) <= 41 * len(facts)


def test_the_xmp_says_what_is_known_in_the_words_of_libraries(session):
    root = ElementTree.fromstring(xmp(session, session.state()))
    (described,) = root.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description")
    assert described.get("{http://rs.tdwg.org/dwc/terms/}catalogNumber") == FIELDS["catalogue"]
    assert described.get("{urn:focusrail:1.0:}found") == FIELDS["found"]
    (title,) = described.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li")
    assert title.text == f"beetle {FIELDS['catalogue']} dorsal"


@needs("exiftool")
def test_exiftool_reads_the_xmp_without_complaint(session, tmp_path):
    path = tmp_path / "a.xmp"
    path.write_text(xmp(session, session.state()), encoding="utf-8")
    command = ["exiftool", "-json", "-a", "-validate", "-all", str(path)]
    (tags,) = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    assert tags["Identifier"] == session.id
    assert tags["CatalogNumber"] == FIELDS["catalogue"]
    assert tags["Validate"] == "OK"


ROWS = st.builds(
    DayRow,
    *[st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)] * 2,
    st.integers(0, 10**12),
    *[st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)] * 6,
    st.integers(0, 9999),
)


@given(st.lists(ROWS, unique_by=lambda row: row.file, max_size=5))
def test_a_csv_read_again_says_what_was_written(rows):
    assert rows_of(csv_of(rows)) == tuple(sorted(rows, key=lambda row: row.file))


def test_an_entry_keeps_what_others_entered(tmp_path):
    path = tmp_path / "day.csv"
    one, two = (DayRow(name, "", 1, "", "", "", "", "", "", 3) for name in "ab")
    enter(path, [two])
    enter(path, [one])
    assert rows_of(path.read_text()) == (one, two)
