"""Moves of a stack: to a slice, made sure of, and away when all are saved."""

from rail.axis import Arrival, Axis
from stack.errors import AxisAstray
from stack.kit import Kit
from stack.layout import Layout, park_steps
from stack.plan import StackPlan
from stack.progress import progress
from stack.stop import StopSignal
from stack.telling import Observe


def travel(axis: Axis, target_steps: int) -> Arrival:
    """Go to `target_steps` and make sure of being there; raises `AxisAstray`."""
    arrival = axis.move_to(target_steps)
    if arrival.position.steps != target_steps:
        raise AxisAstray(
            f"the axis was sent to step {target_steps} and came to rest at {arrival.position.steps}",
            wanted_steps=target_steps,
            reached_steps=arrival.position.steps,
        )
    return arrival


def park(kit: Kit, plan: StackPlan, layout: Layout, stop: StopSignal, observe: Observe) -> None:
    """Go where the plan wants the axis afterwards."""
    stop.check()
    target_steps = park_steps(layout, plan.after, kit.axis.reach, kit.subject_side)
    if target_steps is not None:
        observe(progress("parking", layout, position_u=kit.axis.scale.length_u(target_steps)))
        kit.axis.move_to(target_steps)
