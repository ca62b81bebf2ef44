import os

import pytest
from machine import Machine


@pytest.fixture(scope="session")
def machine() -> Machine:
    if missing := Machine.missing():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    return Machine()
