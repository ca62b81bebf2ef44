import os
import socket
from pathlib import Path

from focusd.notify import Notifier


def heard(path: Path | str, notifier_says: str) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(path))
        systemd.settimeout(5)
        name = str(path).replace("\0", "@", 1)
        notifier = Notifier({"NOTIFY_SOCKET": name})
        getattr(notifier, notifier_says)()
        notifier.close()
        return systemd.recv(100)


def test_systemd_hears_each_word(tmp_path: Path) -> None:
    words = {"ready": b"READY=1", "stopping": b"STOPPING=1", "alive": b"WATCHDOG=1"}
    for place, (verb, message) in enumerate(words.items()):
        assert heard(tmp_path / str(place), verb) == message


def test_an_abstract_socket_is_reached() -> None:
    assert heard(f"\0focusrail-test-{os.getpid()}", "ready") == b"READY=1"


def test_a_status_is_one_line(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "n"))
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "n")})
        notifier.status("shooting\nslice 3")
        notifier.close()
        assert systemd.recv(100) == b"STATUS=shooting slice 3"


def test_without_systemd_nothing_is_sent_and_nothing_raised(tmp_path: Path) -> None:
    for environment in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone")}):
        notifier = Notifier(environment)
        notifier.ready()
        notifier.close()


def test_a_supervisor_that_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "n"))
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "n")})
        for _ in range(2000):
            notifier.alive()
        notifier.close()


def test_the_watchdog_is_for_the_process_it_names() -> None:
    ours = {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}
    cases = [({}, None), (ours, 30.0), ({**ours, "WATCHDOG_PID": "1"}, None), ({"WATCHDOG_USEC": "x"}, None)]
    for environment, watchdog_s in cases:
        notifier = Notifier(environment)
        assert notifier.watchdog_s == watchdog_s
        notifier.close()
