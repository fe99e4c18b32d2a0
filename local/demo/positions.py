"""Points on the globe: how far apart they are, and which of many are nearest."""

import math
from bisect import bisect_left
from collections.abc import Iterable
from typing import NamedTuple

EARTH_RADIUS_KM = 6371.0
KM_PER_DEGREE_OF_LATITUDE = math.pi * EARTH_RADIUS_KM / 180


class Position(NamedTuple):
    latitude: float
    longitude: float


def great_circle_km(a: Position, b: Position) -> float:
    """The haversine formula."""
    latitude_a, latitude_b = math.radians(a.latitude), math.radians(b.latitude)
    half_width = math.radians(b.longitude - a.longitude) / 2
    half_height = (latitude_b - latitude_a) / 2
    square = (
        math.sin(half_height) ** 2
        + math.cos(latitude_a) * math.cos(latitude_b) * math.sin(half_width) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(square))


class NearestPositions:
    """Positions sorted by latitude: a search goes outwards and stops where latitude alone is farther."""

    def __init__(self, positions: Iterable[Position]) -> None:
        indexed = sorted((position, index) for index, position in enumerate(positions))
        self._positions = [position for position, _ in indexed]
        self._indexes = [index for _, index in indexed]

    def within(self, center: Position, radius_km: float) -> list[tuple[float, int]]:
        """(km, index into the positions given), nearest first."""
        margin = radius_km / KM_PER_DEGREE_OF_LATITUDE
        first = bisect_left(self._positions, Position(center.latitude - margin, -180))
        found = []
        for at in range(first, len(self._positions)):
            if self._positions[at].latitude > center.latitude + margin:
                break
            distance_km = great_circle_km(center, self._positions[at])
            if distance_km <= radius_km:
                found.append((distance_km, self._indexes[at]))
        return sorted(found)

    def nearest(self, center: Position, count: int) -> list[tuple[float, int]]:
        """As `within`; `count` of them, or all there are."""
        count, radius_km = min(count, len(self._positions)), 50.0
        while len(found := self.within(center, radius_km)) < count:
            radius_km *= 2
        return found[:count]
