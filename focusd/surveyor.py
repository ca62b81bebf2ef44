"""Measures the rig by its camera: one survey at a time, in the operator's thread.

The light is on for as long as it lasts, the exposure is locked as in a stack, and when it is over the axis is
where it was.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from camera.camera import Camera, Exposure, Pixels
from camera.lens import LensAxis
from camera.lock import sensor_c
from camera.sharpness import green
from camera.taken import Taken
from focusd.axis_settings import Axis as AxisConfig
from focusd.calibrations import Calibrations
from focusd.errors import Refused
from focusd.findings import (
    backlash_finding,
    dark_finding,
    flat_finding,
    proposed_ends_u,
    range_finding,
    scale_finding,
    settle_finding,
    travel_plot,
)
from focusd.instruments import Instruments
from focusd.jobs import Job
from focusd.shadings import SHADING
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
from rail.axis import Arrival, Position, Trust
from rail.errors import PositionUnknown
from stack.calibrate.backlash import play
from stack.calibrate.extent import Extent, extent
from stack.calibrate.finding import Finding, Proposal
from stack.calibrate.probe import (
    Probe,
    both_ways,
    frames_here,
    looks_after_moves,
    shifts_along,
    sweep,
    tile_middle,
)
from stack.calibrate.scale import Measured, line_distance_px, shift_a_length
from stack.calibrate.settle import settling
from stack.layout import spread
from stack.optics import DEFAULT_OVERLAP, Optics, depth_of_field_u
from stack.plan import FromOptics, Pitch, StackPlan
from stack.readiness import to_know
from stack.stop import wait
from stack.telling import Observe

MOST_GAPS = 150
"""Pictures of one way there: more is a slip of the finger."""

PARTS_OF_DEPTH = 4
"""Pictures within the depth of field where a curve of sharpness is to be seen whole."""

THUMBNAIL_PX, LARGE_PX = 480, 1600

TRAVEL_GAPS = 8

IN_THE_DARK = Exposure(200_000, 4.0, (2.0, 2.0))
"""Where the plan has no exposure: long and sensitive enough for hot pixels to show."""

ENDS_PX = 1.5
"""How well somebody points at the two ends of something, both together."""

MOST_PLACES = 600
"""The same of a range."""

USUAL_AROUND_UM = 5_000.0

USUAL_GAPS = 40
"""How many parts a span is divided into where nothing says how deep the picture is sharp."""


class Surveyor:
    """Carries out surveys.

    Parameters
    ----------
    settings, plans
        Of the axis, as configured; and every plan by its name, as far as it is not by default.
    calibrations
        Where findings are kept.
    """

    def __init__(
        self,
        instruments: Instruments,
        settings: AxisConfig,
        plans: Mapping[str, Mapping[str, Any]],
        calibrations: Calibrations,
    ) -> None:
        self._axis = instruments.axis
        self._eye = instruments.eye
        self._light = instruments.light
        self._clock = instruments.clock
        self._see = instruments.see
        self._settings = settings
        self._plans = plans
        self._calibrations = calibrations

    def survey(self, job: Job, survey: Survey, observe: Observe) -> None:
        """Measure, keep what was found, and tell its name; go back to where the axis stood."""

        def tell(done: int, of: int) -> None:
            observe({"event": "measuring", "kind": survey.kind, "done": done, "of": of})

        here = self._axis.position()
        try:
            probe = self._probe(job, survey, tell)
            finding = self._found(probe, survey)
            if self._axis.position().steps != here.steps:
                probe.go(self._back_steps(here))
        finally:
            self._light.out()
            self._eye.look()
        observe({"event": "measured", "kind": survey.kind, "calibration": self._calibrations.keep(finding)})

    def _back_steps(self, here: Position) -> int:
        """Give where to go back to: where it stood, or the nearest place to it at which a move may end.

        Where its place was declared, or after a stop, it may have stood outside the reach.
        """
        if here.trust is Trust.UNKNOWN:
            return here.steps
        reach = self._axis.reach
        return min(max(here.steps, reach.nearest_steps), reach.farthest_steps)

    def _probe(self, job: Job, survey: Survey, tell: Callable[[int, int], None]) -> Probe:
        """Switch on the light unless the dark is measured, let it warm up, and lock the exposure here."""
        camera, plan = self._eye.camera(), survey.setting.plan
        job.stop.check()
        if isinstance(survey, DarkSurvey):
            self._light.out()
            camera.lock(plan.exposure or IN_THE_DARK)
        else:
            steady_ns = self._light.on()
            wait(self._clock, max(0, steady_ns - self._clock.monotonic_ns()), job.stop)
            camera.lock(plan.exposure or camera.meter(self._clock.monotonic_ns(), plan.aim))
        return Probe(self._axis, camera, self._clock, job.stop, plan.settle_ms * 1_000_000, tell, self._see)

    def _found(self, probe: Probe, survey: Survey) -> Finding:
        match survey:
            case SettleSurvey():
                return self._settle(probe, survey)
            case BacklashSurvey():
                return self._backlash(probe, survey)
            case RangeSurvey():
                return self._range(probe, survey)
            case ScaleSurvey():
                return self._scale(probe, survey)
            case FlatSurvey() | DarkSurvey():
                return self._shading(probe, survey)

    def _settle(self, probe: Probe, survey: SettleSurvey) -> Finding:
        move_steps = self._steps(survey.move_u or self._usual_pitch_u(survey.setting.plan), "--move")
        watch_ns = round(survey.watch_s * 1e9)
        # What is configured must not colour what is found: a round rests as long as it is watched.
        with self._axis.restless() if isinstance(self._axis, LensAxis) else nullcontext():
            looks = looks_after_moves(replace(probe, settle_ns=watch_ns), move_steps, survey.rounds, watch_ns)
        found = settling(looks, survey.watch_s * 1e3)
        return settle_finding(looks, found, survey.setting.plan_name, self._settings)

    def _backlash(self, probe: Probe, survey: BacklashSurvey) -> Finding:
        if self._settings.kind == "lens":
            raise Refused("a lens on a spring has no play to measure; axis.lens.run_up_d is for its friction")
        scale, depth_u = self._axis.scale, self._depth_u(survey.setting.plan)
        configured_u = (
            self._settings.ring.backlash_deg if self._settings.kind == "ring" else self._settings.backlash_um
        )
        span_u = survey.span_u or max(4 * configured_u, 6 * (depth_u or 0), 200 * scale.span_u(1))
        usual_u = span_u / USUAL_GAPS if depth_u is None else max(depth_u / PARTS_OF_DEPTH, span_u / 60)
        pitch_steps = self._steps(survey.pitch_u or usual_u, "--pitch")
        gaps = round(span_u / scale.span_u(pitch_steps))
        if not 8 <= gaps <= MOST_GAPS:
            say = scale.say_length
            raise Refused(
                f"--span {say(span_u)} and --pitch {say(scale.span_u(pitch_steps))} make {gaps} "
                f"pictures each way; from 8 to {MOST_GAPS} make sense"
            )
        there, back = both_ways(probe, self._axis.position().steps, gaps, pitch_steps)
        found = play(there, back, scale.span_u(1))
        return backlash_finding(there, back, found, scale, self._settings)

    def _range(self, probe: Probe, survey: RangeSurvey) -> Finding:
        scale, reach = self._axis.scale, self._axis.reach
        near_steps, far_steps = self._way_steps(survey)
        length_u = scale.span_u(far_steps - near_steps)
        usual_u = self._depth_u(survey.setting.plan) or length_u / (2 * USUAL_GAPS)
        pitch_steps = self._steps(survey.pitch_u or usual_u, "--pitch")
        gaps = -(-(far_steps - near_steps) // pitch_steps)
        if not 4 <= gaps < MOST_PLACES:
            say = scale.say_length
            raise Refused(
                f"{gaps + 1} pictures, {say(scale.span_u(pitch_steps))} apart, would be taken over "
                f"{say(length_u)}; from 5 to {MOST_PLACES} make sense: see --around, --near, --far "
                "and --pitch"
            )
        swept = sweep(probe, spread(near_steps, far_steps, gaps))
        found = extent(swept)
        near_u, far_u = proposed_ends_u(found, swept.pitch_u, reach, scale)
        saved = self._saved(survey, near_u, far_u)
        return range_finding(swept, found, reach, scale, self._pictures(probe, found), saved)

    def _scale(self, probe: Probe, survey: ScaleSurvey) -> Finding:
        optics = survey.setting.plan.optics
        if optics is None or survey.setting.optics_name is None:
            raise Refused(
                f"plan {survey.setting.plan_name} names no optics, and a scale belongs to one: give a --plan "
                "that does"
            )
        if survey.travel_u is not None:
            return self._scale_by_travel(probe, survey.setting, optics, survey.travel_u)
        from camera.view import View, show

        here = self._axis.position()
        pixels = probe.photograph(Arrival(here, self._clock.monotonic_ns()))
        picture = {"scale.jpg": show(pixels.pixels, View(width_px=LARGE_PX)).jpeg}
        if survey.division_um is not None:
            distance_px, how = line_distance_px(green(pixels.pixels)), "by the lines of the ruler"
            found = distance_px.into(survey.division_um)
            how += f", {distance_px.value:.2f} px apart"
        else:
            assert survey.length_um is not None
            assert survey.ends_px is not None
            (x, y), (to_x, to_y) = survey.ends_px
            found = Measured(math.hypot(to_x - x, to_y - y), ENDS_PX).into(survey.length_um)
            how = "by the ends that were pointed at"
        scale = self._axis.scale
        place = scale.say(here.steps) if scale.unit == "d" else None
        return scale_finding(found, how, survey.setting, optics, place, picture, None)

    def _shading(self, probe: Probe, survey: FlatSurvey | DarkSurvey) -> Finding:
        """Take the mean of several frames here; what it says is kept once somebody has said yes to it."""
        from camera.shading import Shading
        from camera.view import View, show
        from stack.calibrate.shading import (
            dark_light,
            dark_picture,
            field_picture,
            hot_pixels,
            mean_levels,
            white_field,
        )

        optics_name = survey.setting.optics_name
        if optics_name is None:
            raise Refused(
                f"plan {survey.setting.plan_name} names no optics, and shading belongs to one: give a "
                "--plan that does"
            )
        heats_c: list[float] = []

        def pixels() -> Iterator[Pixels]:
            for frame in frames_here(probe, survey.frames):
                if (heat_c := sensor_c(frame.metadata)) is not None:
                    heats_c.append(heat_c)
                yield frame.pixels

        mean = mean_levels(pixels())
        probe.stop.check()  # what follows takes a small board seconds
        taken = _taken(probe.camera, survey.setting.plan, max(heats_c, default=None))
        if isinstance(survey, DarkSurvey):
            hot = hot_pixels(mean)
            found = Shading(probe.camera.size_px, hot=hot, dark=dark_light(mean), dark_taken=taken)
            picture = show(dark_picture(mean, hot), View(width_px=LARGE_PX)).jpeg
            return dark_finding(found, survey.setting, {"dark.jpg": picture, SHADING: found.packed()})
        gains = white_field(mean)
        probe.stop.check()
        found = Shading(probe.camera.size_px, gains=gains, field_taken=taken)
        picture = show(field_picture(gains), View(width_px=LARGE_PX)).jpeg
        files = {"flat.jpg": picture, SHADING: found.packed()}
        return flat_finding(float(gains.max()), survey.setting, files)

    def _scale_by_travel(self, probe: Probe, setting: Setting, optics: Optics, travel_u: float) -> Finding:
        scale, here = self._axis.scale, self._axis.position().steps
        if scale.unit != "um":
            raise Refused(
                "only a rail's travel is a length; put a ruler before the lens, and give --division"
            )
        places = spread(here, here + self._steps(travel_u, "--travel"), TRAVEL_GAPS)
        shifts_px = shifts_along(probe, places)
        places_u = [scale.length_u(steps) for steps in places]
        found = shift_a_length(places_u, shifts_px).into(1.0)
        plot = travel_plot(places_u, shifts_px)
        return scale_finding(found, f"by a travel of {travel_u:g} µm", setting, optics, None, {}, plot)

    def _way_steps(self, survey: RangeSurvey) -> tuple[int, int]:
        """Give the ends of the way to go, near first; raises `PositionUnknown`, and `Refused` for none."""
        here, scale, reach = self._axis.position(), self._axis.scale, self._axis.reach
        if here.trust is Trust.UNKNOWN:
            raise PositionUnknown(
                f"the position is unknown, so places that are found would mean nothing; {to_know(scale.unit)}"
            )
        if survey.save_as is not None and here.trust is Trust.ASSUMED:
            raise Refused(
                "the position is only assumed, and a plan that is kept goes by places counted from the "
                f"reference: {to_know(scale.unit)}"
            )
        if survey.near_u is not None and survey.far_u is not None:
            near_steps, far_steps = scale.nearest_steps(survey.near_u), scale.nearest_steps(survey.far_u)
        elif survey.around_u is None and self._settings.endless:
            raise Refused(
                "this ring has no ends (axis.ring.ends_deg), so nobody knows how far it may turn: say how "
                "far to look, with --around 20deg, or with --near and --far"
            )
        else:
            reach_u = scale.span_u(reach.farthest_steps - reach.nearest_steps)
            usual_u = USUAL_AROUND_UM if scale.unit == "um" else reach_u / 4
            half_steps = self._steps((survey.around_u or usual_u) / 2, "--around")
            near_steps = max(reach.nearest_steps, here.steps - half_steps)
            far_steps = min(reach.farthest_steps, here.steps + half_steps)
        if near_steps >= far_steps:
            raise Refused("the near end of the way lies not before its far end: give --near and --far")
        return near_steps, far_steps

    def _saved(self, survey: RangeSurvey, near_u: float, far_u: float) -> Proposal | None:
        """Propose a plan between the ends: a new range for one that there is, else one like the survey's."""
        if survey.save_as is None:
            return None
        ends = {"near_u": round(near_u, 3), "far_u": round(far_u, 3)}
        if survey.save_as in self._plans:
            return Proposal(("plans", survey.save_as, "range"), ends)
        like = self._plans.get(survey.setting.plan_name, {})
        return Proposal(("plans", survey.save_as), {**like, "range": ends})

    def _pictures(self, probe: Probe, found: Extent) -> Mapping[str, bytes]:
        """Go to either end once more; give the picture there, and the part that is sharp, at 1:1."""
        from camera.view import View, show

        pictures = {}
        ends = ((found.first_u, found.first_tile), (found.last_u, found.last_tile))
        names = ("near", "far") if self._axis.scale.per_step > 0 else ("far", "near")
        for name, (place_u, tile) in zip(names, ends, strict=True):
            pixels = probe.photograph(probe.go(self._axis.scale.nearest_steps(place_u))).pixels
            middle = tile_middle(tile, probe.camera.size_px)
            pictures[f"{name}.jpg"] = show(pixels, View(width_px=THUMBNAIL_PX)).jpeg
            pictures[f"{name}-sharp.jpg"] = show(pixels, View(width_px=THUMBNAIL_PX, crop=middle)).jpeg
        return pictures

    def _depth_u(self, plan: StackPlan) -> float | None:
        return depth_of_field_u(plan.optics, self._axis.scale.unit) if plan.optics else None

    def _usual_pitch_u(self, plan: StackPlan) -> float:
        """Give how far slices of a plan are apart, or else what fifty steps are."""
        depth_u = self._depth_u(plan)
        if isinstance(plan.spacing, Pitch):
            return plan.spacing.pitch_u
        if depth_u is not None:
            overlap = plan.spacing.overlap if isinstance(plan.spacing, FromOptics) else DEFAULT_OVERLAP
            return overlap * depth_u
        return 50 * self._axis.scale.span_u(1)

    def _steps(self, length_u: float, option: str) -> int:
        scale = self._axis.scale
        steps = abs(scale.nearest_steps(length_u))
        if steps == 0:
            raise Refused(
                f"{option} {scale.say_length(length_u)} is less than one step of this axis, "
                f"{scale.say_length(scale.span_u(1))}"
            )
        return steps


def _taken(camera: Camera, plan: StackPlan, heat_c: float | None) -> Taken:
    """Say what a white field or a dark frame was taken with."""
    assert camera.exposure is not None
    assert plan.optics is not None
    identity, optics = camera.identity, plan.optics
    return Taken(
        identity.sensor,
        identity.index,
        identity.rotation_deg,
        camera.exposure,
        optics.f_number,
        optics.numerical_aperture,
        optics.magnification,
        heat_c,
    )
