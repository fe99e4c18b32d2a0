"""A copy against its source."""

from online_kart.domain.reconciliation import Difference, differences


def test_a_copy_that_equals_its_source_has_no_difference():
    rows = {"MUG": ["Mug", 3], "CUP": ["Cup", 1]}

    assert differences("items", rows, dict(rows)) == []


def test_a_row_that_the_copy_lacks_is_a_difference():
    assert differences("items", {"MUG": ["Mug", 1]}, {}) == [
        Difference(table="items", key="MUG", source=["Mug", 1], copy_=None)
    ]


def test_a_row_that_the_source_lacks_is_a_difference():
    assert differences("items", {}, {"MUG": ["Mug", 1]}) == [
        Difference(table="items", key="MUG", source=None, copy_=["Mug", 1])
    ]


def test_a_value_that_drifted_under_the_same_version_is_a_difference():
    found = differences("items", {"MUG": ["Mug", 1]}, {"MUG": ["Mgu", 1]})

    assert [(d.source, d.copy_) for d in found] == [(["Mug", 1], ["Mgu", 1])]


def test_a_copy_that_stayed_behind_is_a_difference():
    assert len(differences("items", {"MUG": ["Mug", 2]}, {"MUG": ["Mug", 1]})) == 1


def test_a_copy_that_was_told_after_the_source_was_read_is_no_difference():
    assert differences("items", {"MUG": ["Mug", 1]}, {"MUG": ["Big mug", 2]}) == []


def test_differences_come_in_the_order_of_their_keys():
    source = {key: [1] for key in "CAB"}

    assert [d.key for d in differences("items", source, {})] == ["A", "B", "C"]


def test_text_and_tuples_compare_by_what_they_hold():
    assert differences("items", {"MUG": ("Mug", 1)}, {"MUG": ["Mug", 1]}) == []
