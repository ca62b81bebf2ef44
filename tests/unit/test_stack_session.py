"""A session's folder: numbered, whole, found again, and read at any moment."""

import errno
import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from camera.camera import Exposure
from rail.axis import Position, Trust
from rail.clock import MonotonicClock
from rail.screw import Scale, screw_scale
from stack.check import check
from stack.errors import AmbiguousSession, NoSuchSession, SessionUnreadable
from stack.layout import lay_out
from stack.optics import Optics
from stack.plan import (
    AroundHere,
    Between,
    BetweenMarks,
    Count,
    FromHere,
    FromOptics,
    Marks,
    Park,
    Pitch,
    Range,
    Spacing,
    StackPlan,
)
from stack.record import layout_of, layout_record, plan_of, plan_record, scale_of, scale_record
from stack.seal import sealed, unsealed
from stack.session import Facts, Session, load
from stack.session_state import MergeState, Phase, SavedSlice
from stack.sessions import Page, Sessions, slug

BENCH = screw_scale(Fraction(1000), 200, 16)
PLAN = StackPlan("Käfer, links/oben", Between(1000, 1600), Pitch(200))
LAYOUT = lay_out(PLAN, BENCH, Position(0, Trust.KNOWN), Marks())
FACTS = Facts(
    {"axis": {"travel_mm": 40.0}}, {"focusrail": "0.1.0"}, {"model": "imx477"}, {"specimen": "beetle"}
)
EXPOSURE = Exposure(20_000, 1.0, (2.1, 1.7))
LOCKED = {"exposure": {"time_us": 20_000, "gain": 1.0, "colour_gains": [2.1, 1.7]}, "size_px": [64, 48]}
NOON = datetime(2026, 11, 23, 12, 5, 12, tzinfo=UTC)


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(tmp_path / "sessions", now=lambda: NOON)


@pytest.fixture
def session(sessions: Sessions) -> Session:
    return sessions.create(PLAN, LAYOUT, BENCH, FACTS)


def saved_facts(index: int, content: bytes = b"jpeg") -> dict[str, object]:
    return {
        "index": index,
        "file": f"slices/{index:04d}.jpg",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "position_steps": 3200 + index,
        "position_u": 1000.0 + index,
        "exposure": LOCKED["exposure"],
        "began_ns": 1_000_000 * index,
    }


def test_a_session_that_is_not_surely_on_the_disk_is_none(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    there = Sessions(session.path.parent)
    monkeypatch.setattr("stack.sessions.sync_folder", full)
    with pytest.raises(OSError, match="No space left"):
        there.create(session.plan, session.layout, session.scale, session.facts)
    assert there.ids() == (session.id,), "refused, it would be gone on with after the next start"


def test_a_folder_that_comes_into_the_way_of_a_new_session_stays(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one copied back from elsewhere: it was cleared away with what could not be made."""
    kept = sessions.root / "0001-2026-11-23T12-05-12Z-Kafer-links-oben" / "slices"

    def slow(path: Path, data: bytes) -> None:
        kept.mkdir(parents=True)

    monkeypatch.setattr("stack.sessions.write_durably", slow)
    with pytest.raises(OSError, match="not empty"):
        sessions.create(PLAN, LAYOUT, BENCH, FACTS)
    assert (list(sessions.root.iterdir()), kept.is_dir()) == ([kept.parent], True)


def test_a_folder_is_numbered_dated_and_named(session: Session) -> None:
    assert session.id == "0001-2026-11-23T12-05-12Z-Kafer-links-oben"
    assert sorted(path.name for path in session.path.iterdir()) == [
        "journal.jsonl",
        "merges",
        "session.json",
        "slices",
    ]


def test_numbers_go_on_after_the_highest_whatever_the_date_says(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    (tmp_path / "0041-2031-01-01T00-00-00Z-later").mkdir()
    (tmp_path / "9-not-ours").mkdir()
    assert sessions.create(PLAN, LAYOUT, BENCH, FACTS).number == 42
    (tmp_path / "9999-1970-01-01T00-00-00Z-clockless").mkdir()
    assert sessions.create(PLAN, LAYOUT, BENCH, FACTS).id.startswith("10000-")
    assert [name.split("-")[0] for name in sessions.ids()] == ["0041", "0042", "9999", "10000"]


def test_no_two_processes_get_one_number(tmp_path: Path) -> None:
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from test_stack_session import BENCH, FACTS, LAYOUT, PLAN
from stack.sessions import Sessions
for number in range(8):
    Sessions(Path(sys.argv[2])).create(PLAN, LAYOUT, BENCH, FACTS)
"""
    argv = [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path)]
    creators = [subprocess.Popen(argv) for _ in range(3)]
    assert [creator.wait() for creator in creators] == [0, 0, 0]
    assert [one.number for one in Sessions(tmp_path).all()] == list(range(1, 25))


def test_what_was_recorded_is_read_back(sessions: Sessions, session: Session) -> None:
    assert sessions.open(1) == session
    assert sessions.all() == (session,)


@pytest.mark.parametrize("where", [BetweenMarks(), Between(0.1, 7), FromHere(-3), AroundHere(2.5)])
@pytest.mark.parametrize("spacing", [Pitch(0.3), Count(7), FromOptics(0.5)])
@pytest.mark.parametrize(
    "rest",
    [
        {},
        {"optics": Optics(2, f_number=4), "exposure": EXPOSURE, "after": Park.PARK, "delay_s": 2.5},
        {
            "optics": Optics(10, numerical_aperture=0.28),
            "rehearse": True,
            "assumed_is_enough": True,
            "settle_ms": 9,
        },
    ],
)
def test_a_plan_survives_being_written(where: Range, spacing: Spacing, rest: dict[str, object]) -> None:
    plan = StackPlan("x", where, spacing, **rest)
    assert plan_of(json.loads(json.dumps(plan_record(plan)))) == plan


def test_a_layout_and_a_scale_survive_being_written() -> None:
    assert layout_of(layout_record(LAYOUT)) == LAYOUT
    assert scale_of(scale_record(Scale("um", Fraction(25_400, 51_200)))) == Scale(
        "um", Fraction(25_400, 51_200)
    )


def test_a_session_is_found_by_number_id_and_beginning(sessions: Sessions) -> None:
    first, second = (sessions.create(replace(PLAN, name=name), LAYOUT, BENCH, FACTS) for name in ("a", "b"))
    assert sessions.open("2") == sessions.open("0002") == sessions.open(2) == second
    assert sessions.open(first.id) == sessions.open("0001-2026") == first
    with pytest.raises(NoSuchSession, match=f"newest is {second.id}"):
        sessions.open("3")
    inside = (f"{first.id}/../{second.id}", f"{first.id}/slices")
    for elsewhere in ("", "..", "/", "../sessions", *inside, "9" * 5000):
        with pytest.raises(NoSuchSession):
            sessions.open(elsewhere)
    with pytest.raises(AmbiguousSession) as ambiguous:
        sessions.open("000")
    assert ambiguous.value.candidates == (first.id, second.id)


def test_an_empty_root_has_no_sessions(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path / "nowhere")
    assert (sessions.ids(), sessions.all()) == ((), ())
    with pytest.raises(NoSuchSession, match="none yet"):
        sessions.open(1)


def test_a_page_of_sessions_reads_only_what_it_shows(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [sessions.create(replace(PLAN, name=name), LAYOUT, BENCH, FACTS) for name in "abcdefg"]
    read: list[str] = []
    monkeypatch.setattr("stack.sessions.load", lambda path: read.append(path.name) or load(path))
    assert sessions.page(2) == Page(tuple(made[5:]), earlier=5)
    assert read == [made[6].id, made[5].id]
    assert sessions.page(3, made[5].id) == sessions.page(3, "6") == Page(tuple(made[2:5]), earlier=2)
    assert sessions.page(3, "0002") == Page((made[0],), earlier=0)
    assert sessions.page(9, "1") == Page((), earlier=0)
    with pytest.raises(NoSuchSession, match="neither the number"):
        sessions.page(3, "beetle")


def test_a_page_goes_on_past_what_cannot_be_read_and_before_what_is_gone(sessions: Sessions) -> None:
    made = [sessions.create(PLAN, LAYOUT, BENCH, FACTS) for _ in range(4)]
    (made[2].path / "session.json").write_bytes(b"{")
    sessions.remove(made[1])
    assert sessions.page(2) == Page((made[0], made[3]), earlier=0)
    assert sessions.page(2, made[1].id) == Page((made[0],), earlier=0)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"schema": 2}', b'{"schema": 1}'])
def test_a_session_that_cannot_be_read_says_so_and_hides_no_other(
    sessions: Sessions, session: Session, content: bytes
) -> None:
    (session.path / "session.json").write_bytes(content)
    other = sessions.create(PLAN, LAYOUT, BENCH, FACTS)
    with pytest.raises(SessionUnreadable, match=r"session\.json"):
        sessions.open(1)
    assert sessions.all() == (other,)
    assert len(sessions.ids()) == 2


def test_what_a_kill_leaves_of_a_creation_is_no_session_and_goes_with_the_next(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("stack.sessions.shutil.rmtree", lambda *_, **__: None)
        patched.setattr("stack.sessions.write_durably", killed)
        with pytest.raises(Killed):
            sessions.create(PLAN, LAYOUT, BENCH, FACTS)
    assert len(list(sessions.root.iterdir())) == 1
    assert (sessions.ids(), sessions.all()) == ((), ())
    assert sessions.create(PLAN, LAYOUT, BENCH, FACTS).number == 1
    assert [path.name[:5] for path in sessions.root.iterdir()] == ["0001-"]


def test_a_state_is_the_fold_of_its_journal(session: Session) -> None:
    assert session.state().phase is Phase.CREATED
    with session.journal(MonotonicClock()) as journal:
        journal.append("stack_started", slices=4, positions_steps=list(LAYOUT.positions_steps), plan={})
        journal.append("homed")
        journal.append("exposure_locked", **LOCKED)
        state = session.state()
        assert (state.phase, state.exposure, state.size_px) == (Phase.SHOOTING, EXPOSURE, (64, 48))
        assert state.missing == (0, 1, 2, 3)
        for index in (0, 2, 1):
            journal.append("slice_saved", **saved_facts(index))
        journal.append("merge_started")
        journal.append("stack_paused", reason="button")
        state = session.state()
        assert (state.phase, state.reason, state.missing, state.resumable) == (
            Phase.PAUSED,
            "button",
            (3,),
            True,
        )
        assert state.saved[2] == SavedSlice(
            **(saved_facts(2) | {"exposure": EXPOSURE}), saved_at=journal.entries[4].at
        )
        journal.append("slice_retaken", index=1, why="its checksum differs")
        journal.append("stack_resumed", missing=[1, 3])
        state = session.state()
        assert (state.phase, state.reason, state.missing) == (Phase.SHOOTING, None, (1, 3))
        journal.append("a_word_of_a_later_version", fact=1)
        for index in (1, 3):
            journal.append("slice_saved", **saved_facts(index))
        journal.append("stack_done", slices=4)
        journal.append("merge_failed", error="out of memory")
        journal.append("merge_started")
        journal.append("merge_done", files=["merges/2/merged.jpg"], slices=4, seconds=2.5)
        state = session.state()
    assert (state.phase, state.missing, state.resumable) == (Phase.DONE, (), False)
    assert state.merges == (
        MergeState(error="out of memory", ended=True),
        MergeState(("merges/2/merged.jpg",), 4, 2.5, ended=True),
    )
    assert (state.began_at, state.ended_at) == (journal.entries[0].at, journal.entries[-4].at)


@pytest.mark.parametrize(
    ("event", "facts", "phase", "resumable"),
    [
        ("stack_started", {}, Phase.SHOOTING, True),
        ("stack_paused", {"reason": "why"}, Phase.PAUSED, True),
        ("stack_failed", {"error": "why"}, Phase.FAILED, True),
        ("stack_aborted", {"reason": "why"}, Phase.ABORTED, False),
        ("stack_done", {"slices": 4}, Phase.DONE, False),
    ],
)
def test_which_sessions_may_go_on(
    session: Session, event: str, facts: dict[str, object], phase: Phase, resumable: bool
) -> None:
    with session.journal(MonotonicClock()) as journal:
        journal.append(event, **facts)
    state = session.state()
    assert (state.phase, state.resumable) == (phase, resumable)
    assert state.reason == ("why" if "why" in facts.values() else None)


def test_a_damaged_journal_is_told_and_the_rest_still_read(session: Session) -> None:
    with session.journal(MonotonicClock()) as journal:
        journal.append("stack_started")
        for index in range(2):
            journal.append("slice_saved", **saved_facts(index))
    content = session.journal_path.read_bytes()
    session.journal_path.write_bytes(content.replace(b'"index":0', b'"index":7'))
    state = session.state()
    assert list(state.saved) == [1]
    assert state.damage == ("line 2: its checksum does not fit",)
    assert state.resumable


def test_sound_lines_of_another_shape_are_passed_over_one_by_one_and_told(session: Session) -> None:
    with session.journal(MonotonicClock()) as journal:
        journal.append("stack_started")
        journal.append("slice_saved", **saved_facts(0))
        for event in ("slice_saved", "exposure_locked", "rechecked", "merge_done", "delivered"):
            journal.append(event, shape="newer")
        journal.append("slice_saved", **saved_facts(1) | {"exposure": [1, 2]})
        journal.append("stack_aborted", by="somebody")
    state = session.state()
    assert (list(state.saved), state.phase, state.resumable) == ([0], Phase.ABORTED, False)
    assert [(merge.ended, merge.files) for merge in state.merges] == [(True, ())]
    foreign = {3: "slice_saved", 4: "exposure_locked", 5: "rechecked", 6: "merge_done", 7: "delivered"}
    foreign |= {8: "slice_saved"}
    assert state.damage == tuple(
        f"line {line}: {event} is not as this version writes it" for line, event in foreign.items()
    )
    assert check(session.path).damage == state.damage


def test_a_first_line_that_is_lost_does_not_make_a_session_look_untouched(session: Session) -> None:
    with session.journal(MonotonicClock()) as journal:
        journal.append("stack_started")
        journal.append("exposure_locked", **LOCKED)
        journal.append("slice_saved", **saved_facts(0))
    lines = session.journal_path.read_bytes().splitlines(keepends=True)
    session.journal_path.write_bytes(lines[2])
    state = session.state()
    assert (state.phase, state.exposure, state.size_px) == (Phase.SHOOTING, EXPOSURE, None)
    assert state.damage


@pytest.mark.parametrize("bit", range(8))
def test_a_session_json_with_a_bit_flipped_anywhere_is_not_read(
    sessions: Sessions, session: Session, bit: int
) -> None:
    file = session.path / "session.json"
    content = file.read_bytes()
    for place in range(bit, len(content), 8):
        flipped = bytearray(content)
        flipped[place] ^= 1 << bit
        file.write_bytes(flipped)
        with pytest.raises(SessionUnreadable, match="checksum"):
            sessions.open(1)


def test_of_several_resumes_the_worst_is_kept_and_what_was_before_is_over(session: Session) -> None:
    with session.journal(MonotonicClock()) as journal:
        journal.append("stack_started")
        for moved_u, repeat_u in ((-30.0, 0.5), (10.0, -2.0), (None, None)):
            journal.append("stack_paused", reason="full", lacked_room=True)
            assert session.state().ended_at is not None
            journal.append("stack_resumed")
            journal.append("homed", moved_u=moved_u, repeat_u=repeat_u)
        state = session.state()
    assert (state.moved_u, state.repeat_u) == (-30.0, -2.0)
    assert (state.phase, state.reason, state.ended_at) == (Phase.SHOOTING, None, None)
    assert not state.lacked_room


def test_a_session_of_a_later_schema_is_not_read(sessions: Sessions, session: Session) -> None:
    file = session.path / "session.json"
    file.write_bytes(sealed({**unsealed(file.read_bytes()), "schema": 2}))
    with pytest.raises(SessionUnreadable, match="of schema 2, and this version reads 1"):
        sessions.open(1)


def test_a_slice_set_aside_replaces_nothing_there(session: Session) -> None:
    for content, name in ((b"first", "aside/0003.jpg"), (b"second", "aside/0003-2.jpg")):
        (session.path / "slices/0003.jpg").write_bytes(content)
        assert session.set_aside(3) == (name,)
    assert not list((session.path / "slices").iterdir())
    aside = {path.name: path.read_bytes() for path in (session.path / "aside").iterdir()}
    assert aside == {"0003.jpg": b"first", "0003-2.jpg": b"second"}


def test_a_slice_is_trusted_only_when_it_is_what_was_acknowledged(session: Session) -> None:
    with session.journal(MonotonicClock()) as journal:
        journal.append("slice_saved", **saved_facts(0))
    saved = session.state().saved[0]
    file = session.path / saved.file
    assert "cannot be read" in (session.flaw(saved) or "")
    file.write_bytes(b"jpe")
    assert "3 bytes and was saved with 4" in (session.flaw(saved) or "")
    file.write_bytes(b"jpeG")
    assert "checksum" in (session.flaw(saved) or "")
    file.write_bytes(b"jpeg")
    assert session.flaw(saved) is None


def test_tidying_removes_the_unfinished_alone(session: Session) -> None:
    for name in ("slices/0000.jpg", "slices/.0001.jpg.ab12.part", "merges/.x.part"):
        (session.path / name).touch()
    assert session.tidy() == 2
    assert [path.name for path in (session.path / "slices").iterdir()] == ["0000.jpg"]


@pytest.mark.parametrize(
    ("name", "file_name"),
    [
        ("beetle", "beetle"),
        ("../../etc/passwd", "etc-passwd"),
        ("", "stack"),
        ("日本", "stack"),
        ("x" * 90, "x" * 40),
        ("a\nb c", "a-b-c"),
        (".hidden", "hidden"),
    ],
)
def test_any_text_names_a_folder_safely(name: str, file_name: str) -> None:
    assert slug(name) == file_name
