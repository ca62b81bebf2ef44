"""What everything in the daemon stands on: the rig, the disk, and where things are written."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from focusd.errors import StartFailed
from focusd.events import EventHub
from focusd.hardware import Rig, open_rig
from focusd.journals import Journals
from focusd.marks import HomingConsent
from focusd.places import of_rig
from focusd.settings import Config, Storage
from stack.disk import Disk, expected_below, places_in_fstab
from stack.sessions import Sessions
from stack.vitals import Strain, strain

NO_SWITCH_ON_A_RING = (
    "a focus ring has no switch to home to: turn it to its mark with `focusctl jog` and say that it is there "
    "with `focusctl zero`, or shoot a length from here"
)


@dataclass(frozen=True, slots=True)
class Ground:
    """The rig as it is configured, and its memory.

    Attributes
    ----------
    consent
        Whether its owner has said that it may home.
    simulated
        Whether it is an invented one.
    """

    config: Config
    state_folder: Path
    simulated: bool
    rig: Rig
    disk: Disk
    sessions: Sessions
    journals: Journals
    hub: EventHub
    consent: HomingConsent

    @property
    def reserve_bytes(self) -> int:
        """What must stay free on the disk."""
        return self.config.storage.reserve_mb * 1_000_000

    def strained(self, before: Strain | None) -> Strain | None:
        """Say why the Pi should rest, None where it need not; `before` is why it rests already."""
        return strain(self.rig.board.vitals(), self.config.board.limits, before)


def open_ground(
    config: Config, state_folder: Path, run_folder: Path | None, undo: ExitStack, *, simulate: bool
) -> Ground:
    """Open the rig; `undo` closes all of it but the axis, which has an owner.

    Raises `rail.errors.PinsUnavailable` and `focusd.errors.StartFailed`.
    """
    disk = disk_of(config.storage, state_folder)
    consent = HomingConsent(
        of_rig(state_folder, "homing-allowed", simulate=simulate),
        configured=config.axis.home_allowed or config.axis.kind == "lens",  # nothing is in a lens's way
        impossible=NO_SWITCH_ON_A_RING if config.axis.kind == "ring" else None,
    )
    rig = open_rig(config, state_folder, run_folder, simulate=simulate, home_allowed=consent.given())
    if rig.simulation is not None:
        undo.callback(rig.simulation.close)
    undo.callback(rig.panel.close)
    return Ground(
        config,
        state_folder,
        simulate,
        rig,
        disk,
        Sessions(disk.root),
        Journals(rig.clock),
        EventHub(),
        consent,
    )


def disk_of(storage: Storage, state_folder: Path) -> Disk:
    """Give the disk that sessions go to, their folder made.

    Raises `DiskNotMounted` where it is not there, and `StartFailed` where nothing can be written to it.
    From here on it must stay what it is now: one that is pulled out is not replaced by the one below. A link
    counts for what it leads to.
    """
    own = state_folder / "sessions"
    root = Path(storage.sessions or own).resolve()
    if storage.sessions is None and not own.is_symlink():
        below = None
    elif storage.mount == "auto":
        below = expected_below(root, places_in_fstab())
    else:
        below = Path(storage.mount).resolve()
    anywhere = storage.mount == "none"
    disk = Disk(root, None if anywhere else below)
    disk.check()
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartFailed(
            f"the folder of the sessions, {root}, cannot be made: {error.strerror}. Make it, and give it to "
            "the user that focusd runs as: sudo chown focusrail: FOLDER. Systemd's focusd may write below "
            "/mnt, /media, /run/media and /srv alone, not below /home: storage.sessions"
        ) from error
    return disk if anywhere else disk.held()
