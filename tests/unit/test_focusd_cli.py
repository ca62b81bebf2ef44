"""focusctl against a daemon that speaks the same HTTP and has no rig."""

import io
import json
import os
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from shell import ROOT, ended, run, typed
from stand_in_daemon import PLAN, SESSION, Refusal

from focusd.arguments import focusctl_parser, parse
from focusd.cli import main
from focusd.commands import commands_of
from focusd.screens import plan_screen, status_screen
from focusd.terminal import Terminal


def test_help_asks_nobody(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "exit codes" in capsys.readouterr().out


def test_the_version_asks_nobody(place, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"focusctl {version('focusrail')}\n"


@pytest.mark.parametrize("line", ["shoot", "sessions check", "timelapse film", "calibrate dark", "sim press"])
def test_the_help_of_a_command_says_what_it_does(line, capsys):
    told = {" ".join(command.words): command.says for command in commands_of(focusctl_parser())}
    with pytest.raises(SystemExit, match="0"):
        main([*line.split(), "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert f"{told[line][0].upper()}{told[line][1:]}." in shown


@pytest.mark.parametrize(
    "line",
    [
        "",
        "fly",
        "jog",
        "jog 4",
        "goto near",
        "shoot --count many",
        "shoot --near 4mm --far 90deg",
        "mark clear 3mm",
        "status now",
    ],
)
def test_what_makes_no_sense_is_a_usage_error(line, capsys):
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert (ended.value.code, capsys.readouterr().out) == (2, "")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("plan --count 3.5", '"3.5" is not a whole number'),
        ("plan --overlap 80%", '"80%" is not a number: write it as in 0.5'),
        ("plan --stops nan", '"nan" is not a number'),
        ("timelapse start --every 1h --ramp-stops half", '"half" is not a number'),
    ],
)
def test_a_number_that_is_none_is_said_in_words(line, words, capsys):
    with pytest.raises(SystemExit):
        main(line.split())
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("plan --near 1mm --far 2mm --around 1mm", "give only one of --near and --far, --around"),
        ("shoot --near 1mm --length 1mm --count 5", "give only one of --near and --far, --length"),
        ("shoot --around 1mm --length 0", "give only one of --length, --around"),
        ("plan --near 0", "--near and --far belong together: give both"),
        ("plan --overlap 0.5 --pitch 20um --count 3", "give only one of --pitch, --count, --overlap"),
        ("plan --stops 0 --clipped 0.5", "give only one of --stops, --clipped"),
        ("shoot --stops 1 --exposure 8ms,1,2,2", "picture is, and --exposure meters none"),
        ("shoot --clipped 0 --exposure 8ms,1,2,2", "--clipped says how bright a metered picture is"),
        ("range --far 2mm", "--near and --far belong together: give both"),
        ("range --near 1mm --far 2mm --around 1mm", "give only one of --near and --far, --around"),
        ("timelapse start --every 1h --for 7d --until 2027-01-01T10:00", "give only one of --until, --for"),
        ("timelapse start --every 1h --ramp-stops 1", "--ramp-stops is of a ramp: give --exposure ramp too"),
        ("calibrate scale --length 1mm", "--length and --ends belong together: give both"),
        ("calibrate scale --division 1mm --ends 1,2,3,4", "--length and --ends belong together: give both"),
    ],
)
def test_what_contradicts_itself_is_said_as_it_was_typed_and_asked_of_nobody(daemon, line, words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    seen = " ".join(capsys.readouterr().err.split())
    assert (ended.value.code, words in seen, daemon.asked) == (2, True, []), seen


def test_status_is_one_calm_screen(daemon, capsys):
    daemon.trust, daemon.marks = "assumed", {"near_u": 19_250.0, "far_u": None}
    assert run("status", capsys) == (
        0,
        "rig        idle (simulated)\n"
        "position   1 mm, assumed (as it was when the motor was let go; homing or zeroing makes sure)"
        "  reach 0 µm to 38 mm\n"
        "marks      near 19.25 mm\n"
        "camera     imx477, 1600 x 1200\n"
        "disk       12 GB free of which 500 MB are kept free  /sessions\n"
        "last stack none yet\n",
        "",
    )


@pytest.mark.parametrize(
    ("stack", "told"), [(None, 1), ({"reason": "the switch is stuck"}, 0), ({"reason": "no frame came"}, 1)]
)
def test_status_names_the_last_error_where_no_stack_tells_of_it(stack, told):
    status = {"last_error": "the switch is stuck", "last_session": stack}
    lines = list(status_screen(status, Terminal(io.StringIO())))
    assert lines.count("failed     the switch is stuck") == told


AXIS = {
    "position_u": 19_250.0,
    "trust": "known",
    "nearest_u": 420.0,
    "farthest_u": 38_000.0,
    "travel_u": 40_000.0,
    "keep_out_u": 2_000.0,
    "subject_side": "far",
    "step_u": 0.625,
    "switches": {"near": False, "far": None},
    "emergency_stop": {"in_force": True, "pressed": True},
    "energised": True,
    "gravity": False,
    "self_holding": True,
    "looked_s_ago": 0.04,
    "speed": {"start_u_s": 200.0, "max_u_s": 900.0, "homing_u_s": 900.0, "touch_u_s": 150.0},
    "motion": {"complaints": ["no real-time priority"], "late_steps": 3, "max_late_ms": 1.23},
}


def test_the_axis_on_one_screen(daemon, capsys):
    daemon.axis = AXIS
    code, out, _ = run("axis", capsys)
    assert (code, out.splitlines()) == (
        0,
        [
            "STOPPED    the emergency stop was pressed: release it, then `focusctl acknowledge`",
            "position   19.25 mm, known  reach 420 µm to 38 mm",
            "travel     40 mm, of which 2 mm are kept out of at the far end, where the subject is",
            "switches   near open, far not fitted, emergency stop pressed",
            "motor      held; without current the axis keeps its place",
            "speed      starts at 200 µm/s, goes up to 900 µm/s; homes at 900 µm/s, touches at 150 µm/s",
            "steps      0.6 µm each; 3 late so far, the latest by 1.2 ms",
            "note       no real-time priority",
        ],
    )
    daemon.axis = {}
    assert run("axis", capsys)[0] == 0


@pytest.mark.parametrize(("pitch_u", "told"), [(79.0, False), (79.1, True)])
def test_a_plan_that_leaves_bands_unsharp_says_so(pitch_u, told):
    lines = "\n".join(plan_screen({**PLAN, "pitch_u": pitch_u}, Terminal(io.StringIO(), {})))
    assert ("unsharp bands" in lines) is told


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ({"bytes": None}, "not known before the camera is opened; 12 GB free"),
        ({"bytes": 0, "rehearse": True}, "0 MB of 12 GB free"),
    ],
)
def test_a_plan_whose_slices_nobody_has_weighed_yet_is_not_told_to_take_no_room(plan, told):
    lines = list(plan_screen({**PLAN, **plan}, Terminal(io.StringIO(), {})))
    assert [line for line in lines if line.startswith("disk")] == [f"disk       {told}"]


def test_plan_shows_what_would_be_before_anything_moves(daemon, capsys):
    code, out, _ = run("plan beetle --near 19.25mm --far 20.75mm --overlap 0.75", capsys)
    assert (code, out.splitlines()) == (
        0,
        [
            "slices     27",
            "pitch      58.8 µm (asked for at most 59.2 µm)",
            "sharp      79 µm deep in each slice",
            "from       19.25 mm to 20.75 mm",
            "time       about 0:34",
            "disk       52 MB of 12 GB free",
            "then       back to the first slice",
            "needs      a known position",
        ],
    )
    body = {"plan": "beetle", "near_u": 19_250.0, "far_u": 20_750.0, "overlap": 0.75, "unit": "um"}
    assert daemon.asked == [("POST", "/plan", body)]


def test_an_answer_missing_figures_is_still_shown(daemon, capsys, monkeypatch):
    monkeypatch.setattr("stand_in_daemon.PLAN", {})
    code, out, _ = run("plan", capsys)
    assert (code, out.splitlines()[0]) == (0, "slices     unknown")


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("jog -4mm", ("POST", "/jog", {"distance_u": -4000.0, "unit": "um"})),
        ("jog -- -4mm", ("POST", "/jog", {"distance_u": -4000.0, "unit": "um"})),
        ("--json jog -.5mm", ("POST", "/jog", {"distance_u": -500.0, "unit": "um"})),
        ("goto 20.5mm", ("POST", "/goto", {"position_u": 20_500.0, "unit": "um"})),
        ("goto 90deg", ("POST", "/goto", {"position_u": 90.0, "unit": "deg"})),
        ("goto 0", ("POST", "/goto", {"position_u": 0.0})),
        ("jog -0.5deg", ("POST", "/jog", {"distance_u": -0.5, "unit": "deg"})),
        ("mark near 12.5deg", ("POST", "/mark", {"end": "near", "position_u": 12.5, "unit": "deg"})),
        (
            "shoot --near 0 --far 4deg --pitch 0.5deg",
            ("POST", "/shoot", {"near_u": 0.0, "far_u": 4.0, "pitch_u": 0.5, "unit": "deg"}),
        ),
        ("home --allow", ("POST", "/home", {"allow": True})),
        ("home", ("POST", "/home", {"allow": False})),
        ("zero", ("POST", "/zero", {})),
        ("zero 3mm", ("POST", "/zero", {"position_u": 3000.0, "unit": "um"})),
        ("acknowledge", ("POST", "/acknowledge", {})),
        ("axis", ("GET", "/axis", None)),
        ("mark near", ("POST", "/mark", {"end": "near"})),
        ("mark far 3mm", ("POST", "/mark", {"end": "far", "position_u": 3000.0, "unit": "um"})),
        ("mark clear", ("DELETE", "/marks", None)),
        ("stop", ("POST", "/stop", {})),
        ("abort --json", ("POST", "/abort", {})),
        ("sessions", ("GET", "/sessions", None)),
        ("sessions list --all --before 7", ("GET", "/sessions?before=7", None)),
        ("sessions list --limit 9", ("GET", "/sessions?limit=9", None)),
        ("resume 12", ("POST", "/resume", {"session": "12"})),
        ("resume", ("POST", "/resume", {})),
        ("sim press shoot --hold 2s", ("POST", "/sim/press", {"button": "shoot", "hold_s": 2.0})),
        ("sim fault stuck --off", ("POST", "/sim/fault", {"name": "stuck", "on": False})),
        ("sim state", ("GET", "/sim/state", None)),
        (
            "shoot --length -4mm --count 9",
            ("POST", "/shoot", {"length_u": -4000.0, "count": 9, "unit": "um"}),
        ),
        ("plan --stops -0.5", ("POST", "/plan", {"stops": -0.5})),
        (
            "shoot beetle --around 2mm --pitch 50um --after park --delay 3s --rehearse --exposure 8ms,1,2,3",
            (
                "POST",
                "/shoot",
                {
                    "plan": "beetle",
                    "around_u": 2000.0,
                    "pitch_u": 50.0,
                    "unit": "um",
                    "rehearse": True,
                    "after": "park",
                    "delay_s": 3.0,
                    "exposure": {"time_us": 8000, "gain": 1.0, "colour_gains": [2.0, 3.0]},
                },
            ),
        ),
    ],
)
def test_what_is_typed_is_what_is_asked(daemon, capsys, line, asked):
    assert run(line, capsys)[0] == 0
    assert daemon.asked == [asked]


def kept(number):
    return {"session": f"{number:04d}-2026-11-23T14-05-12Z-fly", "phase": "done", "saved": 3, "slices": 3}


def test_the_newest_stacks_are_listed_and_how_many_there_are_before_them(daemon, capsys):
    daemon.pages = {"": {"sessions": [kept(8), kept(9)], "earlier": 7}}
    code, out, _ = run("sessions", capsys)
    assert (code, out.splitlines()[1:]) == (
        0,
        [
            "0009-2026-11-23T14-05-12Z-fly  done, 3 of 3 slices",
            "and 7 earlier: focusctl sessions list --before 0008, or --all",
        ],
    )


def test_all_stacks_are_asked_for_a_part_at_a_time(daemon, capsys):
    daemon.pages = {
        "": {"sessions": [kept(5)], "earlier": 4},
        kept(5)["session"]: {"sessions": [kept(3), kept(4)], "earlier": 2},
        kept(3)["session"]: {"sessions": [], "earlier": 0},  # what is before them cannot be read
    }
    code, out, _ = run("sessions list --all", capsys)
    assert (code, [line[:4] for line in out.splitlines()]) == (0, ["0003", "0004", "0005"])
    assert len(daemon.asked) == 3


def test_a_folder_that_the_daemon_keeps_is_known_without_a_look_at_all_others(daemon, tmp_path):
    folder = tmp_path / SESSION
    folder.mkdir()
    (folder / "session.json").touch()
    (folder / "journal.jsonl").touch()
    daemon.begin()
    daemon.session["folder"] = str(folder)
    process = typed(f"merge {folder}")
    daemon.wait_until_asked("/merge")
    daemon.tell("merge_failed", session=SESSION, error="no room")
    assert ended(process)[0] == 1
    assert ("GET", "/sessions", None) not in daemon.asked


def test_json_is_the_daemons_own_answer(daemon, capsys):
    code, out, _ = run("--json plan", capsys)
    assert (code, json.loads(out), out.count("\n")) == (0, PLAN, 1)


@pytest.mark.parametrize("code", [1, 3, 4, 130])
def test_a_refusal_keeps_its_words_and_its_code(daemon, capsys, code):
    daemon.refusal = Refusal(409, "Refused", "the far end is 3 mm out of reach", code)
    assert run("goto 41mm", capsys) == (code, "", "focusctl: Refused: the far end is 3 mm out of reach\n")


def test_a_refusal_is_json_for_programs(daemon, capsys):
    daemon.refusal = Refusal(409, "Busy", "shoot is running", 4)
    code, out, err = run("shoot --json", capsys)
    assert (code, out, json.loads(err)) == (
        4,
        "",
        {"title": "Busy", "detail": "shoot is running", "exit_code": 4},
    )


def test_nobody_there_says_where_it_looked_and_how_to_start(place, capsys):
    code, out, err = run("status", capsys)
    assert (code, out) == (5, "")
    assert str(place) in err and "focusd --simulate" in err and "sudo systemctl start focusd" in err
    assert "`focusctl doctor` and `journalctl -u focusd` say why" in err


def test_who_may_not_use_the_socket_is_told_that_a_group_counts_from_the_next_login_on(
    place, capsys, monkeypatch
):
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", denied)
    code, _, err = run("status", capsys)
    assert code == 5 and "usermod -aG focusrail $USER; that holds from your next login on" in err


def test_a_socket_left_behind_is_nobody_there(place, capsys):
    place.touch()
    code, _, err = run("status", capsys)
    assert code == 5 and "no daemon behind it" in err


@pytest.mark.parametrize(
    "line", ["sessions show K\udce4fer", "shoot --name K\udce4fer", "preview --crop \udce4"]
)
def test_what_a_terminal_of_another_alphabet_typed_is_asked_of_nobody(daemon, line, capsys):
    code, out, err = run(line, capsys)
    assert (code, out, daemon.asked) == (2, "", [])
    assert err.startswith("focusctl: Not understood: what was typed is not UTF-8")


def test_a_stop_stops_where_a_shell_has_closed_the_output(daemon, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["stop"]) == 0
    assert [path for _, path, _ in daemon.asked] == ["/stop"]


def test_a_folder_that_is_not_there_is_said_to_be_so(place, capsys):
    folder = place.parent / "gone"
    code, _, err = run(f"sessions check {folder}", capsys)
    assert (code, err) == (3, f"focusctl: Not checked: {folder}: No such file or directory\n")


def test_a_named_socket_wins(daemon, place, capsys, monkeypatch):
    monkeypatch.setenv("FOCUSRAIL_SOCKET", str(place) + ".other")
    assert run(f"--socket {place} status", capsys)[0] == 0
    assert run(f"status --socket {place}", capsys)[0] == 0
    assert run("status", capsys)[0] == 5


def test_a_shot_without_wait_returns_at_acceptance(daemon, capsys):
    code, out, _ = run("shoot", capsys)
    assert (code, out.splitlines()) == (
        0,
        [f"shooting {SESSION}: 3 slices", "watch it: focusctl watch    stop it: focusctl stop"],
    )


def test_an_answer_that_is_no_json_is_a_failure_in_words(daemon, capsys, monkeypatch):
    monkeypatch.setattr(type(daemon), "answer", lambda *_: (_ for _ in ()).throw(RuntimeError))
    code, _, err = run("status", capsys)
    assert code == 1 and "focusctl status" in err


def test_merging_needs_no_daemon_and_takes_its_arguments_as_they_are(place, capsys):
    with pytest.raises(SystemExit) as ended:
        sys.exit(main(["merge", "--help"]))
    assert ended.value.code == 0
    assert "-o" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "socket", "rest"),
    [
        ("merge photos -o s.jpg --slab -3 -- -x", None, "photos -o s.jpg --slab -3 -- -x"),
        ("--json merge photos -o s.jpg", None, "--json photos -o s.jpg"),
        ("merge photos --json --s 3", None, "--json photos --s 3"),
        ("--socket merge merge 12", "merge", "12"),
        ("merge 12 --socket /run/f.sock --method pyramid", "/run/f.sock", "12 --method pyramid"),
    ],
)
def test_what_may_stand_anywhere_may_stand_about_merge(line, socket, rest):
    arguments = parse(line.split())
    assert arguments.rest == rest.split()
    assert getattr(arguments, "socket", None) == (socket and Path(socket))


def test_what_a_merge_may_take_and_how_its_pictures_are_made_are_told_to_the_daemon(daemon):
    process = typed("merge 12 --memory 250M --quality 90 --um-per-slice 50 --um-per-px 1.5")
    daemon.wait_until_asked("/merge")
    daemon.tell("merge_failed", session=SESSION, error="no room")
    assert ended(process)[0] == 1
    method, path, body = daemon.asked[0]
    assert (method, path, body["session"]) == ("POST", "/merge", "12")
    assert (body["memory_bytes"], body["quality"]) == (250_000_000, 90)
    assert (body["um_per_slice"], body["um_per_px"]) == (50.0, 1.5)


@pytest.mark.parametrize("line", ["status", "status --json", "--help", "--version"])
def test_a_full_disk_below_the_output_is_told_in_one_line(daemon, line):
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "focusd.cli", *line.split()]
        environment = {**os.environ, "PYTHONUNBUFFERED": ""}
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert "standard output: No space left on device" in done.stderr
    assert len(done.stderr.splitlines()) == 1
