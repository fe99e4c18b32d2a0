"""What became of the packages: hops, promises held and missed and why, and which journeys are worth telling."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

SHOP_TIME_ZONE = ZoneInfo("Asia/Kolkata")
ISLANDS = ("IXZ1", "AGX1")


@dataclass(frozen=True)
class Journey:
    """A package at its end: its path (D3), its events, and when it was delivered."""

    package_id: str
    status: str
    path: dict[str, Any]
    events: list[dict[str, Any]]

    @property
    def stops(self) -> list[dict[str, Any]]:
        stops: list[dict[str, Any]] = self.path["stops"]
        return stops

    @property
    def modes(self) -> list[str]:
        return [stop["leg"]["mode"] for stop in self.stops if stop["leg"]]

    @property
    def facilities(self) -> list[str]:
        return [stop["facility"] for stop in self.stops]

    @property
    def promise_date(self) -> date:
        return date.fromisoformat(self.path["promise_date"])

    @property
    def was_replanned(self) -> bool:
        """It went on by another way. (One that is sent back has another path, too.)"""
        return any(event["what"] == "replanned" for event in self.events)

    @property
    def delivered_on(self) -> date | None:
        """In the shop's time zone. None where it was not delivered."""
        at = self._when("delivered")
        return at.astimezone(SHOP_TIME_ZONE).date() if at else None

    def _when(self, what: str) -> datetime | None:
        for event in self.events:
            if event["what"] == what:
                return datetime.fromisoformat(event["happened_at"])
        return None

    @property
    def held_its_promise(self) -> bool:
        return self.delivered_on is not None and self.delivered_on <= self.promise_date

    @property
    def why_late(self) -> str:
        """Of a package that broke its promise."""
        if self.was_replanned:
            return "re-planned because a facility closed"
        if any(event["what"] == "delivery_failed" for event in self.events):
            return "nobody was at home the first time"
        return "missed a departure on its way"

    @property
    def worst_departure(self) -> tuple[str, float]:
        """The facility that it left latest against the plan, and how many hours late that was."""
        return max(
            (
                (
                    stop["facility"],
                    _hours_between(stop, "planned_departure_at", "actual_departure_at"),
                )
                for stop in self.stops[:-1]
            ),
            key=lambda departure: departure[1],
            default=(self.facilities[0], 0.0),
        )


def _hours_between(stop: dict[str, Any], earlier: str, later: str) -> float:
    """0 where the stop has not both."""
    if not (stop[earlier] and stop[later]):
        return 0.0
    return (
        datetime.fromisoformat(stop[later]) - datetime.fromisoformat(stop[earlier])
    ).total_seconds() / 3600


@dataclass(frozen=True)
class Told:
    """Journeys worth telling in full, by what they show."""

    by_road: Journey | None
    by_connecting_flight: Journey | None
    to_an_island: Journey | None


def told(journeys: Iterable[Journey]) -> Told:
    """The longest of each kind."""
    delivered = sorted(
        (journey for journey in journeys if journey.status == "delivered"),
        key=lambda journey: (-len(journey.modes), journey.package_id),
    )
    return Told(
        next((j for j in delivered if len(j.modes) > 1 and set(j.modes) == {"road"}), None),
        next((j for j in delivered if _connects(j) and j.facilities[-1] not in ISLANDS), None),
        next((j for j in delivered if j.facilities[-1] in ISLANDS), None),
    )


def _connects(journey: Journey) -> bool:
    """Two flights, one right after the other."""
    modes = journey.modes
    return any(pair == ("air", "air") for pair in pairwise(modes))


def late_ones(journeys: Iterable[Journey]) -> list[Journey]:
    """Delivered after their promise date, the latest first."""
    late = [j for j in journeys if j.status == "delivered" and not j.held_its_promise]
    return sorted(
        late, key=lambda j: (j.promise_date - (j.delivered_on or j.promise_date), j.package_id)
    )


def late_reasons(journeys: Iterable[Journey]) -> Counter[str]:
    return Counter(journey.why_late for journey in late_ones(journeys))
