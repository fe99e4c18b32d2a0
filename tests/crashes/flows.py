"""The six flows: what people do, by HTTP as they would, and what must have come of it whatever died on the way.

A flow holds mishaps of its own (messages that lie in dead-letter queues for a while, executions that vanish, steps that
fail), so that every crash point is passed by some flow even where nobody dies.
"""

from collections.abc import Callable, Iterator, Mapping

from tests.crashes.flows_of_goods import batch, rebuild
from tests.crashes.flows_of_orders import cancel, give_back, place
from tests.crashes.flows_of_shipments import receive
from tests.crashes.ground import Place
from tests.crashes.system import World

Flow = Callable[[World, Place], Iterator[str]]
"""Does what people do, and yields what came out wrong."""

FLOWS: Mapping[str, Flow] = {
    "place": place,
    "cancel": cancel,
    "return": give_back,
    "rebuild": rebuild,
    "batch": batch,
    "receive": receive,
}
