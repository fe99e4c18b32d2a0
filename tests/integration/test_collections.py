"""The collections of the document store are made as often, and by as many at once, as deployments like."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pymongo.database import Database as Documents

from local.databases import Databases
from online_kart.documents import connection
from online_kart.documents.collection import Collection
from online_kart.documents.indexes import COLLECTIONS, ensure_collections
from tests.servers import fresh_name

AT_ONCE = 4


@pytest.fixture
def empty(servers: Databases) -> Iterator[Documents[dict[str, Any]]]:
    database = connection.database(servers.mongodb_uri, fresh_name())
    yield database
    database.client.drop_database(database.name)


def test_several_at_once_make_each_collection_with_its_indexes_and_again_changes_nothing(
    empty: Documents[dict[str, Any]],
) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(ensure_collections, [empty] * AT_ONCE))
    made = indexes_of(empty)
    assert made.keys() == {collection.name for collection in COLLECTIONS}
    for collection in COLLECTIONS:
        assert made[collection.name] == {"_id_", *(i.document["name"] for i in collection.indexes)}

    ensure_collections(empty)

    assert indexes_of(empty) == made


def test_what_a_collection_demands_of_its_documents_changes_with_it(
    empty: Documents[dict[str, Any]],
) -> None:
    Collection("mugs", {"colour": "string"}).ensure(empty)
    larger = Collection("mugs", {"colour": "string", "height": "int"})

    larger.ensure(empty)

    assert empty["mugs"].options()["validator"] == larger.schema()


def indexes_of(documents: Documents[dict[str, Any]]) -> dict[str, set[str]]:
    return {
        name: set(documents[name].index_information()) for name in documents.list_collection_names()
    }
