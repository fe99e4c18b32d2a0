"""`/docs` of each app in a browser that can reach nothing but the app."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

import pytest
from chalice.config import Config
from chalice.local import LocalDevServer
from playwright.sync_api import expect

from local.apps import APPS, load_app
from local.ports import HOST
from tests.contracts import contract_of


@pytest.fixture(scope="module", params=APPS)
def served(request) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Where an app is served, and its document. No store is needed: the pages ask none."""
    app = load_app(request.param).app
    server = LocalDevServer(app, Config(), HOST, 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://{HOST}:{server.server.server_port}", contract_of(app).said
    server.shutdown()
    thread.join()
    server.server.server_close()


@pytest.fixture(scope="module")
def page(browser, served):
    """Opened and drawn, once an app. What it complained of, and asked of others, must be nothing."""
    address, _ = served
    complaints, strange = [], []
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def only_the_app(route):
        if route.request.url.startswith((address, "data:", "blob:")):
            route.continue_()
        else:
            strange.append(route.request.url)
            route.abort()

    context.route("**/*", only_the_app)
    page.goto(f"{address}/docs")
    page.wait_for_selector("#api .opblock")
    yield page
    assert complaints == []
    assert strange == []
    context.close()


def test_the_page_shows_every_operation_and_the_conventions(page, served):
    _, said = served

    operations = sum(len(path) for path in said["paths"].values())
    expect(page.locator("#api .opblock")).to_have_count(operations)
    expect(page.locator("#api .opblock-tag")).to_have_count(len(said["tags"]))
    expect(page.locator("#api .info")).to_contain_text("Conventions of the three APIs")
    expect(page.locator("#api .info table")).to_contain_text("StockTooLow")


def test_the_events_for_others_are_a_page_away_with_a_schema_of_each(page, served):
    address, _ = served
    reader = page.context.new_page()
    reader.goto(f"{address}/docs")
    reader.get_by_role("link", name="Events for others").click()

    expect(reader.locator("#api .info")).to_contain_text("AvailabilityChanged")
    expect(reader.locator("#api")).not_to_contain_text("No operations")
    link = reader.get_by_role("link", name="OrderPlaced.v1").get_attribute("href")
    assert reader.request.get(urljoin(reader.url, link)).json()["title"] == "OrderPlaced.v1"
    reader.close()


def test_an_operation_opens_with_its_answers_and_can_be_tried(page, served):
    address, _ = served

    page.locator("#operations-health-health .opblock-summary").click()
    health = page.locator("#operations-health-health")
    expect(health.locator(".responses-table").first).to_contain_text("Unavailable")

    health.get_by_role("button", name="Try it out").click()
    health.get_by_role("button", name="Execute").click()
    expect(health.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(health.locator(".request-url")).to_contain_text(f"{address}/health")
