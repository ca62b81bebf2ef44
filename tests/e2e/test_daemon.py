import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import cv2
import pytest
from daemon_process import INSECT, Answer, Connection, Daemon, alive, await_death, daemon

from simulator.world import World
from stack.session_state import Phase
from stack.sessions import Sessions

ROOT = Path(__file__).parents[2]


def quiet(folder: Path) -> dict[str, str]:
    """Give an environment in which a daemon finds no socket but its own."""
    return {**os.environ, "FOCUSRAIL_SOCKET": str(folder / "other" / "s")}


def test_a_press_becomes_a_picture(tmp_path: Path) -> None:
    with daemon(tmp_path, INSECT, "plans.default={optics: macro-2x, settle_ms: 20}") as focusd:
        assert stat.S_IMODE(focusd.socket.stat().st_mode) == 0o660
        focusd.home_and_mark()
        focusd.tell("/sim/press", button="shoot")
        started = focusd.wait_for("stack_started")
        status, problem = focusd.call("POST", "/jog", distance_u=10.0)
        assert (status, problem["exit_code"]) == (409, 4)
        assert "shoot is running" in problem["detail"]
        assert focusd.ask("/sim/state")["outputs"]["light"] is True
        done = focusd.wait_for("merge_done")
        assert done["slices"] == started["slices"]
        session = focusd.ask(f"/sessions/{started['session']}")
        assert (session["phase"], session["merge"]) == ("done", "done")
        for name in ("merged", "depth", "report"):
            assert Path(session["files"][name]).stat().st_size > 1000
        told = json.loads(Path(session["folder"], "report.json").read_bytes())
        assert session["coverage"] == told["coverage"]["words"] != []
        assert (session["warnings"], session["faults"]) == (told["warnings"], told["faults"])
        assert session["faults"] == []
        page = Path(session["files"]["report"]).read_text()
        assert (page.count("data:image/jpeg"), page.count("<svg")) == (2, 2)
        world = focusd.ask("/sim/state")
        assert world["outputs"]["light"] is False
        assert (world["carriage"]["crashes_near"], world["carriage"]["specimen_contacts"]) == (0, 0)
        children = focusd.children()
        assert focusd.end() == 0
        assert [pid for pid in children if alive(pid)] == []
        assert not focusd.socket.exists()
        assert focusd.said() == "" or "ERROR" not in focusd.said()


def at(event: Answer, begun: Answer, index: int | None = None) -> bool:
    """Say whether an event is of the stack that was begun, and of that slice."""
    return event.get("session") == begun["session"] and index in (None, event.get("index"))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon for one test after another; at first it has not homed."""
    with daemon(tmp_path_factory.mktemp("d"), "axis.pins.e_stop=12") as one:
        yield one


@pytest.fixture
def focusd(running: Daemon) -> Iterator[Daemon]:
    """It, left at rest: a test that ends in mid-stack takes no other with it."""
    yield running
    for fault in ("pi_hot", "under_voltage"):
        running.tell("/sim/fault", name=fault, on=False)
    if (job := running.ask("/status")["job"]) is not None:
        running.tell("/stop")
        running.wait_for("job_ended", lambda event: event["job"] == job["job"])


def test_requests_are_read_strictly(focusd: Daemon) -> None:
    cases = [
        ("POST", "/jog", {"distance_um": 3}, 422, 2, "distance_um: the top level has no such setting"),
        ("POST", "/jog", {"distance_u": "3"}, 422, 2, 'distance_u: "3" is not a number'),
        ("POST", "/shoot", {"plan": "none"}, 404, 3, 'no plan named "none"'),
        ("POST", "/shoot", {"count": 3, "overlap": 0.5}, 409, 3, "give only one of overlap, count"),
        ("POST", "/sim/press", {"button": "x"}, 404, 3, "it has shoot"),
        ("POST", "/sim/fault", {"name": "x"}, 404, 3, "camera_timeout"),
        ("GET", "/sessions/9", {}, 404, 3, "no session"),
        ("GET", "/sessions?limit=0", {}, 422, 2, 'limit: "0" is not a whole number from 1 up to 500'),
        ("GET", "/sessions?before=beetle", {}, 404, 3, "neither the number"),
        ("GET", "/events?since=x", {}, 422, 2, 'since: "x" is not a whole number'),
        ("DELETE", "/sessions/9?forced=x", {}, 422, 2, 'forced: "x" is not true or false'),
        ("GET", "/nowhere", {}, 404, 2, "/openapi.json"),
        ("POST", "/goto", {"position_u": 5.0}, 409, 3, "focusctl home"),
        ("POST", "/mark", {"end": "near"}, 409, 3, "focusctl home"),
    ]
    for method, path, body, status, exit_code, words in cases:
        told = focusd.call(method, path, **body)
        assert (told[0], told[1]["exit_code"]) == (status, exit_code), told
        assert words in told[1]["detail"]


def test_the_protocol_tells_of_every_request_and_of_no_other(focusd: Daemon) -> None:
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`(GET|POST|DELETE) (/[\w/.]*)", text)) - {("GET", "/openapi.json")}
    fields: set[str] = set()
    there = set()
    for path, methods in focusd.ask("/openapi.json")["paths"].items():
        for method, asked in methods.items():
            there.add((method.upper(), path.replace("{name}", "NAME").replace("{wanted}", "ID")))
            if body := asked.get("requestBody"):
                fields |= set(body["content"]["application/json"]["schema"]["properties"])
    assert told == there
    assert fields - set(re.findall(r"\w+", text)) == set()


def test_no_web_page_reaches_the_rig_through_a_port_that_leads_to_the_socket(focusd: Daemon) -> None:
    """A page may send to any port of its reader's machine what takes no preflight, as this does.

    What has its own name pointed to that port sends no Origin, and may read the answer.
    """
    sent = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
    rebound = {"Host": "evil.example:8080"}
    for method, path, headers, words in (
        ("POST", "/home", sent, "comes from a web page, https://evil.example"),
        ("POST", "/sim/press", sent, "comes from a web page, https://evil.example"),
        ("GET", "/status", sent, "comes from a web page, https://evil.example"),
        ("GET", "/status", rebound, 'for "evil.example:8080", a name that any web page'),
        ("GET", "/events", rebound, 'for "evil.example:8080", a name that any web page'),
        ("GET", "/preview.jpg", rebound, 'for "evil.example:8080", a name that any web page'),
        ("GET", "/sim/state", rebound, 'for "evil.example:8080", a name that any web page'),
    ):
        connection = Connection(focusd.socket)
        connection.request(method, path, '{"allow": true}' if method == "POST" else None, headers)
        response = connection.getresponse()
        told = json.loads(response.read())
        connection.close()
        assert (response.status, told["exit_code"]) == (409, 3)
        assert words in told["detail"]
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


def test_a_press_stops_and_the_stack_goes_on_later(focusd: Daemon) -> None:
    focusd.home_and_mark()
    begun = focusd.tell("/shoot", count=6)
    focusd.wait_for("slice_saved", lambda event: at(event, begun, 1))
    began_s = time.monotonic()
    assert focusd.tell("/stop") == {"stopped": "shoot"}
    assert time.monotonic() - began_s < 1.0
    ended = focusd.wait_for("job_ended", lambda event: event["job"] == begun["job"])
    assert ended["ending"] == "paused"
    assert focusd.ask("/status")["axis"]["trust"] == "known"
    focusd.tell("/resume")
    focusd.wait_for("slice_saved", lambda event: at(event, begun, 2))
    focusd.tell("/sim/press", button="shoot")
    focusd.wait_for("stack_paused", lambda event: at(event, begun) and "button" in event["reason"])
    focusd.wait_for("job_ended", lambda event: event["job"] == begun["job"] + 1)
    focusd.tell("/resume", session=begun["session"])
    done = focusd.wait_for("merge_done", lambda event: at(event, begun))
    assert done["slices"] == 6
    state = Sessions(focusd.state / "sessions").open(begun["session"]).state()
    assert state.phase is Phase.DONE
    assert len({saved.exposure for saved in state.saved.values()}) == 1
    see_that_one_unreadable_journal_hides_no_other_stack(focusd, begun)


def see_that_one_unreadable_journal_hides_no_other_stack(focusd: Daemon, begun: Answer) -> None:
    """As of one in a bad sector, or that root has copied."""
    newer = focusd.state / "sessions" / f"9{begun['session']}"
    shutil.copytree(begun["folder"], newer)
    (newer / "journal.jsonl").unlink()
    (newer / "journal.jsonl").mkdir()
    assert focusd.ask("/sessions")["sessions"][-1]["session"] == begun["session"]
    assert focusd.ask("/status")["last_session"]["session"] == begun["session"]
    told = focusd.call("GET", f"/sessions/{newer.name}")[1]["detail"]
    assert told == f"{newer}/journal.jsonl: Is a directory"
    shutil.rmtree(newer)


def test_a_hot_pi_rests_and_says_so_everywhere(focusd: Daemon) -> None:
    focusd.home_and_mark()
    focusd.tell("/sim/fault", name="pi_hot")
    begun = focusd.tell("/shoot", count=4)
    rest = focusd.wait_for("rest_began", lambda event: at(event, begun))
    assert (rest["session"], rest["why"]) == (begun["session"], "heat")
    assert "91 °C" in rest["reason"]
    status = focusd.ask("/status")
    assert status["job"]["phase"] == "resting"
    assert status["board"] == {"temperature_c": 91.0, "under_voltage": False}
    focusd.tell("/sim/fault", name="pi_hot", on=False)
    focusd.wait_for("rest_ended", lambda event: at(event, begun))
    focusd.tell("/sim/fault", name="under_voltage")
    focusd.wait_for("rest_began", lambda event: at(event, begun) and event["why"] == "power")
    focusd.tell("/stop")
    focusd.wait_for("job_ended", lambda event: event["job"] == begun["job"])
    focusd.tell("/sim/fault", name="under_voltage", on=False)
    focusd.tell("/resume")
    assert focusd.wait_for("merge_done", lambda event: at(event, begun))["slices"] == 4
    faults = focusd.ask(f"/sessions/{begun['session']}")["faults"]
    words = " ".join(fault["words"] for fault in faults)
    assert "Rested: the Pi is at 91 °C" in words and "Rested: the supply of the Pi is too low" in words


def test_an_emergency_stop_is_on_every_face_until_it_is_acknowledged(focusd: Daemon) -> None:
    focusd.home_and_mark()
    axis = focusd.ask("/axis")
    assert (axis["switches"], axis["energised"]) == ({"near": False, "far": False}, True)
    assert axis["emergency_stop"] == {"in_force": False, "pressed": False}
    begun = focusd.tell("/shoot", count=6)
    focusd.wait_for("slice_saved", lambda event: at(event, begun, 1))
    focusd.tell("/sim/press", button="e_stop")
    focusd.wait_for("emergency_stop")
    ended = focusd.wait_for("job_ended", lambda event: event["job"] == begun["job"])
    assert ended["ending"] in ("paused", "failed")
    assert focusd.ask("/status")["axis"]["emergency_stop"] is True
    status, problem = focusd.call("POST", "/jog", distance_u=10.0)
    assert (status, problem["exit_code"], problem["title"]) == (409, 3, "Emergency stop")
    assert focusd.tell("/acknowledge")["trust"] in ("assumed", "unknown")
    focusd.wait_for("emergency_acknowledged")
    focusd.tell("/resume")
    focusd.wait_for("merge_done", lambda event: at(event, begun))
    world = focusd.ask("/sim/state")["carriage"]
    assert (world["crashes_near"], world["crashes_far"], world["specimen_contacts"]) == (0, 0, 0)


def test_a_killed_merge_does_not_hurt_the_stack_and_is_begun_again_after_it(focusd: Daemon) -> None:
    focusd.home_and_mark()
    begun = focusd.tell("/shoot", count=5)
    focusd.wait_for("merge_started", lambda event: at(event, begun))
    focusd.wait_for("slice_saved", lambda event: at(event, begun))
    (merge,) = focusd.children("stack.merge")
    os.kill(merge, signal.SIGKILL)
    focusd.wait_for("stack_done", lambda event: at(event, begun))
    assert "memory" in focusd.wait_for("merge_killed", lambda event: at(event, begun))["error"]
    assert focusd.wait_for("merge_done", lambda event: at(event, begun))["slices"] == 5
    focusd.wait_for("job_ended", lambda event: event["job"] == begun["job"])
    session = focusd.ask(f"/sessions/{begun['session']}")
    assert (session["phase"], session["merge"]) == ("done", "done")
    assert ["begun again" in fault["words"] for fault in session["faults"]] == [True]


def test_a_killed_daemon_leaves_a_session_that_another_finishes_and_no_process(tmp_path: Path) -> None:
    with daemon(tmp_path, INSECT) as focusd:
        focusd.home_and_mark()
        begun = focusd.tell("/shoot", count=6)
        saved = focusd.wait_for("slice_saved", lambda event: event["index"] == 2)
        children = focusd.children()
        assert len(children) == 3
        focusd.end(signal.SIGKILL)
        await_death(children)
        state = Sessions(focusd.state / "sessions").open(begun["session"]).state()
        assert state.phase is Phase.SHOOTING
        assert state.saved[2].sha256 == saved["sha256"]
        world = World.open(focusd.state / "world")
        assert world.driven("light"), "an output may stay as a killed process had it"
        make_safe = [sys.executable, "-m", "focusd.daemon", "--simulate", "--make-safe"]
        subprocess.run([*make_safe, "--state-dir", str(focusd.state)], check=True, env=quiet(tmp_path))
        assert not world.driven("light")
        world.drive("light", 1, time.monotonic_ns())
    with daemon(tmp_path, INSECT, "resume=auto") as focusd:
        assert not world.driven("light"), "and a new daemon begins in the dark"
        told = focusd.wait_for("stack_interrupted")
        assert (told["session"], told["goes_on"]) == (begun["session"], True)
        assert focusd.wait_for("merge_done")["slices"] == 6
        assert focusd.wait_for("stack_resumed")["missing"][-1] == 5
        assert "doubts" not in focusd.wait_for("homed")
        focusd.wait_for("job_ended")
        assert any(alike(Path(begun["folder"]), shot_anew(focusd)) for _ in range(3))


def alike(resumed: Path, whole: Path) -> bool:
    """Say whether a resumed stack equals one that was never interrupted as such ones equal each other.

    Each homed anew, as the resumed one was: the carriage settles and the switch closes a little elsewhere
    each time. Two pictures differ by .8 to 2.2 levels so; were the light a tenth stronger it would be 5. One
    of a dozen differs most, from all others: that one is not to decide alone.
    """
    return unlike(resumed, whole) < 3.5 and displaced(resumed, whole) < 0.67


def displaced(one: Path, other: Path) -> float:
    """Say whether slices are where they would have been: a half, of what it is to be a place farther on."""
    files = [f"slices/000{index}.jpg" for index in range(6)]
    next_ones = sum(unlike(one, other, *pair) for pair in pairwise((*files, files[0])))
    return sum(unlike(one, other, file) for file in files) / next_ones


def shot_anew(focusd: Daemon) -> Path:
    """Home and shoot; give the stack's folder."""
    focusd.home_and_mark()
    return shot(focusd)


def shot(focusd: Daemon) -> Path:
    """Shoot a stack of six slices and see it merged; give its folder."""
    begun = focusd.tell("/shoot", count=6)
    focusd.wait_for("merge_done", lambda event: event["session"] == begun["session"])
    focusd.wait_for("job_ended", lambda event: event["job"] == begun["job"])
    return Path(begun["folder"])


def unlike(one: Path, other: Path, file: str = "merged.jpg", other_file: str | None = None) -> float:
    """Give by how much two stacks' pictures differ beyond noise (RMS, of 255), laid where they fit best.

    Merged pictures are cut to what all slices show, so one may begin a pixel farther in.
    """
    a, b = (
        cv2.GaussianBlur(cv2.imread(str(path)), (0, 0), 2)
        for path in (one / file, other / (other_file or file))
    )
    within = a[20:-20, 20:-20]
    return float(cv2.matchTemplate(b, within, cv2.TM_SQDIFF).min() / within.size) ** 0.5


def test_an_end_in_mid_stack_leaves_it_to_be_resumed(tmp_path: Path) -> None:
    with daemon(tmp_path) as focusd:
        focusd.home_and_mark()
        begun = focusd.tell("/shoot", count=6)
        focusd.wait_for("slice_saved", lambda event: event["index"] == 1)
        children = focusd.children()
        assert focusd.end(signal.SIGTERM) == 0
        assert [pid for pid in children if alive(pid)] == []
        state = Sessions(focusd.state / "sessions").open(begun["session"]).state()
        assert (state.phase, state.reason) == (Phase.PAUSED, "focusd was stopped")
        assert not World.open(focusd.state / "world").driven("light")
        assert focusd.wait_for("stack_paused")


def test_when_the_motion_process_dies_the_daemon_says_so_and_ends(tmp_path: Path) -> None:
    with daemon(tmp_path, "merge.follow=false") as focusd:
        focusd.home_and_mark()
        begun = focusd.tell("/shoot", count=6)
        focusd.wait_for("slice_saved", lambda event: event["index"] == 1)
        (motion,) = focusd.children("focusd.motion")
        os.kill(motion, signal.SIGKILL)
        assert focusd.process.wait(20) == 1
        assert "motion process" in focusd.said()
        session = Sessions(focusd.state / "sessions").open(begun["session"])
        assert session.state().phase is Phase.FAILED
        assert session.state().resumable


def start_refused(folder: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "focusd.daemon", "--simulate", "--state-dir", str(folder / "state")]
    ended = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert ended.stdout == ""
    return ended.returncode, ended.stderr


def test_one_rig_has_one_daemon_and_a_stale_socket_is_no_hindrance(tmp_path: Path) -> None:
    with daemon(tmp_path) as focusd:
        code, words = start_refused(tmp_path, "--socket", str(tmp_path / "other"))
        assert code == 1
        assert words.count("\n") == 1
        assert f"another focusd (process {focusd.process.pid})" in words
        code, words = start_refused(tmp_path / "b", "--socket", str(focusd.socket))
        assert (code, "another daemon listens on" in words) == (1, True)
        assert focusd.ask("/status")["simulated"] is True
        focusd.end(signal.SIGKILL)
        assert focusd.socket.exists()
    with daemon(tmp_path) as focusd:
        assert focusd.ask("/status")["job"] is None


def test_a_wrong_configuration_is_told_before_anything_starts(tmp_path: Path) -> None:
    code, words = start_refused(
        tmp_path, "--socket", str(tmp_path / "s"), "--set", "axis.travel_mm=0", "--set", "axis.lead=1"
    )
    assert code == 3
    assert "axis.travel_mm: 0 is not a number from 0.1 up to 1000" in words
    assert "axis.lead: axis has no such setting" in words
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_an_end_at_rest_is_quick_and_clean(tmp_path: Path, number: int) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(10)
        with daemon(tmp_path, NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="400000") as focusd:
            told = [systemd.recv(200) for _ in range(5)]
            assert told == [b"READY=1", b"STATUS=at rest", *[b"WATCHDOG=1"] * 3]
            began_s = time.monotonic()
            assert focusd.end(number) == 0
            assert time.monotonic() - began_s < 10
            assert "Traceback" not in focusd.said()
            while (word := systemd.recv(200)) != b"STOPPING=1":
                assert word == b"WATCHDOG=1"


def test_a_place_may_be_declared_where_there_is_no_switch(tmp_path: Path) -> None:
    with daemon(tmp_path, "axis.pins.limit_near=null") as focusd:
        status, problem = focusd.call("POST", "/home", allow=True)
        assert (status, "focusctl zero" in problem["detail"]) == (500, True)
        assert focusd.tell("/zero", position_u=1000.0)["trust"] == "known"
        assert focusd.ask("/axis")["switches"] == {"near": None, "far": False}
        assert focusd.tell("/goto", position_u=1200.0)["position_u"] == 1200.0
        focusd.tell("/mark", end="near", position_u=1200.0)
        focusd.tell("/mark", end="far", position_u=1300.0)
        focusd.tell("/timelapse", every_s=60, count=1, start_at=f"{datetime.now() + timedelta(1):%FT%T}")
        status, problem = focusd.call("POST", "/zero", position_u=9000.0)
        assert (status, "focusctl timelapse stop" in problem["detail"]) == (409, True)
        focusd.tell("/timelapse/stop")
        assert focusd.tell("/zero", position_u=9000.0)["position_u"] == 9000.0


def test_what_is_said_of_an_invented_rig_is_not_said_of_the_real_one(tmp_path: Path) -> None:
    with daemon(tmp_path, "axis.home_allowed=false") as focusd:
        focusd.tell("/home", allow=True)
        focusd.tell("/mark", end="near")
    real, invented = "homing-allowed", "simulated-homing-allowed"
    kept = {path.name for path in focusd.state.iterdir()}
    assert (real in kept, invented in kept) == (False, True)
    assert ("marks.json" in kept, "simulated-marks.json" in kept) == (False, True)


def test_a_finished_stack_arrives_elsewhere_and_may_then_be_removed(tmp_path: Path) -> None:
    place = tmp_path / "lab"
    place.mkdir()
    with daemon(tmp_path, f"delivery=[{{to: {place}, same_disk: true}}]") as focusd:
        focusd.home_and_mark()
        focusd.tell("/shoot", count=2)
        arrived = focusd.wait_for("delivered")
        session = focusd.ask(f"/sessions/{arrived['session']}")
        assert (list(session["delivered"]), session["undelivered"]) == ([str(place)], [])
        for path in Path(session["folder"]).rglob("*.jpg"):
            copy = place / session["session"] / path.relative_to(session["folder"])
            assert copy.read_bytes() == path.read_bytes()
        assert focusd.ask("/status")["delivery"] == {"waiting": 0, "problem": None}
        assert focusd.call("DELETE", f"/sessions/{session['session']}")[0] == 200
    assert len(list(place.rglob("000?.jpg"))) == 2
