"""All sessions below one folder: made, found and removed there, each with a number of its own."""

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rail.screw import Scale
from stack.durable import LEFTOVER_SUFFIX, sync_folder, write_durably
from stack.errors import AmbiguousSession, NoSuchSession, RemovalRefused, SessionUnreadable
from stack.layout import Layout
from stack.number import is_number
from stack.plan import StackPlan
from stack.session import JOURNAL, Facts, Session, load, session_json

HIGHEST = ".highest-number"
"""Where a folder of sessions remembers the numbers of those that were removed."""

GONE_ON = ".gone-on"
"""Where it remembers which session was gone on with last, and which was the newest then."""

_ID = re.compile(r"(\d{4,})-(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)-(.+)")


@dataclass(frozen=True, slots=True)
class Page:
    """Some sessions that follow each other, newest last, and how many there are before them."""

    sessions: tuple[Session, ...]
    earlier: int


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
            made = part = self._root / f".{path.name}.{secrets.token_hex(4)}{LEFTOVER_SUFFIX}"
            try:
                (part / "slices").mkdir(parents=True)
                (part / "merges").mkdir()
                (part / JOURNAL).touch()
                write_durably(part / "session.json", session_json(session))
                made = part.rename(path)
                sync_folder(self._root)
            except BaseException:
                shutil.rmtree(made, ignore_errors=True)
                raise
        return session

    def remove(self, session: Session) -> None:
        """Remove a session's folder with all that is in it; its number is not given again.

        Of one that lies elsewhere the link to it goes, and nothing else. Raises `RemovalRefused`, and removes
        nothing, while somebody writes its journal.
        """
        with _held(self._root), _unwritten(session):
            write_durably(self._root / HIGHEST, f"{self._highest_number()}\n".encode())
            part = self._root / f".{session.id}.{secrets.token_hex(4)}{LEFTOVER_SUFFIX}"
            session.path.rename(part)
            sync_folder(self._root)
            _cleared(part)

    def ids(self) -> tuple[str, ...]:
        """Give the ids, newest last."""
        return tuple(name for _, name in self._numbered())

    def all(self) -> tuple[Session, ...]:
        """Give the sessions, newest last; those that cannot be read are left out (see `ids`)."""
        return tuple(self.newest_first())[::-1]

    def newest_first(self) -> Iterator[Session]:
        """Give those that can be read, one by one: thousands at once fill the memory of a small board."""
        for _, name in reversed(self._numbered()):
            with contextlib.suppress(SessionUnreadable):
                yield load(self._root / name)

    def page(self, most: int, before: str | None = None) -> Page:
        """Give the newest `most` that can be read, where `before` is given of those before it.

        That is a number or an id, there or not; raises `NoSuchSession` where it is neither. The names of the
        folders say the order: only what is given is read, however many there are.
        """
        folders = self._numbered()
        earlier = len(folders) if before is None else bisect_left(folders, _place(before))
        found: list[Session] = []
        while earlier and len(found) < most:
            earlier -= 1
            with contextlib.suppress(SessionUnreadable):
                found.append(load(self._root / folders[earlier][1]))
        return Page(tuple(reversed(found)), earlier)

    def note_gone_on(self, session: Session) -> None:
        """Remember that a session is shot after the newest was, until there is a newer one."""
        write_durably(self._root / GONE_ON, f"{session.id}\n{self.ids()[-1]}\n".encode())

    def latest(self) -> Session | None:
        """Give the one that was shot last: the newest that can be read, or what was gone on with since."""
        with contextlib.suppress(OSError, ValueError, SessionUnreadable):
            gone_on, newest = (self._root / GONE_ON).read_text().splitlines()
            if self.ids()[-1:] == (newest,):
                return load(self._root / gone_on)
        return next(self.newest_first(), None)

    def open(self, wanted: str | int) -> Session:
        """Find a session by number, by id or by the beginning of its id.

        Raises `NoSuchSession`, `AmbiguousSession`, or `SessionUnreadable` for one that cannot be read.
        """
        return load(self.find(wanted))

    def find(self, wanted: str | int) -> Path:
        """Give the folder of a session as `open` does, readable or not."""
        text = str(wanted).strip()
        whole = "/" not in text and _ID.fullmatch(text)
        if whole and os.path.isdir(self._root / text):  # noqa: PTH112 - of one in a bad sector Path's raises
            return self._root / text  # without a look at thousands of others
        folders = self._numbered()
        found = tuple(name for number, name in folders if is_number(text) and int(text) == number)
        found = found or tuple(name for _, name in folders if text and name.startswith(text))
        if not found:
            newest = f"the newest is {folders[-1][1]}" if folders else "there are none yet"
            raise NoSuchSession(f"no session is called {text!r} in {self._root}; {newest}", wanted=text)
        if len(found) > 1:
            raise AmbiguousSession(
                f"{len(found)} sessions begin with {text!r}: {', '.join(found)}; give a number",
                wanted=text,
                candidates=found,
            )
        return self._root / found[0]

    def _highest_number(self) -> int:
        """Give the highest number in use, or that of a removed session where it was higher."""
        try:
            removed = int((self._root / HIGHEST).read_text())
        except (OSError, ValueError):
            removed = 0
        return max([removed, *(number for number, _ in self._numbered())])

    def _drop_unfinished(self) -> None:
        for part in self._root.glob(f".*{LEFTOVER_SUFFIX}"):
            if _ID.fullmatch(part.name[1:]):
                with contextlib.suppress(OSError):  # it takes room, and must not keep a stack from being shot
                    _cleared(part)

    def _numbered(self) -> list[tuple[int, str]]:
        """Give the number and the name of each, newest last."""
        try:
            with os.scandir(self._root) as found:
                names = [entry.name for entry in found]
        except FileNotFoundError:
            return []
        return sorted((int(known[1]), name) for name in names if (known := _ID.fullmatch(name)))


def _place(wanted: str) -> tuple[int, str]:
    """Give where a number or an id comes among numbered names."""
    if known := _ID.fullmatch(wanted):
        return int(known[1]), wanted
    if is_number(wanted):
        return int(wanted), ""
    raise NoSuchSession(f"{wanted!r} is neither the number of a session nor its id", wanted=wanted)


def slug(name: str) -> str:
    """Give `name` as a part of a file name: ASCII letters, digits, dots and dashes."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9.]+", "-", ascii_name)[:40].strip("-.") or "stack"


def _cleared(part: Path) -> None:
    """Remove a folder, or a link to one."""
    if part.is_symlink():
        part.unlink()
    else:
        shutil.rmtree(part)


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
