"""Every list and every loop has a bound: a LIMIT, a page, a length, or a reason that is written here.

What is listed here is bounded by something that a reader of the statement can't see. Who adds to a list says by what.
"""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from local.apps import APPS, ROOT, load_app
from online_kart.http import PAGE_SIZE_MAX, Query
from tests.test_tidy import LAYER, SHIPPED, named, python_files

STORES = [
    LAYER / "inventory_db",
    LAYER / "customer_db",
    LAYER / "messaging",
    LAYER / "retention.py",
]

BOUNDED_ROWS: dict[str, str] = {
    # by what the caller names: at most a request's list, a page, or a chunk
    "inventory_db/availability.py:free_units": "the SKUs of a request (SKUS_MAX)",
    "messaging/inbox.py:first_times": "the orders of one turn (SERVED_AT_ONCE_MAX)",
    "inventory_db/facilities.py:kinds_of": "the codes that the caller names",
    "inventory_db/pincodes.py:of_fcs": "the FCs of a page",
    "inventory_db/batches.py:share_of_packages": "the packages of a request (LOADED_AT_ONCE_MAX)",
    "inventory_db/packages.py:lock_many": "the packages of a group that the caller names",
    "inventory_db/packages.py:lines_of": "the lines of packages that the caller names",
    "inventory_db/sellers.py:offered_skus": "the SKUs of a request (LINES_MAX)",
    "inventory_db/inbound.py:arrived": "the shipments of a page",
    "inventory_db/stock.py:_levels": "the offers of an order (LINES_MAX), in each FC",
    "inventory_db/stock.py:ship": "the packages of a batch",
    "customer_db/catalog.py:offers_of": "the SKUs of an order (LINES_MAX) or a page, of each seller",
    # by what one thing consists of
    "inventory_db/inbound.py:_lines": "a shipment's lines (LINES_MAX)",
    "inventory_db/packages.py:lock_of_order": "an order's packages: at most one an FC",
    "inventory_db/reservations.py:of_order": "an order's lines (LINES_MAX) in each FC",
    "inventory_db/reservations.py:release": "an order's lines (LINES_MAX) in each FC",
    "inventory_db/manifests.py:manifest": "what a batch holds",
    "inventory_db/scans.py:scanned": "what a batch holds",
    "inventory_db/sales.py:record_package": "a package's lines (LINES_MAX)",
    "inventory_db/sales.py:record_return": "a package's lines (LINES_MAX)",
    "inventory_db/returns.py:_lines_of": "a package's lines (LINES_MAX)",
    "inventory_db/returns.py:_units_of": "a package's lines (LINES_MAX)",
    "inventory_db/returns.py:sent_by_line": "a package's lines (LINES_MAX)",
    "inventory_db/returns.py:back_by_line": "a package's lines (LINES_MAX)",
    "customer_db/returns.py:left_of": "a package's lines (LINES_MAX)",
    "inventory_db/stock.py:restock": "a package's lines (LINES_MAX)",
    "inventory_db/pincodes.py:holders": "the FCs whose ranges one range touches",
    "customer_db/orders.py:lines_of": "an order's lines (LINES_MAX)",
    "customer_db/orders.py:packages_of": "an order's packages: at most one an FC",
    "customer_db/orders.py:package_statuses": "an order's packages: at most one an FC",
    # by a ceiling of their own
    "inventory_db/route_builds.py:under_way_ranges": "`ranges_max` ranges",
    # of whole tables, once a day, in a step of `reconcile` that has 300 s
    "inventory_db/reconciliations.py:legs_and_facilities": "the network",
    # by what one seller offers; suspending is one transaction, so that nothing is sold half suspended
    "inventory_db/sellers.py:change_status_of_offers": "a seller's offers",
}

BOUNDED_FINDS: dict[str, str] = {
    # read as a stream, in the order of the keys, by `reconcile`; never held at once
    "order_log.py:ids_in": "a stream of three days",
    "package_paths.py:ready_in": "a stream of thirty days",
    "price_changes.py:ids_in": "a stream of three days",
    "seller_sales.py:sold_in": "a stream of thirty days",
    "upcoming_shipments.py:logged_in": "a stream of three days",
    # by what the caller names
    "order_log.py:entries": "a group of ids (`in_groups`)",
    "price_changes.py:by_events": "a group of ids (`in_groups`)",
    "package_paths.py:by_ids": "the packages that the caller names",
    "package_paths.py:by_order": "an order's packages: at most one an FC",
    "route_builds.py:parts": "the chunks of a build: at most 40",
    "route_builds.py:base_versions": "builds under way",
    "route_tables.py:tables_in": "a group of ids (`in_groups`)",
    "route_tables.py:missing_tables": "a group of ids (`in_groups`)",
    "route_tables.py:kept_versions": "the last ten versions, and those of builds under way",
    "route_tables.py:prune": "tables of versions that are kept, and those that go",
    "upcoming_shipments.py:log_of": "an entry a change of one shipment",
}

BOUNDED_LOOPS: dict[str, str] = {
    "documents/reconciliations.py:put_rows": "ends with its rows",
    "documents/reconciliations.py:rows_of": "the parts that were put",
    "domain/reconciliation.py:paired": "a row of one of its two streams each time",
    "fulfillment_app/chalicelib/services/document_checks.py:_prices": "page by page",
    "fulfillment_app/chalicelib/services/document_checks.py:announcements": "page by page",
    "fulfillment_app/chalicelib/services/reconciliations.py:repair": "FINDINGS_KEPT_MAX findings of each subject",
    "fulfillment_app/chalicelib/services/route_checks.py:_places": "page by page",
    "fulfillment_app/chalicelib/services/route_checks.py:_wrong": "ends where a facility comes twice",
    "documents/collection.py:in_groups": "ends with its values",
    "domain/calendars.py:working_day_from": "six closed weekdays and a limited number of holidays",
    "domain/sourcing.py:_greedy": "an FC more each time, and there are enough",
    "domain/timetables.py:_days": "DAYS_LOOKED_AT departures, one a week at least",
    "fulfillment_app/chalicelib/services/dry_runs.py:_packages_hit": "PACKAGES_LOOKED_AT_MAX",
    "fulfillment_app/chalicelib/services/packages.py:_broken_of_range": "one range of a re-planning, page by page",
    "fulfillment_app/chalicelib/services/rebuilds.py:build_tables": "the tables of its chunk",
    "migrate.py:_take_lock": "LOCK_WAIT_SECONDS",
    "postgres.py:_idle_lease": "takes one of IDLE_CONNECTIONS_MAX each time",
}


# -- PostgreSQL


def functions_of(path: Path) -> Iterator[tuple[str, ast.FunctionDef, str]]:
    """(name, node, source) of each function of a file."""
    source = path.read_text()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            yield node.name, node, ast.get_source_segment(source, node) or ""


def text_in(node: ast.AST) -> str:
    """All its strings but a docstring."""
    docstring = ast.get_docstring(node, clean=False) if isinstance(node, ast.FunctionDef) else None
    strings = [
        part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]
    return "\n".join(each for each in strings if each != docstring)


READS_MANY = re.compile(
    r"\.fetchall\(|\bin conn\.execute|\bin cur\.execute|\(\s*(conn|cur)\.execute\(|_keyed\("
)


def reads_without_a_limit() -> set[str]:
    found = set()
    for path in (
        file for each in STORES for file in ([each] if each.is_file() else python_files(each))
    ):
        for name, node, source in functions_of(path):
            sql = text_in(node)
            if not re.search(r"\b(SELECT|RETURNING)\b", sql) or re.search(r"\bLIMIT\b", sql):
                continue
            if READS_MANY.search(source) and ".rowcount" not in source:
                found.add(f"{path.relative_to(LAYER)}:{name}")
    return found


def test_a_statement_that_reads_many_rows_has_a_limit_or_a_reason():
    assert reads_without_a_limit() - set(BOUNDED_ROWS) == set(), (
        "Add a LIMIT, or say what bounds it."
    )


def test_every_reason_is_of_a_statement_that_is_there():
    assert set(BOUNDED_ROWS) - reads_without_a_limit() == set()


# -- documents


def finds_without_a_limit() -> set[str]:
    return {
        f"{path.name}:{name}"
        for path in python_files(LAYER / "documents")
        for name, _, source in functions_of(path)
        if ".find(" in source and ".limit(" not in source
    }


def test_a_query_of_documents_has_a_limit_or_a_reason():
    listed = {name for name in BOUNDED_FINDS if not name.startswith("collection.py")}

    assert finds_without_a_limit() == listed


# -- loops


def loops() -> set[str]:
    """Functions of stores, services and rules with a `while`; the router's are bounded by its graphs."""
    files = [p for p in python_files(*SHIPPED) if LAYER / "routing" not in p.parents]
    return {
        str(path.relative_to(LAYER if path.is_relative_to(LAYER) else ROOT)) + f":{name}"
        for path in files
        for name, node, _ in functions_of(path)
        if any(isinstance(part, ast.While) for part in ast.walk(node))
    }


def test_every_loop_that_could_go_on_says_why_it_ends():
    assert loops() == set(BOUNDED_LOOPS)


# -- what clients send


def readers(app: str) -> Iterator[type[BaseModel]]:
    """Every model that a request's body or query is read into."""
    for path in python_files(ROOT / app / "chalicelib" / "api"):
        module = importlib.import_module(f"{app}.chalicelib.api.{path.stem}")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in (
                "read_body",
                "read_query",
            ):
                assert isinstance(node.args[1], ast.Name), f"{named(path)}:{node.lineno}"
                yield getattr(module, node.args[1].id)


ENDS = ("maxLength", "pattern", "format", "enum", "const")
"""What bounds a string: a format is a UUID's, a date's or a time's."""


def unbounded(schema: Any, place: str) -> Iterator[str]:
    """Strings and lists of a JSON schema that may be of any length."""
    if isinstance(schema, list):
        for part in schema:
            yield from unbounded(part, place)
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "string" and not any(end in schema for end in ENDS):
        yield f"{place}: a string"
    if schema.get("type") == "array" and "maxItems" not in schema:
        yield f"{place}: a list"
    for key, part in schema.items():
        below = {"properties", "$defs"}
        parts = part.items() if key in below and isinstance(part, dict) else [("", part)]
        for name, each in parts:
            yield from unbounded(each, f"{place}.{name}" if name else place)


@pytest.mark.parametrize("app", APPS)
def test_every_text_and_list_of_a_request_has_a_greatest_length(app):
    models = {model.__name__: model for model in readers(app)}
    assert models
    found = {
        problem
        for name, model in models.items()
        for problem in unbounded(model.model_json_schema(), name)
    }

    assert found == set()


@pytest.mark.parametrize("app", APPS)
def test_every_page_has_a_greatest_size(app):
    """`limit` of any list: 200, as LIMITS.md says; more is refused."""
    pages = [model for model in readers(app) if issubclass(model, Query)]
    assert pages or app == "seller_app"
    for model in pages:
        limit = model.model_json_schema()["properties"]["limit"]
        assert limit["maximum"] == PAGE_SIZE_MAX == 200, model.__name__


def test_every_list_over_http_is_paged():
    """A view that answers a page reads a `Query`; no other view answers a list."""
    for app in APPS:
        load_app(app)
        for path in python_files(ROOT / app / "chalicelib" / "api"):
            for name, _, source in functions_of(path):
                if "page_of(" in source:
                    assert "query.limit + 1" in source, f"{named(path)}: {name}"
