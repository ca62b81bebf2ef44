"""A stack's folder: made whole, read at any moment, its state folded from its journal."""

import contextlib
import fcntl
import hashlib
import itertools
import os
import re
import secrets
import shutil
import unicodedata
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from camera.camera import Exposure
from rail.clock import Clock
from rail.screw import Scale
from stack.durable import LEFTOVER_SUFFIX, leftovers, link_durably, sync_folder, write_durably
from stack.errors import AmbiguousSession, NoSuchSession, RemovalRefused, SessionUnreadable
from stack.journal import Entry, Journal, replay
from stack.plan import Layout, StackPlan
from stack.record import exposure_of, layout_of, layout_record, plan_of, plan_record, scale_of, scale_record
from stack.seal import sealed, unsealed
from stack.vitals import UNKNOWN, Vitals, vitals_of

SCHEMA = 1
"""Version of session.json and of the journal's words."""

JOURNAL = "journal.jsonl"
"""The name of a session's journal."""

HIGHEST = ".highest-number"
"""Where a folder of sessions remembers the numbers of those that were removed."""

_ID = re.compile(r"(\d{4,})-(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)-(.+)")


class Phase(StrEnum):
    """How far a session has come, as its journal tells."""

    CREATED = "created"
    """Nothing was shot yet."""
    SHOOTING = "shooting"
    """Begun and not ended: being shot now, or if nobody shoots it, cut short by a crash or a power cut."""
    PAUSED = "paused"
    """Stopped by somebody, or for want of room; waits to be resumed."""
    DONE = "done"
    """Every slice is saved."""
    ABORTED = "aborted"
    """Ended by somebody."""
    FAILED = "failed"
    """Ended by an error; what is saved is good, and the rest may still be shot."""


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file that was made durable, its path relative to the session's folder."""

    file: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class SavedSlice:
    """A slice that was made durable at `saved_at` (UTC), as the journal recorded it.

    `companions` are files saved beside the one that is merged, such as raw ones; `vitals` is how the Pi was.
    """

    index: int
    file: str
    sha256: str
    bytes: int
    position_steps: int
    position_u: float
    exposure: Exposure
    began_ns: int
    saved_at: str
    companions: tuple[SavedFile, ...] = ()
    vitals: Vitals = UNKNOWN

    @property
    def files(self) -> tuple[SavedFile, ...]:
        """All that was saved of it, the file that is merged first."""
        return (SavedFile(self.file, self.sha256, self.bytes), *self.companions)


@dataclass(frozen=True, slots=True)
class MergeState:
    """One merge of the session; `files` are relative to its folder and empty until it has ended well."""

    files: tuple[str, ...] = ()
    slices: int = 0
    seconds: float = 0.0
    error: str | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class SessionState:
    """The fold of a journal.

    Attributes
    ----------
    phase
        How far it came.
    slices
        How many the plan asks for.
    saved
        By index, the last acknowledged saving of each.
    exposure, size_px
        What every slice is held to; None until it was locked.
    merges
        In order of their beginning.
    reason
        Why it was paused or aborted, or the error it failed with.
    began_at, ended_at
        UTC of the first and the last change of phase.
    homed
        Whether the axis found its reference for this stack.
    retaken
        Why slices were shot again, by index.
    missed_u
        How far off its reference the axis was when homed after the last slice; None: that was not done.
    moved_u, repeat_u
        When it went on, the most that the axis was off where it had been left, and that two homings differed;
        None where that was not measured.
    lacked_room
        It was paused because the disk was full.
    begun_in_vain
        How often shooting began since a slice was last saved.
    delivered
        When it last arrived (UTC) wherever it was delivered to, by destination.
    damage
        What is wrong with the journal, in words; empty for a sound one. What the bad lines said is not in
        this state.
    """

    phase: Phase
    slices: int
    saved: Mapping[int, SavedSlice] = field(default_factory=dict)
    exposure: Exposure | None = None
    size_px: tuple[int, int] | None = None
    merges: tuple[MergeState, ...] = ()
    reason: str | None = None
    began_at: str | None = None
    ended_at: str | None = None
    homed: bool = False
    retaken: Mapping[int, str] = field(default_factory=dict)
    missed_u: float | None = None
    moved_u: float | None = None
    repeat_u: float | None = None
    lacked_room: bool = False
    begun_in_vain: int = 0
    delivered: Mapping[str, str] = field(default_factory=dict)
    damage: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[int, ...]:
        """The indices of the slices not yet saved."""
        return tuple(index for index in range(self.slices) if index not in self.saved)

    @property
    def resumable(self) -> bool:
        """Whether shooting may go on, once it is clear that nobody is shooting now.

        A damaged journal does not forbid it: a slice counts only while its file is what a good line says.
        """
        return self.phase in (Phase.CREATED, Phase.SHOOTING, Phase.PAUSED, Phase.FAILED)


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
    """

    configuration: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    camera: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)


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
        return replace(
            fold(history.entries, self.layout.slices), damage=tuple(str(bad) for bad in history.damage)
        )

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

    def next_merge(self) -> Path:
        """Make the folder for another merge: merges/1, merges/2 ..."""
        merges = self.path / "merges"
        merges.mkdir(exist_ok=True)
        while True:
            number = (
                max((int(child.name) for child in merges.iterdir() if child.name.isdigit()), default=0) + 1
            )
            folder = merges / str(number)
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                sync_folder(merges)
                return folder

    def choose_merge(self, number: int, file: str = "merged.jpg") -> None:
        """Let the session's merged.jpg be that of merge `number`; raises `NoSuchSession` when it has none."""
        target = Path("merges", str(number), file)
        if not (self.path / target).is_file():
            raise NoSuchSession(f"{self.id} has no {target}", wanted=str(target))
        link_durably(self.path / "merged.jpg", target)

    def tidy(self) -> int:
        """Remove what a power cut left unfinished, while nobody writes; give how many files that were."""
        unfinished = list(leftovers(self.path))
        for path in unfinished:
            path.unlink(missing_ok=True)
        return len(unfinished)


class Sessions:
    """All sessions below one folder.

    Parameters
    ----------
    root
        Made if it is not there. Folders in it whose names are no session ids are left alone.
    now
        The time for ids; they are numbered because it may be wrong.
    """

    def __init__(self, root: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._root = root
        self._now = now

    @property
    def root(self) -> Path:
        """The folder that holds them."""
        return self._root

    def create(self, plan: StackPlan, layout: Layout, scale: Scale, facts: Facts) -> Session:
        """Make the folder of a new session, numbered one above the highest there ever was.

        It appears with its session.json complete or not at all, and no two get one number, whoever else
        creates sessions there.
        """
        self._root.mkdir(parents=True, exist_ok=True)
        with _held(self._root):
            self._drop_unfinished()
            created = self._now().astimezone(UTC)
            number = self._highest_number() + 1
            path = self._root / f"{number:04d}-{created:%Y-%m-%dT%H-%M-%SZ}-{slug(plan.name)}"
            session = Session(path, number, created.isoformat(timespec="seconds"), plan, layout, scale, facts)
            part = self._root / f".{path.name}.{secrets.token_hex(4)}{LEFTOVER_SUFFIX}"
            try:
                (part / "slices").mkdir(parents=True)
                (part / "merges").mkdir()
                (part / JOURNAL).touch()
                write_durably(part / "session.json", _session_json(session))
                part.rename(path)
            except BaseException:
                shutil.rmtree(part, ignore_errors=True)
                raise
            sync_folder(self._root)
        return session

    def remove(self, session: Session) -> None:
        """Remove a session's folder with all that is in it; its number is not given again.

        Raises `RemovalRefused`, and removes nothing, while somebody writes its journal.
        """
        with _held(self._root), _unwritten(session):
            write_durably(self._root / HIGHEST, f"{self._highest_number()}\n".encode())
            part = self._root / f".{session.id}.{secrets.token_hex(4)}{LEFTOVER_SUFFIX}"
            session.path.rename(part)
            sync_folder(self._root)
            shutil.rmtree(part)

    def ids(self) -> tuple[str, ...]:
        """Give the ids, newest last."""
        return tuple(path.name for _, path in self._folders())

    def all(self) -> tuple[Session, ...]:
        """Give the sessions, newest last; those that cannot be read are left out (see `ids`)."""
        return tuple(self._readable())

    def newest(self) -> Session | None:
        """Give the newest that can be read; None where there is none."""
        for _, path in reversed(self._folders()):
            with contextlib.suppress(SessionUnreadable):
                return load(path)
        return None

    def open(self, wanted: str | int) -> Session:
        """Find a session by number, by id or by the beginning of its id.

        Raises `NoSuchSession`, `AmbiguousSession`, or `SessionUnreadable` for one that cannot be read.
        """
        return load(self.find(wanted))

    def find(self, wanted: str | int) -> Path:
        """Give the folder of a session as `open` does, readable or not."""
        text = str(wanted).strip()
        folders = self._folders()
        found = [path for number, path in folders if text.isdigit() and int(text) == number]
        found = found or [path for _, path in folders if path.name == text]
        found = found or [path for _, path in folders if text and path.name.startswith(text)]
        if not found:
            newest = f"the newest is {folders[-1][1].name}" if folders else "there are none yet"
            raise NoSuchSession(f"no session is called {text!r} in {self._root}; {newest}", wanted=text)
        if len(found) > 1:
            names = tuple(path.name for path in found)
            raise AmbiguousSession(
                f"{len(names)} sessions begin with {text!r}: {', '.join(names)}; give a number",
                wanted=text,
                candidates=names,
            )
        return found[0]

    def _highest_number(self) -> int:
        """Give the highest number in use, or that of a removed session where it was higher."""
        try:
            removed = int((self._root / HIGHEST).read_text())
        except (OSError, ValueError):
            removed = 0
        return max([removed, *(number for number, _ in self._folders())])

    def _drop_unfinished(self) -> None:
        for part in self._root.glob(f".*{LEFTOVER_SUFFIX}"):
            if _ID.fullmatch(part.name[1:]):
                shutil.rmtree(part)

    def _readable(self) -> Iterator[Session]:
        for _, path in self._folders():
            with contextlib.suppress(SessionUnreadable):
                yield load(path)

    def _folders(self) -> list[tuple[int, Path]]:
        try:
            names = [path for path in self._root.iterdir() if _ID.fullmatch(path.name)]
        except FileNotFoundError:
            return []
        return sorted((int(path.name.split("-", 1)[0]), path) for path in names)


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
                **{name: content[name] for name in ("configuration", "versions", "camera", "fields")}
            ),
        )
    except (OSError, KeyError, TypeError, ValueError) as error:
        why = str(error) if isinstance(error, ValueError) else repr(error)
        raise SessionUnreadable(f"{file} cannot be read: {why}", path=file) from error


def fold(entries: Iterable[Entry], slices: int) -> SessionState:
    """Give the state that a journal's entries amount to, for a plan of so many slices. Pure."""
    state = SessionState(Phase.CREATED, slices)
    saved: dict[int, SavedSlice] = {}
    retaken: dict[int, str] = {}
    for entry in entries:
        state = _begun(state)
        match entry.event, entry.facts:
            case "slice_saved", _:
                one = _saved_slice(entry)
                saved[one.index] = one
                state = replace(state, exposure=state.exposure or one.exposure, begun_in_vain=0)
            case "slice_retaken", {"index": int(index), "why": str(why)}:
                saved.pop(index, None)
                retaken[index] = why
            case _:
                state = _after(state, entry)
    return replace(state, saved=saved, retaken=retaken)


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
        if path.stem.isdecimal() and int(path.stem) not in saved:
            found[int(path.stem)] = (*found.get(int(path.stem), ()), path)
    return found


def slug(name: str) -> str:
    """Give `name` as a part of a file name: ASCII letters, digits, dots and dashes."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9.]+", "-", ascii_name)[:40].strip("-.") or "stack"


def _begun(state: SessionState) -> SessionState:
    """Take any line for a sign that shooting had begun, the one that says so being lost."""
    return replace(state, phase=Phase.SHOOTING) if state.phase is Phase.CREATED else state


def _after(state: SessionState, entry: Entry) -> SessionState:
    facts: Mapping[str, Any] = entry.facts
    match entry.event:
        case "stack_started" | "stack_resumed":
            return replace(
                state,
                phase=Phase.SHOOTING,
                reason=None,
                began_at=state.began_at or entry.at,
                ended_at=None,
                lacked_room=False,
                begun_in_vain=state.begun_in_vain + 1,
            )
        case "homed":
            return replace(
                state,
                homed=True,
                moved_u=_farther(state.moved_u, facts.get("moved_u")),
                repeat_u=_farther(state.repeat_u, facts.get("repeat_u")),
            )
        case "rechecked":
            return replace(state, missed_u=facts["missed_u"])
        case "exposure_locked":
            width_px, height_px = facts["size_px"]
            exposure = exposure_of(facts["exposure"])
            return replace(state, exposure=exposure, size_px=(width_px, height_px))
        case "stack_paused":
            return replace(
                state,
                phase=Phase.PAUSED,
                reason=facts["reason"],
                ended_at=entry.at,
                lacked_room=bool(facts.get("lacked_room")),
            )
        case "stack_done":
            return replace(state, phase=Phase.DONE, reason=None, ended_at=entry.at)
        case "stack_aborted":
            return replace(state, phase=Phase.ABORTED, reason=facts["reason"], ended_at=entry.at)
        case "stack_failed":
            return replace(state, phase=Phase.FAILED, reason=facts["error"], ended_at=entry.at)
        case "merge_started":
            return replace(state, merges=(*state.merges, MergeState()))
        case "merge_done":
            done = MergeState(tuple(facts["files"]), facts["slices"], facts["seconds"], ended=True)
            return replace(state, merges=(*state.merges[:-1], done))
        case "merge_failed":
            return replace(state, merges=(*state.merges[:-1], MergeState(error=facts["error"], ended=True)))
        case "delivered":
            return replace(state, delivered={**state.delivered, facts["to"]: entry.at})
        case _:  # a later version's word, or one that changes nothing
            return state


def _farther(a_u: float | None, b_u: float | None) -> float | None:
    """Give the larger of two distances, whichever way they go."""
    return max((one for one in (a_u, b_u) if one is not None), key=abs, default=None)


def _saved_slice(entry: Entry) -> SavedSlice:
    facts: Mapping[str, Any] = entry.facts
    return SavedSlice(
        index=facts["index"],
        file=facts["file"],
        sha256=facts["sha256"],
        bytes=facts["bytes"],
        position_steps=facts["position_steps"],
        position_u=facts["position_u"],
        exposure=exposure_of(facts["exposure"]),
        began_ns=facts["began_ns"],
        saved_at=entry.at,
        companions=tuple(SavedFile(**kept) for kept in facts.get("companions", ())),
        vitals=vitals_of(facts.get("vitals", {})),
    )


def _session_json(session: Session) -> bytes:
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
    }
    return sealed(content)


def _free_name(folder: Path, path: Path) -> Path:
    """Give a name in `folder` for `path` that nothing bears."""
    names = itertools.chain([path.name], (f"{path.stem}-{n}{path.suffix}" for n in itertools.count(2)))
    return next(place for name in names if not (place := folder / name).exists())


@contextlib.contextmanager
def _unwritten(session: Session) -> Iterator[None]:
    """Keep every writer out of a session's journal meanwhile; raises `RemovalRefused` where there is one."""
    descriptor = os.open(session.journal_path, os.O_RDONLY | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise RemovalRefused(
            f"{session.id} is in use: its journal is being written", session=session.id
        ) from error
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Keep every other creator of sessions out of `folder` meanwhile."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
