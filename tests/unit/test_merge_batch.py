"""Many sessions: skipped when done, resumed after an interruption, spread over processes that may die."""

import errno
import fcntl
import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
import simplejpeg
from bad_sectors import put_in_bad_sectors
from merge_stacks import rig_stack

from stack.merge import command
from stack.merge.arguments import parse
from stack.merge.batch import finished_before, here, sessions_below, why_not
from stack.merge.claim import claimed
from stack.merge.cluster import check_workers, spread_over
from stack.merge.command import main, merge_session
from stack.merge.errors import ClusterUnreachable
from stack.merge.progress import Silence
from stack.merge.tags import software
from stack.merge.versions import version_numbers

MADE = {"slices": [1, 2], "warnings": []}


def session(root, name, count=3):
    folder = root / name
    (folder / "slices").mkdir(parents=True)
    (folder / "session.json").write_text("{}")
    (folder / "journal.jsonl").write_text("")
    for i, frame in enumerate(rig_stack().frames[:count]):
        data = simplejpeg.encode_jpeg(frame, colorspace="BGR", quality=95)
        (folder / f"slices/{i:04}.jpg").write_bytes(data)
    return folder


def batch(root, *words):
    return main(["--batch", str(root), "--json", *words])


def told(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_folder_called_by_digits_of_another_script_is_no_merge(tmp_path):
    for name in ("1", "٩", "²"):
        (tmp_path / "merges" / name).mkdir(parents=True)
    assert version_numbers(tmp_path) == [1]


def test_sessions_are_found_below_any_root_and_once(tmp_path):
    one, two = session(tmp_path, "series/0001-a", 0), session(tmp_path, "0002-b", 0)
    session(one, "slices/inner", 0)
    assert list(sessions_below([tmp_path, one])) == [two, one]


def test_a_batch_skips_what_is_done_and_does_again_what_was_asked_for_otherwise(tmp_path, capsys):
    one, two = session(tmp_path, "0001-a"), session(tmp_path, "0002-b")
    assert main([str(one)]) == 0
    capsys.readouterr()
    assert batch(tmp_path) == 0
    lines = told(capsys)
    assert [line["session"] for line in lines[:-1]] == ["0001-a", "0002-b"]
    assert "merge 1 is what was asked for" in lines[0]["skipped"]
    assert (lines[-1]["merged"], lines[-1]["skipped"], lines[-1]["failed"]) == (1, 1, 0)
    assert batch(tmp_path, "--method", "pyramid") == 0
    assert [version_numbers(folder) for folder in (one, two)] == [[1, 2], [1, 2]]
    frame = rig_stack().frames[3]
    (two / "slices/0003.jpg").write_bytes(simplejpeg.encode_jpeg(frame, colorspace="BGR", quality=95))
    capsys.readouterr()
    assert batch(tmp_path) == 0
    assert [line.get("slices") for line in told(capsys)[:-1]] == [None, 4]


def test_a_merge_that_nobody_heard_of_is_not_made_again(tmp_path):
    one = session(tmp_path, "0001-a")
    asked = parse(["--batch", str(tmp_path)])
    assert finished_before(one, asked) is None
    assert main([str(one)]) == 0
    (one / "merged.jpg").unlink()
    facts = finished_before(one, asked)
    assert facts is not None
    assert len(facts["slices"]) == 3
    assert (one / "merged.jpg").is_file()
    assert finished_before(one, parse(["--batch", str(tmp_path), "--method", "pyramid"])) is None


def test_one_that_fails_is_told_and_the_rest_goes_on(tmp_path, capsys):
    bad, good = session(tmp_path, "0001-a"), session(tmp_path, "0002-b")
    (bad / "slices/0001.jpg").write_bytes(b"torn")
    assert batch(tmp_path) == 1
    lines = told(capsys)
    assert "0001.jpg" in lines[0]["error"]
    assert (good / "merged.jpg").is_file()
    assert not (bad / "merges").exists()
    assert main(["--batch", str(tmp_path)]) == 1
    assert capsys.readouterr().err.endswith("0 merged, 1 skipped, 1 failed: 0001-a\n")
    assert batch(tmp_path, "--skip-bad") == 0
    assert [line.get("slices") for line in told(capsys)[:-1]] == [None, 2]
    assert batch(tmp_path, "--skip-bad") == 0
    assert told(capsys)[-1]["skipped"] == 2


@pytest.mark.parametrize("lost", ["", "slices", "merges"])
def test_one_in_a_bad_sector_is_told_and_the_rest_goes_on(tmp_path, capsys, monkeypatch, lost):
    """It ended the batch, or was passed over and nothing told."""
    bad, good = session(tmp_path, "0001-a", 2), session(tmp_path, "0002-b", 2)
    (bad / "merges").mkdir()
    merged = []
    monkeypatch.setattr(command, "merge_session", lambda session, *_: merged.append(session) or MADE)
    put_in_bad_sectors(monkeypatch, bad / lost)
    assert batch(tmp_path) == 1
    *lines, tally = told(capsys)
    assert [line["session"] for line in lines if "Input/output error" in line.get("error", "")] == [bad.name]
    assert (merged, tally["merged"], tally["skipped"], tally["failed"]) == ([good], 1, 0, 1)


def test_what_cannot_be_looked_at_may_be_a_session(tmp_path, monkeypatch):
    bad, good = session(tmp_path, "0001-a", 0), session(tmp_path, "0002-b", 0)
    put_in_bad_sectors(monkeypatch, bad / "session.json")
    assert list(sessions_below([tmp_path])) == [bad, good]


def test_what_the_daemon_has_in_hand_and_what_has_no_slices_is_left_alone(tmp_path):
    one, empty = session(tmp_path, "0001-a"), session(tmp_path, "0002-b", 1)
    asked = parse(["--batch", str(tmp_path)])
    assert why_not(one, asked) is None
    assert "1 slices" in why_not(empty, asked)
    with (one / "journal.jsonl").open("ab") as journal:
        fcntl.flock(journal, fcntl.LOCK_EX)
        assert "focusd has it in hand" in why_not(one, asked)


def test_a_root_without_sessions_is_an_error(tmp_path, capsys):
    assert batch(tmp_path) == 1
    assert "no session" in told(capsys)[-1]["error"]


def test_an_interrupted_batch_goes_on_where_it_was(tmp_path, capsys, monkeypatch):
    one, two = session(tmp_path, "0001-a"), session(tmp_path, "0002-b")
    import stack.merge.products as products

    rename = products._settle

    def interrupted(part, merges):
        if merges.parent == two:
            raise KeyboardInterrupt
        return rename(part, merges)

    monkeypatch.setattr(products, "_settle", interrupted)
    assert batch(tmp_path) == 130
    assert version_numbers(one) == [1]
    assert list((two / "merges").iterdir()) == []
    monkeypatch.undo()
    capsys.readouterr()
    assert batch(tmp_path) == 0
    assert [version_numbers(folder) for folder in (one, two)] == [[1], [1]]


@pytest.fixture
def wanted(monkeypatch):
    """The folders that a merge wants to hold, as it asks for each."""
    folders = []

    def told(descriptor, operation, lock=fcntl.flock):
        folders.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        lock(descriptor, operation)

    monkeypatch.setattr("stack.merge.claim.fcntl.flock", told)
    return folders


def begun_beside(wanted, merge):
    """Begin a merge in another thread; come back when it has to wait, or is through."""
    wanted.clear()
    other = threading.Thread(target=merge)
    other.start()
    while not wanted and other.is_alive():
        os.sched_yield()
    return other


def test_two_batches_at_once_make_each_merge_once(tmp_path, wanted):
    one, asked, results = session(tmp_path, "0001-a"), parse(["--batch", str(tmp_path)]), []
    with claimed(one):
        other = begun_beside(wanted, lambda: results.append(command._merge_once(one, asked)))
        merge_session(one, asked, Silence())
        assert results == []
    other.join()
    assert wanted == [one, one / "merges"]
    assert len(results) == 1
    assert version_numbers(one) == [1]


def test_what_another_merge_is_filling_is_not_cleared_away(tmp_path, wanted):
    one, asked = session(tmp_path, "0001-a"), parse(["--batch", str(tmp_path)])
    (one / "merges" / ".1.part").mkdir(parents=True)
    with claimed(one / "merges"):
        other = begun_beside(wanted, lambda: merge_session(one, asked, Silence()))
        assert (one / "merges" / ".1.part").is_dir()
    other.join()
    assert [path.name for path in (one / "merges").iterdir()] == ["1"]


def test_on_a_disk_that_knows_no_locks_a_merge_goes_on_without(tmp_path, monkeypatch):
    def unknown(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unknown)
    with claimed(tmp_path):
        pass
    with pytest.raises(FileNotFoundError), claimed(tmp_path / "none"):
        pass


def test_whatever_one_session_ends_in_the_rest_goes_on(tmp_path, capsys):
    bad, good = session(tmp_path, "0001-a"), session(tmp_path, "0002-b")
    (bad / "merges/1").mkdir(parents=True)
    (bad / "merges/1/merge.json").write_text("[" * 100_000)
    assert why_not(bad, parse(["--batch", str(tmp_path)])) is None

    def merge(folder):
        return {"slices": [], "warnings": []} if folder == good else 1 / 0

    made = dict(here(merge)([bad, good]))
    assert made[bad] == {"error": "ZeroDivisionError: division by zero"}
    assert "error" not in made[good]


def test_without_a_scheduler_there_is_a_word_of_it(tmp_path, capsys):
    pytest.importorskip("distributed")
    session(tmp_path, "0001-a")
    assert batch(tmp_path, "--scheduler", "nonsense://127.0.0.1:1") == 1
    assert "no scheduler answers" in told(capsys)[-1]["error"]


class Workers:
    """A scheduler's workers as its client has them: what each answers when it is asked."""

    def __init__(self, **answers):
        self.answers = answers

    def wait_for_workers(self, count, timeout):
        if len(self.answers) < count:
            raise TimeoutError

    def run(self, ask, *arguments, on_error):
        return {name: answer or ask(*arguments) for name, answer in self.answers.items()}


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({}, "at tcp://a:1 has no workers: start some, by dask worker tcp://a:1"),
        ({"one": None, "two": ModuleNotFoundError("No module named 'stack'")}, "two cannot merge .*'stack'"),
        ({"one": None, "two": ("focusrail 0.0.1", True)}, "two has focusrail 0.0.1, and this is focusrail"),
        ({"one": OSError(), "two": (software(), False)}, "two does not see .*0001-a: all need the disk"),
    ],
    ids=["none", "another program", "another version", "another disk"],
)
def test_workers_that_could_not_merge_are_told_before_any_does(tmp_path, answers, why):
    one = session(tmp_path, "0001-a", 0)
    check_workers("tcp://a:1", Workers(one=None), one)
    with pytest.raises(ClusterUnreachable, match=why):
        check_workers("tcp://a:1", Workers(**answers), one)


@pytest.mark.filterwarnings("ignore")
def test_workers_share_a_batch_one_that_is_killed_loses_nothing_and_a_lost_scheduler_is_told(
    tmp_path, capsys
):
    distributed = pytest.importorskip("distributed")
    sessions = [session(tmp_path, f"{i:04}-s", 6) for i in range(4)]
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:
        victim = next(iter(cluster.workers.values())).pid
        done_before = []

        def kill():
            while not any((folder / "merges").exists() for folder in sessions):
                time.sleep(0.01)
            os.kill(victim, signal.SIGKILL)
            done_before.extend(folder for folder in sessions if (folder / "merged.jpg").exists())

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        assert batch(tmp_path, "--scheduler", cluster.scheduler_address) == 0
        killer.join()

        def last(_):
            time.sleep(3)

        threading.Timer(0.3, cluster.close).start()
        with pytest.raises(ClusterUnreachable, match="is gone; what is merged stays so"):
            next(spread_over(cluster.scheduler_address, last, sessions))
    assert len(done_before) < 4
    lines = told(capsys)
    assert (lines[-1]["merged"], lines[-1]["failed"]) == (4, 0)
    assert [version_numbers(folder) for folder in sessions] == [[1]] * 4
    assert not [left for folder in sessions for left in (folder / "merges").glob(".*")]
