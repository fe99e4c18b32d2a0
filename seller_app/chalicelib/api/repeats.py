"""How this app keeps the answers of requests that came with an `Idempotency-Key`."""

from online_kart.repeats import Repeats

from .. import wiring

repeats = Repeats(wiring.inventory_db, wiring.now, wiring.nudge_relay)
