"""Room on the disk: what a stack and its picture still need of it, and waiting until it is there."""

from collections.abc import Callable, Mapping

from rail.clock import Clock
from stack.disk import Disk
from stack.errors import DiskGone, StopAsked
from stack.progress import progress
from stack.saving import room_needed
from stack.session import Session
from stack.session_state import SessionState
from stack.stop import StopSignal, wait

LOOK_AGAIN_NS = 1_000_000_000
"""How often it is looked whether there is room."""

LONGEST_WAIT_LOOKS = 60
"""After room that was none, by a quota for instance, each wait is twice as long, up to so many looks."""


MERGE_BYTES_A_PIXEL = 4
"""Room for the merged picture, its depth map and what is written on the way."""


def merge_bytes(size_px: tuple[int, int]) -> int:
    """Give the room that a merge of frames of that size needs. Pure."""
    return MERGE_BYTES_A_PIXEL * size_px[0] * size_px[1]


def has_room_to_merge(disk: Disk, session: Session) -> bool:
    """Say whether a disk has room for the picture of a session."""
    try:
        return disk.free_bytes() >= merge_bytes(session.size_px or (0, 0))
    except DiskGone:
        return False


def wanted_bytes(state: SessionState, expected_bytes: int, reserve_bytes: int) -> int:
    """Give the room that all slices still missing need, and at least what one needs to begin. Pure.

    Parameters
    ----------
    state
        Of the session.
    expected_bytes
        What a slice weighs, where none is saved yet.
    reserve_bytes
        What must stay free.
    """
    slice_bytes = max(
        (sum(one.bytes for one in saved.files) for saved in state.saved.values()), default=expected_bytes
    )
    return max(room_needed(slice_bytes, reserve_bytes), reserve_bytes + len(state.missing) * slice_bytes)


class Patience:
    """Waits for room for one stack, as often as it takes; `tell` hears of it.

    Parameters
    ----------
    disk, clock
        Which disk, and whose time.
    session
        What is to go on.
    stop
        Ends the waiting.
    tell
        Takes the events.
    """

    def __init__(
        self,
        disk: Disk,
        clock: Clock,
        session: Session,
        stop: StopSignal,
        tell: Callable[[Mapping[str, object]], None],
    ) -> None:
        self._disk = disk
        self._clock = clock
        self._session = session
        self._stop = stop
        self._tell = tell
        self._looks = 1
        self._saved = -1

    def room_came(self, expected_bytes: int, reserve_bytes: int, why: str) -> bool:
        """Wait until there is room for what is missing; false when the end was asked for meanwhile.

        `why` says what could not be written.
        """
        state = self._session.state()
        needed_bytes = wanted_bytes(state, expected_bytes, reserve_bytes)
        self._looks = 1 if len(state.saved) > self._saved else min(2 * self._looks, LONGEST_WAIT_LOOKS)
        self._saved = len(state.saved)
        self._tell({**progress("resting", self._session.layout), "session": self._session.id})
        self._say("rest_began", why="room", reason=self._words(needed_bytes, why), needed_bytes=needed_bytes)
        looked = 0
        try:
            while looked < self._looks or self._free_bytes() < needed_bytes:
                self._tell({**progress("resting", self._session.layout), "session": self._session.id})
                wait(self._clock, LOOK_AGAIN_NS, self._stop)
                looked += 1
        except StopAsked:
            return False
        self._say("rest_ended", seconds=looked * LOOK_AGAIN_NS / 1e9)
        return True

    def _free_bytes(self) -> int:
        try:
            return self._disk.free_bytes()
        except DiskGone:
            return 0

    def _words(self, needed_bytes: int, why: str) -> str:
        free_bytes = self._free_bytes()
        if free_bytes >= needed_bytes:
            return (
                f"the disk of the stacks has room, and something could not be written ({why}). Make room "
                "where focusd keeps its state, or look for a quota, and it goes on by itself"
            )
        return (
            f"the disk is full: {free_bytes / 1e6:.0f} MB are free, and what is missing needs "
            f"{needed_bytes / 1e6:.0f} MB. Make room, and it goes on by itself"
        )

    def _say(self, event: str, **facts: object) -> None:
        self._tell({"event": event, "session": self._session.id, **facts})
