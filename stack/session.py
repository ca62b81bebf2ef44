"""A stack's folder, readable at any moment; its state is folded from its journal."""

import hashlib
import itertools
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rail.clock import Clock
from rail.screw import Scale
from stack.durable import leftovers, sync_folder
from stack.errors import SessionUnreadable
from stack.journal import Entry, Journal, replay
from stack.layout import Layout
from stack.number import is_number
from stack.plan import StackPlan
from stack.record import layout_of, layout_record, plan_of, plan_record, scale_of, scale_record
from stack.seal import sealed, unsealed
from stack.session_state import SavedSlice, SessionState, fold

SCHEMA = 1
"""Version of session.json and of the journal's words."""


JOURNAL = "journal.jsonl"
"""The name of a session's journal."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What else a session records once, handed in as plain JSON values.

    Attributes
    ----------
    configuration
        The daemon's whole configuration.
    versions
        Of focusrail and the libraries under it, by name.
    camera
        Make, model, sensor, frame size.
    fields
        About the specimen, in the user's words.
    simulated
        Whether it was shot on a simulated rig; None where that was not recorded.
    grid
        What its places count, as the axis that shot it says: how long a step is, from where, and which way;
        None where that was not recorded.
    """

    configuration: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    camera: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    simulated: bool | None = None
    grid: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One stack's folder, as session.json describes it.

    Attributes
    ----------
    path
        The folder; its name is the session's id.
    number
        Counts the sessions of a folder from 1.
    created_at
        UTC, ISO 8601.
    plan, layout, scale
        What was asked for, and where the slices are on which grid.
    facts
        All else that was recorded.
    """

    path: Path
    number: int
    created_at: str
    plan: StackPlan
    layout: Layout
    scale: Scale
    facts: Facts

    @property
    def id(self) -> str:
        """The name of the folder."""
        return self.path.name

    @property
    def journal_path(self) -> Path:
        """Where the journal is."""
        return self.path / JOURNAL

    def journal(self, clock: Clock) -> Journal:
        """Open the journal for writing; one writer at a time, or `stack.errors.JournalBusy`."""
        return Journal(self.journal_path, clock)

    def entries(self) -> tuple[Entry, ...]:
        """Read the good lines of the journal as it is now, as `state` does."""
        return replay(self.journal_path).entries

    def state(self) -> SessionState:
        """Read the journal as it is now; needs no lock and may be called beside the writer."""
        history = replay(self.journal_path)
        state = fold(history.entries, self.layout.slices)
        return replace(state, damage=(*map(str, history.damage), *state.damage))

    def slice_name(self, index: int, suffix: str = ".jpg") -> str:
        """Give the file of a slice, relative to the folder."""
        return f"slices/{index:04d}{suffix}"

    def flaw(self, saved: SavedSlice) -> str | None:
        """Say what is wrong with a file of a saved slice; None when all are what was acknowledged."""
        flaws = (file_flaw(self.path, one.file, one.bytes, one.sha256) for one in saved.files)
        return next(filter(None, flaws), None)

    @property
    def size_px(self) -> tuple[int, int] | None:
        """Width and height of the frames the camera gave when the session was made; None where unknown."""
        width_px, height_px = self.facts.camera.get("size_px") or (0, 0)
        return (width_px, height_px) if width_px and height_px else None

    def unvouched(self, saved: Container[int]) -> dict[int, tuple[Path, ...]]:
        """Give the finished files of slices other than those `saved`, by index."""
        return unvouched(self.path, saved)

    def set_aside(self, index: int) -> tuple[str, ...]:
        """Move the files of a slice to `aside/`, where nothing replaces them; give their names there.

        Raises `OSError` as the system gives it.
        """
        aside, slices = self.path / "aside", self.path / "slices"
        names = []
        for path in sorted(slices.glob(f"{index:04d}.*")):
            aside.mkdir(exist_ok=True)
            place = _free_name(aside, path)
            path.rename(place)
            names.append(f"aside/{place.name}")
        if names:
            for folder in (aside, slices, self.path):
                sync_folder(folder)
        return tuple(names)

    def tidy(self) -> int:
        """Remove what a power cut left unfinished, while nobody writes; give how many files that were."""
        unfinished = list(leftovers(self.path))
        for path in unfinished:
            path.unlink(missing_ok=True)
        return len(unfinished)


def was_removed(folder: Path) -> bool:
    """Say whether a session's folder is gone; of a disk that is, nothing is known.

    Where that was mounted an empty folder stays; who removes the only session leaves its number there.
    """
    try:
        return not folder.exists() and any(folder.parent.iterdir())
    except OSError:
        return False


def load(path: Path) -> Session:
    """Read a session's folder; raises `SessionUnreadable`."""
    file = path / "session.json"
    try:
        content = unsealed(file.read_bytes())
        if content["schema"] != SCHEMA:
            raise ValueError(f"it is of schema {content['schema']}, and this version reads {SCHEMA}")
        return Session(
            path=path,
            number=content["number"],
            created_at=content["created_at"],
            plan=plan_of(content["plan"]),
            layout=layout_of(content["layout"]),
            scale=scale_of(content["scale"]),
            facts=Facts(
                **{name: content[name] for name in ("configuration", "versions", "camera", "fields")},
                simulated=content.get("simulated"),
                grid=content.get("grid"),
            ),
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        why = str(error) if isinstance(error, ValueError) else repr(error)
        raise SessionUnreadable(f"{file} cannot be read: {why}", path=file) from error


def file_flaw(folder: Path, file: str, size_bytes: int | None, sha256: str | None) -> str | None:
    """Say what is wrong with a file below `folder`, in words; None when it is what was promised of it.

    A size or a checksum that is None was not promised.
    """
    try:
        content = (folder / file).read_bytes()
    except OSError as error:
        return f"{file} cannot be read: {error.strerror}"
    if size_bytes is not None and len(content) != size_bytes:
        return f"{file} has {len(content)} bytes and was saved with {size_bytes}"
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        return f"{file} is not what was saved: its checksum differs"
    return None


def unvouched(folder: Path, saved: Container[int]) -> dict[int, tuple[Path, ...]]:
    """Give the finished files of slices other than those `saved` in a session's folder, by index.

    A power cut between a file and its journal line leaves one; damage to the journal may leave more.
    """
    found: dict[int, tuple[Path, ...]] = {}
    for path in sorted((folder / "slices").glob("[0-9]*.*")):
        if is_number(path.stem) and int(path.stem) not in saved:
            found[int(path.stem)] = (*found.get(int(path.stem), ()), path)
    return found


def session_json(session: Session) -> bytes:
    """Give what `load` reads: the file `session.json`, sealed with its checksum."""
    content = {
        "schema": SCHEMA,
        "id": session.id,
        "number": session.number,
        "created_at": session.created_at,
        "plan": plan_record(session.plan),
        "layout": layout_record(session.layout),
        "scale": scale_record(session.scale),
        "configuration": session.facts.configuration,
        "versions": session.facts.versions,
        "camera": session.facts.camera,
        "fields": session.facts.fields,
        "simulated": session.facts.simulated,
        "grid": session.facts.grid,
    }
    return sealed(content)


def _free_name(folder: Path, path: Path) -> Path:
    """Give a name in `folder` for `path` that nothing bears."""
    names = itertools.chain([path.name], (f"{path.stem}-{n}{path.suffix}" for n in itertools.count(2)))
    return next(place for name in names if not (place := folder / name).exists())
