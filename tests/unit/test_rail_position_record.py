import errno
from dataclasses import replace
from fractions import Fraction

import pytest
from rail_rig import SETTINGS, Rig

from rail.axis import Position, Trust
from rail.errors import MoveRefused
from rail.position_store import StoredPosition
from rail.screw import Scale
from rail.stepper_axis import StepperAxis


def saves_of(rig):
    """Note what is saved from here on."""
    saved, save = [], rig.store.save

    def note(position):
        saved.append(position)
        save(position)

    rig.store.save = note
    return saved


def test_the_store_says_moving_while_it_moves_and_at_rest_where_that_is(homed):
    homed.axis.rest()
    seen = []
    homed.after_edges(100, lambda: seen.append(homed.store.load()))
    homed.axis.move_to(2_000)
    assert seen == [StoredPosition(992, Trust.KNOWN, True, "5/16 um", parked=True)]
    homed.axis.rest()
    assert homed.store.load() == StoredPosition(2_000, Trust.KNOWN, False, "5/16 um", parked=True)


def test_many_moves_wait_for_the_disk_once(homed):
    homed.axis.rest()
    saved = saves_of(homed)
    for target in (2_000, 2_032, 2_064, 1_500):
        homed.axis.move_to(target)
    homed.axis.jog(10)
    assert [position.moving for position in saved] == [True]
    homed.axis.rest()
    homed.axis.rest()
    assert [(position.moving, position.steps) for position in saved[1:]] == [(False, 1_510)]


def test_no_step_is_taken_on_the_record_of_a_rest(homed):
    """Whatever is called in whatever order: while steps are issued the store says moving."""
    told = []
    for act in (homed.axis.rest, homed.axis.release, homed.axis.hold, homed.axis.home, homed.axis.rest):
        act()
        homed.after_edges(5, lambda: told.append(homed.store.load().moving))
        homed.after_edges(6, homed.axis.rest)  # from another thread, say: it must not call this a rest
        homed.after_edges(7, lambda: told.append(homed.store.load().moving))
        homed.axis.jog(20)
    assert told == [True] * 10


def test_a_rest_that_cannot_be_recorded_leaves_no_doubt_about_the_next_move(homed):
    homed.axis.rest()
    saved = saves_of(homed)
    homed.axis.jog(20)
    save, homed.store.save = homed.store.save, broken_save
    homed.axis.rest()
    homed.store.save = save
    homed.axis.jog(20)
    assert [position.moving for position in saved] == [True, True]


def test_after_a_move_that_could_not_be_recorded_the_rest_is(homed):
    homed.axis.rest()
    save, homed.store.save = homed.store.save, broken_save
    with pytest.raises(MoveRefused):
        homed.axis.jog(20)
    homed.store.save = save
    saved = saves_of(homed)
    homed.axis.rest()
    assert [position.moving for position in saved] == [False]


def broken_save(_position):
    raise OSError("read-only file system")


def test_closing_records_the_rest(homed):
    homed.axis.move_to(2_000)
    homed.axis.close()
    assert homed.store.load() == StoredPosition(2_000, Trust.KNOWN, False, "5/16 um", parked=True)


def test_power_lost_during_a_move_leaves_the_position_unknown(homed):
    class PowerCut(BaseException):
        pass

    kept = homed.folder / "kept"
    homed.axis.rest()

    def cut():
        kept.write_bytes((homed.folder / "position.json").read_bytes())
        raise PowerCut

    homed.after_edges(100, cut)
    with pytest.raises(PowerCut):
        homed.axis.move_to(2_000)
    kept.replace(homed.folder / "position.json")
    homed.switch_on()
    assert homed.axis.position() == Position(0, Trust.UNKNOWN)


@pytest.mark.parametrize(("self_holding", "trust"), [(True, Trust.ASSUMED), (False, Trust.UNKNOWN)])
def test_after_a_rest_without_power(tmp_path, self_holding, trust):
    rig = Rig(tmp_path, settings=replace(SETTINGS, self_holding=self_holding))
    rig.axis.home()
    rig.axis.rest()
    rig.switch_on()
    assert rig.axis.position() == Position(992 if trust is Trust.ASSUMED else 0, trust)


def test_a_position_on_another_grid_is_no_position(homed):
    homed.axis.rest()
    axis = StepperAxis(homed.stepper, Scale("um", Fraction(5, 8)), SETTINGS, homed.store)
    assert axis.position().trust is Trust.UNKNOWN


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({}, {"inverted": True}),
        ({"inverted": True}, {}),
        ({}, {"subject_side": "near"}),
        ({"subject_side": "near"}, {"subject_side": "near", "travel_steps": 9_000}),
    ],
)
def test_a_position_counted_from_elsewhere_or_the_other_way_is_no_position(homed, before, now):
    """The rail was turned round, or the way to the reference measured anew: the carriage is where it was."""
    homed.settings = replace(SETTINGS, **before)
    homed.switch_on()
    homed.axis.zero(2_000)
    homed.axis.rest()
    homed.switch_on()
    assert homed.axis.position() == Position(2_000, Trust.ASSUMED)
    homed.settings = replace(SETTINGS, **now)
    homed.switch_on()
    assert homed.axis.position() == Position(0, Trust.UNKNOWN)


def test_a_move_that_cannot_be_recorded_is_not_begun(homed):
    homed.axis.rest()
    before = homed.edges
    homed.store.save = broken_save
    with pytest.raises(MoveRefused, match="read-only"):
        homed.axis.move_to(2_000)
    assert homed.edges == before


def full_save(_position):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_while_the_disk_is_full_one_line_says_so_and_the_next_that_it_is_not(homed, caplog):
    save, homed.store.save = homed.store.save, full_save
    for _ in range(3):
        homed.axis.rest()
    homed.store.save = save
    homed.axis.rest()
    homed.axis.move_to(2_000)
    homed.store.save = full_save
    homed.axis.rest()
    full = "the position could not be recorded (No space left on device): after a restart it is unknown. "
    assert [(one.getMessage().partition("Make")[0], one.exc_info) for one in caplog.records] == [
        (full, None),
        ("the position is recorded again", None),
        (full, None),
    ]


def lost(rig):
    """Lose the place at rest, as with the motion process."""
    rig.axis._reckoning.lose()


def test_a_place_that_was_lost_is_unknown_also_when_the_power_comes_back(homed):
    homed.axis.rest()
    lost(homed)
    homed.axis.rest()
    homed.switch_on()
    assert homed.axis.position() == Position(0, Trust.UNKNOWN)


@pytest.mark.parametrize("happen", [lost, lambda rig: rig.axis.release()])
def test_an_older_place_is_not_believed_after_a_full_disk_and_a_power_cut(homed, happen):
    homed.axis.rest()
    homed.store.save = full_save
    happen(homed)
    homed.axis.rest()
    homed.cut_power()
    assert homed.axis.position() == Position(0, Trust.UNKNOWN)


@pytest.mark.parametrize("broken", ["full", "read-only"])
def test_a_word_of_where_it_stands_that_cannot_be_recorded_is_not_taken(homed, broken, monkeypatch):
    """After a power cut the place before would be believed."""
    homed.axis.rest()
    before = homed.axis.position()
    monkeypatch.setattr(homed.store, "save", full_save)
    if broken == "read-only":
        monkeypatch.setattr(homed.store, "forget", lambda: full_save(None))
    with pytest.raises(MoveRefused, match="No space left"):
        homed.axis.zero(2_000)
    assert homed.axis.position() == before
    homed.axis.rest()
    homed.cut_power()
    known = broken == "read-only"  # what could not be removed is as it was, and so is the axis
    assert homed.axis.position() == (
        Position(before.steps, Trust.ASSUMED) if known else Position(0, Trust.UNKNOWN)
    )


def test_a_stored_move_is_doubt_enough(homed):
    homed.axis.move_to(2_000)
    homed.store.save = full_save
    homed.axis.rest()
    assert homed.store.load().moving


def test_a_place_that_cannot_be_removed_is_told(homed, caplog):
    homed.axis.rest()
    homed.store.save, homed.store.forget = full_save, lambda: full_save(None)
    lost(homed)
    homed.axis.rest()
    assert "nor could the place before it be removed: after a restart, home" in caplog.text
