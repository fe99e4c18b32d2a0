"""What we raise on purpose. The class name is part of the contract: state machines catch by it.

The four kinds under `KartError` become HTTP answers in one place (`online_kart.http`); an error
carries the facts as attributes, so that nobody has to parse a message.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from typing_extensions import TypedDict  # pydantic takes no other before Python 3.12


class KartError(Exception):
    """Anything we raise on purpose. `facts()` is what a client may see besides the message."""

    def facts(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


class InvalidRequest(KartError):
    """The request breaks a rule; `field` and `expected` say which."""

    field: str | None
    expected: str | None

    def __init__(self, message: str, field: str | None = None, expected: str | None = None) -> None:
        super().__init__(message)
        self.field, self.expected = field, expected


class HeaderMissing(InvalidRequest):
    """A header is missing that the request needs, or has no text or too long a one; `field` names it."""


class InvalidNetwork(InvalidRequest):
    """A network breaks rules; each of `problems` names the entry and what is wrong with it."""

    problems: tuple[str, ...]

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("The network breaks its rules: " + "; ".join(problems))
        self.problems = problems


class Unauthenticated(KartError):
    """Nobody is signed in, or the token is not one to go by: `reason` says why."""

    reason: str | None

    def __init__(self, reason: str | None = None) -> None:
        super().__init__("Sign in, and send the access token as `Authorization: Bearer …`.")
        self.reason = reason


class Forbidden(KartError):
    """Whoever is signed in may not do this."""


class RoleMissing(Forbidden):
    """The operation is for others: one of `roles` is needed."""

    roles: list[str]

    def __init__(self, roles: Sequence[str]) -> None:
        super().__init__("This is not for you to do or see.")
        self.roles = list(roles)


class NotYourFacility(Forbidden):
    """FC staff acts in its own facilities only."""

    facility: str

    def __init__(self, facility: str) -> None:
        super().__init__(f"You do not work in {facility}.")
        self.facility = facility


class UnreadableFile(InvalidRequest):
    """A file that was uploaded is not what it should be as a whole; nothing of it was taken. `line` is where, if anywhere."""

    line: int | None

    def __init__(self, message: str, expected: str, line: int | None = None) -> None:
        super().__init__(message, "file", expected)
        self.line = line


class RefusedLine(TypedDict):
    """What is wrong in a line of a file. `field` is the name of a column; None where it is the line as a whole."""

    line: int
    field: str | None
    expected: str


class ImportRefused(InvalidRequest):
    """Some lines of a file that is taken as a whole, or not at all, are wrong: nothing was changed.

    `lines` has what is wrong, the first 200 of it.
    """

    refused_count: int
    lines: list[RefusedLine]

    def __init__(self, refused_count: int, lines: list[RefusedLine]) -> None:
        super().__init__(
            f"{refused_count} lines of the file are refused; nothing was changed.", "file"
        )
        self.refused_count, self.lines = refused_count, lines


class NotFound(KartError):
    """There is no such thing."""

    what: str
    key: str

    def __init__(self, what: str, key: object) -> None:
        super().__init__(f"There is no {what} {key}.")
        self.what, self.key = what, str(key)


class Conflict(KartError):
    """The request is well-formed, but what is stored does not allow it now."""


class VersionChanged(KartError):
    """What was to be changed has changed since it was read: it is at `current_version`. Read it again, and decide anew."""

    current_version: int

    def __init__(self, current_version: int) -> None:
        super().__init__(f"Somebody has changed it meanwhile: it is at version {current_version}.")
        self.current_version = current_version


class Unavailable(KartError):
    """A store, the bus or a network did not answer. Worth another try later."""


class TooManyRequests(KartError):
    """More requests came than are let in at once. Nothing came of this one."""


class UnknownEdition(KartError):
    """An event is told in a form that this code does not know: newer code than this one wrote it."""

    def __init__(self, type_: str, edition: object) -> None:
        super().__init__(f"{type_} of edition {edition} is not known here.")
        self.event_type, self.edition = type_, str(edition)


class MigrationRefused(KartError):
    """A migration's file does not fit what was applied to the database. Nothing was changed."""

    def __init__(self, migration: str, why: str) -> None:
        super().__init__(f"Migration {migration}: {why}.")
        self.migration, self.why = migration, why


class Shortage(NamedTuple):
    """An offer of which fewer units are free, over all open FCs, than an order asks for."""

    sku: str
    seller_id: UUID
    wanted: int
    free: int


class OutOfStock(Conflict):
    """An order asks for more than there is: of which offers, and how many units of each are free.

    A state machine passes on nothing of an error but its class and message: `shortages_told` reads them from there.
    """

    shortages: list[dict[str, Any]]

    def __init__(self, shortages: Sequence[Shortage]) -> None:
        super().__init__("; ".join(map(_told, shortages)) + ".")
        self.shortages = [{**s._asdict(), "seller_id": str(s.seller_id)} for s in shortages]


def _told(short: Shortage) -> str:
    return f"{short.sku} by {short.seller_id}: {short.wanted} wanted, {short.free} free"


_TOLD = re.compile(r"(\S+) by ([0-9a-f-]{36}): (\d+) wanted, (\d+) free")


def shortages_told(message: str) -> tuple[Shortage, ...]:
    """What is short, by the message of OutOfStock. Empty for any other message."""
    found = _TOLD.findall(message)
    return tuple(Shortage(sku, UUID(by), int(wanted), int(free)) for sku, by, wanted, free in found)


class NoRoute(Conflict):
    """No path within the hop limit leads from `origin` to the pincode, or to the FC of that code.

    `candidates` says why, where somebody asked: the two ways that there could have been.
    """

    origin: str
    to: int | str
    candidates: Sequence[Mapping[str, Any]] | None

    def __init__(
        self, origin: str, to: int | str, candidates: Sequence[Mapping[str, Any]] | None = None
    ) -> None:
        super().__init__(f"No route leads from {origin} to {to}.")
        self.origin, self.to = origin, to
        if candidates is not None:
            self.candidates = candidates


class NotServed(Conflict):
    """No FC serves the pincode."""

    pincode: int

    def __init__(self, pincode: int) -> None:
        super().__init__(f"No fulfillment center serves pincode {pincode}.")
        self.pincode = pincode


class PincodesTaken(Conflict):
    """Another FC serves some of the pincodes: no pincode has two."""

    first: int
    last: int
    fc_code: str

    def __init__(self, first: int, last: int, fc_code: str) -> None:
        super().__init__(f"Pincodes {first}–{last} are served by {fc_code}.")
        self.first, self.last, self.fc_code = first, last, fc_code


class FacilityExists(Conflict):
    """Another hub or FC has this code."""

    code: str

    def __init__(self, code: str) -> None:
        super().__init__(f"There is a facility {code} already.")
        self.code = code


class LegExists(Conflict):
    """There is a leg of that mode between the two facilities already."""

    origin: str
    destination: str
    mode: str

    def __init__(self, origin: str, destination: str, mode: str) -> None:
        super().__init__(f"There is a {mode} leg from {origin} to {destination} already.")
        self.origin, self.destination, self.mode = origin, destination, mode


class HolidayExists(Conflict):
    """The FC, or every FC, has a holiday on that day already."""

    day: date
    fc_code: str | None

    def __init__(self, day: date, fc_code: str | None) -> None:
        super().__init__(f"{day} is a holiday of {fc_code or 'all FCs'} already.")
        self.day, self.fc_code = day, fc_code


class TooManyHolidays(Conflict):
    """An FC would have more holidays than `limit`, those of all FCs among them. Past ones can be removed."""

    limit: int

    def __init__(self, limit: int) -> None:
        super().__init__(f"An FC has at most {limit} holidays. Remove past ones.")
        self.limit = limit


class FacilityInUse(Conflict):
    """The facility can't be deleted: `held_by` counts what holds it. Closing it is the way."""

    code: str
    held_by: dict[str, int]

    def __init__(self, code: str, held_by: Mapping[str, int]) -> None:
        listed = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in held_by.items())
        super().__init__(f"Facility {code} is in use ({listed}). Close it instead.")
        self.code, self.held_by = code, dict(held_by)


class RouteTablesMissing(Conflict):
    """A version of route tables can't be put in force: it is not whole. `missing` are the first codes."""

    version: int
    missing: list[str]

    def __init__(self, version: int, missing: Sequence[str]) -> None:
        super().__init__(f"Version {version} lacks {len(missing)} tables.")
        self.version, self.missing = version, list(missing[:20])


class VersionNotKept(NotFound):
    """A version of route tables that was never made, or that nothing uses any more. `kept`: those that can be read."""

    kept: list[int]

    def __init__(self, version: int, kept: Sequence[int]) -> None:
        super().__init__("kept version of the route tables", version)
        self.kept = list(kept)


class OrderStatusConflict(Conflict):
    """The order's status does not allow the change."""

    order_id: str
    order_status: str
    wanted: str

    def __init__(self, order_id: UUID, order_status: str, wanted: str) -> None:
        super().__init__(f"Order {order_id} is {order_status}; it can't become {wanted}.")
        self.order_id, self.order_status, self.wanted = str(order_id), order_status, wanted


class PaymentDeclined(Conflict):
    """The provider does not set aside, or charge, what the order costs; or it was released before."""

    order_id: str

    def __init__(self, order_id: UUID) -> None:
        super().__init__(f"The payment of order {order_id} was declined. Nothing was charged.")
        self.order_id = str(order_id)


class PrepaymentNotOffered(Conflict):
    """No payment provider is connected: orders are paid on delivery."""

    def __init__(self) -> None:
        super().__init__("Orders can't be prepaid here now. Choose cash_on_delivery.")


class NotOffered(Conflict):
    """Nobody, or not this seller, offers the item now."""

    sku: str

    def __init__(self, sku: str) -> None:
        super().__init__(f"{sku} is not offered by this seller, or by anybody.")
        self.sku = sku


class AlreadyRegistered(Conflict):
    """Whoever is signed in has registered before; `key` is who they are."""

    key: str

    def __init__(self, key: UUID) -> None:
        super().__init__("You have registered already.")
        self.key = str(key)


class EmailTaken(Conflict):
    """Another customer, or another seller, has registered with this e-mail address."""

    field: str

    def __init__(self, email: str) -> None:
        super().__init__(f"Somebody is registered with {email} already.")
        self.field = "email"


class UnknownReference(InvalidRequest):
    """The request names something that there is not."""

    key: str

    def __init__(self, what: str, key: str, field: str) -> None:
        super().__init__(f"There is no {what} {key}.", field, f"a {what} that exists")
        self.key = key


class CategoryExists(Conflict):
    """Another category has this id."""

    category_id: str

    def __init__(self, category_id: str) -> None:
        super().__init__(
            f"There is a category {category_id} already, and it is described otherwise."
        )
        self.category_id = category_id


class CategoryUnderItself(Conflict):
    """A category can't be moved below itself."""

    category_id: str
    parent_id: str

    def __init__(self, category_id: str, parent_id: str) -> None:
        super().__init__(f"Category {parent_id} is {category_id}, or somewhere below it.")
        self.category_id, self.parent_id = category_id, parent_id


class SellerNotApproved(Conflict):
    """Only an approved seller may sell."""

    seller_id: str
    seller_status: str

    def __init__(self, seller_id: UUID, seller_status: str) -> None:
        super().__init__(
            f"Seller {seller_id} is {seller_status}; only an approved seller may sell."
        )
        self.seller_id, self.seller_status = str(seller_id), seller_status


class SellerStatusConflict(Conflict):
    """The seller's status does not allow what was decided, or to apply again."""

    seller_id: str
    seller_status: str
    wanted: str

    def __init__(self, seller_id: UUID, seller_status: str, wanted: str) -> None:
        super().__init__(f"Seller {seller_id} is {seller_status}, and can't become {wanted}.")
        self.seller_id, self.seller_status, self.wanted = str(seller_id), seller_status, wanted


class NameNotWanted(Conflict):
    """The seller does not want that name, or not any more. `wanted_name`: the one that waits for a decision, if any."""

    seller_id: str
    name: str
    wanted_name: str | None

    def __init__(self, seller_id: UUID, name: str, wanted_name: str | None) -> None:
        super().__init__(f"Seller {seller_id} does not want to be called {name}.")
        self.seller_id, self.name, self.wanted_name = str(seller_id), name, wanted_name


class SkuTaken(Conflict):
    """The SKU is registered for an item that is described, or was registered by a seller, otherwise."""

    sku: str

    def __init__(self, sku: str) -> None:
        super().__init__(f"{sku} is registered already. Offer that item, or take another SKU.")
        self.sku = sku


class OfferExists(Conflict):
    """The seller offers the item already, at another price."""

    sku: str

    def __init__(self, sku: str) -> None:
        super().__init__(f"{sku} is offered by this seller already. Change its price instead.")
        self.sku = sku


class ComingPriceExists(Conflict):
    """Another price of the offer starts at that time. It can be cancelled."""

    price_id: str

    def __init__(self, price_id: UUID) -> None:
        super().__init__("Another price of this offer starts at that time. Cancel it first.")
        self.price_id = str(price_id)


class TooManyComingPrices(Conflict):
    """An offer would have more than `limit` prices to come."""

    limit: int

    def __init__(self, limit: int) -> None:
        super().__init__(f"An offer has at most {limit} prices to come. Cancel one first.")
        self.limit = limit


class PriceHasBegun(Conflict):
    """A price that has begun can't be cancelled: change the price instead."""

    price_id: str

    def __init__(self, price_id: UUID) -> None:
        super().__init__(f"Price {price_id} has begun. Change the price instead.")
        self.price_id = str(price_id)


class FacilityNotOpen(Conflict):
    """The facility takes no new work."""

    code: str
    facility_status: str

    def __init__(self, code: str, facility_status: str) -> None:
        super().__init__(f"Facility {code} is {facility_status}; it takes no new work.")
        self.code, self.facility_status = code, facility_status


class ShipmentHasArrived(Conflict):
    """What is at the dock can't be amended or cancelled any more."""

    asn: str

    def __init__(self, asn: str) -> None:
        super().__init__(f"Inbound shipment {asn} has arrived; its announcement can't be changed.")
        self.asn = asn


class ShipmentIsOver(Conflict):
    """The inbound shipment was received or cancelled."""

    asn: str
    shipment_status: str

    def __init__(self, asn: str, shipment_status: str) -> None:
        super().__init__(f"Inbound shipment {asn} was {shipment_status}.")
        self.asn, self.shipment_status = asn, shipment_status


class ShipmentCountedOtherwise(Conflict):
    """The inbound shipment was counted before, with another result."""

    asn: str

    def __init__(self, asn: str) -> None:
        super().__init__(f"Inbound shipment {asn} was counted already, with another result.")
        self.asn = asn


class ReceiptMismatch(Conflict):
    """A receipt does not fit the announcement that it counts: one of them was changed by other means."""

    asn: str
    skus: tuple[str, ...]

    def __init__(self, asn: str, skus: tuple[str, ...]) -> None:
        super().__init__(f"The receipt of {asn} does not fit its announcement: {', '.join(skus)}.")
        self.asn, self.skus = asn, skus


class NotOnPath(Conflict):
    """The package's path does not lead through the facility from where the package is."""

    package_id: str
    facility: str

    def __init__(self, package_id: UUID, facility: str) -> None:
        super().__init__(f"The path of package {package_id} does not lead on through {facility}.")
        self.package_id, self.facility = str(package_id), facility


class StockAlreadyReleased(Conflict):
    """The order's stock was given back before: a reservation that comes late must not take it again."""

    order_id: str

    def __init__(self, order_id: UUID) -> None:
        super().__init__(f"The stock of order {order_id} was released.")
        self.order_id = str(order_id)


class ReservationExpired(Conflict):
    """The order was not confirmed before its deadline; its stock was released."""

    order_id: str

    def __init__(self, order_id: UUID) -> None:
        super().__init__(f"The stock held for order {order_id} was released at its deadline.")
        self.order_id = str(order_id)


class PackagesAlreadyDiscarded(Conflict):
    """The order's packages were discarded or recalled before: they are not planned again."""

    order_id: str

    def __init__(self, order_id: UUID) -> None:
        super().__init__(f"The packages of order {order_id} were discarded.")
        self.order_id = str(order_id)


class OrderAlreadyDelivered(Conflict):
    """A package of the order is with its customer: what is left is a return."""

    order_id: str

    def __init__(self, order_id: UUID) -> None:
        super().__init__(f"A package of order {order_id} was delivered.")
        self.order_id = str(order_id)


class StockTooLow(Conflict):
    """The change would take more units than are free in the FC."""

    fc_code: str
    sku: str
    wanted: int

    def __init__(self, fc_code: str, sku: str, wanted: int) -> None:
        super().__init__(f"{fc_code} has fewer than {wanted} free units of {sku}.")
        self.fc_code, self.sku, self.wanted = fc_code, sku, wanted


class BatchStatusConflict(Conflict):
    """The batch's status does not allow the step: it was not closed, did not depart, or has left."""

    batch_id: str
    batch_status: str
    wanted: str

    def __init__(self, batch_id: UUID, batch_status: str, wanted: str) -> None:
        super().__init__(f"Batch {batch_id} is {batch_status}; it can't be {wanted}.")
        self.batch_id, self.batch_status, self.wanted = str(batch_id), batch_status, wanted


class BatchAlreadyClosed(Conflict):
    """The package's batch was closed: the package leaves with it."""

    batch_id: str
    package_id: str

    def __init__(self, batch_id: UUID, package_id: UUID) -> None:
        super().__init__(f"Package {package_id} is on the manifest of batch {batch_id}.")
        self.batch_id, self.package_id = str(batch_id), str(package_id)


class DepartureTaken(Conflict):
    """Another open batch of the leg leaves at that time."""

    batch_id: str

    def __init__(self, batch_id: UUID) -> None:
        super().__init__(f"Another batch leaves at the time that batch {batch_id} is to have.")
        self.batch_id = str(batch_id)


class ManifestMismatch(Conflict):
    """What was scanned or missed is not what the batch carries."""

    batch_id: str
    unaccounted: list[str]
    unknown: list[str]

    def __init__(
        self, batch_id: UUID, unaccounted: tuple[UUID, ...], unknown: tuple[UUID, ...]
    ) -> None:
        super().__init__(f"The scan does not fit the manifest of batch {batch_id}.")
        self.batch_id = str(batch_id)
        self.unaccounted, self.unknown = (
            [str(id_) for id_ in unaccounted],
            [str(i) for i in unknown],
        )


class AttemptConflict(Conflict):
    """The outcome is of another attempt than the delivery, or the pickup of a return, is at."""

    package_id: str
    attempt: int
    wanted: int

    def __init__(self, package_id: UUID, attempt: int, wanted: int) -> None:
        super().__init__(f"Package {package_id} is at attempt {attempt}, not {wanted}.")
        self.package_id, self.attempt, self.wanted = str(package_id), attempt, wanted


class PackageStatusConflict(Conflict):
    """The package's status does not allow the step."""

    package_id: str
    package_status: str
    wanted: str

    def __init__(self, package_id: UUID, package_status: str, wanted: str) -> None:
        super().__init__(f"Package {package_id} is {package_status}; it can't be {wanted}.")
        self.package_id, self.package_status, self.wanted = str(package_id), package_status, wanted


class ReturnRefused(Conflict):
    """The package can't be sent back: `why` is `not_delivered`, `too_late`, `order_not_confirmed`, or `nothing_left`.

    The last where it has not so many units that are not sent back yet.
    """

    package_id: str
    why: str

    def __init__(self, package_id: UUID, why: str) -> None:
        super().__init__(f"Package {package_id} can't be returned: {why.replace('_', ' ')}.")
        self.package_id, self.why = str(package_id), why


class ReturnStatusConflict(Conflict):
    """The return's status does not allow the step: nothing is owed for it, it is back already, or it was cancelled."""

    return_id: str
    return_status: str
    wanted: str

    def __init__(self, return_id: UUID, return_status: str, wanted: str) -> None:
        super().__init__(f"Return {return_id} is {return_status}; it can't be {wanted}.")
        self.return_id, self.return_status, self.wanted = str(return_id), return_status, wanted


class UnitsHaveLeft(Conflict):
    """The restocking transfer was sent before, and its batch has departed."""

    transfer_id: str

    def __init__(self, transfer_id: UUID) -> None:
        super().__init__(f"The units of transfer {transfer_id} have left.")
        self.transfer_id = str(transfer_id)
