"""Changing the network: hubs, fulfillment centers, legs, or all of it at once.

A change holds the network's lock until it commits, together with the request for the route tables
that will have it. Each answers their version.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from psycopg import Connection
from psycopg.errors import ForeignKeyViolation
from pydantic import TypeAdapter, ValidationError

from online_kart.crashpoints import crashpoint
from online_kart.domain.errors import (
    FacilityExists,
    FacilityInUse,
    InvalidNetwork,
    LegExists,
    NotFound,
)
from online_kart.domain.facilities import (
    AddFulfillmentCenter,
    AddHub,
    AddLeg,
    ChangeFulfillmentCenter,
    ChangeHub,
    ChangeLeg,
    FulfillmentCenter,
    Hub,
    KnownLeg,
)
from online_kart.domain.network import PROBLEMS_MAX, LegKey, Network, parse_network
from online_kart.domain.pincodes import united, without
from online_kart.domain.routes import Ranges
from online_kart.domain.values import FacilityCode
from online_kart.domain.versions import Versions, refuse_past
from online_kart.inventory_db import facilities, holidays, legs, pincodes

from . import holidays as holiday_services, pincodes as pincode_services, rebuilds

Connected = Connection[Any]


# -- hubs


def hub(conn: Connected, hub_code: str) -> Hub:
    """Raises NotFound."""
    found = facilities.hub(conn, hub_code)
    if found is None:
        raise NotFound("hub", hub_code)
    return found


def hubs(conn: Connected, after: str | None, limit: int) -> Sequence[Hub]:
    """By code, after the given one."""
    return facilities.hubs(conn, after, limit)


def add_hub(conn: Connected, command: AddHub, now: datetime) -> int:
    """Raises FacilityExists."""
    with conn.transaction():
        facilities.lock_network(conn)
        if not facilities.insert_hub(conn, command, now):
            raise FacilityExists(command.hub_code)
        return rebuilds.request_rebuild(conn, f"hub {command.hub_code} was added", now)


def change_hub(
    conn: Connected, hub_code: str, command: ChangeHub, now: datetime, wanted: Versions = None
) -> int:
    """Raises NotFound, VersionChanged."""
    return _change(conn, hub_code, hub, command, now, wanted)


def close_hub(conn: Connected, hub_code: str, now: datetime) -> int:
    """No path leads through it any more; what is there still leaves, then it is closed. Raises NotFound."""
    return _close(conn, hub_code, hub, now)


def delete_hub(conn: Connected, hub_code: str, now: datetime, wanted: Versions = None) -> int:
    """With its legs. Raises NotFound, FacilityInUse, VersionChanged."""
    return _delete(conn, hub_code, hub, now, wanted)


# -- fulfillment centers


def fulfillment_center(conn: Connected, fc_code: str) -> FulfillmentCenter:
    """Raises NotFound."""
    found = facilities.fulfillment_center(conn, fc_code)
    if found is None:
        raise NotFound("fulfillment center", fc_code)
    return found


def fulfillment_centers(
    conn: Connected, after: str | None, limit: int
) -> Sequence[FulfillmentCenter]:
    """By code, after the given one."""
    return facilities.fulfillment_centers(conn, after, limit)


def add_fulfillment_center(conn: Connected, command: AddFulfillmentCenter, now: datetime) -> int:
    """With the pincodes it serves. Raises FacilityExists, PincodesTaken."""
    with conn.transaction():
        facilities.lock_network(conn)
        if not facilities.insert_fulfillment_center(conn, command, now):
            raise FacilityExists(command.fc_code)
        pincode_services.replace(conn, {command.fc_code: united(command.pincode_ranges)})
        return rebuilds.request_rebuild(conn, f"FC {command.fc_code} was added", now)


def change_fulfillment_center(
    conn: Connected,
    fc_code: str,
    command: ChangeFulfillmentCenter,
    now: datetime,
    wanted: Versions = None,
) -> int:
    """Raises NotFound, VersionChanged."""
    return _change(conn, fc_code, fulfillment_center, command, now, wanted)


def close_fulfillment_center(conn: Connected, fc_code: str, now: datetime) -> int:
    """It serves no pincode and no path leads through it; what is there still leaves. Raises NotFound."""
    return _close(conn, fc_code, fulfillment_center, now)


def delete_fulfillment_center(
    conn: Connected, fc_code: str, now: datetime, wanted: Versions = None
) -> int:
    """With its legs and pincode ranges. Raises NotFound, FacilityInUse, VersionChanged."""
    return _delete(conn, fc_code, fulfillment_center, now, wanted)


# -- of any facility


Reader = Callable[[Connected, str], Hub | FulfillmentCenter]


def _change(
    conn: Connected,
    code: str,
    read: Reader,
    command: ChangeHub,
    now: datetime,
    wanted: Versions,
) -> int:
    changes = command.changes()
    with conn.transaction():
        facilities.lock_network(conn)
        refuse_past(read(conn, code).version, wanted)
        facilities.update(conn, code, changes, now)
        return rebuilds.request_rebuild(conn, f"{', '.join(changes)} of {code} changed", now)


def _close(conn: Connected, code: str, read: Reader, now: datetime) -> int:
    """A repeat leaves a closed facility closed."""
    with conn.transaction():
        facilities.lock_network(conn)
        if read(conn, code).status == "open":
            facilities.update(conn, code, {"status": "draining"}, now)
        return rebuilds.request_rebuild(conn, f"{code} closes", now)


def _delete(conn: Connected, code: str, read: Reader, now: datetime, wanted: Versions) -> int:
    with conn.transaction():
        facilities.lock_network(conn)
        refuse_past(read(conn, code).version, wanted)
        held = facilities.held(conn, code)
        if not held.is_nothing:
            raise FacilityInUse(code, held.counts())
        try:
            facilities.delete(conn, code)
        except ForeignKeyViolation as error:  # empty, but what it once had names it
            raise FacilityInUse(code, {f"history_of_{error.diag.table_name}": 1}) from error
        return rebuilds.request_rebuild(conn, f"{code} was deleted", now)


def close_drained(conn: Connected, now: datetime) -> int:
    """Close draining facilities that hold nothing. How many. Route tables have left them out already."""
    with conn.transaction():
        facilities.lock_network(conn)
        closed = facilities.close_drained(conn, now)
        crashpoint("close_drained.written")
    crashpoint("close_drained.committed")
    return len(closed)


# -- legs


def leg(conn: Connected, key: LegKey) -> KnownLeg:
    """Raises NotFound."""
    found = legs.by_key(conn, key)
    if found is None:
        raise _no_leg(key)
    return found


def legs_listed(
    conn: Connected,
    origin: str | None,
    destination: str | None,
    after: tuple[str, str, str] | None,
    limit: int,
) -> Sequence[KnownLeg]:
    """By origin, destination and mode, after the given ones."""
    return legs.listed(conn, origin, destination, after, limit)


def add_leg(conn: Connected, command: AddLeg, now: datetime) -> int:
    """Raises LegExists, NotFound, and InvalidNetwork where no leg of that mode may join the two."""
    with conn.transaction():
        facilities.lock_network(conn)
        ends = [facilities.facility(conn, end) for end in {command.origin, command.destination}]
        # The rules of a network are written once: they judge one of two facilities and this leg.
        alone = Network.model_construct(facilities=tuple(ends), legs=(command,))
        parse_network(alone.model_dump_json(exclude={"attribution"}))
        if not legs.insert(conn, command):
            raise LegExists(command.origin, command.destination, command.mode)
        return rebuilds.request_rebuild(conn, f"leg {_shown(command.key)} was added", now)


def change_leg(
    conn: Connected, key: LegKey, command: ChangeLeg, now: datetime, wanted: Versions = None
) -> int:
    """Raises NotFound, VersionChanged."""
    with conn.transaction():
        facilities.lock_network(conn)
        refuse_past(leg(conn, key).version, wanted)
        legs.update(conn, key, command.changes())
        return rebuilds.request_rebuild(conn, f"leg {_shown(key)} changed", now)


def delete_leg(conn: Connected, key: LegKey, now: datetime, wanted: Versions = None) -> int:
    """Batches that were opened on it still leave. Raises NotFound, VersionChanged."""
    with conn.transaction():
        facilities.lock_network(conn)
        refuse_past(leg(conn, key).version, wanted)
        legs.delete(conn, key)
        return rebuilds.request_rebuild(conn, f"leg {_shown(key)} was deleted", now)


def _shown(key: LegKey) -> str:
    return f"{key.origin}–{key.destination} ({key.mode})"


def _no_leg(key: LegKey) -> NotFound:
    return NotFound("leg", _shown(key))


# -- the whole network


def put_network(conn: Connected, network: Network, hop_limit: int, now: datetime) -> int:
    """Add and change facilities, holidays, legs and pincodes as the file has them; remove nothing.

    A pincode moves between FCs of the file. Raises InvalidNetwork, which names the entries that
    break a rule, PincodesTaken where an FC that is not in the file serves some of them, and
    TooManyHolidays.
    """
    with conn.transaction():
        facilities.lock_network(conn)
        codes = [facility.code for facility in network.facilities]
        kinds = facilities.kinds_of(conn, codes)
        problems = tuple(islice(_problems(network, kinds, hop_limit), PROBLEMS_MAX))
        if problems:
            raise InvalidNetwork(problems)
        facilities.upsert(conn, network.facilities, now)
        holidays.insert_those_of(conn, network.facilities)
        holiday_services.refuse_too_many(conn)
        legs.upsert(conn, network.legs)
        pincode_services.replace(conn, _changed_ranges(conn, network))
        reason = f"a network of {len(codes)} facilities was put"
        return rebuilds.request_rebuild(conn, reason, now)


def _problems(network: Network, kinds: Mapping[str, str], hop_limit: int) -> Iterator[str]:
    """What the file may say of a network on paper, but not of the shop's."""
    if "hop_limit" in network.model_fields_set and network.hop_limit != hop_limit:
        yield f"hop_limit: {network.hop_limit} is not the shop's, which is {hop_limit}"
    code_of_shop: TypeAdapter[str] = TypeAdapter(FacilityCode)
    for index, facility in enumerate(network.facilities):
        kind = kinds.get(facility.code, facility.kind)
        if kind != facility.kind:
            yield (
                f'facilities[{index}]: "{facility.code}" is here of kind {kind}, '
                f"and can't become {facility.kind}"
            )
        if "\0" in facility.name + facility.state:
            yield f"facilities[{index}]: text can't hold a NUL character"
        try:
            code_of_shop.validate_python(facility.code)
        except ValidationError:
            yield f'facilities[{index}].code: "{facility.code}" is not 2 to 10 capitals and digits'


def _changed_ranges(conn: Connected, network: Network) -> dict[str, Ranges]:
    """What the file's FCs will serve, of those for whom it changes.

    That is what the file gives them, and what they have that the file gives to none.
    """
    had = pincodes.of_fcs(conn, [fc.code for fc in network.fcs])
    given = united(*(fc.pincode_ranges for fc in network.fcs))
    will_have = {
        fc.code: united(without(had.get(fc.code, ()), given), fc.pincode_ranges)
        for fc in network.fcs
    }
    return {code: ranges for code, ranges in will_have.items() if ranges != had.get(code, ())}
