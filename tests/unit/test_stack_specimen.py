"""What is said of a specimen, and whether it was shot before."""

import pytest

from stack.specimen import field_problems, same_specimen

SHOT = [
    ("0001", {"catalogue": "BM 1042", "view": "dorsal"}),
    ("0002", {"catalogue": "BM 1042", "view": "lateral"}),
    ("0003", {"catalogue": "bm  1042 ", "view": "Dorsal"}),
    ("0004", {"view": "dorsal"}),
    ("0005", {"catalogue": "BM 1042"}),
]


@pytest.mark.parametrize(
    ("fields", "same"),
    [
        ({"catalogue": "BM 1042", "view": "dorsal", "sex": "female"}, ("0001", "0003")),
        ({"catalogue": "BM 1042", "view": "lateral"}, ("0002",)),
        ({"catalogue": "BM 1042"}, ("0005",)),
        ({"catalogue": "BM 1043", "view": "dorsal"}, ()),
        ({"view": "dorsal"}, ()),
        ({}, ()),
    ],
)
def test_the_same_view_of_the_same_number_is_the_same(fields, same):
    assert same_specimen(fields, SHOT) == same


def test_fields_that_can_stand_in_a_session_are_no_problem():
    assert list(field_problems({"catalogue": "BM-1042", "sex": "♀", "found_2": "Kew, 12.5 m"})) == []


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"Sex": "female"}, '"Sex"'),
        ({"2nd": "a"}, '"2nd"'),
        ({"a/b": "a"}, '"a/b"'),
        ({"a" * 41: "a"}, "a" * 41),
        ({"sex": " "}, "sex: give 1 to 500"),
        ({"sex": "a\nb"}, "sex: give 1 to 500"),
        ({"sex": "a" * 501}, "sex: give 1 to 500"),
        ({f"f{i}": "a" for i in range(41)}, "41 fields"),
    ],
)
def test_a_field_that_cannot_is_named(fields, names):
    (problem,) = field_problems(fields)
    assert names in problem
