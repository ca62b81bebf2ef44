"""Who carries out which order: the pilot those to the axis, the studio stacks, the surveyor surveys."""

from focusd.bulletin import Bulletin
from focusd.endings import ending_of_stack
from focusd.jobs import (
    Abandon,
    Acknowledge,
    Goto,
    Home,
    Job,
    JobEnding,
    Jog,
    Measure,
    Resume,
    Shoot,
    Zero,
)
from focusd.pilot import Pilot
from focusd.studio import Studio
from focusd.surveyor import Surveyor


class Crew:
    """Hands each order to whoever can carry it out, in the operator's thread.

    Parameters
    ----------
    pilot, studio, surveyor
        They carry orders out.
    bulletin
        Hears how it goes.
    """

    def __init__(self, pilot: Pilot, studio: Studio, surveyor: Surveyor, bulletin: Bulletin) -> None:
        self._pilot = pilot
        self._studio = studio
        self._surveyor = surveyor
        self._tell = bulletin.observe

    def carry_out(self, job: Job) -> tuple[JobEnding, Exception | None]:
        """Do what was ordered; give how that ended, and what went wrong with a stack. Raises for the rest."""
        match job.order:
            case Home(allow):
                self._pilot.home(job, allow)
            case Jog(distance_u):
                self._pilot.jog(distance_u)
            case Goto(position_u):
                self._pilot.go_to(position_u)
            case Zero(position_u):
                self._pilot.zero(job, position_u)
            case Acknowledge():
                self._pilot.acknowledge()
            case Shoot(plan, fields):
                return ending_of_stack(self._studio.shoot(job, plan, fields, self._tell))
            case Resume(wanted):
                return ending_of_stack(self._studio.resume(job, wanted, self._tell))
            case Measure(survey):
                self._surveyor.survey(job, survey, self._tell)
            case Abandon(wanted, reason):
                self._studio.abandon(wanted, reason, self._tell)
        return JobEnding.DONE, None
