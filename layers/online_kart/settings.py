"""Each app's settings: one frozen class, read from the environment once, on first use."""

import os
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """Field `inventory_dsn` is the variable KART_INVENTORY_DSN; an alias names another variable."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    mongodb_uri: str = Field(
        "mongodb://127.0.0.1:17017/?directConnection=true", alias="MONGODB_URI"
    )
    mongodb_secret: str = ""
    """Of AWS's Secrets Manager; where it is set, it has the store's address, and `mongodb_uri` counts for nothing."""
    documents_db: str = "kart"
    database_sign_in: Literal["password", "iam"] = "password"
    """By what the DSN says, or by IAM (see `credentials`)."""
    clock_file: str = ""
    event_bus: str = "kart"
    relay_function: str = ""
    token_issuers: str = "[]"
    """JSON: the user pools whose tokens the app takes (see `tokens.Issuer`). None: nobody can sign in."""
    aws_region: str = Field("ap-south-1", alias="AWS_DEFAULT_REGION")

    @classmethod
    def from_env(cls) -> Self:
        values: dict[str, Any] = {}
        for name, field in cls.model_fields.items():
            variable = field.alias or f"KART_{name.upper()}"
            if variable in os.environ:
                values[name] = os.environ[variable]
        return cls.model_validate(values)


class FulfillmentSettings(Settings):
    inventory_dsn: str
    hop_limit: int = Field(4, ge=1, le=16)
    hold_minutes: int = Field(15, ge=1)
    """How long stock is held for an order that is not yet confirmed, in business time."""
    late_recheck_minutes: int = Field(60, ge=1)
    """How often a late batch is looked for, in business time."""
    run_lost_after_seconds: float = Field(360, gt=0)
    """Express executions live at most 5 minutes; one without an outcome after this is lost (wall time)."""
    state_machine_arns: str = "{}"
    """JSON: machine name → ARN."""


class SellerSettings(Settings):
    inventory_dsn: str


class CustomerSettings(Settings):
    customer_dsn: str
    payments_url: str = ""
    """Of the payment provider; without one, orders are paid on delivery."""
    order_stuck_after_seconds: float = Field(600, gt=0)
    """An order still `placed` or `cancelling` after this (wall time) is told of again."""
