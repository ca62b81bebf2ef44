import logging
import os
import socket
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusd.log import Journal, datagram, fields_of, to_journal
from focusd.now import Glance, Progress

SHOOTING = Glance("shoot", Progress("shooting", "0042-beetle", 11, 80), failed=False, emergency=False)
AT_REST = Glance(None, Progress(), failed=False, emergency=False)


def record(words: str, level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord("focusd.operator", level, __file__, 1, words, (), None)


def read(sent: bytes) -> dict[str, str]:
    """Read a datagram as the journal does."""
    fields = {}
    while sent:
        end = sent.index(b"\n")
        name, equals, text = sent[:end].partition(b"=")
        sent = sent[end + 1 :]
        if not equals:
            size = int.from_bytes(sent[:8], "little")
            text, sent = sent[8 : 8 + size], sent[8 + size + 1 :]
        fields[name.decode()] = text.decode()
    return fields


def test_a_record_carries_job_session_and_slice() -> None:
    fields = fields_of(record("lost"), "lost", SHOOTING)
    assert (fields["FOCUSRAIL_JOB"], fields["FOCUSRAIL_SESSION"]) == ("shoot", "0042-beetle")
    assert (fields["FOCUSRAIL_SLICE"], fields["PRIORITY"]) == ("11", "3")
    assert not [name for name in fields_of(record("x"), "x", AT_REST) if name.startswith("FOCUSRAIL")]
    assert fields_of(record("x", logging.INFO), "x", None)["PRIORITY"] == "6"


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z_]{0,9}", fullmatch=True), st.text(), max_size=5))
def test_whatever_is_said_the_journal_reads_the_same(fields: dict[str, str]) -> None:
    assert read(datagram(fields)) == fields


def test_the_journal_hears_it(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
        journald.bind(str(tmp_path / "journal"))
        journald.settimeout(5)
        journal = Journal(tmp_path / "journal")
        journal.look = lambda: SHOOTING
        journal.handle(record("two\nlines"))
        heard = read(journald.recv(10_000))
        journal.close()
    assert heard["MESSAGE"] == "two\nlines"
    assert heard["FOCUSRAIL_SLICE"] == "11"


def test_without_a_journal_it_is_still_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal(tmp_path / "gone")
    journal.handle(record("said"))
    journal.close()
    assert capsys.readouterr().err == "said\n"


def test_only_a_standard_error_that_leads_there_is_the_journals(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        found = os.fstat(log.fileno())
        ours = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        assert to_journal(ours, log.fileno())
        assert not to_journal({"JOURNAL_STREAM": "1:2"}, log.fileno())
        assert not to_journal({}, log.fileno())
    assert sys.stderr is not None
