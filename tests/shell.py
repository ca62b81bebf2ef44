"""focusctl as a shell runs it: in this process, or in one of its own."""

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from focusd.cli import main

ROOT = Path(__file__).parents[1]


def typed(line):
    """Start focusctl as a shell would, with pipes for its output."""
    return subprocess.Popen(
        [sys.executable, "-m", "focusd.cli", *line.split()],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    )


def run(line, capsys):
    """Give exit code, standard output and standard error of one command."""
    code = main(line.split())
    seen = capsys.readouterr()
    return code, seen.out, seen.err


def done(socket, *words):
    """Run one command to its end beside a daemon, in this process: one of its own takes half a second."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        try:
            code = main(["--socket", str(socket), *map(str, words)])
        except SystemExit as refused:  # what was typed, by argparse
            code = refused.code
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def lines_of(process, count):
    return [process.stdout.readline() for _ in range(count)]


def ended(process):
    out, err = process.communicate(timeout=20)
    return process.returncode, out, err
