from pathlib import Path

import pytest

from camera.memory import BUFFERS, Memory, buffers_that_fit, read_memory, shortage

FULL = {
    "main": {"format": "RGB888", "size": (4056, 3040)},
    "raw": {"format": "SRGGB12", "size": (4056, 3040)},
}
FRUGAL = {**FULL, "main": {"format": "YUV420", "size": (4056, 3040)}}


def board(cma_mb: int | None, free_mb: int = 0) -> Memory:
    return Memory(4_000_000_000, None if cma_mb is None else cma_mb * 1_000_000, free_mb * 1_000_000)


def test_it_reads_what_the_kernel_says(tmp_path: Path) -> None:
    text = "MemTotal:   436492 kB\nHugePages_Total:   0\nCmaTotal:   262144 kB\nCmaFree:   1024 kB\n"
    (tmp_path / "meminfo").write_text(text)
    memory = read_memory(tmp_path / "meminfo")

    assert memory == Memory(436492 * 1024, 262144 * 1024, 1024 * 1024)
    assert memory.frugal


@pytest.mark.parametrize("lines", ["", "CmaTotal:   0 kB\nCmaFree:   0 kB\n"])
def test_a_machine_without_contiguous_memory_says_none(tmp_path: Path, lines: str) -> None:
    (tmp_path / "meminfo").write_text(f"MemTotal:  8000000 kB\n{lines}")

    assert read_memory(tmp_path / "meminfo").cma_total_bytes is None
    assert not read_memory(tmp_path / "meminfo").frugal


def test_this_machine_can_be_read() -> None:
    assert read_memory().total_bytes > 100_000_000


@pytest.mark.parametrize(
    ("config", "cma_mb", "buffers"),
    [
        (FULL, None, BUFFERS),
        (FULL, 512, 2),
        (FULL, 140, 2),
        (FULL, 139, 1),
        (FULL, 64, 0),
        (FRUGAL, 256, 2),
        (FRUGAL, 64, 1),
        ({**FULL, "raw": None}, 64, 1),
    ],
)
def test_as_many_buffers_as_fit(config: dict[str, object], cma_mb: int | None, buffers: int) -> None:
    assert buffers_that_fit(config, board(cma_mb)) == buffers


def test_a_shortage_is_told_in_figures_with_what_to_do() -> None:
    words = shortage(FULL, board(64, free_mb=12))

    assert "78 MB" in words
    assert "64 MB aside (12 MB of it free now)" in words
    assert "cma-256" in words
    assert "camera.size_px" in words
