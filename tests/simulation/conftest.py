"""The stage of a test session: its own databases, emptied before each week."""

from collections.abc import Iterator

import pytest

from local.apps import load_apps
from local.databases import Databases

from .stores import Ground, opened
from .week import Stage


@pytest.fixture(scope="session")
def ground(servers: Databases) -> Iterator[Ground]:
    with opened(servers) as ground:
        yield ground


@pytest.fixture
def stage(ground: Ground) -> Stage:
    return Stage(ground, load_apps())
