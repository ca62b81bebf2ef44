"""The slices of one run: whether there is room for another, and a frame made durable, journaled, told."""

from datetime import timedelta

from camera.camera import Frame
from rail.axis import Arrival
from stack.errors import DiskFull
from stack.estimate import expected_slice_bytes
from stack.kit import Kit
from stack.record import exposure_record, plain
from stack.session import Session
from stack.slice_files import SliceFiles, SliceLabel
from stack.telling import Telling
from stack.vitals import Vitals, vitals_record
from stack.writer import FRAMES_IN_FLIGHT


class Saving:
    """Saves frames as a session's slices."""

    def __init__(self, kit: Kit, session: Session, telling: Telling) -> None:
        self._kit = kit
        self._session = session
        self._telling = telling
        self._files = SliceFiles(session, kit.free_bytes)
        self._slice_bytes = expected_slice_bytes(kit.camera.size_px, kit.bytes_a_pixel)

    def check_room(self) -> None:
        """Raise `DiskFull` where there is no room for another slice."""
        free_bytes = self._kit.free_bytes()
        needed_bytes = room_needed(self._slice_bytes, self._kit.reserve_bytes)
        if free_bytes < needed_bytes:
            raise DiskFull(
                f"the disk has {free_bytes / 1e6:.0f} MB left, and another slice beside the reserve needs "
                f"{needed_bytes / 1e6:.0f} MB: make room, then resume",
                free_bytes=free_bytes,
                needed_bytes=needed_bytes,
            )

    def save(self, index: int, frame: Frame, arrival: Arrival, vitals: Vitals) -> None:
        """Make a slice durable, then its journal line, then tell. Runs in the writer."""
        steps = arrival.position.steps
        position_u = self._kit.axis.scale.length_u(steps)
        age_ns = self._kit.clock.monotonic_ns() - frame.began_ns
        label = SliceLabel(
            session=self._session.id,
            index=index,
            slices=self._session.layout.slices,
            position_steps=steps,
            position_u=position_u,
            unit=self._kit.axis.scale.unit,
            taken_at=self._kit.now() - timedelta(microseconds=age_ns / 1000),
        )
        beside = [
            self._files.keep(suffix, encode, frame, label) for suffix, encode in self._kit.companions.items()
        ]
        merged = self._files.keep(self._kit.suffix, self._kit.encode, frame, label)
        self._slice_bytes = max(self._slice_bytes, sum(int(file["bytes"]) for file in (merged, *beside)))
        self._telling.record(
            "slice_saved",
            index=index,
            **merged,
            **({"companions": beside} if beside else {}),
            position_steps=steps,
            position_u=position_u,
            exposure=exposure_record(frame.exposure),
            began_ns=frame.began_ns,
            ended_ns=frame.ended_ns,
            vitals=vitals_record(vitals),
            metadata=plain(frame.metadata),
        )


def room_needed(slice_bytes: int, reserve_bytes: int) -> int:
    """Give the room that must be free before another slice: for it, for those in flight, and the reserve."""
    return reserve_bytes + (FRAMES_IN_FLIGHT + 1) * slice_bytes
