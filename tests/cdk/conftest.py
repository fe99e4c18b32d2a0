"""The templates of all deployments, made once: with stand-ins for the layers, which no template looks into."""

import json
import re
from pathlib import Path

import pytest

from cdk import layers


@pytest.fixture(scope="session")
def assembly(tmp_path_factory):
    """The folder that `cdk deploy` would read."""
    app = pytest.importorskip(
        "cdk.app", reason="what a deployment needs is not installed", exc_type=ImportError
    )
    built, out = tmp_path_factory.mktemp("layers"), tmp_path_factory.mktemp("cdk.out")
    for layer in layers.ALL:
        folder = built / f"{layer.name}-{layers.PYTHON}-{layers.ARCHITECTURE}"
        folder.mkdir()
        (folder / "stand-in").write_text(layer.name)
    app.synthesize(built, out)
    return out


@pytest.fixture(scope="session")
def templates(assembly):
    """(deployment, stack) → its template."""
    found = {}
    for path in sorted(Path(assembly).glob("assembly-*/*.template.json")):
        deployment = path.parent.name.removeprefix("assembly-")
        named = re.fullmatch(rf"{deployment}(\w+)[0-9A-F]{{8}}\.template\.json", path.name)
        assert named, path
        found[deployment, named[1]] = json.loads(path.read_text())
    return found
