"""The base of every model: frozen, and closed to fields it does not know."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A value. Two with the same fields are equal; none can be changed after it was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def example(**fields: Any) -> ConfigDict:
    """`model_config = example(…)`: how one looks in JSON, for those who read the API's documents."""
    return ConfigDict(json_schema_extra={"examples": [fields]})
