"""Looking through the camera of a running daemon: once, all the time, many at once, and while it shoots."""

import http.client
import json
import os
import subprocess
import sys
from contextlib import ExitStack, closing, suppress

import pytest
import simplejpeg
from daemon_process import Connection, daemon


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    with daemon(tmp_path_factory.mktemp("d")) as focusd:
        focusd.home_and_mark()
        yield focusd


def fetched(rig, path):
    with closing(Connection(rig.socket)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()


class Stream:
    """Somebody who looks all the time."""

    def __init__(self, rig, path):
        self.connection = Connection(rig.socket)
        self.connection.request("GET", path)
        self.response = self.connection.getresponse()
        assert self.response.getheader("content-type") == "multipart/x-mixed-replace; boundary=focusrail"

    def next(self):
        assert self.response.readline() == b"--focusrail\r\n"
        headers = http.client.parse_headers(self.response)
        jpeg = self.response.read(int(headers["Content-Length"]))
        assert self.response.read(2) == b"\r\n"
        return headers, jpeg

    def close(self):
        self.response.close()
        self.connection.close()


def looking(rig, width):
    """Look too, once the daemon has noticed which earlier ones are gone."""
    for _ in range(100):
        with suppress(AssertionError):
            return Stream(rig, f"/preview.mjpeg?width={width}")
    raise AssertionError("no room to look")


def test_one_picture_as_asked_for_with_its_figures(rig):
    status, headers, jpeg = fetched(rig, "/preview.jpg?width=100&peaking=true&clipping=1")
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    assert simplejpeg.decode_jpeg_header(jpeg)[:2] == (60, 80)
    assert float(headers["x-sharpness"]) > 0
    _, later, _ = fetched(rig, "/preview.jpg?crop=0.5,0.5&width=120")
    assert int(later["x-frame"]) > int(headers["x-frame"])


def test_what_makes_no_sense_is_named_all_at_once(rig):
    status, _, body = fetched(rig, "/preview.jpg?width=3&crop=9,9&colour=no")
    problem = json.loads(body)
    assert (status, problem["exit_code"]) == (422, 2)
    assert all(word in problem["detail"] for word in ("width", "crop", "colour", "4096"))


def test_a_stream_goes_on_through_a_move_and_through_a_stack(rig):
    with closing(looking(rig, 160)) as stream:
        numbers = [int(stream.next()[0]["X-Frame"]) for _ in range(3)]
        assert numbers == sorted(set(numbers))
        rig.tell("/goto", position_u=1500.0)
        assert stream.next()[1].startswith(b"\xff\xd8")
        begun = rig.tell("/shoot", count=6)
        for _ in range(4):
            stream.next()
        rig.wait_for("job_ended", lambda event: event["job"] == begun["job"])
    session = rig.ask(f"/sessions/{begun['session']}")
    assert (session["saved"], rig.ask("/status")["last_error"]) == (6, None)


def test_ten_may_look_and_no_more_than_sixteen(rig):
    with ExitStack() as all_of_them:
        streams = [
            all_of_them.enter_context(closing(looking(rig, 100 + 8 * (number % 2)))) for number in range(16)
        ]
        assert {simplejpeg.decode_jpeg_header(stream.next()[1])[1] for stream in streams} == {80, 106}
        status, _, body = fetched(rig, "/preview.mjpeg")
        assert (status, "16 are looking" in body.decode()) == (409, True)


def test_the_shell_saves_it_and_says_how_sharp_it_is(rig, tmp_path):
    environment = {**os.environ, "FOCUSRAIL_SOCKET": str(rig.socket)}
    path = tmp_path / "now.jpg"
    command = [sys.executable, "-m", "focusd.cli", "preview", "-o", str(path), "--crop", "0.5,0.5", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout)
    assert (figures["file"], figures["sharpness"] > 0) == (str(path), True)
    assert path.read_bytes().startswith(b"\xff\xd8")
    assert list(tmp_path.iterdir()) == [path]


def test_where_nothing_is_merged_no_picture_grows(rig):
    status, _, body = fetched(rig, "/growing.jpg")
    assert (status, "no picture grows just now" in body.decode()) == (409, True)


def test_a_daemon_that_ends_lets_go_of_who_looks(tmp_path):
    with daemon(tmp_path) as focusd:
        stream = looking(focusd, 100)
        stream.next()
        assert focusd.end() == 0
    assert stream.response.read().count(b"--focusrail") < 50
    stream.close()
