"""One run of focusctl: what was typed, whom to ask, where to write."""

import json
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import dataclass

from focusd.client import Answer, Daemon
from focusd.exits import Exit
from focusd.terminal import Terminal


@dataclass(frozen=True, slots=True)
class Call:
    """What was typed, whom to ask, where to write."""

    typed: Namespace
    daemon: Daemon
    out: Terminal
    err: Terminal

    @property
    def json(self) -> bool:
        """Whether a program reads what is written."""
        return getattr(self.typed, "json", False)

    def result(self, answer: Answer, lines: Iterable[str]) -> Exit:
        """Write a result: as it came for programs, in `lines` for people."""
        if self.json:
            self.out.line(json.dumps(answer, ensure_ascii=False))
        else:
            for line in lines:
                self.out.line(line)
        return Exit.DONE

    def problem(self, title: str, detail: str, exit_code: Exit) -> Exit:
        """Write what went wrong."""
        if self.json:
            problem = {"title": title, "detail": detail, "exit_code": int(exit_code)}
            self.err.line(json.dumps(problem, ensure_ascii=False))
        else:
            self.err.line(f"focusctl: {self.err.alarm(title)}: {detail}")
        return exit_code
