"""A plan, an axis and a camera become slices on disk and events; knows no sockets, no GPIO and no OpenCV."""

from rail.axis import Trust
from rail.errors import Halted
from stack.ending import Ending
from stack.errors import NotResumable
from stack.journal import Journal
from stack.kit import Kit
from stack.run import Run
from stack.session import Session
from stack.session_state import Phase, SessionState, fold
from stack.stop import StopSignal
from stack.telling import Observe


class Shooter:
    """Shoots stacks, and remembers for which of them places that are counted from anywhere still hold."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self._counted: set[str] = set()

    def shoot(self, session: Session, journal: Journal, stop: StopSignal, observe: Observe) -> Ending:
        """Shoot what the session lacks: all of it at first, the rest after a pause, a failure or a crash.

        Files that the journal calls saved are verified before they are trusted; where they differ they are
        set aside and shot again, and so are files that it does not speak of. Slices shot later are held to
        the exposure recorded with the first.

        Raises `NotResumable` when the session is over, or its positions mean nothing any more; after that
        every error becomes an `Ending`.
        """
        state = fold(journal.entries, session.layout.slices)
        self._admit(session, state)
        if session.layout.adrift:
            self._counted.add(session.id)
        ending = Run(self.kit, session, journal, stop, observe).run(state)
        if isinstance(ending.error, Halted):
            self.lose_count()
        return ending

    def lose_count(self) -> None:
        """Take what is counted from anywhere for lost: the axis was let go, or counts from elsewhere now."""
        self._counted.clear()

    def _admit(self, session: Session, state: SessionState) -> None:
        if not state.resumable:
            raise NotResumable(
                f"session {session.id} is {state.phase}: there is nothing to go on with", session=session.id
            )
        if not session.layout.adrift:
            return
        if state.phase is Phase.CREATED and self.kit.axis.position().steps == session.layout.start_steps:
            return
        if self.kit.axis.position().trust is not Trust.UNKNOWN or session.id not in self._counted:
            raise NotResumable(
                f"the places of session {session.id} were counted from where the axis happened to stand, and "
                "that count is lost: merge what there is, or shoot anew",
                session=session.id,
            )
