"""Other people's programs and libraries, which some tests hold our files against."""

import importlib
import os
import shutil
from typing import Any

import pytest


def needs(program: str) -> pytest.MarkDecorator:
    """Skip a test where `program` is not installed; in CI, which installs it, let it fail instead."""
    absent = shutil.which(program) is None and "CI" not in os.environ
    return pytest.mark.skipif(absent, reason=f"{program} is not installed")


def library(name: str) -> Any:
    """Import a library, or skip the test where it is not installed; in CI, which installs it, let it fail."""
    if "CI" in os.environ:
        return importlib.import_module(name)
    return pytest.importorskip(name, reason=f"{name} is not installed")
