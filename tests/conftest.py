import signal


def pytest_configure() -> None:
    """Let Ctrl-C reach what tests start, also where a shell runs the suite in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
