"""A copy against its source, and what a report counts."""

import pytest

from online_kart.domain.invariants import INVARIANTS
from online_kart.domain.reconciliation import (
    DETAIL_CHARACTERS_MAX,
    FINDINGS_KEPT_MAX,
    Findings,
    Pair,
    is_newer_copy,
    paired,
    report,
)


def differing(source, copy):
    pairs = paired(sorted(source.items()), sorted(copy.items()))
    return [pair for pair in pairs if pair.source != pair.copy]


def test_a_copy_that_equals_its_source_has_no_difference():
    rows = {"MUG": ["Mug", 3], "CUP": ["Cup", 1]}

    assert differing(rows, dict(rows)) == []


def test_a_row_that_the_copy_lacks_is_a_difference():
    assert differing({"MUG": ["Mug", 1]}, {}) == [Pair("MUG", ["Mug", 1], None)]


def test_a_row_that_the_source_lacks_is_a_difference():
    assert differing({}, {"MUG": ["Mug", 1]}) == [Pair("MUG", None, ["Mug", 1])]


def test_a_value_that_drifted_under_the_same_version_is_a_difference():
    assert differing({"MUG": ["Mug", 1]}, {"MUG": ["Mgu", 1]}) == [
        Pair("MUG", ["Mug", 1], ["Mgu", 1])
    ]


def test_rows_are_paired_in_the_order_of_their_keys_whatever_side_has_them():
    source, copy = {"A": [1], "C": [1], "E": [1]}, {"B": [2], "C": [2], "F": [2]}

    pairs = list(paired(sorted(source.items()), sorted(copy.items())))

    assert [(p.key, p.source, p.copy) for p in pairs] == [
        ("A", [1], None),
        ("B", None, [2]),
        ("C", [1], [2]),
        ("E", [1], None),
        ("F", None, [2]),
    ]


def test_an_empty_row_is_not_a_missing_one():
    assert list(paired([("A", [])], [("A", [])])) == [Pair("A", [], [])]


def test_text_and_tuples_compare_by_what_they_hold():
    assert differing({"MUG": ("Mug", 1)}, {"MUG": ["Mug", 1]}) == []


@pytest.mark.parametrize(
    ("source", "copy", "newer"),
    [
        ([1], [2], True),
        ([2], [2], False),
        ([3], [2], False),
        (None, [2], False),
        ([1], None, False),
    ],
)
def test_a_copy_is_newer_by_its_version(source, copy, newer):
    assert is_newer_copy(Pair("MUG", source, copy)) == newer


def test_the_first_findings_of_each_subject_are_kept_and_all_are_counted():
    findings = Findings()
    for n in range(FINDINGS_KEPT_MAX + 5):
        findings.add(12, "items", f"{n}", "x" * 2 * DETAIL_CHARACTERS_MAX)
    findings.add(12, "offers", "MUG", "gone")
    findings.checked(12, "items", 900)

    assert len(findings.kept) == FINDINGS_KEPT_MAX + 1
    assert max(len(each.detail) for each in findings.kept) == DETAIL_CHARACTERS_MAX
    assert [tuple(each) for each in findings.counted()] == [
        (12, "items", 900, FINDINGS_KEPT_MAX + 5),
        (12, "offers", 0, 1),
    ]


def test_a_report_counts_by_invariant_what_was_repaired_what_needs_a_person_and_what_is_left():
    findings = Findings()
    for n in range(FINDINGS_KEPT_MAX + 5):
        findings.add(12, "items", f"{n}", "differs")
    findings.add(12, "unknown packages", "P", "nobody knows it")
    findings.checked(12, "items", 900)
    found = [
        each.model_copy(update={"outcome": "repaired"}) if each.key in list("0123") else each
        for each in findings.kept
    ]
    found[10] = found[10].model_copy(update={"outcome": "needs a person"})

    content = report(findings.counted(), found, ["items"])

    assert [each.invariant for each in content.invariants] == list(INVARIANTS)
    of_copies = content.invariants[-1]
    assert (of_copies.checked, of_copies.broken) == (900, FINDINGS_KEPT_MAX + 6)
    assert (of_copies.repaired, of_copies.left) == (4, 5)
    assert of_copies.needs_a_person == FINDINGS_KEPT_MAX + 6 - 4 - 5
    assert all(each.broken == 0 for each in content.invariants[:-1])
