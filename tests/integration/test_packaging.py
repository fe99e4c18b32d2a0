"""Each app can be packed for Lambda: by itself, without a network, and without anything happening on import."""

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import requires
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from local.apps import APPS, ROOT

LAYER = ROOT / "layers"
NEVER_IN_THE_LAYER = {"numpy", "scipy", "pandas", "networkx"}
"""Each is larger than all else together, and Lambda carries 250 MB at most."""
ZIP_KB_MAX = 200
REFUSE_TO_CONNECT = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise PermissionError(f"{event} {arguments}")

sys.addaudithook(refuse)
"""
TELL_WHAT_IS_IMPORTED = "import app, sys; print(*sys.modules)"
VALIDATE = """
import os
from chalice.cli.factory import CLIFactory
from chalice.deploy.validate import validate_configuration

validate_configuration(CLIFactory(os.getcwd(), environ=os.environ).create_config_obj("dev"))
"""
PACKAGE = "from chalice.cli import main; main()"


@pytest.fixture
def run(tmp_path):
    """Runs Python in a copy of the app's folder, with no network and an environment that names nothing of ours."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(REFUSE_TO_CONNECT)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "site"), str(LAYER)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_DEFAULT_REGION": "ap-south-1",
    }

    def run(app, code, *arguments):
        folder = tmp_path / app
        shutil.copytree(
            ROOT / app,
            folder,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("__pycache__", "deployments"),
        )
        ended = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    return run


def test_the_network_is_refused(run):
    connect = "import socket; socket.create_connection(('127.0.0.1', 9))"

    with pytest.raises(AssertionError, match="PermissionError"):
        run("seller_app", connect)


@pytest.mark.parametrize("app", APPS)
def test_importing_an_app_asks_for_no_settings_and_no_store(run, app):
    """Its databases' addresses have no default: who reads the settings on import finds none."""
    imported = set(run(app, TELL_WHAT_IS_IMPORTED).split())

    assert {"app", "chalicelib.wiring"} <= imported
    assert imported & {"boto3", "igraph", "jwt"} == set(), "Import it where it is used: it is slow."


@pytest.mark.parametrize("app", APPS)
def test_the_configuration_of_an_app_is_valid(run, app):
    """Finds what packaging lets pass: a path with a slash at its end, a name that is given twice."""
    run(app, VALIDATE)


@pytest.mark.parametrize("app", APPS)
def test_an_app_is_packed_without_its_libraries(run, tmp_path, app):
    run(app, PACKAGE, "package", "--stage", "dev", str(tmp_path / "out"))

    packed = tmp_path / "out" / "deployment.zip"
    modules = {str(path.relative_to(ROOT / app)) for path in (ROOT / app).rglob("*.py")}
    names = set(ZipFile(packed).namelist())
    assert modules <= names
    assert {name.split("/")[0] for name in names} <= {"app.py", "chalicelib", "chalice"}
    assert packed.stat().st_size < ZIP_KB_MAX * 1000
    assert json.loads((tmp_path / "out" / "sam.json").read_text())["Resources"]


@pytest.mark.parametrize("app", APPS)
def test_libraries_come_from_the_layer_only(app):
    assert (ROOT / app / "requirements.txt").read_text() == ""


def test_what_the_layer_carries_needs_no_heavy_library():
    lines = (LAYER / "requirements.txt").read_text().splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    needed = with_all_they_need(wanted)

    assert {"chalice", "igraph", "psycopg-binary"} <= needed
    assert needed & NEVER_IN_THE_LAYER == set()


def with_all_they_need(wanted):
    """The names of the packages, and of all that those need as they are installed here."""
    seen = set()
    while wanted:
        package = wanted.pop()
        for extra in {"", *package.extras}:
            if (package.name, extra) in seen:
                continue
            seen.add((package.name, extra))
            needs = [Requirement(need) for need in requires(package.name) or ()]
            wanted += [n for n in needs if not n.marker or n.marker.evaluate({"extra": extra})]
    return {name.lower() for name, _ in seen}
