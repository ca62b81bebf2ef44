"""From a proposal to the configuration, and evidence drawn in a terminal."""

from pathlib import Path

import pytest

from focusd.calibrate_cli import NotWritten, edited, write
from focusd.chart import ROWS, chart

PLAY = {"keys": ["axis", "backlash_um"], "value": 62.0, "now": 100.0, "group": {}}
PLOT = {
    "title": "Sharpness",
    "x_label": "um",
    "series": [
        {"name": "there", "points": [[0.0, 0.0], [50.0, 1.0], [100.0, 0.5]]},
        {"name": "back", "points": [[25.0, 0.25]]},
    ],
    "marks": [{"name": "found", "x": 75.0, "error": 1.0}],
}


def test_a_proposal_that_the_configuration_would_not_take_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    for value in (-5.0, 1e9):
        with pytest.raises(NotWritten, match=r"axis\.backlash_um"):
            edited(path, [{**PLAY, "value": value}])
    path.write_text("axis: {wheels: 4}\n")
    with pytest.raises(NotWritten, match="wheels"):
        edited(path, [PLAY])


def test_a_configuration_that_was_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("axis: {backlash_um: 50}\n")
    before, after = edited(path, [PLAY])
    path.write_text("axis: {backlash_um: 70}\n")
    with pytest.raises(NotWritten, match="meanwhile"):
        write(path, before, after)
    assert path.read_text() == "axis: {backlash_um: 70}\n"


def test_a_link_stays_a_link_and_no_draft_is_left(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "config.yaml"
    real.write_text("axis: {backlash_um: 50}\n")
    link.symlink_to(real)
    write(link, *edited(link, [PLAY]))
    assert link.is_symlink()
    assert real.read_text() == "axis: {backlash_um: 62.0}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml", "real.yaml"]


def test_where_it_may_not_write_it_says_what_may_help(tmp_path: Path) -> None:
    with pytest.raises(NotWritten, match="sudo"):
        write(tmp_path / "nowhere" / "config.yaml", "", "axis: {}\n")


@pytest.mark.parametrize("columns", [40, 80, 400])
def test_a_chart_shows_every_series_and_fits(columns: int) -> None:
    title, *lines = chart(PLOT, columns)
    grid = [line[9:] for line in lines[:ROWS]]
    assert title == "Sharpness"
    assert max(map(len, [*grid, lines[ROWS]])) <= columns
    assert sum(line.count("•") for line in grid) == 3
    assert sum(line.count("o") for line in grid) == 1
    assert all("│" in line for line in grid)
    assert grid[0].index("•") == pytest.approx(len(lines[ROWS][9:]) / 2, abs=1)
    assert lines[-1].strip() == "um;  • there  o back  │ found"


def test_a_chart_of_nothing_is_nothing() -> None:
    assert list(chart({**PLOT, "series": []}, 80)) == []
