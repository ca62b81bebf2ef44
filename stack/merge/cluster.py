"""A batch spread over a dask scheduler's workers, which see the same disk: optional, needs `distributed`."""

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from stack.merge.batch import MergeOne, outcome
from stack.merge.errors import ClusterUnreachable

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
    with client:
        asked = {
            client.submit(outcome, merge, session.resolve(), pure=False, retries=LIVES): session
            for session in sessions
        }
        try:
            for future in distributed.as_completed(asked, loop=client.loop):
                error = future.exception()
                yield asked[future], {"error": f"{error}"} if error else future.result()
        except BaseException:
            client.cancel(list(asked), force=True)
            raise
