"""The mechanics of a camera module's own focus motor: a coil that pushes the lens against a spring.

The lens is the world's carriage: what the camera sees follows the coil's current as a mass follows a spring,
late and ringing, with a little friction that a change of direction has to overcome. Places before the lens
are micrometres, near to far, so dioptres count backwards.
"""

from dataclasses import dataclass

from simulator.world import Resonance, World

RINGING = Resonance(hertz=35.0, decay_ms=20.0, across=0.0)
"""How the lens follows: after a move of two dioptres it is within a tenth of one 60 ms later."""


@dataclass(frozen=True, slots=True)
class VoiceCoilSpec:
    """One module's lens, much like a Camera Module 3's.

    Attributes
    ----------
    most_d, start_d
        The nearest place, in dioptres (0 is infinity), and the one libcamera drives to when it starts.
    codes_a_d
        Codes of the driver for one dioptre.
    slew_d, fast_slew_d
        The most that one frame changes, with AfSpeed normal and fast.
    late_ns
        From the frame that reports a position to the driver's being told.
    friction_d
        What the lens lags behind after a change of direction.
    um_a_d, zero_um
        Micrometres of the scene for one dioptre, and the place in focus at none.
    """

    most_d: float = 15.0
    start_d: float = 1.0
    codes_a_d: float = 32.0
    slew_d: float = 1.5
    fast_slew_d: float = 2.0
    late_ns: int = 30_000_000
    friction_d: float = 0.05
    um_a_d: float = 200.0
    zero_um: float = 21_000.0


class VoiceCoil:
    """The one that moves the world's carriage as a lens does. Raises `simulator.world.CarriageBusy`."""

    def __init__(self, spec: VoiceCoilSpec, world: World) -> None:
        world.claim_carriage()
        self._spec = spec
        self._world = world
        self._aim_d = self._at_d = spec.start_d
        self._fast = False
        self._manual = True

    @property
    def position_d(self) -> float:
        """What the driver is told next, in dioptres: as frames report it, ahead of the lens."""
        return self._at_d

    def control(self, controls: dict[str, object]) -> None:
        """Take controls as libcamera does: the mode first, and a position only in manual mode, clamped."""
        if "AfMode" in controls:
            self._manual = controls["AfMode"] == 0
        if "AfSpeed" in controls:
            self._fast = controls["AfSpeed"] == 1
        position_d = controls.get("LensPosition")
        if self._manual and isinstance(position_d, int | float):
            self._aim_d = min(max(float(position_d), 0.0), self._spec.most_d)

    def process(self, frame_ns: int) -> None:
        """Go towards what was asked for, as far as one frame allows; it is processed at `frame_ns`."""
        most_d = self._spec.fast_slew_d if self._fast else self._spec.slew_d
        self._at_d += min(max(self._aim_d - self._at_d, -most_d), most_d)
        self._drive(frame_ns + self._spec.late_ns)

    def _drive(self, at_ns: int) -> None:
        """Give the coil another current at `at_ns`; where it is the same, nothing moves."""
        spec, state = self._spec, self._world.carriage()
        codes = -round(self._at_d * spec.codes_a_d)
        moved = codes - state.motor_steps
        if not moved and state.samples > 1:  # the first current is never the same
            return
        place_um = spec.zero_um + codes / spec.codes_a_d * spec.um_a_d
        lag_um = spec.friction_d * spec.um_a_d
        lens_um = min(max(state.carriage_um, place_um - lag_um), place_um)
        at_ns = max(at_ns, state.changed_ns)
        self._world.trace(state.samples, at_ns, lens_um)
        self._world.record(
            state._replace(
                changed_ns=at_ns,
                carriage_um=lens_um,
                motor_steps=codes,
                edges=state.edges + abs(moved),
                net_edges=state.net_edges + moved,
                samples=state.samples + 1,
                nearest_um=min(state.nearest_um, lens_um),
                farthest_um=max(state.farthest_um, lens_um),
            )
        )
