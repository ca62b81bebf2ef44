"""A batch spread over a dask scheduler's workers, which see the same disk: optional, needs `distributed`."""

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from stack.merge.batch import MergeOne, outcome
from stack.merge.errors import ClusterUnreachable
from stack.merge.selection import is_session
from stack.merge.tags import software

TIMEOUT_S: Final = 10
LIVES: Final = 10
"""So many workers may die under one session before it is given up: it is likely to be why."""


def spread_over(
    address: str, merge: MergeOne, sessions: Sequence[Path]
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Merge sessions on the scheduler's workers; give each as it is finished, with what became of it.

    What a worker had in hand when it died is given to another: a version appears whole or not at all, so
    nothing is half there, and `merge` looks for a whole one first. Raises `ClusterUnreachable`.
    """
    if not sessions:
        return
    try:
        distributed: Any = import_module("distributed")
    except ImportError as e:
        raise ClusterUnreachable(
            f"--scheduler needs dask.distributed: {sys.executable} -m pip install distributed"
        ) from e
    try:
        client = distributed.Client(address, timeout=TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError) as e:
        raise ClusterUnreachable(f"no scheduler answers at {address}: {e}") from e
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # of a loss we tell, without a trace
    with client:
        check_workers(address, client, sessions[0])
        asked = {
            client.submit(outcome, merge, session.resolve(), pure=False, retries=LIVES): session
            for session in sessions
        }
        try:
            for future in distributed.as_completed(asked, loop=client.loop):
                if future.cancelled():
                    raise ClusterUnreachable(
                        f"the scheduler at {address} is gone; what is merged stays so, and the same --batch "
                        "begun again goes on where it was"
                    )
                error = future.exception()
                yield asked[future], {"error": f"{error}"} if error else future.result()
        except BaseException:
            client.cancel(list(asked), force=True)
            raise


def check_workers(address: str, client: Any, session: Path) -> None:
    """Raise `ClusterUnreachable` unless each worker has this program and sees the disk.

    One that does not would fail each session in no time, and so get most of them; or die, and all wait.
    """
    try:
        client.wait_for_workers(1, timeout=TIMEOUT_S)
    except TimeoutError as e:
        raise ClusterUnreachable(
            f"the scheduler at {address} has no workers: start some, by dask worker {address}"
        ) from e
    said: Mapping[str, Any] = client.run(seen_by_a_worker, session.resolve(), on_error="return")
    for worker, seen in said.items():
        if isinstance(seen, OSError):
            continue  # it died meanwhile, and gets none
        if isinstance(seen, Exception):
            raise ClusterUnreachable(f"{worker} cannot merge ({seen}): install focusrail there, too")
        theirs, is_there = seen
        if theirs != software():
            raise ClusterUnreachable(
                f"{worker} has {theirs}, and this is {software()}: install one of them on both"
            )
        if not is_there:
            raise ClusterUnreachable(
                f"{worker} does not see {session.resolve()}: all need the disk at the same path"
            )


def seen_by_a_worker(session: Path) -> tuple[str, bool]:
    """Say which version this machine has, and whether the session is there."""
    return software(), is_session(session)
