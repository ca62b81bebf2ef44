"""`focusctl preview`: what the camera sees, as a file, and how sharp it is, as a number to focus by."""

import os
from collections.abc import Mapping
from pathlib import Path

from focusd.call import Call
from focusd.exits import Exit

_OPTIONS = ("width", "crop", "peaking", "clipping")


def preview(call: Call) -> Exit:
    """Look once, or until Ctrl-C."""
    typed = call.typed
    asked = {name: value for name in _OPTIONS if (value := getattr(typed, name))}
    try:
        while True:
            jpeg, headers = call.daemon.picture("/preview.jpg", **asked)
            if typed.output is not None:
                _save(typed.output, jpeg)
            call.result(_figures(headers, typed.output), [_words(headers, typed.output)])
            if not typed.watch:
                return Exit.DONE
    except OSError as error:
        return call.problem("Not saved", f"{typed.output}: {error.strerror or error}", Exit.FAILED)
    except KeyboardInterrupt:
        return Exit.DONE


def _save(path: Path, jpeg: bytes) -> None:
    """Replace the file at once: whoever shows it meanwhile never sees half a picture."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(jpeg)
    draft.replace(path)


def _figures(headers: Mapping[str, str], path: Path | None) -> dict[str, object]:
    return {
        "frame": int(headers["x-frame"]),
        "sharpness": float(headers["x-sharpness"]),
        "clipped_percent": float(headers["x-clipped-percent"]),
        "file": str(path) if path else None,
    }


def _words(headers: Mapping[str, str], path: Path | None) -> str:
    saved = f"  {path}" if path else ""
    return f"sharpness {headers['x-sharpness']}  clipped {headers['x-clipped-percent']} %{saved}"
