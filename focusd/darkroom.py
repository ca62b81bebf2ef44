"""How the frames of a stack become its files: shown, corrected by what the plan names, encoded."""

from collections.abc import Callable
from dataclasses import replace

from camera.camera import Camera, CameraIdentity, Frame
from focusd.encoding import Encoding
from focusd.eye import Eye
from focusd.shadings import Kept, Shadings, Size
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
        encode = self.encoding.encoder(identity, plan.optics)
        kit.encode = self._developed(encode, self.shading(plan), kit.camera)
        kit.companions = self.encoding.companions(identity, plan.optics)

    def shading(self, plan: StackPlan) -> Kept | None:
        """Give what slices are corrected by that the camera takes now; raises as `shading_of`."""
        if plan.shading is None:
            return None
        camera = self._eye.camera()
        return self.shading_of(plan, camera.identity, camera.size_px)

    def shading_of(self, plan: StackPlan, camera: CameraIdentity, size_px: Size) -> Kept | None:
        """Give what a plan's slices are corrected by; raises `Refused` where nothing that fits is there."""
        if plan.shading is None:
            return None
        return self._shadings.find(plan.shading, plan.optics, camera, size_px)

    def shading_doubt(
        self, plan: StackPlan, camera: CameraIdentity | None, size_px: Size | None
    ) -> str | None:
        """Say that whether a plan's correction fits is not known yet, as no camera is; None: it fits.

        Raises as `shading_of`.
        """
        if plan.shading is None or plan.rehearse:
            return None
        if camera is not None and size_px is not None:
            self.shading_of(plan, camera, size_px)
            return None
        self._shadings.any_of(plan.shading)
        return (
            f"whether the white field or dark frame of {plan.shading} fits this camera is not known before "
            "that is open: a stack that it does not fit is refused"
        )

    def _developed(self, encode: Encode, kept: Kept | None, camera: Camera) -> Encode:
        def show_and_encode(frame: Frame, label: SliceLabel) -> bytes:
            self._see(frame)
            if kept is not None:
                # By the lock, which all slices have alike: what each reports may lie on either side.
                shading = kept.shading.fitting(camera.exposure or frame.exposure)
                frame = replace(frame, pixels=shading.corrected(frame.pixels))
            return encode(frame, label)

        return show_and_encode
