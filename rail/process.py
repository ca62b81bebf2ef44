"""The stepper in a process of its own, which nothing else on the machine can hold up.

Client and child share two things, both inherited and both gone with them: a socket pair on which requests and
answers go as JSON lines, one answer a request, and a page of memory (`rail.signals.Signals`) through which a
stop takes effect, and the count is seen, between any two steps.

The child outlives its parent by less than a step: the closed socket halts it, and so does the kernel's signal
for the death of a parent. It leaves SIGINT, SIGTERM and SIGHUP to the parent, who ramps down first.
"""

import contextlib
import ctypes
import gc
import json
import logging
import mmap
import os
import queue
import resource
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from rail.axis import Position, Trust
from rail.errors import MotionLost, PinsUnavailable
from rail.profile import Ramp
from rail.signals import Limits, MotorReport, Signalled, Signals
from rail.stepper import Ending, LocalStepper, Run, Seek, Stepper

_log = logging.getLogger(__name__)

Message = dict[str, Any]

READY_S = 30.0
"""How long a child may take to start; a Zero 2 W imports slowly."""
SILENCE_S = 5.0
"""How long a child may neither step nor answer, beyond the time one step takes."""
WATCH_S = 0.05
"""How often a child that has nothing to do looks at its inputs."""
_LOOK_S = 0.2
_END_S = 2.0

_PRIORITY = 40
_PR_SET_PDEATHSIG = 1
_PR_SET_TIMERSLACK = 29
_MLOCK_CURRENT_FUTURE_ONFAULT = 1 | 2 | 4

LOCKED_BYTES = 512_000_000
"""What the limit of locked memory must allow. It counts addresses, touched or not, and stack and heap of one
thread take 136 MB of them, if only for a moment. Where the limit is met later, a thread or a library is
refused, and the process ends."""


class StepperProcess(Signalled):
    """A `Stepper` whose loop runs in a child process.

    Start it from a thread that lives as long as the stepper is wanted: the kernel reports to the child the
    death of that thread.

    Parameters
    ----------
    argv
        The child's command. `--channel-fd N --signals-fd M` is appended; the child hands both numbers to
        `inherit` and then calls `serve`.
    ready_s, silence_s
        How long to wait for the child to start, and for a sign of life while it works.

    Attributes
    ----------
    complaints
        What the system did not permit the child: real-time priority, locked memory.

    Raises
    ------
    PinsUnavailable
        The child cannot be started, or said that it cannot have its pins.
    MotionLost
        The child did not start. Every method raises it once the child has died.
    """

    def __init__(
        self, argv: Sequence[str], *, ready_s: float = READY_S, silence_s: float = SILENCE_S
    ) -> None:
        self._silence_s = silence_s
        self._lock = threading.Lock()
        self._received = b""
        memory_fd = os.memfd_create("focusrail-signals")
        self._socket, theirs = socket.socketpair()
        try:
            os.ftruncate(memory_fd, mmap.PAGESIZE)
            super().__init__(_shared_signals(memory_fd))
            self._child = subprocess.Popen(
                [*argv, "--channel-fd", str(theirs.fileno()), "--signals-fd", str(memory_fd)],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), memory_fd),
            )
        except OSError as e:
            self._socket.close()
            raise PinsUnavailable(f"the motion process cannot be started ({e}): {' '.join(argv)}") from e
        finally:
            theirs.close()
            os.close(memory_fd)
        try:
            self.complaints: tuple[str, ...] = tuple(self._await_ready(ready_s))
        except BaseException:
            self._bury()
            raise

    @property
    def pid(self) -> int:
        """The child's process number."""
        return self._child.pid

    def run(self, distance_steps: int, ramp: Ramp, *, seek: Seek | None = None) -> Run:
        """Issue up to `distance_steps`; see `rail.stepper.Stepper.run`."""
        answer = self._ask(
            {"do": "run", "distance_steps": distance_steps, "ramp": asdict(ramp), "seek": seek},
            self._silence_s + 1 / ramp.start_steps_s,
        )
        return Run(**{**answer, "ending": Ending(answer["ending"])})

    def limits(self) -> Limits:
        """Read the limit switches; waits for the end of a run."""
        return Limits(**self._ask({"do": "limits"}))

    def look(self) -> MotorReport:
        """Give what inputs and outputs were at most `WATCH_S` ago, or during a run when it began."""
        return self._signals.see()

    def acknowledge(self) -> bool:
        """Forget that the emergency stop was pressed, unless it still is."""
        return bool(self._ask({"do": "acknowledge"})["acknowledged"])

    def energise(self) -> None:
        """Hold the motor."""
        self._ask({"do": "energise"})

    def release(self) -> None:
        """Let the motor go."""
        self._ask({"do": "release"})

    def running(self) -> bool:
        """Say whether steps are being issued now."""
        return bool(self._signals.running) and self._child.poll() is None

    def close(self) -> None:
        """Halt, and see the child end, which closes its stepper."""
        self.halt()
        with self._lock:
            self._bury()

    def _await_ready(self, ready_s: float) -> list[str]:
        greeting = self._receive(ready_s)
        if "failed" in greeting:
            raise PinsUnavailable(greeting["failed"])
        complaints: list[str] = greeting["ready"]
        return complaints

    def _ask(self, request: Message, silence_s: float | None = None) -> Message:
        with self._lock:
            try:
                self._socket.sendall(_line(request))
            except OSError as e:
                raise self._lost("it is gone") from e
            try:
                reply = self._receive(self._silence_s if silence_s is None else silence_s)
            except BaseException:  # an answer that nobody waits for would be taken for the next one's
                self._bury()
                raise
        if "failed" in reply:
            raise self._lost(f"it failed: {reply['failed']}")
        answer: Message = reply["answer"]
        return answer

    def _receive(self, silence_s: float) -> Message:
        """Wait for a line; a child that neither steps nor answers for `silence_s` is taken for dead."""
        self._socket.settimeout(_LOOK_S)
        seen_steps, heard_s = self._signals.count_steps, time.monotonic()
        while b"\n" not in self._received:
            try:
                received = self._socket.recv(65_536)
            except TimeoutError:
                if self._signals.count_steps != seen_steps:
                    seen_steps, heard_s = self._signals.count_steps, time.monotonic()
                elif time.monotonic() - heard_s > silence_s:
                    self._child.kill()
                    raise self._lost(f"it gave no sign of life for {silence_s:.1f} s") from None
                continue
            except OSError as e:
                raise self._lost("it is gone") from e
            if not received:
                raise self._lost("it ended by itself")
            self._received += received
        line, _, self._received = self._received.partition(b"\n")
        message: Message = json.loads(line)
        return message

    def _lost(self, why: str) -> MotionLost:
        self._bury()
        return MotionLost(
            f"the motion process {self._child.pid} is lost: {why} (exit status {self._child.returncode}); "
            "where the axis stands is unknown. Start focusd again, then home",
            position=Position(self._signals.count_steps, Trust.UNKNOWN),
        )

    def _bury(self) -> None:
        """Close the channel, which halts and ends a healthy child; kill one that does not end."""
        self._socket.close()
        try:
            self._child.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


class Channel:
    """The child's end: lines from the parent, lines to it, and the shared signals.

    As a context manager it tells the parent of an error on the way to `serve`, such as `PinsUnavailable`.

    Attributes
    ----------
    signals
        To be handed to the `LocalStepper`.
    complaints
        What the system did not permit.
    """

    def __init__(self, connection: socket.socket, signals: Signals, complaints: Sequence[str] = ()) -> None:
        self.signals = signals
        self.complaints = tuple(complaints)
        self._socket = connection
        self._lines: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="channel", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.tell({"failed": f"{error}"})
        self.hang_up()

    def requests(self, meanwhile: Callable[[], None]) -> Iterator[Message]:
        """Give the parent's requests as they come, until it is gone; `meanwhile` in between."""
        while True:
            try:
                request = self._lines.get(timeout=WATCH_S)
            except queue.Empty:
                meanwhile()
                continue
            if request is None:
                return
            yield request

    def tell(self, message: Message) -> None:
        """Send a line; a parent that is gone is none the wiser."""
        with contextlib.suppress(OSError):
            self._socket.sendall(_line(message))

    def hang_up(self) -> None:
        """Halt, and let the requests end."""
        self.signals.halt = 1
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _read(self) -> None:
        try:
            with contextlib.suppress(OSError), self._socket.makefile("r", encoding="utf-8") as lines:
                for line in lines:
                    self._lines.put(json.loads(line))
        finally:
            # Nobody clears this halt: the parent alone could, and it is gone when its end closes.
            self.signals.halt = 1
            self._lines.put(None)


def inherit(channel_fd: int, signals_fd: int) -> Channel:
    """Take over what `StepperProcess` passed on; the first thing a motion child does.

    From here on the process dies with its parent, leaves SIGINT, SIGTERM and SIGHUP to it, and has what
    precedence the system permits.
    """
    parent = os.getppid()
    signals = _shared_signals(signals_fd)
    os.close(signals_fd)
    complaints = _take_precedence()
    channel = Channel(socket.socket(fileno=channel_fd), signals, complaints)

    def bereaved(_number: int, _frame: object) -> None:
        if os.getppid() != parent:
            channel.hang_up()

    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, bereaved)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGUSR1)
    if os.getppid() != parent:
        channel.hang_up()
    return channel


def serve(stepper: LocalStepper, channel: Channel) -> None:
    """Do what the parent asks of `stepper` until it hangs up or is gone; then close the stepper."""
    gc.collect()
    gc.freeze()
    gc.disable()
    channel.tell({"ready": channel.complaints})
    try:
        for request in channel.requests(meanwhile=stepper.watch):
            try:
                answer = _obey(stepper, request)
            except Exception as e:  # the parent decides what a failure means; silence would tell it nothing
                _log.exception("the motion process failed at %s", request)
                channel.tell({"failed": f"{type(e).__name__}: {e}"})
                return
            channel.tell({"answer": answer})
    finally:
        stepper.close()
        channel.hang_up()


def _obey(stepper: Stepper, request: Message) -> Message:
    match request["do"]:
        case "run":
            seek = None if request["seek"] is None else Seek(request["seek"])
            return asdict(stepper.run(request["distance_steps"], Ramp(**request["ramp"]), seek=seek))
        case "limits":
            return asdict(stepper.limits())
        case "acknowledge":
            return {"acknowledged": stepper.acknowledge()}
        case "energise":
            stepper.energise()
        case "release":
            stepper.release()
        case unknown:
            raise ValueError(f"there is no request {unknown!r}")
    return {}


def _take_precedence() -> list[str]:
    """Ask for real-time priority, locked memory and exact timers; say what was not permitted."""
    complaints = []
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    except OSError as e:
        complaints.append(f"no real-time priority ({e.strerror}): moves may take longer under load")
    if reason := _lock_memory():
        complaints.append(f"memory is not locked ({reason}): moves may stall when memory is short")
    _prctl(_PR_SET_TIMERSLACK, 1)
    return complaints


def _lock_memory() -> str | None:
    """Keep in memory what is touched from now on; give why that is not so."""
    limit_bytes, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if limited := limit_problem(limit_bytes, root=os.geteuid() == 0):
        return limited
    libc = ctypes.CDLL(None, use_errno=True)
    locked = libc.mlockall(_MLOCK_CURRENT_FUTURE_ONFAULT) == 0
    return None if locked else os.strerror(ctypes.get_errno())


def limit_problem(limit_bytes: int, *, root: bool) -> str | None:
    """Say why memory must not be locked under this limit, which does not bind root; else None. Pure."""
    if root or limit_bytes == resource.RLIM_INFINITY or limit_bytes >= LOCKED_BYTES:
        return None
    limit_mb, needed_mb = limit_bytes // 1_000_000, LOCKED_BYTES // 1_000_000
    return f"the limit, LimitMEMLOCK, is {limit_mb} MB, and {needed_mb} MB are needed"


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")


def _shared_signals(memory_fd: int) -> Signals:
    return Signals.from_buffer(mmap.mmap(memory_fd, mmap.PAGESIZE))


def _line(message: Message) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"
