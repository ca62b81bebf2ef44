import os
from pathlib import Path

import pytest

from rail.axis import Trust
from rail.position_store import FilePositionStore, StoredPosition

PLACE = StoredPosition(steps=-12, trust=Trust.KNOWN, moving=True, grid="5/16 um")


def test_what_was_saved_last_is_found_again(tmp_path):
    store = FilePositionStore(tmp_path / "position.json")
    assert store.load() is None
    store.save(StoredPosition(7, Trust.ASSUMED, False, "1 um"))
    store.save(PLACE)
    assert FilePositionStore(tmp_path / "position.json").load() == PLACE
    assert [path.name for path in tmp_path.iterdir()] == ["position.json"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"steps": 1}', b'{"steps":1,"trust":"x"}', b"\xff\xfe"]
)
def test_an_unreadable_file_is_no_position(tmp_path, content):
    (tmp_path / "position.json").write_bytes(content)
    assert FilePositionStore(tmp_path / "position.json").load() is None


def test_a_failed_save_leaves_the_old_position(tmp_path, monkeypatch):
    store = FilePositionStore(tmp_path / "position.json")
    store.save(PLACE)

    def fail(_fd):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        store.save(StoredPosition(99, Trust.KNOWN, False, "5/16 um"))
    monkeypatch.undo()
    assert store.load() == PLACE
    assert [path.name for path in tmp_path.iterdir()] == ["position.json"]


def test_what_is_saved_or_forgotten_is_so_after_a_power_cut(tmp_path, monkeypatch):
    store, path, synced = FilePositionStore(tmp_path / "position.json"), tmp_path / "position.json", []

    def fsync(descriptor):
        synced.append((Path(f"/proc/self/fd/{descriptor}").resolve().name, path.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    store.save(PLACE)
    store.forget()
    assert synced == [(".position.json.new", False), (tmp_path.name, True), (tmp_path.name, False)]


def test_what_is_forgotten_is_gone(tmp_path):
    store = FilePositionStore(tmp_path / "position.json")
    store.save(PLACE)
    store.forget()
    store.forget()
    assert store.load() is None
    assert list(tmp_path.iterdir()) == []
