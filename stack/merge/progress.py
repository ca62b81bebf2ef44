"""How far a merge is: JSON lines on stdout, or words on stderr, where a terminal's line is rewritten."""

import json
import sys
from collections.abc import Sequence
from typing import Any, Final

from stack.line import plain

LEFT_OUT: Final = "was left out:"
DOUBTFUL: Final = "alignment is doubtful:"
"""How warnings begin that are told as soon as they are known."""


class Progress:
    """Tells how far the merge is."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._rewrites = sys.stderr.isatty()
        self._open = False
        self._told: list[str] = []

    def merged(self, done: int, of: int, name: str, doubt: str) -> None:
        """Tell that a slice is in."""
        if self._json:
            self._line(event="merge_progress", merged=done, slices=of, file=name, doubt=doubt)
            return
        self._step(f"merged {done} of {of}  {on_one_line(name)}")
        if doubt:
            self._tell_at_once(f"{on_one_line(name)}: {DOUBTFUL} {doubt}")

    def skipped(self, name: str, reason: str) -> None:
        """Tell that a slice was left out."""
        if self._json:
            self._line(event="merge_skipped", file=name, reason=reason)
        else:
            self._tell_at_once(f"{on_one_line(name)} {LEFT_OUT} {reason}")

    def passed_over(self, names: Sequence[str]) -> None:
        """Tell of pictures that were not taken for slices."""
        if self._json:
            self._line(event="merge_passed_over", files=list(names))
        else:
            what = (
                "was merged before and is no slice"
                if len(names) == 1
                else "were merged before and are no slices"
            )
            self.warn(f"{listed(names)} {what}: passed over")

    def step(self, what: str, done: int, of: int) -> None:
        """Tell of what comes after all slices are in."""
        if self._json:
            self._line(event="merge_step", step=what, done=done, of=of)
        else:
            self._step(f"{what} {done} of {of}")

    def doing(self, what: str) -> None:
        """Tell people of what takes a while, and how long cannot be said."""
        if not self._json:
            self._step(what)

    def session(self, name: str, done: int, of: int, **facts: Any) -> None:
        """Tell that one session of a batch is finished with."""
        if self._json:
            self._line(event="batch_progress", session=name, done=done, of=of, **facts)
        else:
            self.close()
            said = facts.get("skipped") or f"failed: {facts.get('error')}"
            if "seconds" in facts:
                said = f"{facts['slices']} slices merged in {facts['seconds']} s"
                said += "".join(f"\n    note: {warning}" for warning in facts["warnings"])
            self._write(f"{done} of {of}  {name}: {said}\n")

    def done(self, facts: dict[str, Any]) -> None:
        """Tell that everything is written."""
        slices, seconds = len(facts["slices"]), facts["seconds"]
        if self._json:
            self._line(
                event="merge_done",
                files=facts["outputs"],
                slices=slices,
                seconds=seconds,
                warnings=facts["warnings"],
            )
            return
        self.close()
        for warning in facts["warnings"]:
            if warning not in self._told:
                self._write(f"note: {warning}\n")
        if facts["skipped"]:
            bad = len(facts["skipped"])
            self._write(f"note: left out: {bad} of {slices + bad} slices\n")
        size = f"{facts['width_px']}x{facts['height_px']}"
        self._write(f"{facts['outputs'][0]}: {size} from {slices} slices in {seconds:.1f} s\n")

    def said(self, sentence: str, **facts: Any) -> None:
        """Tell a result in one sentence, or its facts as a line."""
        if self._json:
            self._line(**facts)
        else:
            self.close()
            self._write(sentence + "\n")

    def warn(self, sentence: str) -> None:
        """Say something that is not the result, for people only."""
        self.close()
        if not self._json:
            self._write(sentence + "\n")

    def _tell_at_once(self, warning: str) -> None:
        """Tell what is among the warnings in the end, too, but not to be read twice."""
        self._told.append(warning)
        self.warn(warning)

    def fail(self, error: str) -> None:
        """Say in one line why not."""
        if self._json:
            self._line(event="merge_failed", error=error)
            return
        self.close()
        self._write(f"focusctl merge: {error}\n")

    def close(self) -> None:
        """End the line that is being rewritten."""
        if self._open:
            self._write("\n")
        self._open = False

    def _step(self, text: str) -> None:
        if self._rewrites:
            self._clear_line()
        self._write(text if self._rewrites else text + "\n")
        self._open = self._rewrites

    def _line(self, **facts: Any) -> None:
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()

    def _clear_line(self) -> None:
        sys.stderr.write("\r\x1b[K")

    def _write(self, text: str) -> None:
        sys.stderr.write(plain(text))
        sys.stderr.flush()


class Silence(Progress):
    """Tells nothing: for one of many merges, of which only the end is told."""

    def __init__(self) -> None:
        super().__init__(as_json=False)

    def _line(self, **facts: Any) -> None:
        pass

    def _clear_line(self) -> None:
        pass

    def _write(self, text: str) -> None:
        pass


def on_one_line(name: str) -> str:
    r"""Write a file's name so that it ends no line and drives no terminal: `a\nb.jpg`."""
    return plain(name).replace("\n", r"\n")


def listed(names: Sequence[str], most: int = 4) -> str:
    """Name some of many."""
    return ", ".join(map(on_one_line, names[:most])) + (
        f" and {len(names) - most} more" if len(names) > most else ""
    )
