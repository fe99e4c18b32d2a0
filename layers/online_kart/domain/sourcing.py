"""Sourcing: which FCs serve an order.

Plans are ranked by the latest promise date of their packages, then by how many packages there are, then by the minutes
their paths take together, for the order as a whole (CONSISTENCY.md, "Placing an order"). A plan is a set of FCs that
together have every unit; none of them could be left out.

All sets are looked at, small ones first, as long as that is at most SUBSETS_MAX of them: for up to 12 FCs with free units,
and for many more where one or two FCs are enough. Beyond, FCs are taken greedily: the one that has most of what is still
missing, then the nearest. The drawback: then a plan may have a package more than the best one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from itertools import combinations, islice
from math import comb
from typing import Annotated, NamedTuple
from uuid import UUID

from pydantic import Field

from .base import Model
from .errors import OutOfStock, Shortage
from .events import EventLine
from .stock import Offer
from .values import FacilityCode, Instant, Pincode

SUBSETS_MAX = 5_000
CONSIDERED_SHOWN_MAX = 10
NEXT_BEST_SHOWN_MAX = 2

RULE = "latest promise date, then fewest packages, then minutes under way"

Wanted = Mapping[Offer, int]
"""Units of each offer: lines with the same offer are one sum."""


class OrderToServe(Model):
    """An order, as far as the fulfillment side needs it."""

    order_id: UUID
    to_pincode: Pincode
    placed_at: Instant
    lines: Annotated[tuple[EventLine, ...], Field(min_length=1, max_length=50)]


class ReservationRequest(NamedTuple):
    """An order that asks for stock, and the deadline until which that would be held for it."""

    order: OrderToServe
    hold_until: datetime


@dataclass(frozen=True)
class Candidate:
    """An FC that has free units: when a package from there would be at the door, and how long it is under way."""

    fc_code: str
    promise_date: date
    minutes: int
    free: Mapping[Offer, int]

    @property
    def free_units(self) -> int:
        return sum(self.free.values())


class Allotment(NamedTuple):
    """Units of one line that one FC serves."""

    line_no: int
    fc_code: str
    offer: Offer
    units: int


@dataclass(frozen=True)
class SourcingPlan:
    """The FCs in the order in which they are drawn from: the one with the shortest path first."""

    candidates: tuple[Candidate, ...]

    @cached_property
    def promise_date(self) -> date:
        return max(each.promise_date for each in self.candidates)

    @cached_property
    def minutes(self) -> int:
        return sum(each.minutes for each in self.candidates)

    @cached_property
    def fc_codes(self) -> tuple[str, ...]:
        return tuple(sorted(each.fc_code for each in self.candidates))

    @property
    def rank(self) -> tuple[date, int, int, tuple[str, ...]]:
        """The best plan has the lowest; the codes make the answer always the same."""
        return (self.promise_date, len(self.candidates), self.minutes, self.fc_codes)

    def allotments(self, lines: Iterable[EventLine]) -> list[Allotment]:
        """What each FC serves of each line. Every FC of the plan serves something, and all lines are served."""
        left = {
            (each.fc_code, offer): n for each in self.candidates for offer, n in each.free.items()
        }
        result = []
        for line in sorted(lines, key=lambda line: line.line_no):
            offer, missing = Offer(line.sku, line.seller_id), line.quantity
            for candidate in self.candidates:
                taken = min(missing, left.get((candidate.fc_code, offer), 0))
                if taken:
                    left[candidate.fc_code, offer] -= taken
                    missing -= taken
                    result.append(Allotment(line.line_no, candidate.fc_code, offer, taken))
            assert missing == 0, "A plan has every unit."
        return result


def wanted_by(lines: Iterable[EventLine]) -> dict[Offer, int]:
    units: dict[Offer, int] = {}
    for line in lines:
        offer = Offer(line.sku, line.seller_id)
        units[offer] = units.get(offer, 0) + line.quantity
    return units


def refuse_if_short(wanted: Wanted, free: Iterable[Mapping[Offer, int]]) -> None:
    """Raises OutOfStock where all FCs together have too little: it names every offer that is short."""
    everywhere = list(free)
    totals = {offer: sum(each.get(offer, 0) for each in everywhere) for offer in wanted}
    short = [
        Shortage(*offer, units, totals[offer])
        for offer, units in wanted.items()
        if totals[offer] < units
    ]
    if short:
        raise OutOfStock(short)


def plans(wanted: Wanted, candidates: Iterable[Candidate]) -> Iterator[SourcingPlan]:
    """Plans, the best first, made as they are asked for. None at all where the candidates have too little."""
    near_first = sorted(candidates, key=lambda each: (each.minutes, each.fc_code))
    for latest in sorted({each.promise_date for each in near_first}):
        in_time = [each for each in near_first if each.promise_date <= latest]
        if _is_enough(wanted, in_time):
            yield from _plans_of_date(wanted, in_time, latest)


def _plans_of_date(
    wanted: Wanted, candidates: Sequence[Candidate], latest: date
) -> Iterator[SourcingPlan]:
    """Plans whose last package comes on that date."""
    # Who has everything could do without the others: it is part of no larger plan.
    alone: list[Candidate] = []
    others: list[Candidate] = []
    for each in candidates:
        (alone if _is_enough(wanted, [each]) else others).append(each)
    yield from _ranked(((each,) for each in alone), latest)
    examined = len(candidates)
    for size in range(2, len(others) + 1):
        examined += comb(len(others), size)
        if examined > SUBSETS_MAX:
            if not alone:
                yield from _ranked([_greedy(wanted, others)], latest)
            return
        yield from _ranked(
            (group for group in combinations(others, size) if _is_needed_whole(wanted, group)),
            latest,
        )


def _ranked(groups: Iterable[tuple[Candidate, ...]], latest: date) -> list[SourcingPlan]:
    """Those with a package on that date, the best first. The others were plans of an earlier date."""
    found = [SourcingPlan(group) for group in groups]
    return sorted(
        (plan for plan in found if plan.promise_date == latest), key=lambda plan: plan.rank
    )


def _is_enough(wanted: Wanted, group: Sequence[Candidate]) -> bool:
    return all(
        sum(each.free.get(offer, 0) for each in group) >= units for offer, units in wanted.items()
    )


def _is_needed_whole(wanted: Wanted, group: tuple[Candidate, ...]) -> bool:
    """Enough, and not without any one of them."""
    return _is_enough(wanted, group) and not any(
        _is_enough(wanted, group[:place] + group[place + 1 :]) for place in range(len(group))
    )


def _greedy(wanted: Wanted, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """A set that is enough, which the candidates are, without any that could be left out."""
    missing = dict(wanted)
    group: list[Candidate] = []
    while any(missing.values()):
        most = max(
            (each for each in candidates if each not in group),
            key=lambda each: sum(min(each.free.get(o, 0), units) for o, units in missing.items()),
        )  # of equals the first, which is the nearest
        group.append(most)
        missing = {o: max(units - most.free.get(o, 0), 0) for o, units in missing.items()}
    for each in sorted(group, key=lambda each: (each.minutes, each.fc_code), reverse=True):
        rest = [other for other in group if other is not each]
        if _is_enough(wanted, rest):
            group = rest
    return tuple(sorted(group, key=lambda each: (each.minutes, each.fc_code)))


class ConsideredFc(Model):
    fc_code: FacilityCode
    promise_date: date
    minutes: int
    free_units: int
    """Of all that the order wants."""


class RankedPlan(Model):
    fc_codes: tuple[FacilityCode, ...]
    promise_date: date
    minutes: int


class Sourcing(Model):
    """Why these FCs: the rule, what was chosen by it, what came next, and which FCs had free units."""

    rule: str = RULE
    chosen: RankedPlan
    next_best: tuple[RankedPlan, ...]
    considered: tuple[ConsideredFc, ...]
    considered_count: int


def explain(
    chosen: SourcingPlan, others: Iterator[SourcingPlan], candidates: Sequence[Candidate]
) -> Sourcing:
    """`others` are the plans that follow the chosen one."""
    best = sorted(candidates, key=lambda each: (each.promise_date, each.minutes, each.fc_code))
    shown = sorted(best, key=lambda each: each.fc_code not in chosen.fc_codes)
    return Sourcing(
        chosen=_shown(chosen),
        next_best=tuple(_shown(plan) for plan in islice(others, NEXT_BEST_SHOWN_MAX)),
        considered=tuple(
            ConsideredFc(
                fc_code=each.fc_code,
                promise_date=each.promise_date,
                minutes=each.minutes,
                free_units=each.free_units,
            )
            for each in shown[:CONSIDERED_SHOWN_MAX]
        ),
        considered_count=len(candidates),
    )


def _shown(plan: SourcingPlan) -> RankedPlan:
    return RankedPlan(fc_codes=plan.fc_codes, promise_date=plan.promise_date, minutes=plan.minutes)
