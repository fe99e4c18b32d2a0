"""Where Lambda finds the functions of an app: `online_kart.lambda_functions.reserve_stock` is its `reserve_stock`.

By Chalice's own account a step is in its module, say `chalicelib.steps.place_order`. Lambda would import that, and never
`app.py`, which puts middleware around it: no step would be told its correlation id, and no line of the log would be JSON.
"""

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    """The function as `app.py` has registered it, which is imported by the first look."""
    if name.startswith("__"):  # what Python itself looks for
        raise AttributeError(name)
    handlers = importlib.import_module("app").app.handler_map
    if name not in handlers:
        raise AttributeError(f"The app has no function {name}.")
    return handlers[name]
