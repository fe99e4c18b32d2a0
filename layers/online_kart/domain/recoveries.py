"""Recoveries: a package that was given up as lost turns up at a facility."""

from uuid import UUID

from .base import Model, example
from .events import PackageStatus
from .values import FacilityCode


class RecoverPackage(Model):
    """`facility`: where it is now."""

    model_config = example(facility="BLR1")

    facility: FacilityCode


class Recovered(Model):
    """How it goes on: to its customer, or back (`returning`, `returned`), and to where."""

    package_id: UUID
    status: PackageStatus
    at_facility: FacilityCode | None
    destination_fc_code: FacilityCode
