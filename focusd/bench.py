"""What a finger on the button gets done, and what the lamp answers."""

from concurrent.futures import Future
from typing import Any

from focusd.events import EventHub
from focusd.exits import Exit
from focusd.jobs import Resume, Shoot
from focusd.merges import Merges
from focusd.operator import Operator
from focusd.outcomes import outcome_of, words_of
from focusd.panel import Mood, Request, mood
from focusd.paused import Paused
from focusd.plans import PlanRequest, fields_asked_for, plan_asked_for
from focusd.settings import Config
from rail.clock import Clock


class Bench:
    """Passes the panel's requests on to the operator, and the operator's state to the lamp. Never blocks."""

    def __init__(
        self, config: Config, operator: Operator, merges: Merges, hub: EventHub, clock: Clock
    ) -> None:
        self._config = config
        self._operator = operator
        self._merges = merges
        self._hub = hub
        self._clock = clock
        self._stopped: str | None = None
        self._waited: Paused | None = None
        self._refused_ns: int | None = None
        self._emergency = False

    def moving(self) -> bool:
        """Say whether a press means stop."""
        return self._operator.glance().job is not None

    def ask(self, request: Request) -> None:
        """Do what a finger asks for; where it cannot be done the lamp says so, and an event says why."""
        try:
            match request:
                case Request.STOP:
                    self._waited = self._operator.glance().paused
                    self._stopped = self._operator.stop(reason="the button was pressed")
                case Request.STOP_FOR_GOOD if not self._ended_a_stack():
                    pass  # the one that waits had nothing to do with it
                case Request.ABORT | Request.STOP_FOR_GOOD:
                    self._operator.abort(reason="the button was held")
                case Request.SHOOT:
                    self._shoot_or_go_on()
        except Exception as error:  # a press must never end the panel's thread
            self._refuse()
            self._hub.publish("refused", kind=request.value, reason=words_of(error))

    def shown(self, now_ns: int) -> Mood:
        """Give what the lamp tells; an emergency stop ends what runs, and is told to whoever listens."""
        glance = self._operator.glance()
        if glance.emergency and not self._emergency:
            self._operator.stop(reason="the emergency stop was pressed")
            self._hub.publish("emergency_stop", reason="pressed; nothing moves until it is acknowledged")
        self._emergency = glance.emergency
        return mood(
            job=glance.job,
            phase=glance.progress.phase,
            merging=self._merges.progress() is not None,
            failed=glance.failed,
            emergency=glance.emergency,
            paused=glance.paused is not None,
            refused_ns=self._refused_ns,
            now_ns=now_ns,
        )

    def _ended_a_stack(self) -> bool:
        """Say whether the same press has stopped a stack, be it one that goes on or one that was begun."""
        now = self._operator.glance()
        begun = now.job is not None or now.paused != self._waited
        return self._stopped == "resume" or (self._stopped == "shoot" and begun)

    def _shoot_or_go_on(self) -> None:
        """Go on with the stack that waits, or where none does begin the default one."""
        waits = self._operator.glance().paused
        order = Resume(waits.session) if waits else self._default_stack()
        self._operator.order(order).accepted.add_done_callback(self._answered)

    def _default_stack(self) -> Shoot:
        asked = PlanRequest()
        return Shoot(plan_asked_for(self._config, asked), fields_asked_for(self._config, asked))

    def _answered(self, accepted: "Future[Any]") -> None:
        error = accepted.exception()
        if error is not None and outcome_of(error).exit_code is not Exit.INTERRUPTED:
            self._refuse()

    def _refuse(self) -> None:
        self._refused_ns = self._clock.monotonic_ns()
