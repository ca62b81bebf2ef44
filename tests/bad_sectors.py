"""A disk with bad sectors: what lies there can be neither looked at nor read, though its folder names it."""

import errno
import io
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest


def put_in_bad_sectors(patched: pytest.MonkeyPatch, *paths: Path) -> None:
    """Have whoever asks the system for one of these, or for what lies below it, be told of an I/O error."""
    bad = tuple(map(str, paths))
    for module, name in ((os, "stat"), (os, "lstat"), (os, "scandir"), (os, "open"), (io, "open")):
        patched.setattr(module, name, partial(_read, getattr(module, name), bad))


def _read(really: Any, bad: tuple[str, ...], path: Any, *how: Any, **more: Any) -> Any:
    if any(f"{path}/".startswith(f"{one}/") for one in bad):
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
    return really(path, *how, **more)
