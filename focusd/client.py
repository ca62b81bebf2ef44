"""Talks to focusd over its Unix socket, with the standard library alone."""

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from focusd.exits import Exit

Answer = dict[str, Any]
"""What the daemon says: a JSON object."""

ANSWER_WITHIN_S = 30.0
"""For what the daemon answers at once; a motion is waited for as long as it takes."""

SILENCE_S = 30.0
"""A stream that is silent for longer is taken for dead; the daemon gives a sign of life more often."""

RECONNECTED: Answer = {"event": "reconnected"}
"""Stands in a stream of events where the connection was lost and found again."""


class ClientError(Exception):
    """A request did not end well; `title` and the message say how, for people."""

    exit_code = Exit.FAILED
    title = "Failed"


class NoDaemon(ClientError):
    """Nobody listens at any of the sockets."""

    exit_code = Exit.NO_DAEMON
    title = "No daemon"


class ConnectionLost(ClientError):
    """The daemon was reached and went silent; what became of the request is not known."""

    title = "Connection lost"


class Problem(ClientError):
    """The daemon's own words for why not."""

    def __init__(self, title: str, detail: str, exit_code: int) -> None:
        super().__init__(detail)
        self.title = title
        self.exit_code = Exit(exit_code) if exit_code in set(Exit) else Exit.FAILED


class Daemon:
    """The daemon at the first of `sockets` where one listens."""

    def __init__(self, sockets: Sequence[Path], pause: Callable[[float], None] = time.sleep) -> None:
        self._sockets = tuple(sockets)
        self._pause = pause

    def ask(self, path: str, **query: object) -> Answer:
        """GET `path`."""
        return self._request("GET", f"{path}?{urlencode(query)}" if query else path, None, ANSWER_WITHIN_S)

    def picture(self, path: str, **query: object) -> tuple[bytes, Mapping[str, str]]:
        """GET a picture; give it with what its headers, named in small letters, say of it."""
        with self._connection(ANSWER_WITHIN_S) as connection, _translated():
            response = _exchange(connection, "GET", f"{path}?{urlencode(query)}", None)
            return response.read(), {name.lower(): value for name, value in response.getheaders()}

    def session(self, named: str) -> Answer:
        """GET the session of that number or id."""
        return self.ask(f"/sessions/{quote(named, safe='')}")

    def tell(self, path: str, **body: object) -> Answer:
        """POST what is answered at once to `path`."""
        return self._request("POST", path, body, ANSWER_WITHIN_S)

    def wait_for(self, path: str, **body: object) -> Answer:
        """POST a motion to `path` and wait until it ends, or a stack that begins, however long it takes."""
        return self._request("POST", path, body, None)

    def drop(self, path: str) -> Answer:
        """DELETE `path`."""
        return self._request("DELETE", path, None, ANSWER_WITHIN_S)

    def events(self, since: int, *, tries: int = 60, between_s: float = 0.5) -> Iterator[Answer]:
        """Give everything that happens after event number `since`, without end.

        A lost connection is made again, and nothing that happened meanwhile is left out; `RECONNECTED` stands
        where it broke. Raises `NoDaemon` when nobody could be reached in `tries` tries, `between_s` apart.
        """
        lost, failures = False, 0
        while True:
            try:
                with self._connection(SILENCE_S) as connection, _translated():
                    response = _exchange(connection, "GET", f"/events?since={since}", None)
                    if lost:
                        yield RECONNECTED
                    for event in _objects(response):
                        failures = 0
                        since = event.get("seq", since)
                        yield event
            except (NoDaemon, ConnectionLost):
                failures += 1
                if failures >= tries:
                    raise
            lost = True
            self._pause(between_s)

    def _request(
        self, method: str, path: str, body: Mapping[str, object] | None, within_s: float | None
    ) -> Answer:
        with self._connection(within_s) as connection, _translated():
            return _object(_exchange(connection, method, path, body).read())

    def _connection(self, within_s: float | None) -> "_UnixConnection":
        """Give a connection to the first socket that takes one; raises `NoDaemon` with what was tried."""
        failures: list[tuple[Path, OSError]] = []
        for path in self._sockets:
            connection = _UnixConnection(path, within_s)
            try:
                connection.connect()
            except OSError as error:
                connection.close()
                failures.append((path, error))
            else:
                return connection
        raise NoDaemon(_no_daemon_words(failures))


class _UnixConnection(http.client.HTTPConnection):
    """HTTP through a socket in the file system."""

    def __init__(self, path: Path, timeout_s: float | None) -> None:
        super().__init__("focusd", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))

    def __enter__(self) -> "_UnixConnection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _translated:
    """Turns what sockets and http.client raise into `ConnectionLost`."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _where: object) -> None:
        if isinstance(error, TimeoutError):
            raise ConnectionLost(
                "The daemon has the request and does not answer. Look at its log: journalctl -u focusd"
            ) from error
        if isinstance(error, OSError | http.client.HTTPException):
            raise ConnectionLost(
                "The daemon closed the connection before it answered; whether it did as asked is not "
                "known. See with: focusctl status"
            ) from error


def _exchange(
    connection: http.client.HTTPConnection, method: str, path: str, body: Mapping[str, object] | None
) -> http.client.HTTPResponse:
    """Send a request and give the response, its body unread; raises `Problem` where it is a refusal."""
    sent = None if body is None else json.dumps(body, ensure_ascii=False).encode()
    connection.request(method, path, sent, {"Content-Type": "application/json"} if sent else {})
    response = connection.getresponse()
    if response.status >= 400:
        raise _problem(response.status, response.read())
    return response


def _problem(status: int, body: bytes) -> ClientError:
    try:
        told = json.loads(body)
        return Problem(str(told["title"]), str(told["detail"]), int(told["exit_code"]))
    except (ValueError, KeyError, TypeError):
        return Problem("Failed", f"The daemon answered {status}: {body[:500].decode(errors='replace')}", 1)


def _objects(response: http.client.HTTPResponse) -> Iterator[Answer]:
    """Give the objects of a stream of lines until it ends; empty lines are signs of life."""
    while line := response.readline():
        if line.endswith(b"\n") and line.strip():
            yield _object(line)


def _object(line: bytes) -> Answer:
    try:
        answer = json.loads(line)
    except ValueError as error:
        raise ConnectionLost("The daemon's answer was cut short. See with: focusctl status") from error
    return answer if isinstance(answer, dict) else {"answer": answer}


def _no_daemon_words(failures: Sequence[tuple[Path, OSError]]) -> str:
    tried = "; ".join(f"{path}: {_why(error)}" for path, error in failures)
    if any(isinstance(error, PermissionError) for _, error in failures):
        return (
            f"A daemon may run, but not for you ({tried}). Join its group, sudo usermod -aG focusrail $USER; "
            "that holds from your next login on."
        )
    return (
        f"Nobody answers ({tried}). Start the daemon with `sudo systemctl start focusd`, or with "
        "`focusd --simulate` where there is no rig; if it does not start, `focusctl doctor` and "
        "`journalctl -u focusd` say why. One that listens elsewhere is named by --socket or FOCUSRAIL_SOCKET."
    )


def _why(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "there is no such socket"
        case ConnectionRefusedError():
            return "a socket is there, and no daemon behind it"
        case PermissionError():
            return "you may not use it"
        case _:
            return error.strerror or str(error)
