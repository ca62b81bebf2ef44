"""What an axis remembers of its position, and what that is worth when the power comes back."""

from rail.axis import Position, Trust
from rail.axis_settings import AxisSettings
from rail.position_store import PositionStore, StoredPosition
from rail.screw import Scale


class PositionRecord:
    """A position in a store, written only where the store does not say the same for certain.

    So of many moves in a row only the first waits for the disk. `grid` names what its steps count.
    """

    def __init__(self, store: PositionStore, scale: Scale, settings: AxisSettings) -> None:
        self._store = store
        self.grid = _grid(scale, settings)
        self._settings = settings
        self._certain: StoredPosition | None = None

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


def _grid(scale: Scale, settings: AxisSettings) -> str:
    """Name what stored steps count: how long each is, from where, and which way."""
    home = f", home at {settings.home_steps}" if settings.home_steps else ""
    return f"{scale.exact}{home}{', inverted' if settings.inverted else ''}"
