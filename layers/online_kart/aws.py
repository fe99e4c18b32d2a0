"""Clients of AWS: one place that says how long a call may take. Made on first use; boto3 is imported only then."""

from typing import Any

CONNECT_SECONDS_MAX = 1.0
"""AWS's endpoints are in the same region, mostly in the same network."""

ANSWER_SECONDS_MAX = 5.0
"""Of one attempt. What we call answers within a fraction of a second: put_events, start_execution, invoke without waiting."""

ATTEMPTS_MAX = 2
"""All attempts take at most 12 s and a backoff: a request that nudges the relay after its commit still answers within
API Gateway's 29 s. What needs more tries has them around it: the relay's next minute, a sweep, a queue's redelivery."""


def client(service: str, region: str) -> Any:
    """boto3's client of that service."""
    import boto3  # 155 ms: only where it is used
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_SECONDS_MAX,
        read_timeout=ANSWER_SECONDS_MAX,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS_MAX},
    )
    return boto3.client(service, region_name=region, config=config)
