"""Why the last stack of a series failed or is in doubt, told for as long as that needs a person."""

from collections.abc import Callable
from contextlib import suppress

from focusd.stacks import Stacks
from stack.errors import SessionError
from stack.sessions import Sessions


class Attention:
    """The reason of the last failure or doubt, until a stack is well again or what it speaks of is over.

    Where the disk or the camera failed with the stack, it is over when that works again: a series of one
    stack a day would call for help until the next evening. `words` holds up nobody.

    Parameters
    ----------
    roomy
        Says whether the disk is there and the next stack has room on it.
    """

    def __init__(self, sessions: Sessions, stacks: Stacks, roomy: Callable[[], bool]) -> None:
        self._sessions = sessions
        self._stacks = stacks
        self._roomy = roomy
        self._causes: tuple[Callable[[], bool], ...] = ()
        self.words: str | None = None

    def note(self, words: str | None) -> None:
        """Tell why a stack failed, and find out what works no more; None: nothing does any more."""
        works = () if words is None else (self._roomy, self._camera_works)
        self._causes = tuple(one for one in works if not one())
        self.words = words

    def recall(self, words: str) -> None:
        """Tell why the last stack of an earlier daemon failed; of the camera nothing is known yet."""
        self._causes = () if self._roomy() else (self._roomy,)
        self.words = words

    def doubt(self, words: str | None) -> None:
        """Tell why a stack that is done may not be what it should; None: it is well."""
        self._causes = ()
        self.words = words

    def look(self) -> None:
        """Tell it no more where all that had failed works again."""
        if self._causes and all(works() for works in self._causes):
            self.note(None)

    def _camera_works(self) -> bool:
        """Say whether nothing is known against the camera; while the rig works, whether a slice came of it.

        A camera that hangs opens well, and is known to hang only when its frame does not come.
        """
        if not self._stacks.busy():  # asked first: as an order ends, it leaves its problem before that
            return self._stacks.camera_problem() is None
        shooting = self._stacks.shooting()
        with suppress(SessionError, OSError):
            return shooting is not None and bool(self._sessions.open(shooting).state().saved)
        return False
