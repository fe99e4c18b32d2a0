"""Loading by hand: people scan packages into another batch of the leg that these take next than the one they wait for."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from .base import Model, example
from .batches import Batch
from .package_paths import PackagePath
from .packages import UNDER_WAY, Package

LOADED_AT_ONCE_MAX = 1_000

NotLoaded = Literal["unknown", "at_its_end", "left", "elsewhere", "other_way"]
"""Why a package does not go with a batch: there is no such package; it is not under way any more, or on its last mile; it
is on a sealed manifest; it is not where the batch leaves; its path does not lead on by the batch's leg."""


class LoadPackages(Model):
    model_config = example(package_ids=["5f0ce2b1-7d54-4f0c-9d0b-0a2f5a8a3c11"])

    package_ids: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=LOADED_AT_ONCE_MAX)]


class LoadedPackage(Model):
    """`unchanged`: it was in the batch before. `refused`: it stays where it was, and `why` says the reason."""

    package_id: UUID
    outcome: Literal["loaded", "unchanged", "refused"]
    why: NotLoaded | None = None


class Loads(Model):
    """What became of each package of a request, in its order."""

    batch: Batch
    packages: tuple[LoadedPackage, ...]


def why_not(
    batch: Batch, package: Package | None, held: Batch | None, path: PackagePath | None
) -> NotLoaded | None:
    """Why the package can't go with the open batch. None: it can. `held`: the batch that it is in."""
    if package is None:
        return "unknown"
    if package.status not in UNDER_WAY:
        return "at_its_end"
    if held is not None and held.status in ("closed", "in_transit"):
        return "left"
    if package.at_facility != batch.origin:
        return "elsewhere"
    stop = path.current_stop if path else None
    if stop is None or stop.leg is None or stop.leg.key != batch.leg_key:
        return "other_way"
    return None
