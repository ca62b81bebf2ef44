"""What the kernel says of the clock, and what it may be kept from saying."""

import pytest

from focusd import boot


class Kernel:
    """Answers adjtimex(2)."""

    def __init__(self, answer: int) -> None:
        self.answer = answer

    def adjtimex(self, _asked: object) -> int:
        return self.answer


@pytest.mark.parametrize(("answer", "synchronised"), [(0, True), (1, True), (5, False), (-1, False)])
def test_a_clock_is_believed_where_the_kernel_says_so_and_not_where_it_says_nothing(
    monkeypatch: pytest.MonkeyPatch, answer: int, synchronised: bool
) -> None:
    monkeypatch.setattr(boot.ctypes, "CDLL", lambda name: Kernel(answer))
    assert boot.ThisBoot("this").synchronised() is synchronised
