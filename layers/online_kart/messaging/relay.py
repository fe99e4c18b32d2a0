"""Nudging the relay: after a commit we ask it to run at once instead of at its next minute.

A nudge may fail: it is logged and forgotten, because the schedule runs the relay anyway.
"""

import logging
from typing import Any, Protocol

from ..crashpoints import crashpoint

logger = logging.getLogger(__name__)


class LambdaClient(Protocol):
    """What we need of boto3's `lambda` client."""

    def invoke(self, *, FunctionName: str, InvocationType: str) -> dict[str, Any]: ...


def nudge(client: LambdaClient | None, function_name: str) -> None:
    """Ask the relay function to run now, without waiting for it. No client: nothing to nudge."""
    crashpoint("relay.nudging")
    if client is None or not function_name:
        return
    try:
        client.invoke(FunctionName=function_name, InvocationType="Event")
    except Exception:
        # Whatever botocore raises: the schedule is the safety net, and the commit has been made.
        logger.warning("The relay could not be nudged", exc_info=True)
    crashpoint("relay.nudged")
