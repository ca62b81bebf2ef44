"""Hypothesis on a machine that may be busy: no time limit a single example could miss."""

from hypothesis import settings

settings.register_profile("focusrail", deadline=None)
settings.load_profile("focusrail")
