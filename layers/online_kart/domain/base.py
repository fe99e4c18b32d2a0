"""The base of every model: frozen, and closed to fields it does not know."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A value. Two with the same fields are equal; none can be changed after it was made."""

    model_config = ConfigDict(frozen=True, extra="forbid")
