"""What the layers carry: all that functions need, at fixed versions, the same with every build, and not too much."""

import json
import os
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cdk import layers, packages
from cdk.layers import ALL, ONLINE_KART, SIGNATURES, LayerRefused, Target

STAND_IN = Path(__file__).parent / "lambda_stand_in.py"

OF_THE_COMMAND_LINE = {"click", "inquirer", "pip", "pyyaml", "setuptools", "wheel"}
OF_FILES_IN_S3 = {"s3transfer"}
NOT_NEEDED = {"chalice": OF_THE_COMMAND_LINE, "boto3": OF_FILES_IN_S3, "cffi": {"pycparser"}}
"""What a package asks for, and no function of ours uses; that it does without is tested below."""

HERE = Target(
    f"{sys.version_info.major}.{sys.version_info.minor}",
    "x86_64" if os.uname().machine == "x86_64" else "arm64",
    sys.executable,
)
"""The layers as this machine can run them."""


def locked(layer):
    lines = layer.lock.read_text().splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(each.name): each.specifier for each in wanted}


def everything_locked():
    return {name: versions for layer in ALL for name, versions in locked(layer).items()}


def test_the_locks_name_one_version_of_each_package():
    for name, versions in everything_locked().items():
        (only,) = versions
        assert only.operator == "==", name


def test_the_locks_have_what_the_laptop_has():
    """layers/requirements.txt is what tests run with."""
    lines = (layers.LAYERS / "requirements.txt").read_text().splitlines()
    locked_ = everything_locked()
    for wanted in [Requirement(line) for line in lines if line and not line.startswith("#")]:
        (version,) = locked_[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(version.version), wanted.name


def test_what_a_locked_package_needs_is_locked():
    known = everything_locked()
    for name in known:
        needs = [Requirement(need) for need in requires(name) or ()]
        needed = {
            canonicalize_name(need.name)
            for need in needs
            if not need.marker or need.marker.evaluate({"extra": ""})
        }
        assert needed - known.keys() == NOT_NEEDED.get(name, set()), name


def test_what_signatures_are_verified_with_is_beside_authorizers_only():
    assert "cryptography" not in locked(ONLINE_KART)
    assert "cryptography" in locked(SIGNATURES)


def test_a_layer_that_is_too_large_is_refused(tmp_path):
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "large").write_bytes(b"0" * 1001)

    layers.check_size(tmp_path, bytes_max=1001)
    with pytest.raises(LayerRefused, match="at most"):
        layers.check_size(tmp_path, bytes_max=1000)


def test_a_layer_that_was_not_built_is_told_how_to_build():
    with pytest.raises(LayerRefused, match="make layers"):
        layers.folder_of(ONLINE_KART, Target(python="2.7"))


def test_the_digest_of_a_folder_knows_names_modes_and_contents(tmp_path):
    digests = set()
    (tmp_path / "a").write_text("1")
    digests.add(layers.digest(tmp_path))
    (tmp_path / "a").write_text("2")
    digests.add(layers.digest(tmp_path))
    (tmp_path / "a").chmod(0o755)
    digests.add(layers.digest(tmp_path))
    (tmp_path / "a").rename(tmp_path / "b")
    digests.add(layers.digest(tmp_path))

    assert len(digests) == 4


# -- built, which takes a network and a minute


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layers")
    return {layer.name: layers.build(layer, HERE, folder) for layer in ALL}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_builds_are_the_same_to_the_byte(built, tmp_path):
    for layer in ALL:
        again = layers.build(layer, HERE, tmp_path)
        assert layers.digest(again) == layers.digest(built[layer.name])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_built_layer_is_small_and_has_no_package_twice(built):
    for folder in built.values():
        layers.check_size(folder)
    for package in ("boto3", "botocore"):
        assert len(list(built["online_kart"].rglob(f"{package}/__init__.py"))) == 1
    assert not list(built["online_kart"].rglob("_cffi_backend*"))


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    return {app: packages.package(app, folder) for app in packages.APPS}


def in_lambda(package, folders, *handlers):
    """What the stand-in tells of these handlers, with those layers."""
    path = [package.code, *(folder / "python" for folder in folders)]
    ended = subprocess.run(
        [sys.executable, "-I", "-S", STAND_IN, *handlers],
        env={"KART_PATH": os.pathsep.join(map(str, path)), "AWS_DEFAULT_REGION": "ap-south-1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("app", packages.APPS)
def test_every_function_of_an_app_is_found_with_only_its_folder_and_the_layer(built, packed, app):
    package = packed[app]
    handlers = [packages.handler_of(each) for each in package.functions]

    told = in_lambda(package, [built["online_kart"]], *handlers)

    assert [each["handler"] for each in told] == handlers
    (api,) = [each for each in told if "pages" in each]
    assert set(api["pages"].values()) == {200}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_authorizer_verifies_tokens_with_both_layers_and_not_with_one(built, packed):
    """PyJWT says itself what it knows; without the second layer RS256 is unknown."""
    package = packed["seller_app"]
    (both,) = in_lambda(package, built.values(), "jwt.algorithms.has_crypto")
    (one,) = in_lambda(package, [built["online_kart"]], "jwt.algorithms.has_crypto")

    assert (both["is"], one["is"]) == ("True", "False")
