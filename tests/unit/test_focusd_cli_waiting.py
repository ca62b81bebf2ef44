"""focusctl while it waits: for a stack, a motion, a merge, a frame, or for a daemon to come back."""

import json
import signal

import pytest
from shell import ended, lines_of, run, typed
from stand_in_daemon import SESSION, listening

from focusd import preview_cli
from focusd.client import RECONNECTED, Daemon, NoDaemon, Problem
from focusd.exits import Exit


def shoot_all(daemon):
    daemon.tell("stack_started", session=SESSION, slices=3)
    daemon.tell("merge_started", session=SESSION)
    for index in range(3):
        daemon.tell("slice_saved", session=SESSION, index=index, position_u=19_000.0 + index)
    daemon.tell("stack_done", session=SESSION, slices=3)


def finish(daemon):
    daemon.ended("done", "done", merged="/sessions/1/merged.jpg", depth="/sessions/1/depth.png")
    daemon.tell("job_ended", job=7, kind="shoot", ending="done")
    daemon.tell("merge_done", session=SESSION, slices=3)


def test_every_event_is_a_line_of_json_that_leaves_at_once(daemon):
    process = typed("shoot --wait --json")
    daemon.wait_until_asked("/shoot")
    shoot_all(daemon)
    early = [json.loads(line)["event"] for line in lines_of(process, 6)]
    assert early == [
        "stack_started",
        "merge_started",
        "slice_saved",
        "slice_saved",
        "slice_saved",
        "stack_done",
    ]
    finish(daemon)
    code, out, err = ended(process)
    assert (code, [json.loads(line)["event"] for line in out.splitlines()], err) == (
        0,
        ["job_ended", "merge_done"],
        "",
    )


def test_waiting_ends_with_the_picture_the_depth_map_and_the_folder(daemon):
    process = typed("shoot --wait")
    daemon.wait_until_asked("/shoot")
    shoot_all(daemon)
    finish(daemon)
    code, out, err = ended(process)
    assert (code, err) == (0, "")
    assert out.splitlines()[-3:] == [
        "picture    /sessions/1/merged.jpg",
        "depth map  /sessions/1/depth.png",
        f"folder     /sessions/{SESSION}",
    ]


@pytest.mark.parametrize("line", ["shoot", "shoot --wait"])
def test_a_specimen_that_was_shot_before_is_noticed_as_its_stack_begins(daemon, monkeypatch, line):
    begin, earlier = daemon.begin, "0000-2026-11-22T10-00-00Z-beetle"
    monkeypatch.setattr(daemon, "begin", lambda: {**begin(), "same_specimen": [earlier]})
    process = typed(line)
    daemon.wait_until_asked("/shoot")
    shoot_all(daemon)
    finish(daemon)
    assert f"the same view of the same specimen was shot before, as {earlier}" in ended(process)[1]


def test_what_the_report_finds_is_said_after_the_stack_and_in_show(daemon):
    found = [
        "coverage   The nearest slice still gains sharpness.",
        "note       The motor lost steps on the way.",
        "on the way 12:34:56 Slice 3 was shot again.",
    ]
    process = typed("shoot --wait")
    daemon.wait_until_asked("/shoot")
    daemon.session.update(
        coverage=["The nearest slice still gains sharpness."],
        warnings=["The motor lost steps on the way."],
        faults=[{"at": "2026-11-26T12:34:56+00:00", "index": 3, "words": "Slice 3 was shot again."}],
    )
    shoot_all(daemon)
    finish(daemon)
    _, out, _ = ended(process)
    assert out.splitlines()[-6:-3] == found
    _, out, _ = ended(typed(f"sessions show {SESSION}"))
    assert out.splitlines()[-6:-3] == found


@pytest.mark.parametrize(
    ("event", "ending", "code", "words"),
    [
        ("stack_paused", "paused", 130, "focusctl resume"),
        ("stack_aborted", "aborted", 130, "slices are saved"),
        ("stack_failed", "failed", 1, "focusctl resume"),
    ],
)
def test_waiting_ends_as_the_stack_does(daemon, event, ending, code, words):
    process = typed("shoot --wait")
    daemon.wait_until_asked("/shoot")
    daemon.tell("stack_started", session=SESSION, slices=3)
    daemon.tell("slice_saved", session=SESSION, index=0, position_u=0.0)
    daemon.tell(event, session=SESSION, reason="the lamp went out")
    daemon.tell("merge_failed", session=SESSION, error="the stack is over", given_up=True)
    daemon.ended(ending, "none")
    daemon.tell("job_ended", job=7, kind="shoot", ending=ending)
    found, _, err = ended(process)
    assert found == code and "the lamp went out. 1 of 3 slices are saved" in err and words in err


@pytest.mark.parametrize("line", ["shoot", "resume"])
def test_nobody_gives_up_while_a_stack_is_about_to_begin(daemon, capsys, monkeypatch, line):
    monkeypatch.setattr("focusd.client.ANSWER_WITHIN_S", 0.0)
    code, out, _ = run(line, capsys)
    assert (code, SESSION in out) == (0, True)


def test_a_lost_picture_is_a_failure_that_says_how_to_merge_again(daemon):
    process = typed("shoot --wait")
    daemon.wait_until_asked("/shoot")
    shoot_all(daemon)
    daemon.ended("done", "failed")
    daemon.tell("job_ended", job=7, kind="shoot", ending="done")
    daemon.tell("merge_failed", session=SESSION, error="no memory")
    code, _, err = ended(process)
    assert code == 1 and f"focusctl merge {SESSION}" in err


def test_a_stack_that_nobody_merges_is_done_when_it_is_shot(daemon):
    process = typed("shoot --wait")
    daemon.wait_until_asked("/shoot")
    daemon.tell("stack_started", session=SESSION, slices=3)
    daemon.tell("stack_done", session=SESSION, slices=3)
    daemon.ended("done", "none")
    daemon.tell("job_ended", job=7, kind="shoot", ending="done")
    assert ended(process)[0] == 0


def test_a_broken_connection_loses_no_event(daemon):
    daemon.cut_after_seq = {2, 6}
    process = typed("shoot --wait --json")
    daemon.wait_until_asked("/shoot")
    shoot_all(daemon)
    early = [json.loads(line)["seq"] for line in lines_of(process, 6)]
    finish(daemon)  # while the connection is down: how things stand must not hide how they came about
    code, out, _ = ended(process)
    assert (code, early + [json.loads(line)["seq"] for line in out.splitlines()]) == (0, list(range(1, 9)))


def test_a_daemon_started_again_has_no_stack_to_wait_for(daemon):
    daemon.cut_after_seq = {1}
    process = typed("shoot --wait --json")
    daemon.wait_until_asked("/shoot")
    daemon.job = None
    daemon.tell("stack_started", session=SESSION, slices=3)
    code, out, err = ended(process)
    assert (code, json.loads(out)["event"]) == (1, "stack_started")
    assert json.loads(err)["title"] == "Stack failed"


def test_interrupting_the_wait_leaves_the_stack_alone(daemon):
    process = typed("shoot --wait --json")
    daemon.wait_until_asked("/shoot")
    daemon.tell("stack_started", session=SESSION, slices=3)
    lines_of(process, 1)
    process.send_signal(signal.SIGINT)
    code, _, err = ended(process)
    assert code == 130 and "focusctl watch" in err and "focusctl stop" in err
    assert [path for _, path, _ in daemon.asked] == ["/shoot"]


@pytest.mark.parametrize("command", ["jog 4mm", "goto 4mm", "home"])
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupting_a_motion_stops_it_and_hears_of_its_end(daemon, command, ending):
    daemon.motion_goes_on = True
    process = typed(command)
    daemon.wait_until_asked(f"/{command.split()[0]}")
    process.send_signal(ending)
    code, out, err = ended(process)
    assert (code, out, err) == (130, "", "focusctl: Stopped: stopped at 1000 um\n")
    assert daemon.position_u == 1000.0


def test_a_frame_is_shown_once_however_long_it_stands(place, capsys, monkeypatch):
    numbers, waited = iter("33345"), []

    def picture(_daemon, _path, **_query):
        if (number := next(numbers)) == "5":
            raise KeyboardInterrupt
        return b"", {"x-frame": number, "x-sharpness": "5.2", "x-clipped-percent": "0.4"}

    monkeypatch.setattr(Daemon, "picture", picture)
    monkeypatch.setattr(preview_cli.time, "sleep", waited.append)
    code, out, _ = run("preview --watch --json", capsys)
    assert (code, [json.loads(line)["frame"] for line in out.splitlines()]) == (0, [3, 4])
    assert waited == [preview_cli.AGAIN_S] * 2


def test_a_picture_that_grows_is_shown_whenever_it_has_grown_until_it_is_done(
    place, tmp_path, capsys, monkeypatch
):
    counts, waited = iter("223"), []

    def picture(_daemon, path, **query):
        assert (path, query) == ("/growing.jpg", {})
        if (count := next(counts, None)) is None:
            raise Problem("Refused", "no picture grows just now", Exit.REFUSED)
        return count.encode(), {"x-session": SESSION, "x-slices": count}

    monkeypatch.setattr(Daemon, "picture", picture)
    monkeypatch.setattr(preview_cli.time, "sleep", waited.append)
    code, out, _ = run(f"preview --growing --watch -o {tmp_path}/now.jpg", capsys)
    shown = [f"{SESSION}, {count} slices  {tmp_path}/now.jpg" for count in "23"]
    assert (code, out.splitlines(), waited) == (0, shown, [preview_cli.AGAIN_S])
    assert (tmp_path / "now.jpg").read_bytes() == b"3"
    code, _, err = run("preview --growing", capsys)
    assert (code, err) == (3, "focusctl: Refused: no picture grows just now\n")


def test_a_picture_that_grows_is_shown_whole_and_as_it_is(place, capsys):
    code, _, err = run("preview --growing --peaking --width 200", capsys)
    assert (code, "leave out --width, --peaking" in err) == (2, True)


def test_watch_finds_what_the_button_began(daemon):
    process = typed("watch")
    assert lines_of(process, 1) == [
        "Nothing is being shot. Waiting for the next stack; Ctrl-C ends the waiting.\n"
    ]
    daemon.begin()
    daemon.tell("job_started", job=7, kind="shoot")
    daemon.wait_until_asked(f"/sessions/{SESSION}")
    shoot_all(daemon)
    finish(daemon)
    code, out, _ = ended(process)
    assert code == 0 and out.splitlines()[-1] == f"folder     /sessions/{SESSION}"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("shoot", "A stack is about to begin."),
        ("resume", "A stack is about to begin."),
        ("rehearse", "A plan is being rehearsed, and nothing shot. Waiting for the next stack;"),
        ("home", "Nothing is being shot. Waiting for the next stack;"),
    ],
)
def test_watch_says_what_it_waits_for(daemon, kind, words):
    daemon.job = {"job": 7, "kind": kind, "phase": "homing", "session": None}
    process = typed("watch")
    assert lines_of(process, 1) == [f"{words} Ctrl-C ends the waiting.\n"]
    process.send_signal(signal.SIGINT)
    assert ended(process)[0] == 130


def test_a_reader_that_leaves_ends_the_listing_quietly(daemon):
    process = typed("shoot --wait --json")
    daemon.wait_until_asked("/shoot")
    process.stdout.close()
    shoot_all(daemon)
    process.wait(timeout=20)
    assert (process.returncode, process.stderr.read()) == (1, "")
    process.stderr.close()


def test_a_daemon_that_stays_away_is_given_up(place):
    pauses = []
    with listening(place) as stand_in:
        stand_in.cut_after_seq = {1}
        stand_in.tell("stack_started", session=SESSION)
        stream = Daemon([place], pauses.append).events(0, tries=4)
        assert next(stream)["event"] == "stack_started"
    with pytest.raises(NoDaemon):
        next(stream)
    assert pauses == [0.5] * 4


def test_a_reconnection_shows_in_the_stream(daemon, place):
    daemon.cut_after_seq = {1}
    daemon.tell("a")
    daemon.tell("b")
    stream = Daemon([place], lambda _: None).events(0)
    assert [next(stream) for _ in range(3)] == [
        {"seq": 1, "event": "a"},
        RECONNECTED,
        {"seq": 2, "event": "b"},
    ]
    stream.close()


def test_interrupting_the_wait_for_a_merge_leaves_it_alone(daemon):
    process = typed("merge 12 --json")
    daemon.wait_until_asked("/merge")
    daemon.tell("merge_started", session=SESSION)
    lines_of(process, 1)
    process.send_signal(signal.SIGINT)
    code, _, err = ended(process)
    assert code == 130 and "the merge goes on without you" in err
