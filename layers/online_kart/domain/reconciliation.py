"""Comparing a copy with its source, and the report of a reconciliation."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple
from uuid import UUID

from .base import Model
from .invariants import INVARIANTS, Check, Violation
from .values import Instant

FINDINGS_KEPT_MAX = 200
"""Of one subject, in one run. More are counted; a later run finds them again."""

DETAIL_CHARACTERS_MAX = 500

Row = tuple[str, Sequence[Any]]
"""(key, values), where rows are compared in the order of their keys: that of their characters' numbers."""


Outcome = Literal["found", "repaired", "needs a person"]


class Finding(Model):
    """Something that breaks an invariant: the row of `subject` with that key."""

    invariant: int
    subject: str
    key: str
    detail: str
    outcome: Outcome = "found"

    @property
    def row(self) -> str:
        """What it is of."""
        return f"{self.subject} {self.key}"


class OfInvariant(Model):
    """`broken` = `repaired` + `needs_a_person` + `left`, which are those that the next run repairs."""

    invariant: int
    says: str
    checked: int
    broken: int
    repaired: int
    needs_a_person: int
    left: int


class Report(Model):
    """All twelve invariants, and what was found, up to FINDINGS_KEPT_MAX of a subject."""

    invariants: tuple[OfInvariant, ...]
    findings: tuple[Finding, ...]


class Reconciliation(Model):
    """`report` is None until both sides were compared."""

    reconciliation_id: UUID
    status: Literal["requested", "running", "finished", "failed"]
    report: Report | None
    requested_at: Instant
    finished_at: Instant | None


class Doubt(NamedTuple):
    """What one side can't decide alone: `kind` says what it asks about the row with that key.

    "package": whether there is such a package. "event": whether it was told (the key is that of UNKNOWN). A table of the
    catalog, or "packages": whether the source is still older than the copy's `version`.
    """

    kind: str
    key: str
    version: int
    detail: str


class Counted(NamedTuple):
    """Rows of a subject."""

    invariant: int
    subject: str
    checked: int
    broken: int


class Findings:
    """What a comparison finds, as it goes on: everything is counted, the first of each subject are kept."""

    def __init__(self) -> None:
        self._checked: Counter[tuple[int, str]] = Counter()
        self._broken: Counter[tuple[int, str]] = Counter()
        self.kept: list[Finding] = []

    def checked(self, invariant: int, subject: str, rows: int) -> None:
        self._checked[invariant, subject] += rows

    def examined(self, checked: int, broken: int, check: Check, shown: Iterable[Violation]) -> None:
        """What a query has counted, of which some are shown."""
        key = (check.invariant, check.subject)
        self._checked[key] += checked
        self._broken[key] += broken
        self.kept += [Finding(**each.model_dump()) for each in shown]

    def add(self, invariant: int, subject: str, key: str, detail: str) -> None:
        self._broken[invariant, subject] += 1
        if self._broken[invariant, subject] <= FINDINGS_KEPT_MAX:
            told = detail[:DETAIL_CHARACTERS_MAX]
            self.kept.append(Finding(invariant=invariant, subject=subject, key=key, detail=told))

    def counted(self) -> list[Counted]:
        keys = sorted(self._checked.keys() | self._broken.keys())
        return [Counted(*key, self._checked[key], self._broken[key]) for key in keys]


# What findings of both sides are of

UNHEARD, UNKNOWN = "unheard events", "unknown events"
"""Of a consumer and an event (`<consumer> <event id>`): it never heard it; it heard one that nobody told."""

ORDER_LOG = "order log"
"""An entry that is not what its event told."""


# Comparing


class Pair(NamedTuple):
    """The values of a key on both sides; None where one lacks it."""

    key: str
    source: list[Any] | None
    copy: list[Any] | None


def paired(source: Iterable[Row], copy: Iterable[Row]) -> Iterator[Pair]:
    """Both sides' rows, which come in the order of their keys, side by side. Holds no more than one of each."""
    ours, theirs = iter(source), iter(copy)
    left, right = next(ours, None), next(theirs, None)
    while left or right:
        key = min(row[0] for row in (left, right) if row)
        of_source = list(left[1]) if left and left[0] == key else None
        of_copy = list(right[1]) if right and right[0] == key else None
        yield Pair(key, of_source, of_copy)
        left = next(ours, None) if of_source is not None else left
        right = next(theirs, None) if of_copy is not None else right


def differences(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Rows that are missing, too many, or different."""
    return (pair for pair in pairs if pair.source != pair.copy)


def is_newer_copy(pair: Pair) -> bool:
    """Whether the copy's version (the last value) is later: it was told after the source was read, or is wrong."""
    return pair.source is not None and pair.copy is not None and pair.copy[-1] > pair.source[-1]


def told(pair: Pair) -> str:
    """The difference in words."""
    return f"source {pair.source}, copy {pair.copy}"


# Reporting


def report(
    counted: Iterable[Counted], found: Iterable[Finding], repairable: Iterable[str]
) -> Report:
    """What both sides counted and found. What is broken, of a subject with a repair, and was not kept, is left."""
    kept = tuple(sorted(found, key=lambda each: (each.invariant, each.subject, each.key)))
    counts, subjects = list(counted), frozenset(repairable)
    return Report(
        invariants=tuple(
            _of_invariant(
                number,
                [each for each in counts if each.invariant == number],
                [each for each in kept if each.invariant == number],
                subjects,
            )
            for number in INVARIANTS
        ),
        findings=kept,
    )


def _of_invariant(
    number: int, counted: list[Counted], kept: list[Finding], repairable: frozenset[str]
) -> OfInvariant:
    broken = sum(each.broken for each in counted)
    repaired = sum(each.outcome == "repaired" for each in kept)
    reached = sum(each.subject in repairable for each in kept)
    left = sum(each.broken for each in counted if each.subject in repairable) - reached
    return OfInvariant(
        invariant=number,
        says=INVARIANTS[number],
        checked=sum(each.checked for each in counted),
        broken=broken,
        repaired=repaired,
        needs_a_person=broken - repaired - left,
        left=left,
    )


def compare_entry(
    findings: Findings, log: tuple[str, str], event_id: str, right: Any, entry: Any
) -> None:
    """An entry of a log against what its event says. `log`: its consumer, and its subject. None: there is no entry."""
    consumer, subject = log
    if entry is None:
        findings.add(7, UNHEARD, f"{consumer} {event_id}", "has no entry in its log")
    elif entry != right:
        findings.add(12, subject, event_id, f"event {right}, entry {entry}")
