"""`focusctl preview`: what the camera sees, as a file, and how sharp it is, as a number to focus by."""

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from focusd.call import Call
from focusd.exits import Exit

AGAIN_S = 0.2
"""How long a frame that was shown already is let stand: at work there are only those of the work."""

_OPTIONS = ("width", "crop", "peaking", "clipping")


def preview(call: Call) -> Exit:
    """Look once, or until Ctrl-C."""
    typed = call.typed
    asked = {name: value for name in _OPTIONS if (value := getattr(typed, name))}
    try:
        for jpeg, headers in _frames(call, asked):
            if typed.output is not None:
                _save(typed.output, jpeg)
            call.result(_figures(headers, typed.output), [_words(headers, typed.output)])
            if not typed.watch:
                break
    except OSError as error:
        return call.problem("Not saved", f"{typed.output}: {error.strerror or error}", Exit.FAILED)
    except KeyboardInterrupt:
        pass
    return Exit.DONE


def _frames(call: Call, asked: Mapping[str, object]) -> Iterator[tuple[bytes, Mapping[str, str]]]:
    """Give a picture of one frame after the other."""
    shown = None
    while True:
        jpeg, headers = call.daemon.picture("/preview.jpg", **asked)
        if headers["x-frame"] == shown:
            time.sleep(AGAIN_S)
            continue
        shown = headers["x-frame"]
        yield jpeg, headers


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
