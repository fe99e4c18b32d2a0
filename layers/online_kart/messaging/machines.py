"""The state machines and their kind: one table, read by CDK and by the local engine alike.

ASL has no field for the kind, and it is no detail. An Express execution costs next to nothing, but
lives five minutes, tells nobody that it ended and may run twice; a Standard one may wait for a year
and tells the bus of each change of its status. What waits for a truck is Standard; what a customer
waits for is Express, and the order row is its durable state.
"""

from typing import Literal

Kind = Literal["EXPRESS", "STANDARD"]

MACHINES: dict[str, Kind] = {
    "place_order": "EXPRESS",
    "cancel_order": "EXPRESS",
    "rebuild_routes": "STANDARD",
    "move_batch": "STANDARD",
    "receive_shipment": "STANDARD",
    "reconcile": "STANDARD",
}
"""The name of each machine (its file is `statemachines/<name>.asl.json`) → its kind."""
