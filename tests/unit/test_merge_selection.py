"""Which photographs are the slices of a stack."""

import pytest
from test_merge_command import shot

from stack.merge.errors import NothingToMerge, SliceInTheWay
from stack.merge.selection import chosen, session_slices


def test_the_slices_of_all_sessions_given_are_one_stack(tmp_path):
    for name in ("one", "two"):
        shot(tmp_path / name / "slices", 2)
        (tmp_path / name / "session.json").write_text("{}")
    photos = chosen([tmp_path / "one", tmp_path / "two"], lambda index: True)
    assert [(photo.index, str(photo.path.relative_to(tmp_path))) for photo in photos] == [
        (0, "one/slices/0000.jpg"),
        (1, "one/slices/0001.jpg"),
        (2, "two/slices/0000.jpg"),
        (3, "two/slices/0001.jpg"),
    ]


def test_a_session_whose_slices_cannot_be_read_is_not_left_out_in_silence(tmp_path):
    folder = shot(tmp_path / "in", 2)
    (tmp_path / "session").mkdir()
    (tmp_path / "session" / "session.json").write_text("{}")
    with pytest.raises(NothingToMerge, match="session: No such file"):
        chosen([folder, tmp_path / "session"], lambda index: True)


def test_a_slice_that_cannot_be_read_is_in_the_way_unless_it_is_to_be_left_out(tmp_path):
    folder = shot(tmp_path / "in", 2)
    (folder / "0002.jpg").touch()
    with pytest.raises(SliceInTheWay, match=r"0002\.jpg") as told:
        chosen([folder], lambda index: True)
    assert told.value.index == 2
    assert len(chosen([folder], lambda index: True, skip_bad=True)) == 3


def test_slices_of_a_session_of_which_one_has_no_number_are_counted(tmp_path):
    for name in ("0003.jpg", "0007.jpg", "once more.jpg"):
        (tmp_path / "slices").mkdir(exist_ok=True)
        (tmp_path / "slices" / name).touch()
    assert [(slice_.index, slice_.path.name) for slice_ in session_slices(tmp_path)] == [
        (0, "0003.jpg"),
        (1, "0007.jpg"),
        (2, "once more.jpg"),
    ]
