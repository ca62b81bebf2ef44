"""Hypothesis on a machine that may be busy: no time limit that an example could miss, nor the search for one.

CI tries the same examples every time, so that a change is judged by what it changes; everybody else's run
looks for new ones.
"""

import os

from hypothesis import HealthCheck, settings


def take_their_time() -> None:
    """Let examples of all that is collected from now on take as long as they take."""
    settings.register_profile(
        "focusrail",
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        derandomize="CI" in os.environ,
    )
    settings.load_profile("focusrail")
