"""Other people's programs, which some tests hold our files against."""

import os
import shutil

import pytest


def needs(program: str) -> pytest.MarkDecorator:
    """Skip a test where `program` is not installed; in CI, which installs it, let it fail instead."""
    absent = shutil.which(program) is None and "CI" not in os.environ
    return pytest.mark.skipif(absent, reason=f"{program} is not installed")
