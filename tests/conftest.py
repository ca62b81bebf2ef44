import os
import signal

import pytest

pytest.register_assert_rewrite("stack_rig")  # what it asserts is to say what it found, as a test's own does

WHOLE_RIGS = "tests/e2e/"


@pytest.fixture(autouse=True, scope="session")
def disk_that_nobody_waits_for():
    """No power fails under these tests, so that what they write themselves need not reach the disk.

    That it is sent there, and in which order, is seen where that is called; what a cut leaves, in tests/rig.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)  # fails alike for what is not open
        yield


def pytest_configure() -> None:
    """Let Ctrl-C reach what tests start, also where a shell runs the suite in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests of whole rigs first: they mostly wait, and together take as long as all others."""
    items.sort(key=lambda item: not item.nodeid.startswith(WHOLE_RIGS))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give processes file by file, and whole rigs to one of two: with more at once steps come too late."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            if not file.startswith(WHOLE_RIGS):
                return file
            return f"{WHOLE_RIGS}{sum(file.encode()) % max(1, self.numnodes // 2)}"

    config.option.loadscopereorder = False
    return ByFile(config, log)
