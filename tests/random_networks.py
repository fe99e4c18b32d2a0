"""Networks drawn at random: small ones, with few minutes, so that ties are common."""

import random

from online_kart.domain.network import Leg, Mode, Network
from tests.builders import a_hub, a_leg, an_fc


def legs_of(drawn: dict[tuple[tuple[str, str], Mode], int], hubs: set[str]) -> list[Leg]:
    return [
        a_leg(origin, to, minutes, mode)
        for ((origin, to), mode), minutes in drawn.items()
        if mode is Mode.ROAD or {origin, to} <= hubs
    ]


def network_of(
    codes: list[str], hubs: set[str], handling: list[int], legs: list[Leg], hop_limit: int
) -> Network:
    facilities = []
    for place, code in enumerate(codes):
        first = 200_000 + 100 * place
        ranges = ((first, first + 39), (first + 40, first + 59), (first + 70, first + 99))
        facilities.append(
            a_hub(code, handling_minutes=handling[place])
            if code in hubs
            else an_fc(code, *ranges, handling_minutes=handling[place])
        )
    return Network(hop_limit=hop_limit, facilities=tuple(facilities), legs=tuple(legs))


def a_larger_network(seed: int) -> Network:
    """Up to 40 facilities, near neighbours joined, some one way."""
    rng = random.Random(seed)
    codes = [f"{rng.choice('ABCXYZ')}{number:02}" for number in range(rng.randint(12, 40))]
    hubs = set(rng.sample(codes, rng.randint(0, len(codes) // 3)))
    minutes_max = rng.choice([1, 4, 300])
    legs: dict[tuple[tuple[str, str], Mode], int] = {}
    for place, code in enumerate(codes):
        for other in rng.sample(codes, min(len(codes), rng.randint(0, 5))):
            near = codes[(place + rng.randint(1, 4)) % len(codes)]
            to = near if rng.random() < 0.8 else other
            for pair in ((code, to), (to, code))[: rng.choice([1, 2, 2])]:
                if code != to:
                    legs[pair, rng.choice(list(Mode))] = rng.randint(0, minutes_max)
                    legs.setdefault((pair, Mode.ROAD), rng.randint(0, minutes_max))
    handling = [rng.randint(0, minutes_max) for _ in codes]
    return network_of(codes, hubs, handling, legs_of(legs, hubs), rng.randint(1, 5))
