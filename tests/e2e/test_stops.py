"""Stop, resume and abort from every face, whatever the rig is at: at once, and never losing the stack."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from statistics import median

import pytest
from daemon_process import Answer, Daemon, daemon

AT_ONCE_S = 0.1


class Bench:
    """A daemon whose stack is stopped again and again; `took_s` is how long each answer took."""

    def __init__(self, focusd: Daemon) -> None:
        self.focusd = focusd
        self.took_s: list[float] = []

    def stop(self) -> Answer:
        began_s = time.monotonic()
        answer = self.focusd.tell("/stop")
        self.took_s.append(time.monotonic() - began_s)
        return answer

    def stopped_at(self, event: str, begin: Callable[[], Answer], end: Callable[[], object]) -> Answer:
        """Begin a job, end it when `event` is told, and give how it ended."""
        since = self.focusd.ask("/status")["seq"]
        begin()
        self.focusd.wait_for(event, lambda told: told["seq"] > since)
        end()
        return self.focusd.wait_for("job_ended", lambda told: told["seq"] > since)

    def press(self) -> Answer:
        return self.focusd.tell("/sim/press", button="shoot")

    def typed(self, *words: str) -> None:
        command = [sys.executable, "-m", "focusd.cli", *words, "--socket", str(self.focusd.socket)]
        subprocess.run(command, check=True, capture_output=True, timeout=30)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with daemon(tmp_path_factory.mktemp("d"), "merge.follow=false") as focusd:
        yield Bench(focusd)


def test_every_face_stops_resumes_and_aborts_at_once(bench: Bench) -> None:
    focusd = bench.focusd
    homing = threading.Thread(target=focusd.call, args=("POST", "/home"))
    assert bench.stopped_at("job_started", lambda: homing.start() or {}, bench.stop)["ending"] == "stopped"
    homing.join()
    focusd.home_and_mark()

    def shoot() -> Answer:
        return focusd.tell("/shoot", count=30)

    def resume() -> Answer:
        return focusd.tell("/resume")

    stops: list[tuple[str, Callable[[], Answer], Callable[[], object]]] = [
        ("stack_started", shoot, bench.stop),
        ("stack_resumed", resume, bench.stop),
        ("exposure_locked", resume, bench.stop),
        ("slice_saved", bench.press, bench.press),
        ("slice_saved", resume, bench.stop),
        ("slice_saved", lambda: bench.typed("resume") or {}, lambda: bench.typed("stop")),
        ("progress", bench.press, bench.stop),
    ]
    for event, begin, end in stops:
        ended = bench.stopped_at(event, begin, end)
        assert ended["ending"] == "paused", (event, ended)
        session = focusd.ask("/sessions/1")
        assert (session["phase"], session["resumable"]) == ("paused", True)
        assert focusd.ask("/status")["axis"]["trust"] == "known"
        assert focusd.ask("/status")["paused"]["session"] == session["session"]
    assert len(focusd.ask("/sessions")["sessions"]) == 1, "a press went on with the stack that waited"
    assert median(bench.took_s) < AT_ONCE_S, bench.took_s
    assert bench.stopped_at("slice_saved", resume, lambda: focusd.tell("/abort"))["ending"] == "aborted"
    assert focusd.ask("/status")["paused"] is None


def test_a_stop_that_came_first_is_never_forgotten(bench: Bench) -> None:
    """A stop is for what was asked for before it, begun or not: it is in force when the job comes to it."""
    focusd = bench.focusd
    focusd.home_and_mark()
    for _ in range(3):
        begun = focusd.tell("/shoot", count=30)
        assert bench.stop()["stopped"] == "shoot"
        ended = focusd.wait_for("job_ended", lambda told, job=begun["job"]: told["job"] == job)
        assert ended["ending"] == "paused"
        saved = [one["saved"] for one in focusd.ask("/sessions")["sessions"]]
        assert max(saved) < 30
    newest = focusd.ask("/sessions?limit=1")
    earlier = focusd.ask(f"/sessions?before={newest['sessions'][0]['session']}")["sessions"]
    assert newest["earlier"] == len(earlier)
    assert earlier + newest["sessions"] == focusd.ask("/sessions")["sessions"]
