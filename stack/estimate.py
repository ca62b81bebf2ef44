"""What a stack will cost, in time and on the disk. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from stack.layout import Layout
from stack.plan import StackPlan


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a stack will cost."""

    seconds: float
    bytes: int


def estimate(
    plan: StackPlan,
    layout: Layout,
    *,
    move_ns: Callable[[int], int],
    frame_ns: int,
    bytes_a_slice: int,
) -> Estimate:
    """Give the time and the disk a stack will take, metering at the middle and the way back included.

    Parameters
    ----------
    plan, layout
        The slices, and how each is taken.
    move_ns
        Time for a move over so many steps: `Axis.duration_ns`.
    frame_ns
        Time from asking for a frame to having it, as the camera exposes now: `Camera.frame_duration_ns`.
        A longer exposure that the plan gives counts.
    bytes_a_slice
        See `expected_slice_bytes`.
    """
    frame_ns = max(frame_ns, _exposed_ns(plan))
    first, last = layout.positions_steps[0], layout.positions_steps[-1]
    there_and_back_ns = (
        move_ns(layout.positions_steps[layout.middle_index] - first)
        + plan.settle_ms * 1_000_000
        + frame_ns
        + move_ns(last - layout.start_steps)
    )
    slices_ns = slice_ns(plan, 0, frame_ns) + (layout.slices - 1) * slice_ns(
        plan, move_ns(layout.pitch_steps), frame_ns
    )
    return Estimate(
        seconds=(there_and_back_ns + slices_ns) / 1e9 + plan.delay_s, bytes=layout.slices * bytes_a_slice
    )


def slice_ns(plan: StackPlan, move_ns: int, frame_ns: int) -> int:
    """Give the time that a slice takes: going there and coming to rest, or a flash recharging; its frames."""
    rest_ns = max(move_ns + plan.settle_ms * 1_000_000, plan.recycle_ns)
    return rest_ns + plan.frames * frame_ns + (plan.frames - 1) * plan.recycle_ns


def _exposed_ns(plan: StackPlan) -> int:
    """Give what a frame takes at least with the exposure that is given, after half of the one before."""
    return 0 if plan.exposure is None else plan.exposure.time_us * 1500


def expected_slice_bytes(size_px: tuple[int, int], bytes_a_pixel: int = 1) -> int:
    """Give the room to set aside for a slice: of a JPEG a byte a pixel, ample at quality 95 for most."""
    return size_px[0] * size_px[1] * bytes_a_pixel
