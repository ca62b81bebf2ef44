"""What becomes of words that nobody reads, or that a full disk does not take."""

import os
import sys
from pathlib import Path

import pytest

from focusd import daemon
from stack.merge.interrupts import heard

PLACES = {"closed pipe": 1, "full disk": "focusd: standard output: No space left on device"}
"""What takes nothing, and what a program ends with whose words went there."""


@pytest.fixture(params=PLACES)
def deaf(request):
    """Give a stream that takes nothing, and what a program ends with that wrote there."""
    if request.param == "closed pipe":
        ear, mouth = os.pipe()
        os.close(ear)
    with Path("/dev/full").open("w") if request.param == "full disk" else os.fdopen(mouth, "w") as stream:
        yield stream, PLACES[request.param]


@pytest.mark.parametrize("end", [lambda: None, lambda: sys.exit(0)])
def test_a_program_whose_words_went_nowhere_ends_with_a_line_at_most(deaf, monkeypatch, end):
    stream, code = deaf
    monkeypatch.setattr(sys, "stdout", stream)
    stream.write("what was asked for")
    with pytest.raises(SystemExit) as ended, heard("focusd"):
        end()
    assert ended.value.code == code


def test_no_output_at_all_is_no_reason_to_end(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with heard("focusd"):
        pass


def test_the_daemon_goes_on_where_nobody_reads_that_it_is_ready(deaf, monkeypatch):
    monkeypatch.setattr(sys, "stdout", deaf[0])
    daemon._tell("focusd ready unix:/run/focusrail/focusd.sock")


def test_the_daemon_ends_its_help_where_nobody_reads_it(deaf, monkeypatch):
    monkeypatch.setattr(sys, "stdout", deaf[0])
    with pytest.raises(SystemExit) as ended:
        daemon.main(["--help"])
    assert ended.value.code == deaf[1]
