"""`focusctl support`: what somebody far away needs to see, in one file, and nothing secret."""

import io
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from focusd.call import Call
from focusd.client import ClientError
from focusd.doctor_cli import examined
from focusd.exits import Exit
from focusd.places import SYSTEM_STATE, config_file, state_folder

REMOVED = "(removed)"
LARGEST_BYTES = 2_000_000
"""Of a longer log or journal the end is packed."""

_SECRET = re.compile(
    r"""(?ix) (["']? [\w.-]* (?: password | passphrase | passwd | secret | token | credential | api_?key )
    [\w.-]* ["']? \s* [:=] \s*) (?: "[^"]*" | '[^']*' | [^\s,}\]\#]+ )"""
)
_LOGIN = re.compile(r"(://)[^/\s@]+@")


def support(call: Call) -> Exit:
    """Pack it, and say what is in it: its owner decides whether to send it."""
    file = call.typed.file or Path("focusrail-support.tar.gz")
    pages = {name: redacted(text) for name, text in _pages(call)}
    try:
        pack(file, pages)
    except OSError as error:
        return call.problem("Not written", f"{file}: {error.strerror}; name another FILE", Exit.FAILED)
    words = [f"{file}:", *(f"  {name}, {len(text)} characters" for name, text in pages.items())]
    last = "Names of specimens and machines are in it: look before you send it."
    return call.result({"file": str(file), "holds": list(pages)}, [*words, last])


def redacted(text: str) -> str:
    """Remove what stands for a password or the like, in YAML or JSON, and logins in addresses. Pure."""
    return _LOGIN.sub(rf"\1{REMOVED}@", _SECRET.sub(rf'\1"{REMOVED}"', text))


def pack(file: Path, pages: Mapping[str, str]) -> None:
    """Write an archive that only its owner can read; raises `OSError`."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600)  # also of a file that was there
    with os.fdopen(descriptor, "wb") as out, tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in pages.items():
            content = text.encode()
            entry = tarfile.TarInfo(f"focusrail-support/{name}")
            entry.size, entry.mode = len(content), 0o600
            archive.addfile(entry, io.BytesIO(content))


def _pages(call: Call) -> Iterator[tuple[str, str]]:
    yield "doctor.json", _written(examined(call))
    for name in ("status", "axis"):
        try:
            yield f"{name}.json", _written(call.daemon.ask(f"/{name}"))
        except ClientError as error:
            yield f"{name}.txt", str(error)
    config = config_file(call.typed.config)
    if config is not None:
        yield "config.yaml", _end_of(config)
    yield "log.txt", _log()
    for name in ("cpuinfo", "meminfo", "self/mountinfo"):
        yield f"{Path(name).name}.txt", _end_of(Path("/proc", name))
    if session := _last_session(call.typed.state_dir):
        for name in ("session.json", "journal.jsonl", "report.json"):
            yield f"{session.name}/{name}", _end_of(session / name)


def _written(answer: object) -> str:
    return json.dumps(answer, indent=1, ensure_ascii=False)


def _last_session(state: Path | None) -> Path | None:
    """Give the folder of the stack shot last, the service's or this user's."""
    for folder in (state,) if state else (SYSTEM_STATE, state_folder()):
        try:
            sessions = sorted(path for path in (folder / "sessions").iterdir() if path.name[:4].isdecimal())
        except OSError:
            continue
        if sessions:
            return sessions[-1]
    return None


def _log() -> str:
    """Give what the service has said, as far as this user may read it."""
    command = ["journalctl", "--unit=focusd", "--lines=5000", "--no-pager", "--output=short-iso"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"the log cannot be read: {error}"
    return (done.stdout or done.stderr)[-LARGEST_BYTES:].decode(errors="replace")


def _end_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - LARGEST_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        try:  # a file of the kernel's has no end to seek
            return path.read_text(errors="replace")
        except OSError as error:
            return f"{path} cannot be read: {error.strerror}"
