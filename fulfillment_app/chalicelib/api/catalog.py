"""/item-categories"""

from http import HTTPStatus

from chalice import Blueprint, Response

from online_kart.contract import created, operation, pages, versioned
from online_kart.domain.catalog import AddCategory, Category, CategoryId, DescribeCategory
from online_kart.domain.errors import (
    CategoryExists,
    CategoryUnderItself,
    NotFound,
    UnknownReference,
    VersionChanged,
)
from online_kart.domain.principals import ADMINS_ACT, STAFF_SEES
from online_kart.http import (
    Query,
    after,
    errors_to_http,
    etag,
    json_response,
    page_of,
    read_body,
    read_path,
    read_query,
    wanted_versions,
)

from .. import wiring
from ..services import catalog
from .repeats import repeats

catalog_api = Blueprint(__name__)


@catalog_api.route("/item-categories", methods=["POST"])
@operation(
    created(Category),
    body=AddCategory,
    errors=(UnknownReference, CategoryExists, CategoryUnderItself),
    access=ADMINS_ACT,
)
@errors_to_http
@repeats.safe(catalog_api)
def add_category() -> Response:
    command = read_body(catalog_api.current_request, AddCategory)
    category = catalog.add_category(wiring.inventory_db(), command, wiring.now())
    wiring.nudge_relay()
    location = {"Location": f"/item-categories/{category.category_id}"}
    return json_response(category, HTTPStatus.CREATED, location)


@catalog_api.route("/item-categories", methods=["GET"])
@operation(pages(Category), query=Query, access=STAFF_SEES)
@errors_to_http
def list_categories() -> Response:
    """By id; `parent_id` tells the tree."""
    query = read_query(catalog_api.current_request, Query)
    start = after(query.cursor, tuple[str])
    rows = catalog.listed(wiring.inventory_db(), start[0] if start else None, query.limit + 1)
    return json_response(page_of(rows, query.limit, lambda category: (category.category_id,)))


@catalog_api.route("/item-categories/{category_id}", methods=["GET"])
@operation(
    versioned(Category), path={"category_id": CategoryId}, errors=(NotFound,), access=STAFF_SEES
)
@errors_to_http
def category_by_id(category_id: str) -> Response:
    key: str = read_path(CategoryId, category_id, "category_id")
    category = catalog.by_id(wiring.inventory_db(), key)
    return json_response(category, headers=etag(category.version))


@catalog_api.route("/item-categories/{category_id}", methods=["PUT"])
@operation(
    versioned(Category),
    path={"category_id": CategoryId},
    body=DescribeCategory,
    errors=(NotFound, UnknownReference, CategoryUnderItself, VersionChanged),
    access=ADMINS_ACT,
)
@errors_to_http
def describe_category(category_id: str) -> Response:
    """Rename it, or move it in the tree."""
    key: str = read_path(CategoryId, category_id, "category_id")
    request = catalog_api.current_request
    command, wanted = read_body(request, DescribeCategory), wanted_versions(request)
    category = catalog.describe_category(wiring.inventory_db(), key, command, wiring.now(), wanted)
    wiring.nudge_relay()
    return json_response(category, headers=etag(category.version))
