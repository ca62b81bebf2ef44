"""A stack gone through without a camera: every move and every rest, and nothing photographed."""

from dataclasses import replace

from stack.ending import Ending, EndingKind, ending_of
from stack.kit import Kit
from stack.layout import Layout
from stack.plan import StackPlan
from stack.progress import progress
from stack.readiness import needs_homing
from stack.stop import StopSignal, wait
from stack.telling import Observe
from stack.travel import park, travel


def rehearse(kit: Kit, plan: StackPlan, layout: Layout, stop: StopSignal, observe: Observe) -> Ending:
    """Go to every place of a layout and rest there as for an exposure, photographing nothing."""
    try:
        _rehearse(kit, plan, layout, stop, observe)
    except Exception as error:
        ending = ending_of(error, stop)
        trouble = kit.calm() if ending.kind is EndingKind.FAILED else ()
        return replace(ending, trouble=trouble)
    except BaseException:
        kit.calm()
        raise
    return Ending(EndingKind.DONE)


def _rehearse(kit: Kit, plan: StackPlan, layout: Layout, stop: StopSignal, observe: Observe) -> None:
    wait(kit.clock, round(plan.delay_s * 1e9), stop)
    if needs_homing(plan, layout, kit.axis.position()):
        observe(progress("homing", layout))
        kit.axis.home()
    for index, steps in enumerate(layout.positions_steps):
        stop.check()
        observe(progress("moving", layout, index, kit.axis.scale.length_u(steps)))
        at_rest_ns = travel(kit.axis, steps).at_rest_ns
        wait(kit.clock, at_rest_ns + plan.settle_ms * 1_000_000 - kit.clock.monotonic_ns(), stop)
    park(kit, plan, layout, stop, observe)
