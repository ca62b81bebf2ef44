"""A daemon small enough to read: a position, a job, a story of events, over HTTP on a Unix socket."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Body = dict[str, Any]


class Refusal(Exception):
    def __init__(self, status: int, title: str, detail: str, exit_code: int) -> None:
        super().__init__(detail)
        self.status = status
        self.body = {"title": title, "detail": detail, "exit_code": exit_code}


class StandIn:
    """What the daemon knows. Tests set it, call `tell` for what happens, and look at `asked`."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Body | None]] = []
        self.position_u = 1000.0
        self.trust = "known"
        self.axis: Body = {}
        self.marks: Body = {"near_u": None, "far_u": None}
        self.job: Body | None = None
        self.session: Body | None = None
        self.pages: dict[str, Body] = {}
        """What is listed, by the session that it comes before."""
        self.story: list[Body] = []
        self.first_seq = 1
        self.refusal: Refusal | None = None
        self.cut_after_seq: set[int] = set()
        """Events after which the connection that carried them breaks, once."""
        self.changed = threading.Condition()
        self.motion_goes_on = False
        """Whether a motion lasts until it is stopped."""

    def tell(self, event: str, **facts: Any) -> None:
        with self.changed:
            self.story.append({"seq": self.first_seq + len(self.story), "event": event, **facts})
            self.changed.notify_all()

    def forget_story(self) -> None:
        """Number events anew, as a daemon does that was started again."""
        with self.changed:
            self.story.clear()
            self.changed.notify_all()

    def wait_until_asked(self, path: str, times: int = 1) -> None:
        with self.changed:
            reached = self.changed.wait_for(
                lambda: sum(asked[1] == path for asked in self.asked) >= times, timeout=20
            )
        assert reached, f"nobody asked for {path}: {self.asked}"

    def answer(self, method: str, path: str, body: Body | None) -> tuple[int, Body]:
        """Answer before anybody who waits until it is asked goes on: what is told next comes after it."""
        with self.changed:
            self.asked.append((method, path, body))
            self.changed.notify_all()
            if self.refusal is not None:
                raise self.refusal
            return self.answered(method, path, body)

    def answered(self, method: str, path: str, body: Body | None) -> tuple[int, Body]:
        match method, path.strip("/").split("/"):
            case "GET", ["status"]:
                return 200, self.status()
            case "POST", ["plan"]:
                return 200, PLAN
            case "POST", ["home"]:
                return 200, self.move_to(0.0)
            case "POST", ["jog"]:
                return 200, self.move_to(self.position_u + body["distance_u"])
            case "POST", ["zero"]:
                return 200, self.move_to(body.get("position_u", 0.0))
            case "POST", ["acknowledge"]:
                return 200, self.move_to(self.position_u)
            case "GET", ["axis"]:
                return 200, self.axis
            case "POST", ["goto"]:
                return 200, self.move_to(body["position_u"])
            case "POST", ["mark"]:
                self.marks[f"{body['end']}_u"] = body.get("position_u", self.position_u)
                return 200, self.marks
            case "DELETE", ["marks"]:
                self.marks = {"near_u": None, "far_u": None}
                return 200, self.marks
            case "POST", ["stop" | "abort"]:
                return 200, self.stop()
            case "POST", ["shoot" | "resume"]:
                return 202, self.begin()
            case "POST", ["merge"]:
                since = self.first_seq + len(self.story) - 1
                return 202, {"session": SESSION, "slices": 3, "since": since}
            case "GET", [listing] if listing.partition("?")[0] == "sessions":
                before = parse_qs(listing.partition("?")[2]).get("before", [""])[0]
                return 200, self.pages.get(before, {"sessions": [], "earlier": 0})
            case "GET", ["sessions", wanted] if self.session and self.session["session"].startswith(wanted):
                return 200, self.session
            case "POST", ["sim", _]:
                return 200, {"done": True}
            case "GET", ["sim", "state"]:
                return 200, {"position_um": self.position_u}
            case _:
                raise Refusal(404, "Not found", f"there is no {path}", 3)

    def status(self) -> Body:
        place = {"unit": "um", "position_u": self.position_u, "trust": self.trust, "moving": False}
        return {
            "simulated": True,
            "job": self.job,
            "seq": self.first_seq + len(self.story) - 1,
            "axis": {**place, "nearest_u": 0.0, "farthest_u": 38_000.0},
            "marks": self.marks,
            "camera": {"ready": True, "model": "imx477", "size_px": [1600, 1200], "problem": None},
            "disk": {"folder": "/sessions", "free_bytes": 12_000_000_000, "reserve_bytes": 500_000_000},
            "last_session": self.session,
            "merge": None,
        }

    def move_to(self, target_u: float) -> Body:
        with self.changed:
            if self.motion_goes_on:
                self.job = {"job": 1, "kind": "jog"}
                self.changed.wait_for(lambda: self.job is None, timeout=20)
                raise Refusal(409, "Stopped", f"stopped at {self.position_u:g} um", 130)
        self.position_u = target_u
        return {"position_u": target_u, "position_steps": round(target_u / 0.3125), "trust": self.trust}

    def stop(self) -> Body:
        with self.changed:
            kind = self.job["kind"] if self.job else None
            self.job = None
            self.changed.notify_all()
        return {"stopped": kind}

    def begin(self) -> Body:
        since = self.first_seq + len(self.story) - 1
        self.session = {
            "session": SESSION,
            "folder": f"/sessions/{SESSION}",
            "phase": "shooting",
            "slices": 3,
            "saved": 0,
            "merge": "none",
            "reason": None,
            "files": {},
        }
        self.job = {"job": 7, "kind": "shoot", "session": SESSION}
        return {
            **{key: self.session[key] for key in ("session", "folder", "slices")},
            "job": 7,
            "seconds": 4.0,
            "since": since,
        }

    def ended(self, phase: str, merge: str, **files: str) -> None:
        """Leave the session as it is when the daemon has told the rest."""
        assert self.session is not None
        self.session.update(phase=phase, merge=merge, files=files)
        self.job = None

    def events_after(self, since: int) -> Iterator[Body]:
        """Give the story as it is told, until the test is over or the connection is to break."""
        with self.changed:
            place = since + 1 - self.first_seq if since < self.first_seq + len(self.story) else 0
        while True:
            with self.changed:
                if not self.changed.wait_for(partial(self.longer_than, place), timeout=20):
                    return
                event = self.story[place]
            place += 1
            yield event
            if event["seq"] in self.cut_after_seq:
                self.cut_after_seq.discard(event["seq"])
                return

    def longer_than(self, place: int) -> bool:
        return len(self.story) > place


SESSION = "0001-2026-11-23T14-05-12Z-beetle"

PLAN: Body = {
    "plan": "default",
    "slices": 27,
    "pitch_u": 58.75,
    "asked_pitch_u": 59.2,
    "dof_u": 79.0,
    "near_u": 19_250.0,
    "far_u": 20_750.0,
    "unit": "um",
    "seconds": 34.2,
    "bytes": 51_840_000,
    "free_bytes": 12_000_000_000,
    "after": "start",
    "homes_first": False,
    "needs": "known",
    "rehearse": False,
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def log_message(self, *_: object) -> None:
        pass

    def respond(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/events":
            self.stream(int(parse_qs(url.query)["since"][0]))
            return
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        try:
            status, answer = self.server.stand_in.answer(self.command, unquote(self.path), body)
        except Refusal as refusal:
            status, answer = refusal.status, refusal.body
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = respond

    def stream(self, since: int) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.chunk(b"\n")
        for event in self.server.stand_in.events_after(since):
            self.chunk(json.dumps(event).encode() + b"\n")
        # No closing chunk: the connection breaks, as it does when a daemon dies.
        self.close_connection = True

    def chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    stand_in: StandIn

    def handle_error(self, *_: object) -> None:
        """Clients may leave in the middle of an answer."""


@contextmanager
def listening(path: Path) -> Iterator[StandIn]:
    with _Server(str(path), _Handler) as server:
        server.stand_in = StandIn()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.stand_in
        finally:
            server.shutdown()
            thread.join()
            path.unlink()
