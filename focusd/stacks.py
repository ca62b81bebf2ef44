"""What a time-lapse asks of the rest of the daemon: plans, estimates, stacks, and the Pi's strength."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from focusd.jobs import Job, Order
from rail.axis import Reach
from rail.screw import Scale
from stack.plan import StackPlan
from stack.retention import Weight
from stack.vitals import Strain


@dataclass(frozen=True, slots=True)
class Stacks:
    """How a series comes by its stacks.

    Attributes
    ----------
    make
        Gives the plan and the fields that a request asks for; raises as for a single stack.
    placed
        Gives a request with the places of the marks that its plan lies between, which may lapse meanwhile.
    seconds
        Estimates what a plan takes; raises as shooting it would.
    weight
        Estimates what a plan's stack takes on the disk, whatever is free; raises `PlanRefused`, and `Refused`
        while that is not known.
    order
        Gives an order to the operator; raises `Busy`.
    shooting
        Gives the session that is being shot now.
    strained
        Says why the Pi should rest, None where it need not; is given why it rests already.
    scale, grid, reach
        Of the axis.
    rests
        Says why the stack that is being shot rests, in words; None: none does.
    busy
        Says whether an order is being carried out.
    camera_problem
        Says what was wrong with the camera when it was last used, in words; None: nothing.
    sensor
        Names that of the camera there is; None while none was opened.
    merge_problem
        Says why the last merge failed, in words; None: it did not.
    """

    make: Callable[[Mapping[str, Any]], tuple[StackPlan, Mapping[str, str]]]
    placed: Callable[[Mapping[str, Any], StackPlan], Mapping[str, Any]]
    seconds: Callable[[StackPlan, Mapping[str, str]], float]
    weight: Callable[[StackPlan], Weight]
    order: Callable[[Order], Job]
    shooting: Callable[[], str | None]
    strained: Callable[[Strain | None], Strain | None]
    scale: Scale
    grid: str
    reach: Callable[[], Reach]
    rests: Callable[[], str | None] = lambda: None
    busy: Callable[[], bool] = lambda: False
    camera_problem: Callable[[], str | None] = lambda: None
    sensor: Callable[[], str | None] = lambda: None
    merge_problem: Callable[[], str | None] = lambda: None
