"""`focusctl preview`: what the camera sees, as a file, and how sharp it is; or the picture that is merged."""

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from focusd.call import Call
from focusd.client import Problem
from focusd.exits import Exit

AGAIN_S = 0.2
"""How long what was shown already is let stand: at work there are only the frames of the work."""

_JPEG = ("", ".jpg", ".jpeg")
"""What the name of a preview's file may end with."""

_OPTIONS = ("width", "crop", "peaking", "clipping")


@dataclass(frozen=True, slots=True)
class Look:
    """A picture, what there is to say of it for programs, and in words."""

    jpeg: bytes
    figures: Mapping[str, object]
    words: str


def preview(call: Call) -> Exit:
    """Look once, or until Ctrl-C."""
    typed = call.typed
    asked = {name: value for name in _OPTIONS if (value := getattr(typed, name))}
    if typed.growing and asked:
        words = f"--growing shows all of the picture: leave out --{', --'.join(asked)}"
        return call.problem("Not understood", words, Exit.USAGE)
    if typed.output is not None and typed.output.suffix.lower() not in _JPEG:
        words = f"--output: {typed.output} is saved as a JPEG: let its name end in .jpg"
        return call.problem("Not understood", words, Exit.USAGE)
    try:
        for look in _merged(call) if typed.growing else _seen(call, asked):
            saved = ""
            if typed.output is not None:
                _save(typed.output, look.jpeg)
                saved = f"  {typed.output}"
            file = str(typed.output) if typed.output else None
            call.result({**look.figures, "file": file}, [look.words + saved])
            if not typed.watch:
                break
    except OSError as error:
        return call.problem("Not saved", f"{typed.output}: {error.strerror or error}", Exit.FAILED)
    except KeyboardInterrupt:
        pass
    return Exit.DONE


def _seen(call: Call, asked: Mapping[str, object]) -> Iterator[Look]:
    """Look through the camera, at one frame after the other."""
    for jpeg, said in _new_ones(call, "/preview.jpg", ("x-frame",), **asked):
        figures = {
            "frame": int(said["x-frame"]),
            "sharpness": float(said["x-sharpness"]),
            "clipped_percent": float(said["x-clipped-percent"]),
        }
        words = f"sharpness {said['x-sharpness']}  clipped {said['x-clipped-percent']} %"
        yield Look(jpeg, figures, words)


def _merged(call: Call) -> Iterator[Look]:
    """Look at the picture that is merged, whenever more slices are in it, until all are."""
    seen = False
    try:
        for jpeg, said in _new_ones(call, "/growing.jpg", ("x-session", "x-slices")):
            figures = {"session": said["x-session"], "slices": int(said["x-slices"])}
            yield Look(jpeg, figures, f"{said['x-session']}, {said['x-slices']} slices")
            seen = True
    except Problem as error:
        if not (seen and error.exit_code is Exit.REFUSED):
            raise


def _new_ones(
    call: Call, path: str, told_apart_by: tuple[str, ...], **asked: object
) -> Iterator[tuple[bytes, Mapping[str, str]]]:
    """Give a picture after the other, no two of them the same, and what is said of them."""
    shown = None
    while True:
        jpeg, said = call.daemon.picture(path, **asked)
        this = [said[name] for name in told_apart_by]
        if this == shown:
            time.sleep(AGAIN_S)
            continue
        shown = this
        yield jpeg, said


def _save(path: Path, jpeg: bytes) -> None:
    """Replace the file at once: whoever shows it meanwhile never sees half a picture."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(jpeg)
    draft.replace(path)
