import pytest
from stack_rig import Rig

from stack.errors import StopAsked
from stack.stop import StopKind


def test_an_abort_overrides_a_stop_and_nothing_else_overrides(inline_rig: Rig) -> None:
    stop = inline_rig.stop
    assert stop.kind is None
    stop.request(StopKind.STOP, "button")
    stop.request(StopKind.STOP, "shell")
    assert (stop.kind, stop.reason) == (StopKind.STOP, "button")
    stop.request(StopKind.ABORT, "shell")
    stop.request(StopKind.STOP, "page")
    assert (stop.kind, stop.reason) == (StopKind.ABORT, "shell")


def test_a_stop_that_was_seen_is_not_forgotten(inline_rig: Rig) -> None:
    inline_rig.stop.request(StopKind.STOP, "button")
    for _ in range(3):
        with pytest.raises(StopAsked, match="button"):
            inline_rig.stop.check()
