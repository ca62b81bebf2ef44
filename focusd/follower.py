"""Hands a stack's slices to its merge as the shooter tells of them."""

from collections.abc import Mapping

from focusd.merges import Feed, Merges
from stack.session import Session
from stack.shoot import Ending, EndingKind


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

    def observe(self, event: Mapping[str, object]) -> None:
        """Begin the merge with the stack, and give it each slice; what was saved earlier comes first."""
        match event["event"]:
            case "stack_started" | "stack_resumed" if self._merges is not None:
                self._feed = self._merges.follow(self._session)
                saved = self._session.state().saved
                for index in sorted(saved):
                    self._feed.add(saved[index].file)
            case "slice_saved" if self._feed is not None:
                self._feed.add(str(event["file"]))

    def end(self, ending: Ending) -> None:
        """Let the picture be finished when the stack is done; a paused one is merged when it goes on."""
        if self._feed is not None and ending.kind is EndingKind.DONE:
            self._feed.end()
        else:
            self.drop(f"the stack is {ending.kind}; `focusctl merge` merges what there is")

    def drop(self, why: str) -> None:
        """Give the merge up."""
        if self._feed is not None:
            self._feed.drop(why)
