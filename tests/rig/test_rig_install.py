"""The installer in a fresh Debian, emulated as on a Pi: twice, upgraded, rolled back, and undone."""

import os
import re
from pathlib import Path

import pytest
from fresh_root import FreshRoot

pytestmark = [
    pytest.mark.fresh,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(os.geteuid() != 0, reason="to enter another system takes root"),
]

NUMPY = {"bookworm": "1.", "trixie": "2."}
"""What the camera's libraries of each release were built for."""


@pytest.mark.parametrize("release", ["bookworm", "trixie"])
def test_a_fresh_system_is_installed_upgraded_rolled_back_and_left_as_it_was(
    release: str, tmp_path: Path
) -> None:
    root = FreshRoot(release, tmp_path)
    fresh = root.traces()
    assert root.install("--check").returncode == 1

    failed = root.install(PIP_NO_INDEX="1")
    assert failed.returncode == 1, failed.stdout
    assert "The machine is as it was" in failed.stdout
    assert root.traces() ^ fresh == set()

    first = root.install()
    assert first.returncode == 0, first.stdout
    assert re.search(r"numpy (\S+), OpenCV", first.stdout)[1].startswith(NUMPY[release])
    assert root.install("--check").returncode == 0
    assert root.run("focusctl", "status").returncode == 5
    assert root.run("focusd", "--check-config").returncode == 0
    assert ".SH COMMANDS" in root.run("cat", "/usr/local/share/man/man1/focusctl.1").stdout
    assert root.run("bash", "-n", "/usr/local/share/bash-completion/completions/focusctl").returncode == 0

    second = root.install()
    assert second.returncode == 0
    assert "doing" not in second.stdout, "there was nothing left to do"
    installed = root.traces()

    settings = root.path / "etc/focusrail/config.yaml"
    whole = settings.read_text()
    settings.write_text(whole + "\nnonsense: 1\n")
    change = root.source / "focusd" / "__init__.py"
    change.write_text(change.read_text() + "\n# a later version\n")
    refused = root.install()
    assert refused.returncode == 1
    assert "nonsense" in refused.stdout
    assert root.traces() == installed

    settings.write_text(whole)
    upgraded = root.install()
    assert upgraded.returncode == 0, upgraded.stdout
    current = root.path / "opt/focusrail/current"
    assert str(current.readlink()).endswith("/2")
    assert root.install("--rollback").returncode == 0
    assert str(current.readlink()).endswith("/1")

    (root.path / "var/lib/focusrail/sessions/0001-fly").mkdir(parents=True)
    assert root.install("--uninstall").returncode == 0
    assert settings.read_text() == whole
    assert root.run("focusctl", "status").returncode == 127
    assert "pictures" in root.install("--uninstall", "--purge").stdout
    (root.path / "var/lib/focusrail/sessions/0001-fly").rmdir()
    assert root.install("--uninstall", "--purge").returncode == 0
    assert root.traces() ^ fresh == set()
