"""The listener that keeps the stores to the portable subset sees what it must."""

import pytest

from tests.conftest import _listener


@pytest.fixture
def refused(documents):
    """What was refused so far; the test's own offences are forgiven at the end."""
    yield _listener.refused
    _listener.refused.clear()


def test_reading_and_writing_by_key_is_portable(documents, refused):
    documents["things"].insert_one({"_id": 1, "n": 1})
    documents["things"].update_one({"_id": {"$in": [1]}}, {"$set": {"n": 2}})
    assert documents["things"].find_one({"_id": 1}) == {"_id": 1, "n": 2}
    assert refused == []


def test_a_command_that_not_every_store_has_is_refused(documents, refused):
    documents["things"].insert_one({"_id": 1, "n": 1})
    documents["things"].find_one_and_update({"_id": 1}, {"$set": {"n": 2}})
    assert refused == ["the command findAndModify"]


def test_an_operator_that_not_every_store_has_is_refused_wherever_it_stands(documents, refused):
    list(documents["things"].find({"$and": [{"name": {"$regex": "^a"}}]}))
    assert refused == ["$regex in find"]
