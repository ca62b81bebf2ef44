"""What an axis remembers of its position, and what that is worth when the power comes back."""

import logging

from rail.axis import Position, Trust
from rail.axis_settings import AxisSettings
from rail.position_store import PositionStore, StoredPosition
from rail.screw import Scale

_log = logging.getLogger(__name__)


class PositionRecord:
    """A position in a store, written only where the store does not say the same for certain.

    So of many moves in a row only the first waits for the disk. `grid` names what its steps count.
    """

    def __init__(self, store: PositionStore, scale: Scale, settings: AxisSettings) -> None:
        self._store = store
        self.grid = _grid(scale, settings)
        self._settings = settings
        self._certain: StoredPosition | None = None
        self._fails = False

    @property
    def moving(self) -> bool:
        """Whether the store says *moving*, for certain."""
        return self._certain is not None and self._certain.moving

    def at_power_up(self) -> Position:
        """Give what is stored, and what it is worth after the power may have been away."""
        stored, settings = self._store.load(), self._settings
        if (
            stored is None
            or stored.moving
            or stored.grid != self.grid
            or stored.trust is Trust.UNKNOWN
            or not settings.self_holding
            or (settings.forgets_pattern and not stored.parked)
        ):
            return Position(0, Trust.UNKNOWN)
        return Position(stored.steps, Trust.ASSUMED)

    def write(self, position: Position, *, moving: bool, parked: bool) -> None:
        """Store where the axis stands, or from where it sets out; raises OSError.

        Until that is written nothing is certain: the store may hold this, or what it held before.
        """
        stored = StoredPosition(position.steps, position.trust, moving, self.grid, parked)
        if stored != self._certain:
            self._certain = None
            self._store.save(stored)
            self._certain = stored
            self._works_again()

    def doubt(self, error: OSError) -> None:
        """Let nothing that is stored be believed later, as a rest could not be written.

        A stored *moving* is believed by nobody; a place may be an older one, from before its owner declared
        it anew or it was lost. Said once until something is written again: a full disk outlasts many rests.
        """
        why = f"the position could not be recorded ({error.strerror or error})"
        try:
            stored = self._store.load()
            if stored is None or not stored.moving:
                self._store.forget()
            words = f"{why}: after a restart it is unknown. Make room on the disk where focusd keeps it"
        except OSError:
            words = f"{why}, nor could the place before it be removed: after a restart, home before you move"
        if not self._fails:
            _log.warning("%s", words)
        self._fails = True

    def _works_again(self) -> None:
        if self._fails:
            _log.warning("the position is recorded again")
        self._fails = False


def _grid(scale: Scale, settings: AxisSettings) -> str:
    """Name what stored steps count: how long each is, from where, and which way."""
    home = f", home at {settings.home_steps}" if settings.home_steps else ""
    return f"{scale.exact}{home}{', inverted' if settings.inverted else ''}"
