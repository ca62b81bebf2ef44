from collections.abc import Iterator

import pytest

import camera.errors
import rail.errors
import stack.errors
from focusd.errors import Busy, ConfigInvalid, FocusdError, Refused, RequestInvalid, Unknown
from focusd.exits import Exit
from focusd.outcomes import _TABLE, FAILED, outcome_of, words_of
from rail.axis import Position, Trust


def below(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for child in kind.__subclasses__():
        yield from below(child)


ROOTS = (rail.errors.RailError, camera.errors.CameraError, stack.errors.StackError, FocusdError)


@pytest.mark.parametrize(
    ("error", "exit_code", "status"),
    [
        (Busy("home"), Exit.BUSY, 409),
        (Refused("no"), Exit.REFUSED, 409),
        (Unknown("no plan"), Exit.REFUSED, 404),
        (RequestInvalid(["x: 3 is not text"]), Exit.USAGE, 422),
        (ConfigInvalid("config.yaml", ["x"]), Exit.REFUSED, 409),
        (stack.errors.PlanRefused("too far"), Exit.REFUSED, 409),
        (stack.errors.NoSuchSession("none", wanted="9"), Exit.REFUSED, 404),
        (stack.errors.StopAsked("asked"), Exit.INTERRUPTED, 409),
        (rail.errors.Stopped("stopped", position=Position(0, Trust.KNOWN)), Exit.INTERRUPTED, 409),
        (rail.errors.HomingNotAllowed("not yet"), Exit.REFUSED, 409),
        (rail.errors.Halted("limit", position=Position(0, Trust.UNKNOWN)), Exit.FAILED, 500),
        (camera.errors.CameraTimeout("no frame", waited_s=3.0), Exit.FAILED, 500),
        (ZeroDivisionError("a defect"), Exit.FAILED, 500),
    ],
)
def test_every_ending_has_a_number(error: Exception, exit_code: Exit, status: int) -> None:
    outcome = outcome_of(error)
    assert (outcome.exit_code, outcome.http_status) == (exit_code, status)


def test_what_the_system_refuses_is_told_by_its_file() -> None:
    assert (
        words_of(PermissionError(13, "Permission denied", "/s/journal.jsonl"))
        == "/s/journal.jsonl: Permission denied"
    )


def test_no_error_of_ours_goes_by_an_unknown_name() -> None:
    kinds = [kind for kind, _ in _TABLE]
    unnamed = [
        child.__name__
        for root in ROOTS
        for child in below(root)
        if child is not FocusdError and not any(issubclass(child, kind) for kind in kinds)
    ]
    told_otherwise = ("MergeFailed", "MergeKilled", "MergeLacksRoom", "NotDelivered", "Unsendable")
    assert [name for name in unnamed if name not in told_otherwise] == []


def test_no_line_of_the_table_is_hidden_by_one_above_it() -> None:
    kinds = [kind for kind, _ in _TABLE]
    hidden = [
        kind.__name__
        for place, kind in enumerate(kinds)
        if any(issubclass(kind, above) for above in kinds[:place])
    ]
    assert hidden == []


def test_an_error_that_is_none_of_ours_is_named_by_its_kind() -> None:
    assert words_of(KeyError("x")) == "KeyError: 'x'"
    assert words_of(Refused("not now")) == "not now"
    assert outcome_of(KeyError("x")) is FAILED
