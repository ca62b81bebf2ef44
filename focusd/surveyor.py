"""Measures the rig by its camera: one survey at a time, in the operator's thread.

The light is on for as long as it lasts, the exposure is locked as in a stack, and when it is over the axis is
where it was.
"""

from collections.abc import Callable
from dataclasses import replace

from focusd.calibrations import Calibrations
from focusd.config import Axis as AxisConfig
from focusd.errors import Refused
from focusd.eye import Eye
from focusd.findings import backlash_finding, settle_finding
from focusd.jobs import Job
from focusd.light import Light
from focusd.surveys import BacklashSurvey, Setting, SettleSurvey, Survey
from rail.axis import OperatedAxis
from rail.clock import Clock
from stack.calibrate.backlash import play
from stack.calibrate.finding import Finding
from stack.calibrate.probe import Probe, both_ways, looks_after_moves
from stack.calibrate.settle import settling
from stack.optics import DEFAULT_OVERLAP, depth_of_field_u
from stack.plan import FromOptics, Pitch, StackPlan
from stack.shoot import Observe
from stack.stop import wait

MOST_GAPS = 150
"""Pictures of one way there: more is a slip of the finger."""

PARTS_OF_DEPTH = 4
"""Pictures within the depth of field where a curve of sharpness is to be seen whole."""

USUAL_GAPS = 40
"""How many parts a span is divided into where nothing says how deep the picture is sharp."""


class Surveyor:
    """Carries out surveys.

    Parameters
    ----------
    axis, eye, light, clock
        The hardware.
    settings
        Of the axis, as configured.
    calibrations
        Where findings are kept.
    """

    def __init__(
        self,
        axis: OperatedAxis,
        eye: Eye,
        light: Light,
        clock: Clock,
        settings: AxisConfig,
        calibrations: Calibrations,
    ) -> None:
        self._axis = axis
        self._eye = eye
        self._light = light
        self._clock = clock
        self._settings = settings
        self._calibrations = calibrations

    def survey(self, job: Job, survey: Survey, observe: Observe) -> None:
        """Measure, keep what was found, and tell its name; go back to where the axis stood."""

        def tell(done: int, of: int) -> None:
            observe({"event": "measuring", "kind": survey.kind, "done": done, "of": of})

        here = self._axis.position().steps
        try:
            probe = self._probe(job, survey.setting, tell)
            finding = self._found(probe, survey)
            probe.go(here)
        finally:
            self._light.out()
            self._eye.look()
        observe({"event": "measured", "kind": survey.kind, "calibration": self._calibrations.keep(finding)})

    def _probe(self, job: Job, setting: Setting, tell: Callable[[int, int], None]) -> Probe:
        """Switch on the light, let it warm up, and lock the exposure here."""
        camera, plan = self._eye.camera(), setting.plan
        job.stop.check()
        steady_ns = self._light.on()
        wait(self._clock, max(0, steady_ns - self._clock.monotonic_ns()), job.stop)
        camera.lock(plan.exposure or camera.meter(self._clock.monotonic_ns(), plan.aim))
        return Probe(self._axis, camera, self._clock, job.stop, plan.settle_ms * 1_000_000, tell)

    def _found(self, probe: Probe, survey: Survey) -> Finding:
        match survey:
            case SettleSurvey():
                return self._settle(probe, survey)
            case BacklashSurvey():
                return self._backlash(probe, survey)

    def _settle(self, probe: Probe, survey: SettleSurvey) -> Finding:
        move_steps = self._steps(survey.move_u or self._usual_pitch_u(survey.setting.plan), "--move")
        watch_ns = round(survey.watch_s * 1e9)
        # What is configured must not colour what is found: a round rests as long as it is watched.
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
            raise Refused(
                f"--span {span_u:g} and --pitch {scale.span_u(pitch_steps):g} {scale.unit} make {gaps} "
                f"pictures each way; from 8 to {MOST_GAPS} make sense"
            )
        there, back = both_ways(probe, self._axis.position().steps, gaps, pitch_steps)
        found = play(there, back, scale.span_u(1))
        return backlash_finding(there, back, found, scale, self._settings)

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
                f"{option} {length_u:g} {scale.unit} is less than one step of this axis, {scale.span_u(1):g}"
            )
        return steps
