"""Builds the Lambda layers without Docker: wheels for Lambda's Linux, our package, and its bytecode.

    python -m cdk.layers [--architecture x86_64] [--python 3.13] [--interpreter python3.13]

A layer is a folder that Lambda lays at /opt. What is in it is pinned by a lock file, and nothing in it tells when or where
it was built: two builds are the same to the byte, and CDK uploads nothing where nothing has changed. Bytecode cuts import
times to a quarter, but only that of the very minor version counts; without such a Python at hand it is left out.
"""

import argparse
import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ROOT / "layers"
BUILT = ROOT / "cdk" / ".build"

PYTHON = "3.13"
"""Of the functions. Python 3.11 on Lambda has a C library that is too old for igraph's wheel."""

ARCHITECTURE = "arm64"
"""A fifth cheaper than x86_64, and as fast for what we do."""

MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
"""Lambda's name of an architecture → that in the names of wheels."""

PLATFORMS = ("manylinux_2_28", "manylinux2014")
"""Both: igraph has wheels for the newer only, others for the older. Lambda has glibc 2.34."""

UNPACKED_BYTES_MAX = 60_000_000
"""Of a layer, with its bytecode. Lambda's limit is 250 MB; what is larger starts later."""

AWS_SERVICES = frozenset({"events", "lambda", "secretsmanager", "stepfunctions"})
"""What our code has a client of. botocore knows 400 services, in 25 MB."""

NOT_CARRIED = {
    "records of the build": "*.dist-info/RECORD *.dist-info/INSTALLER *.dist-info/direct_url.json",
    "programs, tests, types, sources of what is compiled": "bin include **/tests **/*.pyi **/*.pxd **/*.c",
    "clients of other services, and time zones a second time": (
        "boto3/s3 boto3/ec2 boto3/dynamodb boto3/examples dateutil/zoneinfo/*.tar.gz"
    ),
    "Chalice's command line": "chalice/[!_a]* chalice/awsclient.py",
    "Powertools, but for its logger and its Swagger UI": " ".join(
        (
            *(
                "aws_lambda_powertools/utilities/[!_j]*",
                "aws_lambda_powertools/event_handler/[!o]*",
            ),
            "aws_lambda_powertools/event_handler/openapi/[!s]*",
        )
    ),
    "the pydantic of yesterday, and files in MongoDB": "pydantic/v1 gridfs",
}
"""What → where it is, in the folder of packages. 20 MB; that nobody misses it is tested by importing and calling."""

NOT_COMPILED = ("dns",)
"""Only read where a store's address is `mongodb+srv://…`."""

EPOCH = 315_532_800
"""1980-01-01, the earliest that a zip file knows: the time of every file."""


class LayerRefused(Exception):
    """A layer that can't be deployed; the message says what to do."""


@dataclass(frozen=True)
class Layer:
    """One of the layers. Its lock file is `layers/<name>.lock`."""

    name: str
    ours: tuple[str, ...] = ()
    """Folders of `layers/` that it carries as they are: packages."""
    files: tuple[str, ...] = ()
    """Folders of `layers/` that are laid beside Python's folder."""

    @property
    def lock(self) -> Path:
        return LAYERS / f"{self.name}.lock"


ONLINE_KART = Layer("online_kart", ours=("online_kart",), files=("certificates",))
SIGNATURES = Layer("signatures")
"""Beside the other, of authorizers only."""

ALL = (ONLINE_KART, SIGNATURES)


@dataclass(frozen=True)
class Target:
    """What a layer is built for. `interpreter`: a Python of that version, for the bytecode."""

    python: str = PYTHON
    architecture: str = ARCHITECTURE
    interpreter: str | None = None


def build(layer: Layer, target: Target, into: Path = BUILT) -> Path:
    """The folder of the layer, built anew. Raises LayerRefused; CalledProcessError where pip can't."""
    folder = _folder(layer, target, into)
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into) as work:
        draft = Path(work) / "layer"
        _fill(draft, layer, target)
        _make_timeless(draft)
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    return folder


def folder_of(layer: Layer, target: Target, into: Path = BUILT) -> Path:
    """Where it was built. Raises LayerRefused where it was not."""
    folder = _folder(layer, target, into)
    if not folder.is_dir():
        raise LayerRefused(f"{folder} is not there. Build it first: make layers")
    return folder


def _folder(layer: Layer, target: Target, into: Path) -> Path:
    return into / f"{layer.name}-{target.python}-{target.architecture}"


def _fill(draft: Path, layer: Layer, target: Target) -> None:
    packages = draft / "python"
    _install(layer.lock, packages, target)
    for name in layer.ours:
        shutil.copytree(
            LAYERS / name, packages / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in layer.files:
        shutil.copytree(LAYERS / name, draft / name)
    for patterns in NOT_CARRIED.values():
        for pattern in patterns.split():
            _remove(packages.glob(pattern))
    _remove(_unused_services(packages))
    _squeeze(packages / "botocore" / "data" / "endpoints.json")
    if target.interpreter:
        _compile_all(packages, target.interpreter)


def _install(lock: Path, packages: Path, target: Target) -> None:
    machine = MACHINES[target.architecture]
    platforms = [f"--platform={platform}_{machine}" for platform in PLATFORMS]
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--no-compile", "--only-binary=:all:", "--implementation=cp"),
            *(f"--python-version={target.python}", *platforms),
            *(f"--target={packages}", f"--requirement={lock}"),
        ],
        check=True,
    )


def _unused_services(packages: Path) -> Iterator[Path]:
    """botocore's descriptions of services that nobody here calls."""
    for data in packages.glob("bot*/data"):  # botocore's, and boto3's
        for service in data.iterdir():
            if service.is_dir() and service.name not in AWS_SERVICES:
                yield service


def _squeeze(file: Path) -> None:
    """botocore reads its files packed as well; this one has 1.2 MB, and is read by every client."""
    if file.exists():
        file.with_suffix(".json.gz").write_bytes(gzip.compress(file.read_bytes(), mtime=0))
        file.unlink()


def _compile_all(packages: Path, interpreter: str) -> None:
    """Bytecode that Python takes without looking at the source's time, which is no use after unpacking.

    One process, and no chance in the order of sets: what is written twice is the same.
    """
    subprocess.run(
        [
            *(
                interpreter,
                "-m",
                "compileall",
                "-q",
                "-j",
                "1",
                "-s",
                packages,
                "-p",
                "/opt/python",
            ),
            *("--invalidation-mode", "unchecked-hash", packages),
        ],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    for package in NOT_COMPILED:
        _remove((packages / package).rglob("__pycache__"))


def _remove(paths: Iterator[Path]) -> None:
    for path in list(paths):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _make_timeless(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.suffix == ".so" else 0o644)
        os.utime(path, (EPOCH, EPOCH))


# -- what was built


def digest(folder: Path) -> str:
    """SHA-256 over the names, modes and contents of all files."""
    known = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        mode = path.stat().st_mode & 0o777
        known.update(f"{path.relative_to(folder)} {mode:o} {path.stat().st_size}\n".encode())
        known.update(path.read_bytes())
    return known.hexdigest()


def unpacked_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def check_size(folder: Path, bytes_max: int = UNPACKED_BYTES_MAX) -> None:
    """Raises LayerRefused for a layer that is too large."""
    found = unpacked_bytes(folder)
    if found > bytes_max:
        raise LayerRefused(
            f"{folder.name} has {found / 1e6:.1f} MB unpacked, {bytes_max / 1e6:.0f} at most. "
            f"`du -sm {folder}/python/* | sort -n` tells what is large."
        )


def interpreter_of(python: str) -> str | None:
    """A Python of this minor version: the one that runs, or one on the PATH. None where there is none."""
    for candidate in (sys.executable, shutil.which(f"python{python}")):
        if candidate and _version_of(candidate) == python:
            return candidate
    return None


def _version_of(interpreter: str) -> str:
    """`3.13`; nothing where it does not run."""
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    asked = subprocess.run([interpreter, "-c", ask], capture_output=True, text=True, check=False)
    return asked.stdout.strip()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m cdk.layers", description="Build the layers.")
    parser.add_argument("--architecture", choices=sorted(MACHINES), default=ARCHITECTURE)
    parser.add_argument("--python", default=PYTHON, help="minor version of the functions")
    parser.add_argument("--interpreter", help="a Python of that version, for the bytecode")
    parser.add_argument("--into", type=Path, default=BUILT)
    options = parser.parse_args(arguments)
    interpreter = options.interpreter or interpreter_of(options.python)
    if not interpreter:
        print(f"No Python {options.python} here: functions will start slower, without bytecode.")
    target = Target(options.python, options.architecture, interpreter)
    for layer in ALL:
        folder = build(layer, target, options.into)
        print(f"{folder}  {unpacked_bytes(folder) / 1e6:.1f} MB  {digest(folder)}")
        check_size(folder)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LayerRefused as refused:
        sys.exit(f"{refused}")
