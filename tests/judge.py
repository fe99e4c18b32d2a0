"""Judges what a change of the network has made of a package under way, without the code that does it.

Where the package can turn is told by its batch; what is still there, by the network as it should be; and what leads
where, by ROUTING's rules in their slow form (`brute_force`).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache, cached_property
from itertools import pairwise

from online_kart.domain.errors import NotServed
from online_kart.domain.network import Network
from online_kart.domain.package_paths import Stop

from .brute_force import BruteForce
from .under_way import Seen

MILLISECOND = timedelta(milliseconds=1)
"""Documents keep no less."""
LATE = timedelta(minutes=60)
"""A departure may be joined so much later than it was due."""


class Judge:
    """Of one change: `whole` is the network before it, `network` what is open after it."""

    def __init__(self, whole: Network, network: Network, now: datetime) -> None:
        self._network, self._now = network, now
        draining = whole.by_code.keys() - network.by_code.keys()
        self._leaving = {
            leg.key
            for leg in whole.legs
            if leg.origin in draining and leg.destination in network.by_code
        }
        self._ways = _Ways(whole, network)

    def problems(self, before: Seen, after: Seen) -> Iterator[str]:
        """What is wrong with what became of it. Nothing, one hopes."""
        if self._is_well(before):
            if before != after:
                yield f"was well, and was changed to {after.path.facilities}"
            return
        if before.package.version == after.package.version:
            yield "was broken, and was left so"
        yield from self._of_status(before, after)
        place = before.place
        if before.path.facilities[: place + 1] != after.path.facilities[: place + 1]:
            yield f"forgot where it is: {after.path.facilities}"
        stops = after.path.stops[place:]
        yield from self._of_legs(stops)
        yield from self._of_budgets(before.ahead[0].budget, stops)
        for here, there in pairwise(stops):
            yield from self._of_times(here, there)
        yield from self._of_batch(before, after, stops[0])

    def _is_well(self, seen: Seen) -> bool:
        return not seen.is_stranded and not list(self._of_legs(seen.ahead))

    def _of_legs(self, stops: Sequence[Stop]) -> Iterator[str]:
        """The first of them may lead out of what is draining."""
        for place, stop in enumerate(stops):
            if stop.leg is None or stop.leg.key in self._network.by_key:
                continue
            if place or stop.leg.key not in self._leaving:
                yield f"is to leave {stop.facility} by a leg that is gone"

    # Where it goes

    def _of_status(self, before: Seen, after: Seen) -> Iterator[str]:
        at, budget, package = before.ahead[0].facility, before.ahead[0].budget, after.package
        serving = self._serving(package.to_pincode)
        is_forward = before.package.status != "returning"
        if is_forward and serving is not None and self._ways.lead(at, budget, serving):
            if (package.status, package.destination_fc_code) not in (
                (before.package.status, serving),
                ("out_for_delivery", serving),
            ):
                yield f"could go on to {serving}, is {package.status} to {package.destination_fc_code}"
        elif package.status not in ("returning", "returned"):
            yield f"has no way on, and is {package.status}"
        elif after.is_stranded:
            if self._ways.lead_to_any_fc(at, budget):
                yield f"is stranded at {at} with {budget} legs left"
        elif package.destination_fc_code != package.origin_fc_code and self._ways.lead(
            at, budget, package.origin_fc_code
        ):
            yield f"could go back to {package.origin_fc_code}, goes to {package.destination_fc_code}"

    def _serving(self, pincode: int) -> str | None:
        try:
            return self._network.fc_serving(pincode)
        except NotServed:
            return None

    # How it goes

    def _of_budgets(self, budget: int, stops: Sequence[Stop]) -> Iterator[str]:
        for stop in stops[1:]:
            is_hub = self._network.by_code[stop.facility].is_hub
            if budget < 1:
                yield f"passes the hop limit on its way to {stop.facility}"
            budget = self._network.hop_limit if is_hub else budget - 1
            if stop.budget != budget:
                yield f"has {budget} legs left at {stop.facility}, its path says {stop.budget}"

    def _of_times(self, here: Stop, there: Stop) -> Iterator[str]:
        departs_at, arrives_at = here.expected_departure_at, there.expected_arrival_at
        if here.leg is None or departs_at is None or arrives_at is None:
            yield f"does not know when it leaves {here.facility}"
            return
        transit = timedelta(minutes=here.leg.transit_minutes)
        if abs(arrives_at - departs_at - transit) > MILLISECOND:
            yield f"takes another time than its leg to {there.facility}"
        if (here.planned_departure_at, there.planned_arrival_at) != (departs_at, arrives_at):
            yield f"expects other times than planned from {here.facility} on"
        if departs_at < self._earliest(here) - MILLISECOND:
            yield f"leaves {here.facility} at {departs_at}, before it can"

    def _earliest(self, stop: Stop) -> datetime:
        """When it may leave there: handled, and not in the past."""
        if stop.known_arrival_at is None:
            return self._now - LATE
        ready_at = stop.known_arrival_at + timedelta(minutes=stop.handling_minutes)
        return max(ready_at, self._now - LATE)

    def _of_batch(self, before: Seen, after: Seen, stop: Stop) -> Iterator[str]:
        """A sealed batch keeps it; what is free to go is in the open batch of its next leg."""
        batch = after.batch
        if not before.is_free:
            if batch != before.batch:
                yield f"left a sealed batch for {batch}"
        elif stop.leg is None:
            if batch is not None and batch.status == "open":
                yield f"stays, and is in a batch to {batch.destination}"
        elif batch is None or (batch.status, batch.leg_key) != ("open", stop.leg.key):
            yield f"is not in an open batch of its next leg, but in {batch}"
        elif (
            stop.expected_departure_at is None
            or abs(batch.due_at - stop.expected_departure_at) > MILLISECOND
        ):
            yield f"expects to leave at {stop.expected_departure_at}, its batch at {batch.due_at}"


class _Ways:
    """Whether a way leads from here to there, within the budget, by ROUTING's rules."""

    def __init__(self, whole: Network, network: Network) -> None:
        self._whole, self._network = whole, network
        rules = BruteForce(network)
        self._land, self._gateway, self._home = rules.land, cache(rules.gateway), cache(rules.home)

    def lead(self, at: str, budget: int, fc: str) -> bool:
        if at == fc:
            return True
        if fc not in self._network.by_code:
            return False
        if at not in self._network.by_code:
            return any(self.lead(to, left, fc) for to, left in self._out_of(at, budget))
        if self._network.by_code[at].is_hub:
            return self._leads_from_hub(at, fc)
        gateway = self._gateway(at, budget)
        by_hub = gateway is not None and self._leads_from_hub(gateway.hub, fc)
        return by_hub or self._land(at, fc, budget) is not None

    def lead_to_any_fc(self, at: str, budget: int) -> bool:
        """By any legs at all. What is at an FC is there, also where that is draining."""
        if not self._whole.by_code[at].is_hub:
            return True
        if at not in self._network.by_code:
            return any(self.lead_to_any_fc(to, left) for to, left in self._out_of(at, budget))
        flown = self._flown_from(at)
        return any(
            leg.origin in flown and not self._network.by_code[leg.destination].is_hub
            for leg in self._network.legs
        )

    def _out_of(self, draining: str, budget: int) -> Iterator[tuple[str, int]]:
        """By its own legs: where they lead, and the budget there."""
        full = self._network.hop_limit
        left = full if self._whole.by_code[draining].is_hub else budget
        for leg in self._whole.legs:
            to = self._network.by_code.get(leg.destination)
            if leg.origin == draining and to is not None and left:
                yield to.code, full if to.is_hub else left - 1

    def _leads_from_hub(self, hub: str, fc: str) -> bool:
        home = self._home(fc)
        return home is not None and home.hub in self._flown_from(hub)

    def _flown_from(self, hub: str) -> set[str]:
        """The hubs that legs from hub to hub lead to, with itself."""
        reached, ahead = {hub}, [hub]
        while ahead:
            fresh = self._next_hubs[ahead.pop()] - reached
            reached |= fresh
            ahead += fresh
        return reached

    @cached_property
    def _next_hubs(self) -> dict[str, set[str]]:
        hubs = {hub.code for hub in self._network.hubs}
        next_hubs: dict[str, set[str]] = {hub: set() for hub in hubs}
        for leg in self._network.legs:
            if {leg.origin, leg.destination} <= hubs:
                next_hubs[leg.origin].add(leg.destination)
        return next_hubs
