"""The customer side of an order: its row decides, whoever comes late, twice or at the same time."""

import json
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest

from customer_app.chalicelib.services import cancellations, orders, tracking
from online_kart.documents import package_paths
from online_kart.domain.errors import (
    InvalidRequest,
    NotFound,
    NotOffered,
    OrderStatusConflict,
    OutOfStock,
    Shortage,
)
from online_kart.domain.orders import LineWanted, Rejection
from online_kart.domain.values import PAISE_MAX, QUANTITY_MAX
from tests.identity import ADMIN
from tests.shop import events_of
from tests.storefront import (
    PINCODE,
    PRICE_PAISE,
    SELLER,
    a_placed_order,
    an_order_of,
    confirm,
    package_changed,
    place,
    promise,
    put_customer,
    put_offer,
    put_paths,
)
from tests.together import run_together

BALA = UUID("5e11e500-0000-4000-8000-000000000002")
LATER = timedelta(hours=1)


def status_of(conn, order):
    return orders.by_id(conn, order.order_id).status


def reject(conn, order, now, error="OutOfStock", cause="MUG: 1 wanted, 0 free."):
    return orders.reject_order(conn, order.order_id, error, cause, now)


def types_told(conn):
    return [row[0] for row in conn.execute("SELECT type FROM outbox ORDER BY position")]


@pytest.fixture
def order(customer_db, now):
    return a_placed_order(customer_db, now)


@pytest.fixture
def confirmed(customer_db, documents, order, now):
    return confirm(customer_db, documents, order, put_paths(documents, order, now), now)


# -- placing


def test_an_order_keeps_the_prices_and_names_of_the_moment(customer_db, now):
    put_offer(customer_db, now, "MUG", price_paise=300)
    put_offer(customer_db, now, "CUP", price_paise=50)

    order = a_placed_order(
        customer_db, now, LineWanted(sku="MUG", quantity=2), LineWanted(sku="CUP", quantity=1)
    )
    customer_db.execute("UPDATE offers SET price_paise = 1")
    order = orders.by_id(customer_db, order.order_id)

    assert [
        (line.line_no, line.sku, line.item_name, line.unit_price_paise) for line in order.lines
    ] == [
        (1, "MUG", "A mug", 300),
        (2, "CUP", "A cup", 50),
    ]
    assert (order.status, order.total_paise, order.to_pincode) == ("placed", 650, PINCODE)


def test_a_placed_order_is_told_with_what_the_other_side_needs(customer_db, order):
    (event,) = events_of(customer_db, "OrderPlaced")

    assert event["order_id"] == str(order.order_id)
    assert (event["to_pincode"], event["revision"]) == (PINCODE, 1)
    assert event["lines"] == [
        {
            "line_no": 1,
            "sku": "MUG",
            "seller_id": str(SELLER),
            "quantity": 2,
            "unit_price_paise": PRICE_PAISE,
        }
    ]


def test_two_lines_with_the_same_offer_become_one(customer_db, now):
    put_offer(customer_db, now)

    order = a_placed_order(
        customer_db,
        now,
        LineWanted(sku="MUG", quantity=2),
        LineWanted(sku="MUG", quantity=3, seller_id=SELLER),
    )

    assert [(line.line_no, line.quantity) for line in order.lines] == [(1, 5)]


def test_without_a_seller_the_cheapest_offer_with_units_left_is_taken(customer_db, now):
    put_offer(customer_db, now, seller_id=SELLER, price_paise=100, free_units=0)
    put_offer(customer_db, now, seller_id=BALA, price_paise=120, free_units=1)

    order = a_placed_order(customer_db, now, LineWanted(sku="MUG", quantity=1))

    assert order.lines[0].seller_id == BALA


def test_an_item_that_seems_sold_out_can_be_ordered_because_the_copy_may_be_late(customer_db, now):
    put_offer(customer_db, now, free_units=0)

    assert a_placed_order(customer_db, now, LineWanted(sku="MUG", quantity=1)).status == "placed"


def test_what_nobody_offers_can_not_be_ordered(customer_db, now):
    put_offer(customer_db, now, "MUG")
    put_offer(customer_db, now, "CUP")
    customer_db.execute("UPDATE offers SET status = 'paused' WHERE sku = 'CUP'")
    address = put_customer(customer_db, now)

    for line in (
        LineWanted(sku="JUG", quantity=1),
        LineWanted(sku="CUP", quantity=1),
        LineWanted(sku="MUG", quantity=1, seller_id=BALA),
    ):
        with pytest.raises(NotOffered):
            place(customer_db, an_order_of(address, line), now)

    assert types_told(customer_db) == []


def test_an_order_goes_to_an_address_of_its_own_customer(customer_db, now):
    put_offer(customer_db, now)
    asha, bala = put_customer(customer_db, now), put_customer(customer_db, now)
    command = an_order_of(asha).model_copy(update={"address_id": bala.address_id})

    with pytest.raises(NotFound):
        place(customer_db, command, now)


def test_lines_that_are_too_much_together_are_refused_as_the_client_s_fault(customer_db, now):
    put_offer(customer_db, now, "MUG")
    put_offer(customer_db, now, "CAR", price_paise=PAISE_MAX)
    address = put_customer(customer_db, now)
    many, dear = LineWanted(sku="MUG", quantity=QUANTITY_MAX), LineWanted(sku="CAR", quantity=2)

    for lines in ([many, many], [dear]):
        with pytest.raises(InvalidRequest):
            place(customer_db, an_order_of(address, *lines), now)


def test_orders_of_a_customer_are_paged_from_the_newest(customer_db, now):
    put_offer(customer_db, now)
    address = put_customer(customer_db, now)
    placed = [
        json.loads(place(customer_db, an_order_of(address), now + n * LATER).body)["order_id"]
        for n in range(3)
    ]

    newest = orders.of_customer(customer_db, ADMIN, address.customer_id, None, 2)
    last = newest[-1]
    rest = orders.of_customer(
        customer_db, ADMIN, address.customer_id, (last.placed_at, last.order_id), 2
    )

    assert [str(order.order_id) for order in (*newest, *rest)] == placed[::-1]


# -- confirming


def test_a_confirmed_order_has_its_packages_promise_and_why(customer_db, documents, now):
    put_offer(customer_db, now)
    order = a_placed_order(customer_db, now, LineWanted(sku="MUG", quantity=4))
    package_ids = put_paths(documents, order, now, "BLR1", "MAA1")

    order = confirm(customer_db, documents, order, package_ids, now)

    assert (order.status, order.promise_date) == ("confirmed", promise(now))
    assert order.sourcing == {"why": "nearest"}
    assert {p.package_id: (p.origin_fc_code, p.lines) for p in order.packages} == {
        package_ids[0]: ("BLR1", {1: 2}),
        package_ids[1]: ("MAA1", {1: 2}),
    }
    (event,) = events_of(customer_db, "OrderConfirmed")
    assert event["package_ids"] == [str(package_id) for package_id in package_ids]


def test_confirming_again_changes_nothing(customer_db, documents, confirmed, now):
    ids = [package.package_id for package in confirmed.packages]

    assert confirm(customer_db, documents, confirmed, ids, now + LATER) == confirmed
    assert types_told(customer_db) == ["OrderPlaced", "OrderConfirmed"]


def test_an_order_is_not_confirmed_without_the_path_of_each_package(
    customer_db, documents, order, now
):
    known = put_paths(documents, order, now)

    with pytest.raises(NotFound):
        confirm(customer_db, documents, order, [*known, uuid4()], now)

    assert status_of(customer_db, order) == "placed"


def test_an_order_that_is_being_cancelled_can_not_be_confirmed(customer_db, documents, order, now):
    cancellations.request(customer_db, ADMIN, order.order_id, now)

    with pytest.raises(OrderStatusConflict):
        confirm(customer_db, documents, order, put_paths(documents, order, now), now)


def test_an_unknown_order_can_be_neither_confirmed_nor_rejected_nor_cancelled(
    customer_db, documents, order, now
):
    unknown = order.model_copy(update={"order_id": uuid4()})
    ids = put_paths(documents, unknown, now)

    for attempt in (
        lambda: confirm(customer_db, documents, unknown, ids, now),
        lambda: reject(customer_db, unknown, now),
        lambda: cancellations.request(customer_db, ADMIN, unknown.order_id, now),
        lambda: cancellations.begin(customer_db, unknown.order_id),
        lambda: cancellations.finish(customer_db, unknown.order_id, now),
    ):
        with pytest.raises(NotFound):
            attempt()


# -- rejecting


def test_a_rejected_order_says_why(customer_db, order, now):
    assert reject(customer_db, order, now)

    order = orders.by_id(customer_db, order.order_id)
    assert order.status == "rejected"
    assert order.rejection == Rejection(error="OutOfStock", message="MUG: 1 wanted, 0 free.")
    (event,) = events_of(customer_db, "OrderRejected")
    assert (event["error"], event["message"]) == ("OutOfStock", "MUG: 1 wanted, 0 free.")


def test_a_rejected_order_names_each_item_that_is_short_and_how_many_are_left(
    customer_db, order, now
):
    error = OutOfStock([Shortage("MUG", SELLER, 2, 1), Shortage("GONE", SELLER, 3, 0)])

    assert reject(customer_db, order, now, "OutOfStock", str(error))

    rejection = orders.by_id(customer_db, order.order_id).rejection
    assert rejection is not None
    assert rejection.message == "A mug: 2 wanted, 1 left; GONE: 3 wanted, 0 left."
    mug = {"sku": "MUG", "seller_id": str(SELLER), "item_name": "A mug", "wanted": 2, "left": 1}
    (event,) = events_of(customer_db, "OrderRejected")
    shown = rejection.model_dump(mode="json")["short_items"]
    assert shown[0] == mug
    assert event["short_items"] == shown
    assert event["message"] == rejection.message


@pytest.mark.parametrize(
    ("cause", "message"),
    [
        ('{"errorMessage": "MUG: 1 wanted.", "errorType": "OutOfStock"}', "MUG: 1 wanted."),
        ("The task timed out.", "The task timed out."),
        ('"text"', '"text"'),
        ("{}", "{}"),
        ("", "States.Timeout"),
    ],
)
def test_the_reason_is_what_a_person_can_read(customer_db, order, now, cause, message):
    reject(customer_db, order, now, "States.Timeout", cause)

    rejected = orders.by_id(customer_db, order.order_id)
    assert rejected.rejection == Rejection(error="States.Timeout", message=message)


def test_rejecting_again_says_again_that_there_is_something_to_undo(customer_db, order, now):
    assert reject(customer_db, order, now)
    assert reject(customer_db, order, now + LATER, "NoRoute")

    rejected = orders.by_id(customer_db, order.order_id)
    assert rejected.rejection == Rejection(error="OutOfStock", message="MUG: 1 wanted, 0 free.")
    assert types_told(customer_db) == ["OrderPlaced", "OrderRejected"]


def test_nothing_is_undone_for_an_order_that_was_confirmed(customer_db, confirmed, now):
    assert not reject(customer_db, confirmed, now, "States.Timeout")

    assert status_of(customer_db, confirmed) == "confirmed"
    assert "OrderRejected" not in types_told(customer_db)


def test_nothing_is_undone_by_placing_for_an_order_that_is_being_cancelled(
    customer_db, order, confirmed, now
):
    unconfirmed = a_placed_order(customer_db, now)

    for cancelled in (unconfirmed, confirmed):
        cancellations.request(customer_db, ADMIN, cancelled.order_id, now)
        assert not reject(customer_db, cancelled, now)
        cancellations.finish(customer_db, cancelled.order_id, now)
        assert not reject(customer_db, cancelled, now)
        assert status_of(customer_db, cancelled) == "cancelled"


# -- told again to who did not hear


def told(conn, now):
    """Sends what is unsent; its types."""
    types = [row[0] for row in conn.execute("SELECT type FROM outbox WHERE sent_at IS NULL")]
    conn.execute("UPDATE outbox SET sent_at = %s", [now])
    return types


def test_an_outcome_that_a_run_finds_is_told_again_as_the_same_event(
    customer_db, documents, confirmed, now
):
    rejected, cancelled = a_placed_order(customer_db, now), a_placed_order(customer_db, now)
    reject(customer_db, rejected, now)
    cancellations.request(customer_db, ADMIN, cancelled.order_id, now)
    cancellations.finish(customer_db, cancelled.order_id, now)
    told(customer_db, now)

    confirm(customer_db, documents, confirmed, [], now)
    assert told(customer_db, now) == ["OrderConfirmed"]
    reject(customer_db, confirmed, now)
    assert told(customer_db, now) == ["OrderConfirmed"]
    reject(customer_db, rejected, now)
    assert told(customer_db, now) == ["OrderRejected"]
    reject(customer_db, cancelled, now)
    assert told(customer_db, now) == ["OrderCancelled"]
    assert cancellations.begin(customer_db, cancelled.order_id) == "cancelled"
    assert told(customer_db, now) == ["OrderCancelled"]
    assert len(events_of(customer_db, "OrderConfirmed")) == 1


# -- cancelling


def test_a_cancellation_is_told_once_however_often_it_is_asked_for(customer_db, confirmed, now):
    for _ in range(2):
        asked = cancellations.request(customer_db, ADMIN, confirmed.order_id, now)
        assert asked.status == cancellations.begin(customer_db, asked.order_id)

    assert asked.status == "cancelling"
    assert len(events_of(customer_db, "CancellationRequested")) == 1


def test_a_cancelled_order_stays_cancelled_and_refunds_once(customer_db, confirmed, now):
    cancellations.request(customer_db, ADMIN, confirmed.order_id, now)
    for _ in range(2):
        assert cancellations.finish(customer_db, confirmed.order_id, now) == 0

    assert cancellations.request(customer_db, ADMIN, confirmed.order_id, now).status == "cancelled"
    assert [event["refund_paise"] for event in events_of(customer_db, "OrderCancelled")] == [0]


def test_an_order_whose_cancellation_was_refused_goes_on_and_may_be_cancelled_by_another_run(
    customer_db, confirmed, now
):
    cancellations.request(customer_db, ADMIN, confirmed.order_id, now)
    for _ in range(2):
        assert cancellations.refuse(customer_db, confirmed.order_id, now) == "confirmed"
    assert len(events_of(customer_db, "CancellationRefused")) == 1

    cancellations.request(customer_db, ADMIN, confirmed.order_id, now)
    assert [e["revision"] for e in events_of(customer_db, "CancellationRequested")] == [1, 2]


def test_an_order_that_was_cancelled_can_not_be_brought_back(customer_db, confirmed, now):
    cancellations.request(customer_db, ADMIN, confirmed.order_id, now)
    cancellations.finish(customer_db, confirmed.order_id, now)

    assert cancellations.refuse(customer_db, confirmed.order_id, now) == "cancelled"


def test_what_was_rejected_can_not_be_cancelled(customer_db, order, now):
    reject(customer_db, order, now)

    with pytest.raises(OrderStatusConflict):
        cancellations.request(customer_db, ADMIN, order.order_id, now)


def test_what_was_partly_delivered_can_not_be_cancelled(customer_db, documents, order, now):
    ids = put_paths(documents, order, now, "BLR1", "MAA1")
    confirm(customer_db, documents, order, ids, now)
    orders.track_package(customer_db, package_changed(order, ids[0], 5, "delivered", now), now)

    with pytest.raises(OrderStatusConflict):
        cancellations.request(customer_db, ADMIN, order.order_id, now)


def test_a_cancellation_can_not_be_finished_that_nobody_asked_for(customer_db, confirmed, now):
    with pytest.raises(OrderStatusConflict):
        cancellations.finish(customer_db, confirmed.order_id, now)


# -- at the same time


def confirming(documents, order, package_ids, now, conn):
    return confirm(conn, documents, order, package_ids, now)


def rejecting(order, now, conn):
    return reject(conn, order, now)


def cancelling(order, now, conn):
    return cancellations.request(conn, ADMIN, order.order_id, now)


def moving(documents, order, package_id, now, conn):
    put_paths(documents, order, now, status="in_transit", version=2)
    orders.track_package(conn, package_changed(order, package_id, 2, "in_transit", now), now)


def test_of_two_cancellations_at_once_one_is_told(customer_db, customer_dsn, confirmed, now):
    def cancel(conn):
        return cancellations.request(conn, ADMIN, confirmed.order_id, now).status

    assert run_together(customer_dsn, cancel, cancel, cancel) == ["cancelling"] * 3
    assert len(events_of(customer_db, "CancellationRequested")) == 1


def test_confirming_and_cancelling_at_once_end_in_one_of_the_two_orders(
    customer_db, customer_dsn, documents, now
):
    for _ in range(8):
        order = a_placed_order(customer_db, now)
        ids = put_paths(documents, order, now)

        confirmed, cancelled = run_together(
            customer_dsn,
            partial(confirming, documents, order, ids, now),
            partial(cancelling, order, now),
        )

        assert cancelled.status == status_of(customer_db, order) == "cancelling"
        was_confirmed = not isinstance(confirmed, OrderStatusConflict)
        told = events_of(customer_db, "OrderConfirmed")
        assert was_confirmed == (str(order.order_id) in {event["order_id"] for event in told})
        assert not reject(customer_db, order, now)


def test_confirming_and_rejecting_at_once_end_in_one_of_them(
    customer_db, customer_dsn, documents, now
):
    for _ in range(8):
        order = a_placed_order(customer_db, now)
        ids = put_paths(documents, order, now)

        confirmed, undo = run_together(
            customer_dsn,
            partial(confirming, documents, order, ids, now),
            partial(rejecting, order, now),
        )

        assert undo == isinstance(confirmed, OrderStatusConflict)
        assert status_of(customer_db, order) == ("rejected" if undo else "confirmed")


def test_a_package_that_moved_while_its_order_was_being_confirmed_is_shown_as_it_is(
    customer_db, customer_dsn, documents, now
):
    """The event comes first and finds no package; the path it tells of must not be read too early."""
    for _ in range(8):
        order = a_placed_order(customer_db, now)
        (package_id,) = put_paths(documents, order, now)

        outcomes = run_together(
            customer_dsn,
            partial(confirming, documents, order, [package_id], now),
            partial(moving, documents, order, package_id, now),
        )

        assert not [each for each in outcomes if isinstance(each, Exception)]
        (package,) = orders.by_id(customer_db, order.order_id).packages
        assert (package.status, package.version) == ("in_transit", 2)


# -- following packages


def test_the_last_package_at_its_end_finishes_the_order(customer_db, documents, order, now):
    ids = put_paths(documents, order, now, "BLR1", "MAA1")
    confirm(customer_db, documents, order, ids, now)

    orders.track_package(customer_db, package_changed(order, ids[0], 7, "delivered", now), now)
    assert status_of(customer_db, order) == "confirmed"

    orders.track_package(customer_db, package_changed(order, ids[1], 9, "returned", now), now)
    assert status_of(customer_db, order) == "finished"
    assert types_told(customer_db)[-1] == "OrderFinished"


def test_two_last_packages_at_once_finish_the_order_once(
    customer_db, customer_dsn, documents, order, now
):
    ids = put_paths(documents, order, now, "BLR1", "MAA1")
    confirm(customer_db, documents, order, ids, now)

    run_together(
        customer_dsn,
        *(
            lambda conn, id_=id_: orders.track_package(
                conn, package_changed(order, id_, 7, "delivered", now), now
            )
            for id_ in ids
        ),
    )

    assert status_of(customer_db, order) == "finished"
    assert len(events_of(customer_db, "OrderFinished")) == 1


def test_an_order_whose_packages_ended_before_it_was_confirmed_is_finished_at_once(
    customer_db, documents, order, now
):
    ids = put_paths(documents, order, now, status="delivered", version=9)

    assert confirm(customer_db, documents, order, ids, now).status == "finished"
    assert types_told(customer_db) == ["OrderPlaced", "OrderConfirmed", "OrderFinished"]


def test_what_a_customer_sends_back_leaves_the_order_finished(
    customer_db, documents, confirmed, now
):
    (package,) = confirmed.packages
    delivered = package_changed(confirmed, package.package_id, 5, "delivered", now)
    sent_back = package_changed(confirmed, package.package_id, 6, "returning", now)
    for change in (delivered, sent_back):
        orders.track_package(customer_db, change, now)

    assert status_of(customer_db, confirmed) == "finished"
    assert orders.by_id(customer_db, confirmed.order_id).packages[0].status == "returning"


def test_a_package_of_an_order_that_nobody_placed_is_not_taken(customer_db, order, now):
    unknown = order.model_copy(update={"order_id": uuid4()})

    with pytest.raises(InvalidRequest):
        orders.track_package(
            customer_db, package_changed(unknown, uuid4(), 2, "in_transit", now), now
        )


def test_a_package_s_path_is_shown_as_the_document_store_has_it(customer_db, documents, order, now):
    (package_id,) = put_paths(documents, order, now)

    assert tracking.path_of(customer_db, documents, ADMIN, package_id) == package_paths.by_id(
        documents, package_id
    )
    with pytest.raises(NotFound):
        tracking.path_of(customer_db, documents, ADMIN, uuid4())


# -- sweeping


def test_an_order_that_is_stuck_is_told_of_again_with_the_next_revision(customer_db, order, now):
    assert orders.sweep(customer_db, now, 10, now) == 0
    assert orders.sweep(customer_db, now + LATER, 10, now + LATER) == 1

    first, again = events_of(customer_db, "OrderPlaced")
    assert (first["revision"], again["revision"]) == (1, 2)
    assert again["event_id"] != first["event_id"]
    assert {**again, "event_id": 0, "occurred_at": 0, "revision": 0} == {
        **first,
        "event_id": 0,
        "occurred_at": 0,
        "revision": 0,
    }


def test_a_cancellation_that_is_stuck_is_told_of_again(customer_db, confirmed, now):
    cancellations.request(customer_db, ADMIN, confirmed.order_id, now)

    assert orders.sweep(customer_db, now + LATER, 10, now + LATER) == 1
    assert [e["revision"] for e in events_of(customer_db, "CancellationRequested")] == [1, 2]


def test_an_order_that_was_told_of_again_waits_its_turn(customer_db, order, now):
    orders.sweep(customer_db, now + LATER, 10, now + LATER)

    assert orders.sweep(customer_db, now + LATER, 10, now + LATER) == 0
    assert orders.sweep(customer_db, now + 2 * LATER, 10, now + 2 * LATER) == 1


def test_what_was_decided_is_not_swept(customer_db, confirmed, now):
    reject(customer_db, a_placed_order(customer_db, now), now)

    assert orders.sweep(customer_db, now + LATER, 10, now + LATER) == 0


def test_two_sweeps_at_once_tell_of_each_order_once(customer_db, customer_dsn, now):
    for _ in range(6):
        a_placed_order(customer_db, now)

    def sweep(conn):
        return orders.sweep(conn, now + LATER, 4, now + LATER)

    assert sum(run_together(customer_dsn, sweep, sweep)) == 6
    assert sorted(e["revision"] for e in events_of(customer_db, "OrderPlaced")) == [1] * 6 + [2] * 6
