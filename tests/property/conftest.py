"""Hypothesis on a machine that may be busy: no time limit a single example could miss.

CI tries the same examples every time, so that a change is judged by what it changes; everybody else's run
looks for new ones.
"""

import os

from hypothesis import settings

settings.register_profile("focusrail", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("focusrail")
