"""What reaches into a rig that is not there: its button, its state, its faults. Only under --simulate."""

import asyncio
import time
from typing import Annotated, Any

from fastapi import FastAPI
from pydantic import Field

from focusd.errors import Unknown
from focusd.requests import documented, taken
from focusd.simulated import Simulation
from focusd.strict import Strict
from simulator.world import FAULTS

TAP_S = 0.15
"""How long a finger stays on a button that it only taps."""


class PressRequest(Strict):
    """Which button to press, and for how long; null: a tap."""

    button: str
    hold_s: float | None = Field(default=None, gt=0, le=60)


class FaultRequest(Strict):
    """Which fault to make, or with `on` false to mend."""

    name: str
    on: bool = True


def add_simulation(app: FastAPI, simulation: Simulation) -> None:
    """Add the routes."""
    world = simulation.world

    @app.post("/sim/press", openapi_extra=documented(PressRequest))
    async def press(body: Annotated[PressRequest, taken(PressRequest)]) -> dict[str, Any]:
        hold_s = body.hold_s or TAP_S
        buttons = simulation.buttons
        if body.button not in buttons:
            raise Unknown(f"the simulated rig has no button {body.button}; it has {_listed(buttons)}")
        simulation.factory.press(body.button, hold_s)
        await asyncio.sleep(hold_s)
        return {"button": body.button, "held_s": hold_s}

    @app.get("/sim/state")
    async def state() -> dict[str, Any]:
        scene = simulation.scene
        subject = {"near_u": scene.near_um, "far_u": scene.far_um}
        return {**world.report(time.monotonic_ns()), "subject": subject}

    @app.post("/sim/fault", openapi_extra=documented(FaultRequest))
    async def fault(body: Annotated[FaultRequest, taken(FaultRequest)]) -> dict[str, Any]:
        if body.name not in FAULTS:
            raise Unknown(f"there is no fault {body.name}; there are {_listed(FAULTS)}")
        (world.break_down if body.on else world.mend)(body.name)
        return {"name": body.name, "on": body.on}


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"
