"""A film of a series that a real daemon shot on the simulator, by a real focusctl, decoded again."""

import http.client
import json
from pathlib import Path

import av
from daemon_process import Connection, daemon
from shell import done

PLAN = (
    "plans.default={range: {near_u: 1200, far_u: 1800}, spacing: {count: 4}, optics: macro-2x, settle_ms: 20}"
)
STACKS = 2


def shell(focusd, *words):
    return done(focusd.socket, *words)


def fetched(focusd, path):
    connection = Connection(focusd.socket)
    try:
        connection.request("GET", path)
        response: http.client.HTTPResponse = connection.getresponse()
        return response.status, response.getheader("content-type"), response.read()
    finally:
        connection.close()


def test_a_series_becomes_a_film_a_sheet_and_a_page(tmp_path):
    with daemon(tmp_path, PLAN) as focusd:
        words = ("--every", "3500ms", "--overlaps", "--count", STACKS, "--name", "moss")
        started = shell(focusd, "timelapse", "start", *words)
        assert started.returncode == 0, started.stderr
        assert fetched(focusd, "/timelapse/1/report")[0] == 404
        focusd.wait_for("series_done")
        sessions = [event["session"] for event in focusd.events if event["event"] == "slot_done"]
        assert len(sessions) == STACKS
        for session in sessions:
            focusd.wait_for("merge_done", lambda event, session=session: event["session"] == session)

        made = shell(focusd, "timelapse", "film", "moss", "--fps", "12", "--json")
        assert made.returncode == 0, made.stderr
        facts = json.loads(made.stdout)
        film = Path(facts["file"])
        assert film == focusd.state / "series/0001-moss/film.mp4"
        assert facts["frames"] == STACKS
        assert facts["warnings"] == []
        _decoded(film, (facts["width_px"], facts["height_px"]))

        assert shell(focusd, "timelapse", "sheet", "1").returncode == 0
        assert shell(focusd, "timelapse", "report", "1").returncode == 0
        status, kind, page = fetched(focusd, "/timelapse/1/report")
        assert (status, kind) == (200, "text/html; charset=utf-8")
        assert page.count(b"data:image/jpeg;base64,") == STACKS
        status, kind, data = fetched(focusd, "/timelapse/moss/film.mp4")
        assert (status, kind, data) == (200, "video/mp4", film.read_bytes())
    film.unlink()
    assert shell(focusd, "timelapse", "film", "moss").returncode == 5
    by_folder = shell(focusd, "timelapse", "film", film.parent)
    assert by_folder.returncode == 0, by_folder.stderr
    _decoded(film, (facts["width_px"], facts["height_px"]), 25)


def _decoded(film, size, fps=12):
    data = film.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(film)) as container:
        (stream,) = container.streams
        coder = stream.codec_context
        assert (coder.name, coder.pix_fmt, stream.average_rate) == ("h264", "yuv420p", fps)
        assert (stream.width, stream.height) == size
        assert 300 <= size[0] <= 320
        assert size[0] % 2 == size[1] % 2 == 0
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(stream)]
    assert len(frames) == STACKS
    assert all(frame.std() > 10 for frame in frames)
