"""What a journal says after anything has happened to its bytes."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from stack.journal import Entry, Journal, Reading, replay


class StillClock:
    def monotonic_ns(self) -> int:
        return 1_000

    def sleep_until_ns(self, instant_ns: int) -> None:
        raise AssertionError("a journal does not wait")


EVENTS = [
    ("stack_started", {"slices": 2, "positions_steps": [1, 2]}),
    ("slice_saved", {"index": 0, "file": "slices/0000.jpg", "why": 'ends in ","crc32":"00000000"}'}),
    ("slice_saved", {"index": 1, "name": "Käfer\n"}),
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
names = st.text(min_size=1).filter(
    lambda name: name not in ("seq", "at", "mono_ns", "event", "crc32", "self")
)
events = st.tuples(st.text(), st.dictionaries(names, json_values, max_size=4))


def damaged(lines: Iterable[bytes]) -> bool:
    reading = Reading()
    list(reading.entries(lines))
    return bool(reading.damage)


def written(path: Path) -> tuple[bytes, tuple[Entry, ...]]:
    with Journal(path, StillClock()) as journal:
        for event, facts in EVENTS:
            journal.append(event, **facts)
        return path.read_bytes(), journal.entries


@contextmanager
def somewhere() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder, "journal.jsonl")


@given(st.lists(events, max_size=5))
def test_what_goes_in_comes_out(history: list[tuple[str, dict[str, object]]]) -> None:
    with somewhere() as path:
        with Journal(path, StillClock()) as journal:
            for event, facts in history:
                journal.append(event, **facts)
        said = replay(path)
    assert [(entry.event, dict(entry.facts)) for entry in said.entries] == history
    assert [entry.seq for entry in said.entries] == list(range(1, len(history) + 1))
    assert (said.torn_bytes, said.damage) == (0, ())


def test_cut_anywhere_it_gives_every_whole_line_and_goes_on_after_it(tmp_path: Path) -> None:
    content, entries = written(tmp_path / "whole.jsonl")
    path = tmp_path / "cut.jsonl"
    for length in range(len(content) + 1):
        cut = content[:length]
        path.write_bytes(cut)
        whole = cut.count(b"\n")
        said = replay(path)
        assert said.entries == entries[:whole]
        assert said.damage == ()
        assert said.torn_bytes == len(cut) - (cut.rindex(b"\n") + 1 if whole else 0)
        with Journal(path, StillClock()) as journal:
            assert path.read_bytes() == cut[: len(cut) - said.torn_bytes]
            journal.append("stack_resumed", missing=[])
        said = replay(path)
        assert [entry.seq for entry in said.entries] == list(range(1, whole + 2))
        assert (said.entries[:whole], said.torn_bytes, said.damage) == (entries[:whole], 0, ())


def test_any_bit_that_flips_is_noticed_and_never_read_as_truth(tmp_path: Path) -> None:
    content, entries = written(tmp_path / "journal.jsonl")
    for place in range(len(content)):
        for bit in range(8):
            flipped = bytearray(content)
            flipped[place] ^= 1 << bit
            reading = Reading()
            said = set(map(repr, reading.entries(BytesIO(flipped))))
            assert reading.torn_bytes or reading.damage
            assert said < set(map(repr, entries))


@given(st.data())
def test_after_a_flip_what_was_written_stays_and_the_damage_is_told_for_ever(data: st.DataObject) -> None:
    with somewhere() as path:
        content, entries = written(path)
        place = data.draw(st.integers(0, len(content) - 2))
        flipped = bytearray(content)
        flipped[place] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(flipped)
        with Journal(path, StillClock()) as journal:
            assert journal.damage == replay(path).damage != ()
            journal.append("stack_resumed", missing=[])
        assert path.read_bytes().startswith(flipped)
        said = replay(path)
    assert said.damage[0].line == content.count(b"\n", 0, place) + 1
    assert said.entries[-1].event == "stack_resumed"
    assert {entry.seq for entry in said.entries[:-1]} <= {entry.seq for entry in entries}


@given(st.permutations(range(3)), st.sets(st.integers(0, 2)))
def test_lines_lost_doubled_or_out_of_order_are_noticed(order: list[int], dropped: set[int]) -> None:
    with somewhere() as path:
        content, _ = written(path)
    lines = content.splitlines(keepends=True)
    kept = [number for number in order if number not in dropped]
    assert damaged(lines[number] for number in kept) is (kept != list(range(len(kept))))
    assert damaged([*lines, lines[0]])
