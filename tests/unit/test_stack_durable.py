"""Files that are whole or not there."""

import os
from pathlib import Path

import pytest

from stack.durable import leftovers, link_durably, write_durably


def test_a_file_is_there_whole_and_nothing_beside_it(tmp_path: Path) -> None:
    write_durably(tmp_path / "0000.jpg", b"first")
    write_durably(tmp_path / "0000.jpg", b"second")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("0000.jpg", b"second")]


def test_the_bytes_are_synced_before_the_name_and_the_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "0000.jpg"
    order: list[str] = []
    fsync, rename = os.fsync, Path.replace

    def watched_fsync(descriptor: int) -> None:
        folder = Path(f"/proc/self/fd/{descriptor}").is_dir()
        kind = "folder" if folder else f"{os.stat(descriptor).st_size} bytes"
        order.append(f"sync {kind}, {'named' if target.exists() else 'unnamed'}")
        fsync(descriptor)

    def watched_rename(path: Path, other: Path) -> Path:
        order.append("rename")
        assert path.is_symlink() or path.read_bytes() == b"pixels"
        return rename(path, other)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "replace", watched_rename)
    write_durably(target, b"pixels")
    assert order == ["sync 6 bytes, unnamed", "rename", "sync folder, named"]
    order.clear()
    link_durably(target, "another")
    assert order == ["rename", "sync folder, unnamed"], "the folder knows the name, which leads to nothing"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_when_it_fails_the_old_file_stays_and_nothing_is_left_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    target = tmp_path / "0000.jpg"
    write_durably(target, b"old")

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*{"fsync": (os, "fsync", fails), "replace": (Path, "replace", fails)}[step])
    with pytest.raises(OSError, match="No space"):
        write_durably(target, b"new")
    if step == "replace":
        with pytest.raises(OSError, match="No space"):
            link_durably(target, "another")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("0000.jpg", b"old")]


def test_a_link_is_relative_and_can_be_turned(tmp_path: Path) -> None:
    for number in ("1", "2"):
        (tmp_path / number).mkdir()
        write_durably(tmp_path / number / "merged.jpg", number.encode())
        link_durably(tmp_path / "merged.jpg", Path(number, "merged.jpg"))
        assert (tmp_path / "merged.jpg").read_bytes() == number.encode()
    assert (tmp_path / "merged.jpg").readlink() == Path("2/merged.jpg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2", "merged.jpg"]


def test_leftovers_are_found_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "slices").mkdir()
    for name in ("slices/0000.jpg", "slices/.0001.jpg.ab12.part", "note.part", ".hidden"):
        (tmp_path / name).touch()
    assert [path.name for path in leftovers(tmp_path)] == [".0001.jpg.ab12.part"]
