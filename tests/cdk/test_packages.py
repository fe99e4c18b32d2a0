"""What is deployed is what the apps register: no function, schedule or queue is left out, and each may do what it does."""

import ast

import pytest

from cdk import needs, packages
from cdk.needs import needs_of
from cdk.packages import API, APPS, AUTHORIZER
from local.apps import APPS as LOCAL_APPS, ROOT, load_apps
from local.environment import RELAYS as LOCAL_RELAYS
from online_kart.messaging.rules import CONSUMERS_BY_APP


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    return {app: packages.package(app, folder) for app in APPS}


def names(package, kind):
    return {function.name for function in package.functions if function.kind == kind}


def test_all_apps_are_packed():
    assert set(APPS) == set(LOCAL_APPS)


def test_every_function_of_the_apps_is_in_its_package(packed):
    for app, loaded in load_apps().items():
        package = packed[app]
        assert names(package, "step") == {f.name for f in loaded.app.pure_lambda_functions}
        assert names(package, "consumer") == set(CONSUMERS_BY_APP[app])
        assert {f.name: f.schedule for f in package.functions if f.schedule} == loaded.schedules
        assert names(package, "api") == {API}
        assert names(package, "authorizer") == {AUTHORIZER}


def test_every_route_is_in_the_api_with_its_authorizer(packed):
    for app, loaded in load_apps().items():
        paths = packed[app].swagger["paths"]
        for path, methods in loaded.app.routes.items():
            for method, entry in methods.items():
                said = paths[path][method.lower()]
                assert bool(entry.authorizer) == (said.get("security") == [{AUTHORIZER: []}]), path


def test_a_function_is_called_alike_in_no_two_apps(packed):
    deployed = [
        package.deployed_name(function.name)
        for package in packed.values()
        for function in package.functions
    ]

    assert len(set(deployed)) == len(deployed)


def test_an_app_knows_only_its_own_database(packed):
    other = {"fulfillment_app": "customer", "seller_app": "customer", "customer_app": "inventory"}
    for app, package in packed.items():
        asked = {need for function in package.functions for need in needs_of(app, function)}
        assert other[app] not in asked
        assert "documents" in asked


def test_only_relays_publish_and_only_what_minds_runs_starts_them(packed):
    who: dict[str, set[str]] = {}
    for app, package in packed.items():
        for function in package.functions:
            for need in needs_of(app, function):
                who.setdefault(need, set()).add(function.name)

    assert who["bus"] == set(LOCAL_RELAYS.values())
    assert who["machines"] == {"start_run", "record_run", "sweep_runs"}
    assert who["payments"] == {"confirm_order", "settle_payments", "refund_returns"}


def test_an_authorizer_needs_nothing_of_ours(packed):
    for app, package in packed.items():
        (authorizer,) = [f for f in package.functions if f.kind == "authorizer"]
        assert needs_of(app, authorizer) == frozenset()


@pytest.mark.parametrize("app", APPS)
def test_what_an_apps_wiring_offers_is_known(app):
    """Whoever adds a connection says here what rights it takes."""
    wiring = ast.parse((ROOT / app / "chalicelib" / "wiring.py").read_text())
    offered = {node.name for node in wiring.body if isinstance(node, ast.FunctionDef)}
    within = {"aws_client"}  # by other functions of the wiring

    public = {name for name in offered if not name.startswith("_")}
    assert public - within <= needs.NEEDS.keys()
    views = (ROOT / app / "chalicelib").rglob("*.py")
    assert not [path for path in views if "wiring.aws_client" in path.read_text()]


def test_what_computes_has_a_core_and_what_people_wait_for_more_than_the_rest(packed):
    """Lambda gives processor by memory: 1,769 MB are one core."""
    memory = {f.name: f.memory_mb for package in packed.values() for f in package.functions}

    assert memory["build_tables"] == memory["replan_packages"] == 1769
    assert memory["api_handler"] > memory["reserve_stock"] == 512


def test_a_need_is_found_behind_a_function_of_the_same_module():
    job = packages.Function("relay_inventory_outbox", "job", "chalicelib.jobs", 512, 60)

    assert needs_of("fulfillment_app", job) == {"inventory", "bus"}
