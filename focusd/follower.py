"""Hands a stack's slices to its merge as the shooter tells of them."""

from collections.abc import Mapping

from focusd.feed import Feed
from focusd.merges import Merges
from stack.ending import Ending, EndingKind
from stack.session import Session


class Follower:
    """Between one run of the shooter and one merge. `observe` neither blocks nor raises.

    Parameters
    ----------
    session
        What is shot.
    merges
        None: nothing is merged.
    """

    def __init__(self, session: Session, merges: Merges | None) -> None:
        self._session = session
        self._merges = merges
        self._feed: Feed | None = None
        self._waiting: dict[int, str] = {}
        self._next = 0

    def observe(self, event: Mapping[str, object]) -> None:
        """Begin the merge with the stack, and give it each slice in the order of the plan."""
        match event["event"], event:
            case "slice_retaken", {"index": int(index)}:
                self._forget(index)
            case "stack_started" | "stack_resumed", _ if self._merges is not None and self._feed is None:
                self._feed = self._merges.follow(self._session)
                saved = self._session.state().saved
                self._hand_on(self._feed, {index: one.file for index, one in saved.items()})
            case "slice_saved", {"index": int(index), "file": str(file)} if self._feed is not None:
                self._hand_on(self._feed, {index: file})

    def end(self, ending: Ending) -> None:
        """Let the picture be finished when the stack is done; a paused one is merged when it goes on."""
        if self._feed is not None and ending.kind is EndingKind.DONE:
            self._feed.end()
        else:
            ended = "has failed" if ending.kind is EndingKind.FAILED else f"is {ending.kind}"
            merge = f"; `focusctl merge {self._session.number}` merges what there is"
            self.drop(f"the stack {ended}{merge if ending.saved > 1 else ''}")

    def _hand_on(self, feed: Feed, files: Mapping[int, str]) -> None:
        """Give the merge what now follows without a gap: it lays and judges a slice by its neighbours."""
        self._waiting.update(files)
        while (file := self._waiting.pop(self._next, None)) is not None:
            feed.add(file)
            self._next += 1

    def _forget(self, index: int) -> None:
        """Take back a slice that is shot again; a merge that has it is begun anew with the stack."""
        self._waiting.pop(index, None)
        if index < self._next:
            self.drop("a slice of it is shot again")
            self._feed, self._waiting, self._next = None, {}, 0

    def drop(self, why: str) -> None:
        """Give the merge up."""
        if self._feed is not None:
            self._feed.drop(why)
