"""Where stacks are kept, and what each of them records of the daemon that shot it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from camera.camera import Camera
from focusd.journals import Journals
from focusd.shadings import Kept
from rail.screw import Scale
from stack.disk import Disk
from stack.durable import out_of_room
from stack.errors import DiskFull, DiskGone
from stack.layout import Layout
from stack.plan import StackPlan
from stack.session import Facts, Session
from stack.sessions import Sessions
from stack.specimen import Fields


@dataclass(frozen=True, slots=True)
class Record:
    """What every session records once of the daemon that shot it.

    Attributes
    ----------
    configuration, versions
        As plain JSON values.
    reserve_bytes
        What must stay free on the disk.
    simulated
        Whether the rig is an invented one.
    """

    configuration: Mapping[str, Any]
    versions: Mapping[str, str]
    reserve_bytes: int
    simulated: bool = False

    def facts(self, camera: Camera, kept: Kept | None, fields: Fields, grid: str) -> Facts:
        """Give what a session says of how it was shot; `kept` is what its slices are corrected by."""
        identity = camera.identity
        return Facts(
            configuration=self.configuration,
            versions=self.versions,
            camera={
                "make": identity.make,
                "model": identity.model,
                "sensor": identity.sensor,
                "rotation_deg": identity.rotation_deg,
                "pixel_um": identity.pixel_um,
                "size_px": list(camera.size_px),
                **({"shading": kept.record} if kept else {}),
            },
            fields=fields,
            simulated=self.simulated,
            grid=grid,
        )


@dataclass(frozen=True, slots=True)
class Archive:
    """The disk of the sessions, the sessions on it, who writes their journals, and what they record."""

    disk: Disk
    sessions: Sessions
    journals: Journals
    record: Record

    @property
    def reserve_bytes(self) -> int:
        """What must stay free of the disk."""
        return self.record.reserve_bytes

    def free_bytes(self) -> int:
        """Give the room on the disk; raises `DiskGone`."""
        return self.disk.free_bytes()

    def create(
        self, plan: StackPlan, layout: Layout, scale: Scale, facts: Facts, needed_bytes: int
    ) -> Session:
        """Make a session's folder; raises `DiskGone`, and `DiskFull` where there is no room after all."""
        try:
            return self.sessions.create(plan, layout, scale, facts)
        except OSError as error:
            if not out_of_room(error):
                raise DiskGone(error) from error
            raise DiskFull(
                f"the disk is full: the session's folder cannot be made in {self.sessions.root}. "
                "Make room, then shoot again",
                free_bytes=self.free_bytes(),
                needed_bytes=needed_bytes,
            ) from error
