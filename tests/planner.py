"""Whoever changes the network all the time, and what every build of its route tables must be."""

import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

from psycopg import Connection

from fulfillment_app.chalicelib.services import facilities, pincodes, rebuilds
from online_kart.documents import route_tables
from online_kart.domain.facilities import (
    AddFulfillmentCenter,
    AddHub,
    AddLeg,
    ChangeFulfillmentCenter,
    ChangeHub,
    ChangeLeg,
    PincodeChange,
)
from online_kart.domain.network import Mode
from online_kart.inventory_db import facilities as facility_store
from online_kart.routing.tables import Router
from tests.builders import a_hub, a_network, an_fc
from tests.networks import HOP_LIMIT, put_network, two_cities


class Planner:
    """Changes the network at random, by the services that people change it by."""

    def __init__(
        self, conn: Connection[Any], rng: random.Random, now: datetime, first_number: int = 0
    ) -> None:
        """Of those that it adds, codes and pincodes follow from `first_number`."""
        self._conn, self._rng, self._now = conn, rng, now
        self._made = first_number

    def change(self) -> None:
        self._rng.choice(self._kinds())()

    def _kinds(self) -> list[Callable[[], object]]:
        return [
            self._add_fc,
            self._add_hub,
            self._change_facility,
            self._close_or_open,
            self._delete,
            self._add_leg,
            self._add_leg,
            self._change_leg,
            self._delete_leg,
            self._move_pincodes,
        ]

    def _network(self) -> Any:
        return facility_store.network(self._conn, HOP_LIMIT)

    def _any(self, of: Any) -> Any:
        return self._rng.choice(sorted(of)) if of else None

    def _add_fc(self) -> None:
        self._made += 1
        first = 600_000 + 100 * self._made
        command = AddFulfillmentCenter(
            fc_code=f"N{self._made}",
            name="New",
            latitude=1,
            longitude=1,
            handling_minutes=5,
            pincode_ranges=((first, first + 50),),
        )
        facilities.add_fulfillment_center(self._conn, command, self._now)
        self._join(command.fc_code)

    def _add_hub(self) -> None:
        self._made += 1
        command = AddHub(
            hub_code=f"H{self._made}",
            kind="airport",
            name="New",
            latitude=1,
            longitude=1,
            handling_minutes=5,
        )
        facilities.add_hub(self._conn, command, self._now)
        self._join(command.hub_code)

    def _join(self, code: str) -> None:
        near = self._any(self._network().by_code.keys() - {code})
        for origin, destination in ((code, near), (near, code)):
            leg = AddLeg(
                origin=origin,
                destination=destination,
                mode=Mode.ROAD,
                transit_minutes=self._rng.randint(1, 90),
            )
            facilities.add_leg(self._conn, leg, self._now)

    def _change_facility(self) -> None:
        code, minutes = self._any(self._network().by_code), self._rng.randint(0, 90)
        if self._network().by_code[code].is_hub:
            change = ChangeHub(handling_minutes=minutes)
            facilities.change_hub(self._conn, code, change, self._now)
        else:
            fc_change = ChangeFulfillmentCenter(name=f"{minutes}", handling_minutes=minutes)
            facilities.change_fulfillment_center(self._conn, code, fc_change, self._now)

    def _close_or_open(self) -> None:
        hub = self._any({hub.hub_code for hub in facilities.hubs(self._conn, None, 99)})
        if facilities.hub(self._conn, hub).status == "open":
            facilities.close_hub(self._conn, hub, self._now)
        else:
            facilities.change_hub(self._conn, hub, ChangeHub(status="open"), self._now)

    def _delete(self) -> None:
        fcs = self._network().fcs
        if len(fcs) > 2:
            code = self._any({fc.code for fc in fcs})
            facilities.delete_fulfillment_center(self._conn, code, self._now)

    def _add_leg(self) -> None:
        network = self._network()
        origin, destination = self._rng.sample(sorted(network.by_code), 2)
        leg = AddLeg(origin=origin, destination=destination, mode=Mode.ROAD, transit_minutes=7)
        if leg.key not in network.by_key:
            facilities.add_leg(self._conn, leg, self._now)

    def _change_leg(self) -> None:
        key = self._any(self._network().by_key)
        if key:
            minutes = ChangeLeg(transit_minutes=self._rng.randint(1, 200))
            facilities.change_leg(self._conn, key, minutes, self._now)

    def _delete_leg(self) -> None:
        key = self._any(self._network().by_key)
        if key:
            facilities.delete_leg(self._conn, key, self._now)

    def _move_pincodes(self) -> None:
        first = self._rng.choice([110_000, 110_050, 110_120, 600_130])
        change = PincodeChange(first=first, last=first + self._rng.randint(0, 60), move=True)
        code = self._any({fc.code for fc in self._network().fcs})
        pincodes.add(self._conn, code, change, self._now)


def put_three_cities(conn: Connection[Any], now: datetime) -> int:
    """The version of `two_cities` and a third, which nothing leads to yet."""
    third = a_network([], a_hub("CCU"), an_fc("CCU1", (700_000, 700_099)))
    put_network(conn, two_cities(), now)
    return put_network(conn, third, now)


def newest_version(conn: Connection[Any]) -> int:
    """The last one asked for."""
    return rebuilds.builds(conn, None, 1)[0].version


def check_like_a_full_build(documents: Any, conn: Connection[Any], version: int, base: int) -> None:
    """The documents of the version are a full build's, and those that were there before were not written again."""
    full = {
        table.facility: table for table in Router(facility_store.network(conn, HOP_LIMIT)).tables()
    }
    manifest = route_tables.manifest(documents, version)
    assert route_tables.tables_in(documents, manifest.tables, manifest) == full
    assert manifest.digests == {code: table.digest() for code, table in full.items()}
    assert manifest.home_hubs == {code: table.home_hub for code, table in full.items()}
    old = route_tables.manifest(documents, base).digests
    differ = {code for code in full if old.get(code) != manifest.digests[code]}
    assert {code for code, at in manifest.tables.items() if at == version} == differ
    row = rebuilds.build_of(conn, version)
    assert (row.tables_count, row.written_count) == (len(full), len(differ))
    assert row.base_version == base
    assert len(differ) <= (row.touched_count or 0) <= len(full)
    homes = {fc.fc_code: fc.home_hub_code for fc in facilities.fulfillment_centers(conn, None, 99)}
    assert {c: h for c, h in manifest.home_hubs.items() if c in homes}.items() <= homes.items()
