"""How a session's files get to another disk or another machine, and how it is known that they arrived.

Both ways are safe to repeat: what arrived is not sent again, nothing at the destination is removed but what a
copy cut short has left there, and the session is only read.
"""

import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

from focusd.errors import FocusdError
from stack.disk import Disk, expected_below, mount_points, places_in_fstab
from stack.durable import LEFTOVER_SUFFIX, leftovers, sync_folder
from stack.errors import DiskNotMounted

CHUNK_BYTES: Final = 1 << 20
SILENCE_S: Final = 60
"""A connection over which nothing has come for so long is taken for dead."""
DIES_WITH_US: Final = ("setpriv", "--pdeathsig", "TERM")
"""Before a command: the kernel ends it with the thread that began it, however that ends (util-linux)."""
SOURCE_FAULTS: Final = (3, 23, 24)
"""What rsync ends with where it cannot read all that it is to send, or cannot write it there."""
OF_THE_SOURCE: Final = ("rsync: [sender]", "file has vanished")
"""What it says first where it was the former."""
IDENTITY: Final = "session.json"
"""Written once, so two sessions of one name are told apart by it."""


class NotDelivered(FocusdError):
    """Files did not arrive, or not as they were sent; the words say what to do."""


class Unsendable(NotDelivered):
    """It lies with the stack itself: another may well arrive at the same place."""


class Carrier(Protocol):
    """Takes files to one destination."""

    def carry(self, folder: Path, files: Sequence[str]) -> None:
        """Take `files`, relative to the session's `folder`, to a folder of its name; see that all arrived.

        Raises `NotDelivered`.
        """
        ...

    def give_up(self) -> None:
        """End what is being carried, soon, and carry nothing more; from any thread."""
        ...


class Places:
    """Which folder each place was when a stack last went there. Any thread may ask.

    No other place is looked at for that: one that hangs would hold up the rest.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folders: dict[Path, tuple[int, int]] = {}

    def other_name(self, place: Path, there: Path) -> Path | None:
        """Give another place that leads into the folder `there`; None: it is that of `place` from now on."""
        about = there.stat()
        folder = about.st_dev, about.st_ino
        with self._lock:
            for other in [one for one, known in self._folders.items() if known == folder and one != place]:
                with suppress(OSError):  # of one that is away, and what answers there is another disk
                    if there.samefile(other):
                        return other
            self._folders[place] = folder
        return None


class FolderCarrier:
    """Copies to a folder on another disk: a mounted share, a stick.

    Parameters
    ----------
    destination
        It must exist: where a disk is not mounted nothing is made in its place.
    same_disk
        Whether any folder will do: on the disk of the sessions themselves, or where a disk is to be mounted
        and none is.
    mounted
        Gives every place where something is mounted now.
    places
        Shared with all that copy: one folder by two names would be no second copy.
    """

    def __init__(
        self,
        destination: Path,
        *,
        same_disk: bool = False,
        mounted: Callable[[], frozenset[Path]] = mount_points,
        places: Places | None = None,
    ) -> None:
        self._destination = destination
        self._places = places or Places()
        self._same_disk = same_disk
        self._mounted = mounted
        self._given_up = threading.Event()

    def carry(self, folder: Path, files: Sequence[str]) -> None:
        """Copy, sync, read back and compare."""
        try:
            with _held(self._destination) as there:
                disk = self._checked_disk(folder)
                self._see_apart(folder.parent)
                self._see_new(there)
                if there.stat().st_dev != disk:
                    raise self._another_disk()
                self._carry(folder, files, there, disk)
        except OSError as error:
            raise NotDelivered(f"{self._destination}: {error.strerror or error}") from error

    def _carry(self, folder: Path, files: Sequence[str], there: Path, disk: int) -> None:
        target = there / folder.name
        target.mkdir(exist_ok=True)
        if _is_another(folder, target):
            raise _another(str(self._destination / folder.name))
        for part in leftovers(target):
            part.unlink(missing_ok=True)
        for name in files:
            self._copy(folder / name, target / name)
            self._see_same(disk, folder)
        # FAT does not write the name of a folder with what is in it; a stick is pulled out at any time.
        made = {target / above for name in files for above in Path(name).parents}
        for holder in (*made, there):
            sync_folder(holder)
        self._see_same(disk, folder)

    def give_up(self) -> None:
        """End the copy at its next megabyte."""
        self._given_up.set()

    def _checked_disk(self, folder: Path) -> int:
        """Give the number of the destination's disk; raises `NotDelivered` where it is not what was meant."""
        if not self._destination.is_dir():
            raise _not_there(self._destination)
        # The slash looks into it: what autofs mounts when it is needed is another disk before that.
        disk = os.stat(f"{self._destination}/").st_dev  # noqa: PTH116 - a Path has no slash at its end
        if self._same_disk:
            return disk
        place = self._destination.resolve()
        below = expected_below(place, places_in_fstab())
        try:
            Disk(place, below, self._mounted).check()
        except DiskNotMounted as error:
            raise NotDelivered(
                f"no disk is mounted at {self._destination}, so what is copied there would land on the "
                "system's own card: mount the disk, or give same_disk: true where this folder is meant"
            ) from error
        if disk == folder.stat().st_dev:
            raise NotDelivered(
                f"{self._destination} is on the same disk as the sessions: mount the other disk there, or "
                "give same_disk: true where that is meant"
            )
        return disk

    def _see_apart(self, sessions: Path) -> None:
        """Refuse what lies in the sessions' own folder; a session would be taken for its own copy there."""
        place = self._destination.resolve()
        if any(folder.samefile(sessions) for folder in (place, *place.parents)):
            raise NotDelivered(
                f"{self._destination} is where the sessions themselves are: deliver to a folder outside "
                f"{sessions}"
            )

    def _see_new(self, there: Path) -> None:
        """Refuse one place by two names; each of the two would clear away what the other is writing."""
        if other := self._places.other_name(self._destination, there):
            raise NotDelivered(
                f"{self._destination} is {other} by another name, and so no second copy: take one of "
                "them out of delivery in config.yaml"
            )

    def _see_same(self, disk: int, folder: Path) -> None:
        if self._checked_disk(folder) != disk:
            raise self._another_disk()

    def _another_disk(self) -> NotDelivered:
        return NotDelivered(f"{self._destination} is no longer the disk that it was at first")

    def _copy(self, source: Path, target: Path) -> None:
        if self._arrived(source, target):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}{LEFTOVER_SUFFIX}")
        try:
            with part.open("xb") as written:
                sent = hashlib.sha256()
                for chunk in self._sent(source):
                    sent.update(chunk)
                    written.write(chunk)
                written.flush()
                os.fsync(written.fileno())
                # What is read back must come from the disk, not from memory.
                os.posix_fadvise(written.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            if self._digest(part) != sent.hexdigest():
                raise NotDelivered(
                    f"{self._destination}: {target.name} does not read back as it was written: do not trust "
                    "that disk"
                )
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)

    def _arrived(self, source: Path, target: Path) -> bool:
        with _reading(source):
            size_bytes = source.stat().st_size
        same_size = target.exists() and target.stat().st_size == size_bytes
        return same_size and self._digest(target) == _hashed(self._sent(source))

    def _digest(self, path: Path) -> str:
        return _hashed(self._chunks(path))

    def _sent(self, source: Path) -> Iterator[bytes]:
        """Read a file of the stack."""
        with _reading(source):
            yield from self._chunks(source)

    def _chunks(self, path: Path) -> Iterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                if self._given_up.is_set():
                    raise NotDelivered("the daemon was stopped before all was copied")
                yield chunk


class RsyncCarrier:
    """Sends over ssh with rsync, which must be installed at both ends; keys and hosts are ssh's own affair.

    Parameters
    ----------
    destination
        `user@host:folder`; the folder exists there.
    shell
        What rsync reaches the other machine with; it must never ask.
    """

    def __init__(self, destination: str, shell: str = "ssh -o BatchMode=yes -o ConnectTimeout=15") -> None:
        self._destination = destination.rstrip("/")
        self._shell = shell
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._given_up = False

    def carry(self, folder: Path, files: Sequence[str]) -> None:
        """Send, then have both ends compare the hash of every file; what differs is sent once more.

        The journal may have grown meanwhile: it says what has arrived elsewhere.
        """
        if self._differing(folder, [IDENTITY], new=False):
            raise _another(f"{self._destination}/{folder.name}")
        wrong = list(files)
        for _ in range(2):
            self._rsync(folder, wrong)
            if not (wrong := self._differing(folder, files, new=True)):
                return
        raise NotDelivered(
            f"{self._destination}: {len(wrong)} of {len(files)} files did not arrive as they were sent, "
            f"{wrong[0]} among them"
        )

    def give_up(self) -> None:
        """End the connection, if there is one: to end a child that has ended does nothing."""
        with self._lock:
            self._given_up = True
            if self._child is not None:
                self._child.terminate()

    def _differing(self, folder: Path, files: Sequence[str], *, new: bool) -> list[str]:
        """Name the files that differ there by their hash; with `new`, also those that are not there."""
        lines = self._rsync(folder, files, "--dry-run", "--out-format=%i %n").splitlines()
        changes = [line.split(" ", 1) for line in lines if line.startswith("<f")]
        return [name for change, name in changes if new or "+" not in change]

    def _rsync(self, folder: Path, files: Sequence[str], *options: str) -> str:
        """Run rsync on `files`; give what it says. Raises `NotDelivered`."""
        command = [
            *DIES_WITH_US,
            "rsync",
            "--checksum",
            "--times",
            "--copy-links",
            "--partial-dir=.rsync-partial",
        ]
        command += [f"--timeout={SILENCE_S}", "--from0", "--files-from=-", f"--rsh={self._shell}", *options]
        command += [f"{folder}/", f"{self._destination}/{folder.name}/"]
        try:
            with self._lock:
                if self._given_up:
                    raise NotDelivered("the daemon was stopped before all was sent")
                child = self._child = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    errors="replace",
                )
        except FileNotFoundError as error:
            raise NotDelivered("setpriv is not installed: sudo apt install util-linux") from error
        said, complaint = child.communicate("\0".join(files))
        if shutil.which("rsync") is None:
            raise NotDelivered("rsync is not installed: sudo apt install rsync")
        if child.returncode != 0:
            cause = _cause(complaint)
            if child.returncode in SOURCE_FAULTS and cause.startswith(OF_THE_SOURCE):
                raise Unsendable(f"what is to be sent cannot be read: {cause}")
            raise NotDelivered(f"{self._destination}: {cause or _epitaph(child.returncode)}")
        return said


def carrier_to(destination: str, *, same_disk: bool, places: Places | None = None) -> Carrier:
    """Give what reaches `destination`: `user@host:folder` over ssh, else a folder here."""
    if ":" in destination.split("/", 1)[0]:
        return RsyncCarrier(destination)
    return FolderCarrier(Path(destination), same_disk=same_disk, places=places)


@contextmanager
def _held(destination: Path) -> Iterator[Path]:
    """Give a path that leads into a folder as it is now, whatever comes to be in its place."""
    try:
        descriptor = os.open(destination, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _not_there(destination) from error
    try:
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


@contextmanager
def _reading(source: Path) -> Iterator[None]:
    """Tell what fails of a file of the stack from what fails at the place that it goes to."""
    try:
        yield
    except OSError as error:
        raise Unsendable(f"{source} cannot be read: {error.strerror or error}") from error


def _not_there(destination: Path) -> NotDelivered:
    return NotDelivered(f"{destination} is not there: see that its disk is mounted")


def _hashed(chunks: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for chunk in chunks:
        found.update(chunk)
    return found.hexdigest()


def _is_another(folder: Path, target: Path) -> bool:
    theirs = target / IDENTITY
    return theirs.exists() and theirs.read_bytes() != (folder / IDENTITY).read_bytes()


def _another(place: str) -> Unsendable:
    return Unsendable(
        f"{place} holds another session of the same name, which is left alone: deliver to another folder"
    )


def _cause(complaint: str) -> str:
    """Give the line that says what is wrong: ssh warns before it, rsync closes with numbers."""
    lines = (line.strip() for line in complaint.splitlines())
    return next((line for line in lines if line and not line.startswith(("Warning:", "rsync error:"))), "")


def _epitaph(status: int) -> str:
    return f"rsync ended by {signal.Signals(-status).name}" if status < 0 else f"rsync ended with {status}"
