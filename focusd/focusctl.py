"""The program focusctl, as a shell starts it: while its modules are loaded, Ctrl-C ends it without a word."""


def main() -> int:
    """Run focusctl and give its exit code."""
    from stack.merge.interrupts import ended_at_once

    with ended_at_once():
        from focusd.cli import main as run
    return run()
