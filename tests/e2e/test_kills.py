"""The daemon is killed at any instant, FOCUSRAIL_KILLS times: no acknowledged slice is lost, no process left,
and the carriage never leaves its travel."""

import contextlib
import http.client
import os
import random
import signal
import sys
import threading
from pathlib import Path

import pytest
from daemon_process import Answer, await_death
from promises import Observed, broken

from simulator.world import World

KILLS = int(os.environ.get("FOCUSRAIL_KILLS", "2"))
SLICES = 6
SHORT_RAIL = ("axis.travel_mm=4.0", "axis.keep_out_mm=2.0")
FARTHEST_UM = 2000.0


class Watched(Observed):
    """A daemon that is killed some time after it has acknowledged so many slices."""

    def __init__(self, folder: Path, acked: list[Answer], chance: random.Random) -> None:
        self.acked = acked
        self.left = chance.choice([None, *range(SLICES)])
        self.kill = threading.Timer(chance.uniform(0, 3.0 if self.left is None else 0.5), self.slay)
        self.family: list[int] = []
        super().__init__(folder, "resume=auto", "storage.reserve_mb=0", *SHORT_RAIL)

    def slay(self) -> None:
        self.family = self.children()
        self.process.send_signal(signal.SIGKILL)

    def note(self, acked: Answer) -> None:
        self.acked.append(acked)
        if self.left is not None:
            self.left -= 1
            if self.left == -1:
                self.kill.start()

    def shoot_until_killed(self) -> None:
        if self.left is None:
            self.kill.start()
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            while True:
                self.shoot_one()

    def shoot_one(self) -> None:
        if job := self.ask("/status")["job"]:
            self.wait_for_end(job["job"])
            return
        self.home_and_mark()
        self.wait_for_end(self.tell("/shoot", count=SLICES)["job"])

    def wait_for_end(self, job: int) -> None:
        """Wait for the end of a job, or of the daemon."""

        def ended() -> bool:
            told = any(event["event"] == "job_ended" and event["job"] == job for event in self.events)
            return told or self.process.poll() is not None

        with self._news:  # that a process ends is no news: the last comes just before
            any(self._news.wait_for(ended, 0.2) for _ in range(150))


@pytest.mark.timeout(0 if KILLS > 3 else 120)
def test_no_kill_loses_an_acknowledged_slice_leaves_a_process_or_moves_the_carriage_too_far(
    tmp_path: Path,
) -> None:
    seed = random.randrange(2**32)
    chance, acked = random.Random(seed), []
    for kill in range(KILLS):
        focusd = Watched(tmp_path, acked, chance)
        try:
            focusd.await_ready()
            focusd.shoot_until_killed()
            focusd.process.wait(60)
        finally:
            focusd.kill.cancel()
            focusd.process.kill()
            focusd.process.wait()
            assert focusd.process.stdout is not None
            focusd.process.stdout.close()
            focusd.log.close()
        await_death(focusd.family)
        assert list(broken(focusd.state / "sessions", acked)) == [], f"after kill {kill} of seed {seed}"
        carriage = World.open(focusd.state / "world").carriage()
        assert (carriage.crashes_near, carriage.crashes_far, carriage.specimen_contacts) == (0, 0, 0)
        assert carriage.farthest_um <= FARTHEST_UM, f"after kill {kill} of seed {seed}"
    sys.stdout.write(f"{KILLS} kills, {len(acked)} slices acknowledged, none lost\n")
