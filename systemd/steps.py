"""The steps of an installation. Each can tell whether it is done, do what is missing, and undo that."""

import grp
import hashlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from host import (
    CURRENT,
    HOME,
    PREVIOUS,
    UNIT,
    active,
    install_packages,
    installed,
    leads_to,
    place_unit,
    point,
    purge,
    refresh,
    refuse_while_busy,
    remove_empty,
    remove_unit,
    run,
)

SOURCE = Path(__file__).resolve().parent.parent
RELEASES = HOME / "releases"
SETTINGS, STATE = Path("/etc/focusrail/config.yaml"), Path("/var/lib/focusrail")
BROUGHT = SETTINGS.parent / "brought"
"""Which packages and groups came with focusrail: a line for each, `package NAME` or `group NAME`."""

ROOMS = ("rail", "camera", "stack", "focusd", "simulator")
PACKAGES = (
    "python3-venv",
    "python3-numpy",  # named, since what the camera's libraries were built for is what the release is held to
    "python3-libcamera",
    "python3-picamera2",
    "python3-lgpio",
    "rsync",  # deliveries to another machine
)
GROUPS = ("gpio", "video", "dialout", "focusrail")
LINKS = {
    Path("/usr/local/bin/focusctl"): "bin/focusctl",
    Path("/usr/local/bin/focusd"): "bin/focusd",
    Path("/etc/udev/rules.d/60-focusrail.rules"): "share/60-focusrail.rules",
    Path("/usr/local/share/bash-completion/completions/focusctl"): "share/focusctl.bash",
    Path("/usr/local/share/man/man1/focusctl.1"): "share/focusctl.1",
}
PROOF = (
    "import av, cv2, gpiozero, lgpio, numpy, piexif, simplejpeg, picamera2;"
    "import focusd.server, focusd.opening, stack.merge.follow;"
    "print(f'numpy {numpy.__version__}, OpenCV {cv2.__version__}')"
)
"""Fails where one library was built for another's earlier version."""


def held(numpy: str) -> list[str]:
    """Give pip's constraints: the numpy that the camera's libraries were built for, and what takes it."""
    opencv = ["opencv-python-headless==4.11.0.86"] if numpy.startswith("1.") else []
    return [f"numpy=={numpy}", *opencv]


class Step:
    """Something to be done once. `undo` is asked of a step that was begun, whether it ended or not."""

    says = ""

    def done(self) -> bool:
        """Say whether all is as this step would leave it."""
        raise NotImplementedError

    def do(self) -> None:
        """Bring it about; raises `Failed` or `OSError`."""
        raise NotImplementedError

    def undo(self) -> None:
        """Leave no trace of `do`."""


class SystemPackages(Step):
    """What comes from apt only: the camera's and the pins' libraries fit the system's kernel and Python."""

    says = f"packages of the system: {', '.join(PACKAGES)}"

    def __init__(self) -> None:
        self._before: set[str] | None = None

    def done(self) -> bool:
        return set(PACKAGES) <= installed()

    def do(self) -> None:
        self._before = installed()
        install_packages(*PACKAGES)
        note("package", installed() - self._before)

    def undo(self) -> None:
        if self._before is not None:
            purge(came := installed() - self._before)
            strike("package", came)


def note(kind: str, names: set[str]) -> None:
    """Write down what focusrail brought, for who wants to be rid of all of it."""
    BROUGHT.parent.mkdir(parents=True, exist_ok=True)
    with BROUGHT.open("a") as notes:
        notes.writelines(f"{kind} {name}\n" for name in sorted(names))


def strike(kind: str, names: set[str]) -> None:
    """Take back what was noted; what an earlier installation brought stays written down."""
    kept = [line for line in _noted() if line not in {f"{kind} {name}" for name in names}]
    if kept:
        BROUGHT.write_text("".join(f"{line}\n" for line in kept))
    else:
        BROUGHT.unlink(missing_ok=True)
        remove_empty(BROUGHT.parent)


def brought(kind: str) -> set[str]:
    """Give what of a kind focusrail brought."""
    return {name for what, name in (line.split() for line in _noted()) if what == kind}


def _noted() -> list[str]:
    return BROUGHT.read_text().splitlines() if BROUGHT.exists() else []


class Accounts(Step):
    """The user that the daemon runs as, and the group of those who may use the rig."""

    says = "user focusrail, and group focusrail for those who may use the rig"

    def __init__(self, person: str | None) -> None:
        self._person = person
        self._made: list[tuple[str, ...]] = []

    def done(self) -> bool:
        return not list(self._missing())

    def do(self) -> None:
        for make, unmake in self._missing():
            run(*make)
            self._made.append(unmake)
            if make[0] == "groupadd":
                note("group", {make[-1]})

    def undo(self) -> None:
        for unmake in reversed(self._made):
            subprocess.run(unmake, check=False, capture_output=True)
        strike("group", {unmake[-1] for unmake in self._made if unmake[0] == "groupdel"})

    def _missing(self) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
        groups = {group.gr_name: group.gr_mem for group in grp.getgrall()}
        for name in GROUPS:
            if name not in groups:
                yield ("groupadd", "--system", name), ("groupdel", name)
        if "focusrail" not in {user.pw_name for user in pwd.getpwall()}:
            options = ("--system", "--gid", "focusrail", "--home-dir", str(STATE), "--no-create-home")
            yield ("useradd", *options, "--shell", "/usr/sbin/nologin", "focusrail"), ("userdel", "focusrail")
        if self._person and self._person not in groups.get("focusrail", ()):
            change = (self._person, "focusrail")
            yield ("usermod", "-aG", "focusrail", self._person), ("gpasswd", "-d", *change)


class Release(Step):
    """A virtual environment of its own, made from this source, and proved before anything leads to it."""

    says = "a release in /opt/focusrail/releases"

    def __init__(self) -> None:
        self._fingerprint = fingerprint(SOURCE)
        taken = [int(path.name) for path in RELEASES.glob("[0-9]*")]
        self.folder = RELEASES / str(max(taken, default=0) + 1)

    def done(self) -> bool:
        made_from = CURRENT / "share" / "fingerprint"
        return made_from.exists() and made_from.read_text() == self._fingerprint

    def do(self) -> None:
        self.folder.mkdir(parents=True)
        run("/usr/bin/python3", "-m", "venv", "--system-site-packages", str(self.folder))
        self._fill()
        print(f"        {run(self._python, '-c', PROOF, LIBCAMERA_LOG_LEVELS='*:ERROR').strip()}")
        self._share()
        take_settings(self.folder)

    def undo(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        remove_empty(RELEASES)
        remove_empty(HOME)

    @property
    def _python(self) -> str:
        return str(self.folder / "bin" / "python")

    def _fill(self) -> None:
        """Install from a copy, for a build leaves traces; on this disk, for /tmp may be memory."""
        work = self.folder / "work"
        work.mkdir()
        try:
            copy = work / "source"
            copy.mkdir()
            for name in ("pyproject.toml", "README.md", "LICENSE"):
                shutil.copy(SOURCE / name, copy)
            for room in ROOMS:
                shutil.copytree(SOURCE / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
            numpy = run("/usr/bin/python3", "-c", "import numpy; print(numpy.__version__)").strip()
            (work / "constraints").write_text("\n".join(held(numpy)) + "\n")
            pip = (self._python, "-m", "pip", "install", "--quiet", "--prefer-binary", "--no-cache-dir")
            wanted = f"{copy}[film]"  # for a rig that makes time-lapses, its film is what they are made for
            run(*pip, "--constraint", str(work / "constraints"), wanted, TMPDIR=str(work))
        finally:
            shutil.rmtree(work)

    def _share(self) -> None:
        share = self.folder / "share"
        share.mkdir(exist_ok=True)
        for name in ("focusd.service", "60-focusrail.rules"):
            shutil.copy(SOURCE / "systemd" / name, share)
        for name, module in (("focusctl.1", "focusd.manual"), ("focusctl.bash", "focusd.completion")):
            (share / name).write_text(run(self._python, "-m", module))
        (share / "fingerprint").write_text(self._fingerprint)


def take_settings(release: Path) -> None:
    """See that a release can be run by the settings there are; raises `Failed` with what it says of them."""
    if SETTINGS.exists():
        run(str(release / "bin" / "focusd"), "--check-config", "--config", str(SETTINGS))


def fingerprint(source: Path) -> str:
    """Give a hash over all that a release is made from."""
    files = [source / "pyproject.toml", *sorted((source / "systemd").iterdir())]
    files += [file for room in ROOMS for file in sorted((source / room).rglob("*.py"))]
    digest = hashlib.sha256()
    for file in files:
        if file.is_file():
            digest.update(f"{file.relative_to(source)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


class Settings(Step):
    """The settings, where there are none yet; nobody's are ever replaced."""

    says = f"settings in {SETTINGS}"

    def done(self) -> bool:
        return SETTINGS.exists()

    def do(self) -> None:
        SETTINGS.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SOURCE / "config.yaml", SETTINGS)

    def undo(self) -> None:
        SETTINGS.unlink(missing_ok=True)
        remove_empty(SETTINGS.parent)


class State(Step):
    """Where sessions, the position and the marks are kept, perhaps copied here from another card."""

    says = f"sessions in {STATE}"

    def done(self) -> bool:
        owners = {user.pw_uid for user in pwd.getpwall() if user.pw_name == "focusrail"}
        return STATE.is_dir() and STATE.stat().st_uid in owners

    def do(self) -> None:
        STATE.mkdir(mode=0o750, exist_ok=True)
        owner = pwd.getpwnam("focusrail")
        for path in (STATE, *STATE.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)

    def undo(self) -> None:
        remove_empty(STATE)


def pictures() -> bool:
    """Say whether there are stacks, or time-lapses, which may have a film; both are numbered folders."""
    return any(any((STATE / kind).glob("[0-9]*")) for kind in ("sessions", "series"))


class Links(Step):
    """What the system finds in its own folders: commands, unit, rules, completion, manual."""

    says = "focusctl and focusd on the PATH, udev rules, completion, manual page"

    def __init__(self) -> None:
        self._before: dict[Path, Path | None] = {}
        self._folders: list[Path] = []

    def done(self) -> bool:
        return all(leads_to(place) == CURRENT / target for place, target in LINKS.items())

    def do(self) -> None:
        for place, target in LINKS.items():
            self._folders += [folder for folder in place.parents if not folder.exists()]
            place.parent.mkdir(parents=True, exist_ok=True)
            self._before[place] = leads_to(place)
            if place.exists() and not place.is_symlink():
                place.rename(saved(place))
            point(place, CURRENT / target)

    def undo(self) -> None:
        for place, before in self._before.items():
            put_back(place, before)
        for folder in self._folders:
            remove_empty(folder)


def saved(place: Path) -> Path:
    """Give the name under which a file is kept that was in the way of a link."""
    return place.with_name(place.name + ".before-focusrail")


def remove_links() -> None:
    """Remove all that leads to focusrail, and folders that held nothing else."""
    for place in LINKS:
        put_back(place)
        for folder in (place.parent, place.parent.parent):
            if folder.is_relative_to("/usr/local/share") and folder.name in (
                "completions",
                "bash-completion",
                "man1",
            ):
                remove_empty(folder)


def put_back(place: Path, before: Path | None = None) -> None:
    """Remove a link of ours; put back what had been in its place."""
    if place.is_symlink():
        place.unlink()
    if before is not None:
        place.symlink_to(before)
    elif saved(place).exists():
        saved(place).rename(place)


class InForce(Step):
    """The new release is the current one, the last one the previous; what runs is started again.

    The unit is a file, no link: `systemctl disable` takes links to units away, and `enable` finds none then.
    """

    says = "the new release in force, and its unit"

    def __init__(self, release: Release) -> None:
        self._release = release
        self._links = {link: leads_to(link) for link in (CURRENT, PREVIOUS)}
        self._unit = UNIT.read_bytes() if UNIT.exists() else None
        self._ran = active()
        self._begun = False

    def done(self) -> bool:
        return self._release.done() and self._unit == (SOURCE / "systemd" / UNIT.name).read_bytes()

    def do(self) -> None:
        refuse_while_busy("put in force")  # it took minutes to get here
        self._begun = True
        if not self._release.done():
            if (current := self._links[CURRENT]) is not None:
                point(PREVIOUS, current)
            point(CURRENT, self._release.folder)
        place_unit(SOURCE / "systemd" / UNIT.name)
        refresh(restart=self._ran)

    def undo(self) -> None:
        if not self._begun:
            return
        for link, before in self._links.items():
            if before is None:
                link.unlink(missing_ok=True)
            else:
                point(link, before)
        if self._unit is None:
            remove_unit()
        else:
            UNIT.write_bytes(self._unit)
        refresh(restart=self._ran)


def steps() -> list[Step]:
    """Give all steps, in their order."""
    release = Release()
    person = os.environ.get("SUDO_USER")
    accounts = Accounts(person if person != "root" else None)
    return [SystemPackages(), accounts, release, Settings(), State(), Links(), InForce(release)]


def carry_out(todo: Sequence[Step]) -> None:
    """Do what is not done; where that fails, undo all of it and raise what went wrong."""
    begun: list[Step] = []
    needs = [not step.done() for step in todo]  # before anything changes
    try:
        for step, needed in zip(todo, needs, strict=True):
            print(f"  {'doing' if needed else 'ok   '} {step.says}")
            if needed:
                begun.append(step)
                step.do()
    except BaseException:
        for step in reversed(begun):
            print(f"  undo  {step.says}")
            step.undo()
        raise


def forget_old_releases() -> None:
    """Keep the current release and the previous one."""
    kept = {leads_to(CURRENT), leads_to(PREVIOUS)}
    for folder in RELEASES.iterdir():
        if folder not in kept:
            shutil.rmtree(folder, ignore_errors=True)
