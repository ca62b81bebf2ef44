import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focusd.cli import main
from focusd.support_cli import REMOVED, redacted

SECRET = "hunter2"


@pytest.mark.parametrize(
    "line",
    [
        f"  token: {SECRET}",
        f'  api_password: "{SECRET} and more"',
        f"web: {{port: 80, token: {SECRET}}}",
        f'{{"webSecret": "{SECRET}", "port": 80}}',
        f"to: https://me:{SECRET}@host/x",
        f"PASSWORD={SECRET}",
    ],
)
def test_what_is_secret_is_removed(line: str) -> None:
    assert SECRET not in redacted(line)
    assert REMOVED in redacted(line)


@given(
    st.from_regex(r"[a-z0-9]{6,12}", fullmatch=True),
    st.sampled_from(["token", "mqtt_password", "secret_key"]),
)
def test_no_secret_of_any_spelling_is_left(secret: str, key: str) -> None:
    assert secret not in redacted(f"{key}: '{secret}'\n{key} = {secret}\n").replace(REMOVED, "").replace(
        key, ""
    )


def test_what_is_not_secret_stays() -> None:
    text = "axis:\n  pins: {step: 21, dir: 20}   # no secrets here\ncamera: {format: jpeg}\n"
    assert redacted(text) == text


def test_all_that_helps_is_packed_for_its_owner_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOCUSRAIL_SOCKET", str(tmp_path / "nobody"))
    session = tmp_path / "state" / "sessions" / "0007-beetle"
    session.mkdir(parents=True)
    (session / "session.json").write_text('{"configuration": {"token": "hunter2"}}')
    (session / "journal.jsonl").write_text('{"event": "stack_started"}\n')
    config = tmp_path / "config.yaml"
    config.write_text(f"panel: {{led_pin: 19}}\n# password: {SECRET}\n")
    out = tmp_path / "s.tar.gz"
    out.write_bytes(b"of before" * 10_000)
    out.chmod(0o644)
    assert main(["support", str(out), "--config", str(config), "--state-dir", str(tmp_path / "state")]) == 0
    assert out.stat().st_mode & 0o777 == 0o600
    assert b"of before" not in out.read_bytes()
    with tarfile.open(out) as archive:
        files = {Path(m.name).name: archive.extractfile(m).read().decode() for m in archive.getmembers()}
    assert {"doctor.json", "config.yaml", "log.txt", "session.json", "journal.jsonl"} <= set(files)
    assert "led_pin: 19" in files["config.yaml"]
    assert "stack_started" in files["journal.jsonl"]
    assert not any(SECRET in text for text in files.values())
    assert "session.json" in capsys.readouterr().out
