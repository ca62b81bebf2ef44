"""Measuring the rig by its camera, over HTTP: ask for a survey, see what was found."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI
from pydantic import Field, model_validator

from focusd.errors import RequestInvalid
from focusd.house import House
from focusd.jobs import Measure
from focusd.plans import PlanRequest, plan_asked_for
from focusd.requests import documented, taken
from focusd.settings import Config
from focusd.shadings import SHADING
from focusd.strict import Name, Strict
from focusd.surveys import (
    BacklashSurvey,
    DarkSurvey,
    FlatSurvey,
    RangeSurvey,
    ScaleSurvey,
    Setting,
    SettleSurvey,
    Survey,
)
from focusd.units import check_unit
from rail.screw import Unit

Answer = dict[str, Any]

Span = Annotated[float | None, Field(gt=0)]


class SurveyRequest(Strict):
    """With which plan's settling time, exposure and optics; what lengths are measured in."""

    plan: Name = "default"
    unit: Unit | None = None


class SettleRequest(SurveyRequest):
    """How the rig is watched after moves."""

    move_u: Span = None
    rounds: int = Field(default=8, ge=2, le=100)
    watch_s: float = Field(default=1.0, ge=0.2, le=20)


class BacklashRequest(SurveyRequest):
    """How far to go there and back, and how closely to look."""

    span_u: Span = None
    pitch_u: Span = None


class RangeRequest(SurveyRequest):
    """Where to look for the subject, and what to call a plan between its ends."""

    near_u: float | None = None
    far_u: float | None = None
    around_u: Span = None
    pitch_u: Span = None
    save_as: Name | None = None


Pixel = tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]


class ScaleRequest(SurveyRequest):
    """By what the scale is measured: give division_um, or travel_u, or length_um and ends_px."""

    division_um: Span = None
    travel_u: Span = None
    length_um: Span = None
    ends_px: tuple[Pixel, Pixel] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "ScaleRequest":
        ways = [self.division_um is not None, self.travel_u is not None, self.length_um is not None]
        if sum(ways) != 1 or (self.length_um is None) != (self.ends_px is None):
            raise ValueError("give one of division_um, travel_u, and length_um with ends_px")
        if self.ends_px is not None and self.ends_px[0] == self.ends_px[1]:
            raise ValueError("ends_px: are one and the same pixel")
        return self


class ShadingRequest(SurveyRequest):
    """Of how many frames the mean is taken."""

    frames: int = Field(default=16, ge=1, le=64)


def add_surveys(app: FastAPI, house: House) -> None:
    """Let clients measure the rig, and see what was found."""
    _add_measuring(app, house)
    _add_findings(app, house)


def _add_measuring(app: FastAPI, house: House) -> None:
    def begun(survey: Survey, unit: Unit | None) -> Answer:
        check_unit(unit, house.rig.axis.scale)
        job = house.operator.order(Measure(survey))
        return {"job": job.number, "since": job.since}

    def setting(asked: SurveyRequest) -> Setting:
        plan = plan_asked_for(house.config, PlanRequest(plan=asked.plan))
        return Setting(asked.plan, plan, house.config.plans[asked.plan].optics)

    @app.post("/calibrate/settle", status_code=202, openapi_extra=documented(SettleRequest))
    async def settle(body: Annotated[SettleRequest, taken(SettleRequest)]) -> Answer:
        return begun(SettleSurvey(setting(body), body.move_u, body.rounds, body.watch_s), body.unit)

    @app.post("/calibrate/backlash", status_code=202, openapi_extra=documented(BacklashRequest))
    async def backlash(body: Annotated[BacklashRequest, taken(BacklashRequest)]) -> Answer:
        return begun(BacklashSurvey(setting(body), body.span_u, body.pitch_u), body.unit)

    @app.post("/calibrate/scale", status_code=202, openapi_extra=documented(ScaleRequest))
    async def scale(body: Annotated[ScaleRequest, taken(ScaleRequest)]) -> Answer:
        survey = ScaleSurvey(setting(body), body.division_um, body.travel_u, body.length_um, body.ends_px)
        told_as_length = body.travel_u is None or house.rig.axis.scale.unit != "um"  # the survey says why not
        return begun(survey, None if told_as_length else body.unit)

    @app.post("/calibrate/flat", status_code=202, openapi_extra=documented(ShadingRequest))
    async def flat(body: Annotated[ShadingRequest, taken(ShadingRequest)]) -> Answer:
        return begun(FlatSurvey(setting(body), body.frames), body.unit)

    @app.post("/calibrate/dark", status_code=202, openapi_extra=documented(ShadingRequest))
    async def dark(body: Annotated[ShadingRequest, taken(ShadingRequest)]) -> Answer:
        return begun(DarkSurvey(setting(body), body.frames), body.unit)

    @app.post("/range", status_code=202, openapi_extra=documented(RangeRequest))
    async def range_(body: Annotated[RangeRequest, taken(RangeRequest)]) -> Answer:
        if (body.near_u is None) != (body.far_u is None) or None not in (body.near_u, body.around_u):
            raise RequestInvalid(["give near_u and far_u together, or around_u, or neither"])
        survey = RangeSurvey(
            setting(body), body.near_u, body.far_u, body.around_u, body.pitch_u, body.save_as
        )
        return begun(survey, body.unit)


def _add_findings(app: FastAPI, house: House) -> None:
    @app.get("/calibrations")
    def calibrations() -> Answer:
        return {"calibrations": house.calibrations.names()}

    @app.post("/calibrations/{name}/keep")
    def keep(name: str) -> Answer:
        found = house.calibrations.show(name)
        house.shadings.adopt(Path(found["folder"]), str(found["figures"].get("optics")))
        return {"kept": name}

    @app.get("/calibrations/{name}")
    def calibration(name: str) -> Answer:
        found = house.calibrations.show(name)
        proposals = [{**one, **_present(house.config, one["keys"])} for one in found["proposals"]]
        source = house.config_file
        place = str(source) if source else None
        keeps = SHADING in found["files"]
        return {**found, "keeps": keeps, "proposals": proposals, "config_file": place}


def _present(config: Config, keys: Sequence[str]) -> Answer:
    """Say what a setting is now, and of a group of named ones, what they are: one is never written alone."""
    now: Any = config.model_dump(mode="json")
    for key in keys:
        now = now.get(key) if isinstance(now, dict) else None
    groups: Mapping[str, Mapping[str, Strict]] = {"plans": config.plans, "optics": config.optics}
    named = groups.get(keys[0], {})
    group = {name: one.model_dump(mode="json", exclude_defaults=True) for name, one in named.items()}
    return {"now": now, "group": group}
