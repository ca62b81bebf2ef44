"""`focusctl merge SESSION` and its kin: what the merge's own command asks the daemon for."""

import json
from collections.abc import Mapping
from pathlib import Path

from focusd.call import Call
from focusd.client import RECONNECTED, Answer, NoDaemon, Problem
from focusd.exits import Exit

_GOING = ("waiting", "running")


class MergingDaemon:
    """Stands between the merge's command, which knows no daemon, and the daemon."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def folder_of(self, session: str) -> Path:
        """Give a session's folder by its number or id; raises `ClientError`."""
        return Path(self._call.daemon.session(session)["folder"])

    def redo(self, session: str, wanted: Mapping[str, object], as_json: bool) -> int | None:
        """Let the daemon merge a session anew and follow it; give the exit code.

        None: it is a folder that no daemon keeps. Raises `ClientError`.
        """
        name = self._kept(session)
        if name is None:
            return None
        begun = self._call.daemon.tell("/merge", session=name, **wanted)
        try:
            return int(self._followed(begun, as_json))
        except KeyboardInterrupt:
            words = "the merge goes on without you. See how far it is: focusctl status"
            return int(self._call.problem("Detached", words, Exit.INTERRUPTED))

    def _kept(self, session: str) -> str | None:
        """Give the name the daemon knows a session by; None for a folder that is not its own."""
        folder = Path(session)
        if not folder.is_dir():
            return session
        name = folder.resolve().name
        try:
            kept = Path(self._call.daemon.session(name)["folder"])
        except (NoDaemon, Problem):  # nobody keeps any, or none of that name that can be read
            return None
        return name if kept.resolve() == folder.resolve() else None

    def _followed(self, begun: Answer, as_json: bool) -> Exit:
        """Tell how far it is until it is over."""
        for event in self._call.daemon.events(begun["since"]):
            if event == RECONNECTED:
                session = self._call.daemon.session(begun["session"])
                if session["merge"] not in _GOING:
                    done = session["merge"] == "done"
                    return self._over("merge_done" if done else "merge_failed", {}, begun, as_json)
            elif event.get("session") == begun["session"]:
                if as_json and str(event["event"]).startswith("merge_"):
                    self._call.out.line(json.dumps(event, ensure_ascii=False))
                if event["event"] == "merge_progress" and not as_json:
                    self._call.err.line(f"merged {event['merged']} of {begun['slices']}")
                if event["event"] in ("merge_done", "merge_failed"):
                    return self._over(str(event["event"]), event, begun, as_json)
        return Exit.FAILED

    def _over(self, event: str, facts: Mapping[str, object], begun: Answer, as_json: bool) -> Exit:
        if event == "merge_failed":
            why = str(facts.get("error") or "its report says why")
            return self._call.problem("Merge failed", why, Exit.FAILED)
        if not as_json:
            number = f" is merge {facts['merge']}" if "merge" in facts else " is there"
            folder = self.folder_of(begun["session"])
            self._call.out.line(f"{folder / 'merged.jpg'}{number}, from {begun['slices']} slices")
        return Exit.DONE
