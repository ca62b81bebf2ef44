"""What a stack comes to on this rig, and whether it may be shot, before anything moves; for any thread."""

from focusd.archive import Archive
from focusd.darkroom import Darkroom
from focusd.errors import Refused
from focusd.instruments import Instruments
from focusd.jobs import Accepted
from focusd.marks import HomingConsent, MarkBook
from focusd.now import Preview
from focusd.room import merge_bytes
from focusd.specimens import Specimens
from rail.axis import Position
from rail.errors import HomingNotAllowed
from stack.estimate import Estimate, estimate, expected_slice_bytes, slice_ns
from stack.layout import Layout, lay_out
from stack.plan import Marks, StackPlan
from stack.readiness import check, needs_homing, needs_homing_again, to_know
from stack.retention import Weight
from stack.session import Session
from stack.specimen import Fields


class Foresight:
    """Looks over plans, and sessions that are to go on.

    Parameters
    ----------
    instruments
        Where the axis stands, how fast it is, and how large the camera's frames are.
    archive, specimens
        Where the stack would go, and which others show the same.
    darkroom
        Knows what slices are corrected by.
    book, consent
        What the owner marked, and whether the axis may home.
    """

    def __init__(
        self,
        instruments: Instruments,
        archive: Archive,
        specimens: Specimens,
        darkroom: Darkroom,
        book: MarkBook,
        consent: HomingConsent,
    ) -> None:
        self._axis = instruments.axis
        self._eye = instruments.eye
        self._archive = archive
        self._specimens = specimens
        self._darkroom = darkroom
        self._book = book
        self._consent = consent

    def preview(self, plan: StackPlan, fields: Fields) -> Preview:
        """Say what a plan of a specimen comes to, here and now.

        Raises `PlanRefused` as shooting it would; and `Refused` where nothing is there that its slices are to
        be corrected by, or, once the camera has said which it is and how large its frames are, nothing fits.
        """
        here, marks, free_bytes = self._axis.position(), self._book.marks, self._archive.free_bytes()
        layout, cost, picture_bytes = self._foreseen(plan, here, marks)
        check(
            plan,
            layout,
            scale=self._axis.scale,
            reach=self._axis.reach,
            here=here,
            marks=marks,
            homing_allowed=self._consent.given(),
            needed_bytes=cost.bytes + picture_bytes,
            free_bytes=free_bytes,
            reserve_bytes=self._archive.reserve_bytes,
        )
        seen = self._eye.facts
        unsure = self._darkroom.shading_doubt(plan, seen.identity, seen.size_px)
        return Preview(
            layout,
            cost,
            free_bytes,
            needs_homing(plan, layout, here),
            self._specimens.same(fields),
            unsure
            or (plan.optics.pixel_doubt(seen.identity.pixel_um) if plan.optics and seen.identity else None),
        )

    def weight(self, plan: StackPlan) -> Weight:
        """Say what a plan's stack will take on the disk, whatever is free; raises `PlanRefused`.

        Raises `Refused` while no camera has said how large its frames are.
        """
        if self._eye.facts.size_px is None:
            raise Refused("how large a slice is, is known once a camera was opened")
        _, cost, picture_bytes = self._foreseen(plan, self._axis.position(), self._book.marks)
        return Weight(cost.bytes, picture_bytes)

    def accepted(self, session: Session) -> Accepted:
        """Say what a session will be, and what there is of it."""
        state = session.state()
        move_ns = self._axis.duration_ns(session.layout.pitch_steps)
        return Accepted(
            session=session.id,
            folder=str(session.path),
            slices=state.slices,
            saved=len(state.saved),
            seconds=len(state.missing) * slice_ns(session.plan, move_ns, self._eye.facts.frame_ns) / 1e9,
            same_specimen=self._specimens.same(session.facts.fields, session.id),
        )

    def check_way_back(self, session: Session) -> None:
        """Refuse to go on with a session that has to home first, and may not: raises `HomingNotAllowed`."""
        homes = needs_homing_again(session.plan, session.layout, self._axis.position())
        if homes and not self._consent.given():
            raise HomingNotAllowed(
                f"session {session.id} can go on once the position is known: {to_know(self._axis.scale.unit)}"
            )

    def _foreseen(self, plan: StackPlan, here: Position, marks: Marks) -> tuple[Layout, Estimate, int]:
        """Give a plan's slices, what they cost, and the room that their picture takes."""
        axis, camera = self._axis, self._eye.facts
        layout = lay_out(plan, axis.scale, here, marks)
        size_px = (0, 0) if plan.rehearse else camera.size_px or (0, 0)
        cost = estimate(
            plan,
            layout,
            move_ns=axis.duration_ns,
            frame_ns=camera.frame_ns,
            bytes_a_slice=expected_slice_bytes(size_px, self._darkroom.encoding.form.bytes_a_pixel),
        )
        return layout, cost, merge_bytes(size_px)
