"""What is written from focusctl's own parser: the manual page and the completion."""

import shutil
import subprocess

import pytest

from focusd.arguments import focusctl_parser, parse
from focusd.cli import _COMMANDS
from focusd.commands import commands_of
from focusd.completion import completion
from focusd.manual import manual

ALL = list(commands_of(focusctl_parser()))


def completed(*words: str) -> set[str]:
    """Give what bash offers after these words, the last one begun."""
    ask = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _focusctl; printf "%s\\n" "${COMPREPLY[@]}"'
    script = f"{completion(ALL)}\n{ask}"
    done = subprocess.run(["bash", "-c", script, "-", *words], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_every_command_is_known_and_explained() -> None:
    first_words = {command.words[0] for command in ALL if command.words}
    assert set(_COMMANDS) <= first_words
    assert [command.words for command in ALL if not command.says] == []


def test_bash_offers_what_may_come_next() -> None:
    assert {"shoot", "sessions", "doctor"} <= completed("focusctl", "")
    assert completed("focusctl", "sho") == {"shoot"}
    assert completed("focusctl", "sessions", "ex") == {"export"}
    assert completed("focusctl", "mark", "") >= {"near", "far", "clear"}
    assert "--rehearse" in completed("focusctl", "shoot", "--re")
    assert completed("focusctl", "shoot", "--after", "") == {"park", "start", "stay"}
    assert completed("focusctl", "shoot", "--name", "s") == set()


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_the_manual_page_is_sound_roff() -> None:
    page = manual(ALL, "1.2", "exit codes: 0 done")
    done = subprocess.run(
        ["groff", "-man", "-Tascii", "-P-cbou", "-wall"],
        input=page,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    for command in ALL:
        assert " ".join(command.words) in done.stdout


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("timelapse start", "focusctl timelapse start: error: the following arguments are required: --every"),
        ("goto 1mm --fast", "focusctl goto: error: unrecognized arguments: --fast"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_line_that_names_its_help(
    typed: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse(typed.split())
    command = words.partition(":")[0]
    assert capsys.readouterr().err == f"{words} (see: {command} --help)\n"
