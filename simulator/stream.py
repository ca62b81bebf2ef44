"""The sensor's endless row of frames: when each is exposed, how, and when it is finished.

Nothing runs by itself. Frames are worked out when somebody asks what has happened up to now, so an idle
hour costs nothing and a test needs no thread.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from simulator.lamp import mean_light
from simulator.sensor import Automatics, CameraSpec, Held, Wishes, amended
from simulator.voice_coil import VoiceCoil
from simulator.world import World

Controls = dict[str, object]

_LATE_CONTROLS = ("FrameDurationLimits",)
_EARLY_CONTROLS = ("ColourGains", "AwbEnable", "NoiseReductionMode")
_FRONTEND_TIMEOUT_NS = 1_000_000_000
_STEADY_FRAMES = 40
_INTERRUPT_LATE_NS = 40_000


@dataclass(frozen=True, slots=True)
class Shot:
    """All that decides one frame, its pixels apart.

    Attributes
    ----------
    number
        Frames since the camera was started, dropped ones included.
    readout_ns
        When the first row's exposure ended and reading began.
    stamp_ns
        The same as the interrupt reports it, a little late.
    lines, exposure_ns
        The exposure in whole lines, and as a time.
    gain, digital_gain, colour_gains
        As applied.
    frame_ns
        Time since the frame before.
    ae_state
        0 idle, 1 searching, 2 converged.
    light
        How much light there was; 1 is what the scene was made for.
    before_ns
        Middle of the exposure that is blended in, or None.
    done_ns
        When the frame is finished.
    lens_d
        Where the lens is told to be when the frame is processed; None: it has no motor.
    """

    number: int
    readout_ns: int
    stamp_ns: int
    lines: int
    exposure_ns: int
    gain: float
    digital_gain: float
    colour_gains: tuple[float, float]
    frame_ns: int
    ae_state: int
    light: float
    before_ns: int | None
    done_ns: int
    lens_d: float | None = None


class Stream:
    """A started camera. Requests are queued with controls; each takes one frame away.

    Parameters
    ----------
    spec, world
        The camera, and the world whose lamp and faults it sees.
    wanted_us
        The exposure at gain 1 and light 1 that shows the scene well.
    controls
        In force from the first frame.
    now_ns
        When it is started.
    coil
        The motor of its lens; None: it has none.
    """

    def __init__(
        self,
        spec: CameraSpec,
        world: World,
        wanted_us: float,
        controls: Controls,
        now_ns: int,
        coil: VoiceCoil | None = None,
    ) -> None:
        self._spec = spec
        self._world = world
        self._coil = coil
        if coil is not None:
            coil.control(controls)
        self._automatics = Automatics(spec, wanted_us)
        self._held = Held(20_000.0, 1.0, (1.6, 1.4))
        self._wishes = amended(Wishes(), controls, self._held)
        self._requests: deque[Controls] = deque()
        self._due: list[tuple[int, Controls]] = []
        self._flying: deque[Shot] = deque()
        self._drifted_lines = 0
        self._last_good_ns = now_ns
        self._cut_off = False
        self._coming = self._exposed(0, now_ns + spec.ready_ns, None)

    @property
    def next_event_ns(self) -> int:
        """When something happens next."""
        return min(self._coming.readout_ns, self._flying[0].done_ns if self._flying else 2**63)

    def queue(self, controls: Controls) -> None:
        """Give the camera a buffer to fill, and what to change."""
        if not self._cut_off:
            self._requests.append(controls)

    def advance(self, now_ns: int) -> Iterator[Shot]:
        """Give the shots finished up to `now_ns`, each at its time: what is queued in between counts."""
        read_out = 0
        while self.next_event_ns <= now_ns:
            if self._flying and self._flying[0].done_ns <= self._coming.readout_ns:
                yield self._flying.popleft()
                continue
            self._read_out()
            read_out += 1
            if read_out == _STEADY_FRAMES:
                self._leap(now_ns)

    def _read_out(self) -> None:
        shot = self._coming
        if self._world.broken("camera_timeout"):
            self._cut_off = self._cut_off or shot.readout_ns - self._last_good_ns > _FRONTEND_TIMEOUT_NS
            if self._cut_off:
                self._requests.clear()  # libcamera cancels them, and picamera2 never hears of it
        else:
            self._last_good_ns = shot.readout_ns
            if self._requests:
                controls = self._requests.popleft()
                self._schedule(shot.number, controls)
                self._flying.append(self._focused(shot, controls))
        self._coming = self._exposed(shot.number + 1, shot.readout_ns, shot)

    def _schedule(self, number: int, controls: Controls) -> None:
        """Note from which frame on each control of frame `number`'s request is in force."""
        for name, value in controls.items():
            delay = self._spec.control_delay
            delay += (name in _LATE_CONTROLS) - (name in _EARLY_CONTROLS)
            self._due.append((number + delay, {name: value}))

    def _focused(self, shot: Shot, controls: Controls) -> Shot:
        """Move the lens as the frame's request asks, once the frame, exposed before that, is processed."""
        if self._coil is None:
            return shot
        self._coil.control(controls)
        self._coil.process(shot.done_ns)
        return replace(shot, lens_d=self._coil.position_d)

    def _exposed(self, number: int, after_ns: int, before: Shot | None) -> Shot:
        """Decide frame `number`, the first after `after_ns`."""
        spec = self._spec
        now_due: Controls = {}
        for frame, controls in self._due:
            if frame <= number:
                now_due |= controls
        self._due = [(frame, controls) for frame, controls in self._due if frame > number]
        self._wishes = amended(self._wishes, now_due, self._held)
        self._held, ae_state = self._automatics.expose(self._wishes, self._light(after_ns, after_ns))
        self._drifted_lines = self._drifted_lines + 1 if self._world.broken("exposure_drift") else 0
        granted_lines, gain = spec.lines(self._held.time_us), spec.gain(self._held.gain)
        lines = max(1, granted_lines - self._drifted_lines)
        frame_ns = spec.frame_ns(lines, self._wishes.shortest_us)
        readout_ns = after_ns + frame_ns
        asked = self._held.time_us * self._held.gain
        blends = spec.platform == "PISP" and self._wishes.noise_reduction and before
        return Shot(
            number=number,
            readout_ns=readout_ns,
            stamp_ns=readout_ns + number * 2_654_435_761 % _INTERRUPT_LATE_NS,
            lines=lines,
            exposure_ns=spec.exposure_ns(lines),
            gain=gain,
            digital_gain=max(1.0, 1000 * asked / (spec.exposure_ns(granted_lines) * gain)),
            colour_gains=self._held.colour_gains,
            frame_ns=frame_ns,
            ae_state=ae_state,
            light=self._light(readout_ns - spec.exposure_ns(lines), readout_ns),
            before_ns=before.readout_ns - before.exposure_ns // 2 if blends and before else None,
            done_ns=readout_ns + spec.readout_ns + spec.processing_ns,
        )

    def _light(self, begin_ns: int, end_ns: int) -> float:
        """Give how much light there is from one instant to another, as far as that is known now."""
        spec = self._spec
        lamp = mean_light(self._world.output("light"), begin_ns, end_ns, spec.warm_up_ns, low=spec.lamp_low)
        return spec.ambient + spec.lamp * lamp

    def _leap(self, now_ns: int) -> None:
        """Leave out frames that nobody saw: after so many they are all alike."""
        shot = self._coming
        unseen = (now_ns - shot.readout_ns) // shot.frame_ns - _STEADY_FRAMES
        if unseen > 0:
            later_ns = unseen * shot.frame_ns
            self._coming = replace(
                shot,
                number=shot.number + unseen,
                readout_ns=shot.readout_ns + later_ns,
                stamp_ns=shot.stamp_ns + later_ns,
                done_ns=shot.done_ns + later_ns,
                before_ns=None if shot.before_ns is None else shot.before_ns + later_ns,
            )
