"""Synthesizes all deployments: `cdk synth`, or `python -m cdk.app`, which needs no CLI.

cdk-nag looks at every resource: a finding that nobody has acknowledged (see `acknowledged`) fails the synthesis.
"""

import sys
import tempfile
from pathlib import Path

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from . import deployments, layers, packages
from .system import System

CONTEXT = {"@aws-cdk/aws-lambda:recognizeLayerVersion": True}
"""Where only a layer has changed, a function has a new version all the same: else its alias would stay with the old one."""


def synthesize(built: Path, into: Path | None = None) -> None:
    """`built`: where the layers are (see `layers`). `into`: not where the CLI asks, which names a folder itself."""
    app = App(context=CONTEXT, outdir=str(into) if into else None)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with tempfile.TemporaryDirectory() as work:
        packed = {name: packages.package(name, Path(work)) for name in packages.APPS}
        folders = {
            layer.name: layers.folder_of(layer, layers.Target(), built) for layer in layers.ALL
        }
        for deployment in deployments.ALL:
            System(app, deployment, packed, folders)
        app.synth()


if __name__ == "__main__":
    try:
        synthesize(layers.BUILT)
    except layers.LayerRefused as refused:
        sys.exit(f"{refused}")
