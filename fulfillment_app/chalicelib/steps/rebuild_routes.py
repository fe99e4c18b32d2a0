"""Steps of `rebuild_routes`: keep the network, build tables, put them in force, plan anew what is broken."""

from typing import Any

from chalice import Blueprint
from pydantic import Field

from online_kart.domain.base import Model
from online_kart.planning.routes import current_routes

from .. import wiring
from ..services import packages, rebuilds
from ..services.chunks import Chunk
from ..services.rebuilds import PackageRange

rebuild_routes_steps = Blueprint(__name__)


class Build(Model):
    version: int


class CaughtError(Model):
    """As a state machine's Catch has it."""

    error: str = Field(alias="Error")
    cause: str = Field("", alias="Cause")


class FailedBuild(Build):
    error: CaughtError


@rebuild_routes_steps.lambda_function(name="snapshot_network")
def snapshot_network(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answers the chunks to build, or that a later build does the work of this one."""
    step = Build.model_validate(event)
    started = rebuilds.snapshot_network(
        wiring.inventory_db(),
        wiring.documents(),
        step.version,
        wiring.settings().hop_limit,
        wiring.now(),
    )
    return started.model_dump(mode="json")


@rebuild_routes_steps.lambda_function(name="build_tables")
def build_tables(event: dict[str, Any], context: object) -> dict[str, Any]:
    return rebuilds.build_tables(wiring.documents(), Chunk.model_validate(event))


@rebuild_routes_steps.lambda_function(name="publish_version")
def publish_version(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answers the ranges of packages to look at. Raises RouteTablesMissing."""
    step = Build.model_validate(event)
    published = rebuilds.publish_version(
        wiring.inventory_db(), wiring.documents(), step.version, wiring.now()
    )
    return published.model_dump(mode="json")


@rebuild_routes_steps.lambda_function(name="replan_packages")
def replan_packages(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Plans anew those of the range whose path leads over what is gone."""
    step = PackageRange.model_validate(event)
    conn, documents = wiring.inventory_db(), wiring.documents()
    routes = current_routes(documents, at_least=step.version)
    count: int = packages.replan_range(
        conn, documents, routes, step.after, step.until, wiring.now()
    )
    rebuilds.note_replanned(conn, step.version, count)
    wiring.nudge_relay()
    return {"replanned": count}


@rebuild_routes_steps.lambda_function(name="fail_build")
def fail_build(event: dict[str, Any], context: object) -> dict[str, Any]:
    """The compensation: notes the error. The version in force stays."""
    step = FailedBuild.model_validate(event)
    error, cause = step.error.error, step.error.cause
    rebuilds.fail_build(wiring.inventory_db(), step.version, f"{error}: {cause}", wiring.now())
    return {"error": error, "cause": cause}
