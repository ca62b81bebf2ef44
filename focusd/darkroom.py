"""How the frames of a stack become its files: shown, corrected by what the plan names, encoded."""

from collections.abc import Callable
from dataclasses import replace

from camera.camera import Frame
from focusd.encoding import Encoding
from focusd.eye import Eye
from focusd.shadings import Kept, Shadings
from stack.kit import Kit
from stack.plan import StackPlan
from stack.slice_files import Encode, SliceLabel


class Darkroom:
    """Develops frames, in the writer's thread: the rail goes on meanwhile.

    Parameters
    ----------
    eye
        Whose frames they are.
    see
        Is shown each of them.
    shadings
        What plans are corrected by.
    encoding
        How slices are saved.
    """

    def __init__(
        self, eye: Eye, see: Callable[[Frame], None], shadings: Shadings, encoding: Encoding
    ) -> None:
        self._eye = eye
        self._see = see
        self._shadings = shadings
        self.encoding = encoding

    def equip(self, kit: Kit, plan: StackPlan) -> None:
        """Have a kit save the slices of a plan; raises as `shading`."""
        identity = kit.camera.identity
        kit.encode = self._developed(self.encoding.encoder(identity, plan.optics), self.shading(plan))
        kit.companions = self.encoding.companions(identity, plan.optics)

    def shading(self, plan: StackPlan) -> Kept | None:
        """Give what slices are corrected by that the camera takes now; raises as `shading_of`."""
        return self.shading_of(plan, self._eye.camera().size_px) if plan.shading is not None else None

    def shading_of(self, plan: StackPlan, size_px: tuple[int, int]) -> Kept | None:
        """Give what a plan's slices of that size are corrected by; raises `Refused` where it is not there."""
        return self._shadings.find(plan.shading, size_px) if plan.shading is not None else None

    def _developed(self, encode: Encode, kept: Kept | None) -> Encode:
        def show_and_encode(frame: Frame, label: SliceLabel) -> bytes:
            self._see(frame)
            if kept is not None:
                frame = replace(frame, pixels=kept.shading.corrected(frame.pixels))
            return encode(frame, label)

        return show_and_encode
