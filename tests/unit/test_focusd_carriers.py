"""What was carried is there and the same; what cannot be is said, and nothing at the other end is lost."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from contention import WatchedLock
from tools import needs

from focusd.carriers import FolderCarrier, NotDelivered, Places, RsyncCarrier, Unsendable, carrier_to

FILES = {
    "session.json": b'{"number": 1}',
    "slices/0000.jpg": b"slice" * 400_000,
    "merges/1/merged.jpg": b"picture",
}

needs_rsync = needs("rsync")


@pytest.fixture
def session(tmp_path):
    folder = tmp_path / "sessions" / "0001-beetle"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "merged.jpg").symlink_to("merges/1/merged.jpg")
    return folder


@pytest.fixture
def place(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "elsewhere"


@pytest.fixture(params=["folder", pytest.param("rsync", marks=needs_rsync)])
def carrier(request, tmp_path, place):
    if request.param == "folder":
        return FolderCarrier(place, same_disk=True)
    return RsyncCarrier(f"lab:{place}", shell=str(local_shell(tmp_path)))


def local_shell(tmp_path):
    """Stand in for ssh: what is to run on the other machine runs on this one."""
    script = tmp_path / "shell"
    script.write_text('#!/bin/sh\nshift\nexec sh -c "$*"\n')
    script.chmod(0o755)
    return script


def silent_shell(tmp_path):
    """Stand in for ssh: take a lock that the kernel gives back when it ends, tell of it, then say nothing."""
    script, begun, lock = tmp_path / "shell", tmp_path / "begun", tmp_path / "lock"
    script.write_text(f"#!/bin/sh\nexec 9>{lock}\nflock 9\necho >{begun}\nwhile read -r _; do :; done\n")
    script.chmod(0o755)
    os.mkfifo(begun)
    return script, begun, lock


def arrived(place):
    return {
        str(path.relative_to(place / "0001-beetle")): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file()
    }


def test_everything_arrives_links_as_what_they_lead_to(carrier, session, place):
    carrier.carry(session, [*FILES, "merged.jpg"])
    assert arrived(place) == {**FILES, "merged.jpg": b"picture"}
    assert not any(path.is_symlink() for path in place.rglob("*"))


@pytest.mark.parametrize("inside", [".", "copies", "0001-beetle", "0001-beetle/slices", "../link"])
def test_nothing_is_delivered_to_where_the_sessions_are(session, inside):
    """There a session would count as arrived, and what is being written to it now as left by a copy."""
    (session.parent / "copies").mkdir()
    (session.parent.parent / "link").symlink_to(session.parent)
    writing = session / "slices" / ".0001.jpg.abcd.part"
    writing.write_bytes(b"half a slice")
    before = sorted(session.parent.rglob("*"))
    with pytest.raises(NotDelivered, match="deliver to a folder outside"):
        FolderCarrier(session.parent / inside, same_disk=True).carry(session, [*FILES])
    assert sorted(session.parent.rglob("*")) == before


def test_one_folder_by_two_names_is_no_second_place(session, place):
    link, elsewhere, places = place.parent / "link", place.parent / "another", Places()
    link.symlink_to(place)
    elsewhere.mkdir()
    by_name, by_link, there = (
        carrier_to(str(one), same_disk=True, places=places) for one in (place, link, elsewhere)
    )
    by_name.carry(session, FILES)
    with pytest.raises(NotDelivered, match=r"/link is /.*/elsewhere by another name, and so no second copy"):
        by_link.carry(session, FILES)
    for carrier in (there, by_name):
        carrier.carry(session, FILES)
    assert [one.name for one in elsewhere.iterdir()] == [session.name]
    place.rename(place.parent / "pulled out")
    link.unlink()
    link.symlink_to(place.parent / "pulled out")
    by_link.carry(session, FILES)  # the disk that was at the other place is at this one alone


def test_a_place_that_hangs_is_not_asked_whether_it_is_another(session, place, monkeypatch):
    hung, places = place.parent / "hung", Places()
    hung.mkdir()
    FolderCarrier(hung, same_disk=True, places=places).carry(session, FILES)
    look, asked = os.stat, []

    def stat(path, **how):
        asked.append(str(path))
        return look(path, **how)

    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", stat)
        FolderCarrier(place, same_disk=True, places=places).carry(session, FILES)
    assert [one for one in asked if one.startswith(str(hung))] == []


def test_a_folder_above_the_sessions_is_a_place_as_another(session, tmp_path):
    FolderCarrier(tmp_path, same_disk=True).carry(session, [*FILES])
    assert (tmp_path / "0001-beetle" / "slices" / "0000.jpg").is_file()


def test_what_has_changed_since_is_brought_up_to_date_and_nothing_else_goes_away(carrier, session, place):
    carrier.carry(session, [*FILES])
    there = place / "0001-beetle"
    (there / "retouched.psd").write_bytes(b"a week of work")
    (session / "merges/1/merged.jpg").write_bytes(b"PICTURE")
    kept = (there / "slices/0000.jpg").stat().st_ino
    carrier.carry(session, [*FILES])
    assert arrived(place) == {**FILES, "merges/1/merged.jpg": b"PICTURE", "retouched.psd": b"a week of work"}
    assert (there / "slices/0000.jpg").stat().st_ino == kept, "what arrived was sent again"


def test_a_file_that_rotted_there_is_sent_again(carrier, session, place):
    carrier.carry(session, [*FILES])
    rotten = place / "0001-beetle" / "slices/0000.jpg"
    rotten.write_bytes(b"SLICE" + FILES["slices/0000.jpg"][5:])
    carrier.carry(session, [*FILES])
    assert arrived(place) == FILES


def test_another_session_of_that_name_is_left_alone(carrier, session, place):
    (place / "0001-beetle").mkdir()
    (place / "0001-beetle" / "session.json").write_bytes(b'{"number": 9}')
    with pytest.raises(NotDelivered, match="another session of the same name"):
        carrier.carry(session, [*FILES])
    assert arrived(place) == {"session.json": b'{"number": 9}'}


def test_what_lies_with_the_stack_itself_is_told_apart_from_a_place_that_is_away(carrier, session, place):
    """Two stacks that miss a place are taken for a sign that it is away, and the next waits up to an hour."""

    def failure():
        with pytest.raises(NotDelivered) as caught:
            carrier.carry(session, [*FILES])
        return caught.type

    in_the_way = place / "0001-beetle" / "merges/1/merged.jpg/folder"
    in_the_way.mkdir(parents=True)
    assert failure() is NotDelivered
    in_the_way.rmdir()
    (session / "slices/0000.jpg").unlink()
    (session / "slices/0000.jpg").symlink_to("0000.jpg")
    assert failure() is Unsendable
    (place / "0001-beetle" / "session.json").write_bytes(b'{"number": 9}')
    assert failure() is Unsendable


def test_a_place_that_is_not_there_is_not_made(carrier, session, place):
    place.rmdir()
    with pytest.raises(NotDelivered):
        carrier.carry(session, [*FILES])
    assert not place.exists()


def test_no_file_is_left_open_whether_all_arrives_or_not(carrier, session):
    """A place that is away is tried for weeks, and a daemon without a file to open saves no slice."""

    def still_open():
        return {descriptor.name for descriptor in Path("/proc/self/fd").iterdir() if descriptor.exists()}

    before = still_open()
    carrier.carry(session, [*FILES])
    with pytest.raises(NotDelivered):
        carrier.carry(session, [*FILES, "nothing"])
    assert still_open() <= before


def test_one_that_was_given_up_carries_nothing_more(carrier, session, place):
    carrier.give_up()
    with pytest.raises(NotDelivered, match="daemon was stopped"):
        carrier.carry(session, [*FILES])
    assert "slices/0000.jpg" not in arrived(place)


def test_the_disk_of_the_sessions_is_no_other_disk(session, place):
    with pytest.raises(NotDelivered, match="same disk"):
        FolderCarrier(place).carry(session, [*FILES])


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no other file system to copy to")
def test_another_disk_is_one(session):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        FolderCarrier(Path(other)).carry(session, [*FILES])
        assert arrived(Path(other)) == FILES


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no other file system to copy to")
def test_a_place_for_a_disk_where_none_is_mounted_is_not_taken_for_one(session, place, monkeypatch):
    """Where the sessions have a disk of their own the folder below a stick is on another one: the card."""
    monkeypatch.setattr("focusd.carriers.places_in_fstab", lambda: frozenset({place}))
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        shutil.copytree(session, Path(other) / session.name)
        away = FolderCarrier(place, mounted=lambda: frozenset({Path("/")}))
        with pytest.raises(NotDelivered, match="no disk is mounted at"):
            away.carry(Path(other) / session.name, [*FILES])
        assert arrived(place) == {}
        FolderCarrier(place, mounted=lambda: frozenset({Path("/"), place})).carry(
            Path(other) / session.name, [*FILES]
        )
        assert arrived(place) == FILES


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no other file system to copy to")
def test_a_stick_that_is_pulled_out_in_between_has_not_got_everything(session, place, monkeypatch):
    """Unmounted behind our back its place is the card's: what went there has arrived nowhere."""
    monkeypatch.setattr("focusd.carriers.places_in_fstab", lambda: frozenset({place}))
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        shutil.copytree(session, Path(other) / session.name)
        copied = place / session.name / "slices/0000.jpg"
        stick = FolderCarrier(place, mounted=lambda: frozenset() if copied.exists() else frozenset({place}))
        with pytest.raises(NotDelivered, match="no disk is mounted at"):
            stick.carry(Path(other) / session.name, [*FILES])


@pytest.mark.parametrize("looks", [1, 2])
@pytest.mark.parametrize("stays", [True, False])
def test_nothing_is_made_where_a_stick_was_that_goes_right_after_a_look(
    session, place, tmp_path, monkeypatch, looks, stays
):
    """Made anew on the card, its folder also had the stick mounted under another name from then on."""
    stick, look, seen = tmp_path / "the stick's own root", FolderCarrier._checked_disk, []

    def looked(carrier, folder):
        found = look(carrier, folder)
        seen.append(found)
        if len(seen) == looks:
            place.rename(stick)
            if stays:
                place.mkdir()
        return found

    monkeypatch.setattr(FolderCarrier, "_checked_disk", looked)
    with contextlib.suppress(NotDelivered):
        FolderCarrier(place, same_disk=True).carry(session, [*FILES])
    assert (place.is_dir(), [*place.rglob("*")]) == (stays, [])


@pytest.mark.parametrize(("seen", "copied"), [((1,), 0), ((0, 1), 1), ((0, 0, 0, 0, 1), len(FILES))])
def test_a_disk_that_is_another_one_by_then_has_not_got_everything(session, place, monkeypatch, seen, copied):
    disks = iter(seen)
    first = place.stat().st_dev
    monkeypatch.setattr(FolderCarrier, "_checked_disk", lambda self, folder: first + next(disks))
    with pytest.raises(NotDelivered, match="no longer the disk"):
        FolderCarrier(place).carry(session, [*FILES])
    assert len(arrived(place)) == copied


def test_a_share_that_is_mounted_as_somebody_looks_into_it_is_one_disk(session, place, monkeypatch):
    """Of autofs: to Linux `stat` of the place itself is no reason to mount it, all that goes into it is."""
    look, looked_into = os.stat, []

    def stat(path, **how):
        found, name = look(path, **how), os.fspath(path)
        looked_into.extend([name] if name.startswith(f"{place}/") else [])
        trap = name == str(place) and not looked_into
        return os.stat_result((*found[:2], 1, *found[3:])) if trap else found

    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", stat)
        FolderCarrier(place, same_disk=True).carry(session, [*FILES])
    assert arrived(place) == FILES


def test_a_file_is_on_the_disk_and_out_of_memory_before_it_has_its_name(session, place, monkeypatch):
    """A stick that was pulled out is to have what the journal calls delivered; read back, to be the stick."""
    done = []
    monkeypatch.setattr("focusd.carriers.sync_folder", lambda folder: None)
    monkeypatch.setattr(os, "fsync", lambda fd: done.append(Path(f"/proc/self/fd/{fd}").read_bytes()))
    monkeypatch.setattr(
        os,
        "posix_fadvise",
        lambda fd, *what: done.append((Path(f"/proc/self/fd/{fd}").readlink().suffix, *what)),
    )
    FolderCarrier(place, same_disk=True).carry(session, [*FILES])
    let_go = (".part", 0, 0, os.POSIX_FADV_DONTNEED)
    assert done == [step for content in FILES.values() for step in (content, let_go)]


def test_folders_that_were_made_there_are_on_the_disk_too(session, place, monkeypatch):
    """On FAT a folder's name is not written with what is in it: pulled out then, all was gone."""
    synced = set()
    monkeypatch.setattr("focusd.carriers.sync_folder", lambda folder: synced.add(folder.resolve()))
    FolderCarrier(place, same_disk=True).carry(session, [*FILES])
    there = place / session.name
    assert synced == {place, there, there / "slices", there / "merges", there / "merges/1"}


def test_what_a_copy_cut_short_has_left_goes_when_it_is_copied_again(session, place):
    """On a stick that is nearly full every try would leave less room for the next."""
    left = place / session.name / "slices" / ".0000.jpg.5eed5eed.part"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"slic")
    FolderCarrier(place, same_disk=True).carry(session, [*FILES])
    assert arrived(place) == FILES


def test_a_disk_that_keeps_something_else_is_found_out(session, place, monkeypatch):
    carrier = FolderCarrier(place, same_disk=True)
    honest = FolderCarrier._digest
    monkeypatch.setattr(
        FolderCarrier, "_digest", lambda self, path: "?" if path.suffix == ".part" else honest(self, path)
    )
    with pytest.raises(NotDelivered, match="does not read back"):
        carrier.carry(session, [*FILES])
    assert arrived(place) == {}


@needs_rsync
@pytest.mark.parametrize("harm", ["printf x >", "rm"])
def test_a_connection_that_changes_bytes_or_loses_them_is_found_out(session, place, tmp_path, harm):
    """rsync is made to think that all went well while the other side keeps something else, or nothing."""
    shell = local_shell(tmp_path)
    kept = f"{place}/0001-beetle/session.json"
    shell.write_text(f'#!/bin/sh\nshift\nsh -c "$*"\n[ -e {kept} ] && {harm} {kept}\nexit 0\n')
    with pytest.raises(NotDelivered, match=r"1 of 3 files .*, session\.json among them"):
        RsyncCarrier(f"lab:{place}", shell=str(shell)).carry(session, [*FILES])


@needs_rsync
def test_a_journal_that_says_meanwhile_that_the_stack_is_elsewhere_is_sent_again(session, place, tmp_path):
    journal, there = session / "journal.jsonl", place / "0001-beetle" / "journal.jsonl"
    journal.write_text("done\n")
    shell = local_shell(tmp_path)
    shell.write_text(
        f'#!/bin/sh\nshift\nsh -c "$*"\n'
        f"[ -e {there} ] && mkdir {tmp_path}/once 2>&- && echo delivered >>{journal}\nexit 0\n"
    )
    RsyncCarrier(f"lab:{place}", shell=str(shell)).carry(session, [*FILES, journal.name])
    assert there.read_text() == "done\ndelivered\n"


@needs_rsync
def test_what_ssh_complains_of_is_passed_on(session, tmp_path):
    shell = tmp_path / "shell"
    said = "Warning: added to known hosts.\nann@lab: Permission denied (publickey)."
    shell.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 255\n")
    shell.chmod(0o755)
    with pytest.raises(NotDelivered, match=r"^lab:stacks: ann@lab: Permission denied"):
        RsyncCarrier("lab:stacks", shell=str(shell)).carry(session, [*FILES])


def test_a_file_of_the_stack_that_cannot_be_read_lies_with_the_stack_and_not_with_the_place(carrier, session):
    """Two such stacks were taken for a place that is away, and held up all others."""
    (session / "depth.png").symlink_to("nowhere")
    with pytest.raises(Unsendable, match=r"cannot be read: .*No such file or directory"):
        carrier.carry(session, [*FILES, "depth.png"])


@needs_rsync
def test_that_rsync_was_killed_is_said_though_it_could_say_nothing(session, tmp_path):
    shell = tmp_path / "shell"
    shell.write_text("#!/bin/sh\nkill -KILL $PPID\n")
    shell.chmod(0o755)
    with pytest.raises(NotDelivered, match=r"^lab:stacks: rsync ended by SIGKILL"):
        RsyncCarrier("lab:stacks", shell=str(shell)).carry(session, [*FILES])


@pytest.mark.parametrize(
    ("to", "kind"),
    [("/media/a:b", FolderCarrier), ("/media/stick", FolderCarrier), ("ann@lab:stacks", RsyncCarrier)],
)
def test_a_place_says_by_its_form_how_it_is_reached(to, kind):
    assert type(carrier_to(to, same_disk=False)) is kind


@needs_rsync
def test_what_is_being_sent_ends_with_the_daemon_however_that_ends(session, place, tmp_path):
    shell, begun, lock = silent_shell(tmp_path)
    carry = f"RsyncCarrier('lab:{place}', '{shell}').carry(Path('{session}'), ['session.json'])"
    code = f"from pathlib import Path; from focusd.carriers import RsyncCarrier; {carry}"
    daemon = subprocess.Popen([sys.executable, "-c", code])
    begun.read_text()
    daemon.kill()
    daemon.wait()
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)


@needs_rsync
def test_what_is_being_sent_ends_soon_when_it_is_given_up(session, place, tmp_path):
    shell, begun, _ = silent_shell(tmp_path)
    carrier = RsyncCarrier(f"lab:{place}", str(shell))
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(carrier.carry, session, [*FILES])
        begun.read_text()
        carrier.give_up()
        assert isinstance(sending.exception(10), NotDelivered)


class Sending:
    """An rsync that has just begun as somebody gives up; it sends to the end unless it is told not to."""

    returncode = 0

    def __init__(self, lock, carrier):
        self.lock = lock
        lock.meanwhile(carrier.give_up)

    def terminate(self):
        self.returncode = -signal.SIGTERM

    def communicate(self, names):
        self.lock.join()
        return "", ""


def test_who_gives_up_as_rsync_begins_ends_it(session, place, monkeypatch):
    carrier = RsyncCarrier(f"lab:{place}")
    carrier._lock = lock = WatchedLock()
    monkeypatch.setattr("focusd.carriers.subprocess.Popen", lambda *_, **__: Sending(lock, carrier))
    monkeypatch.setattr("focusd.carriers.shutil.which", lambda name: name)
    with pytest.raises(NotDelivered, match="rsync ended by SIGTERM"):
        carrier.carry(session, [*FILES])
