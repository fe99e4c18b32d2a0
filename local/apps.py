"""Loads the three Chalice apps into one interpreter, though all call their modules the same.

As Lambda sees it, each app is a folder with `app.py` and a package `chalicelib`. In one process
these names collide; and removing them from `sys.modules` after loading would break every import
that a function does later, when it is called. So each app is loaded under its own name: its package
is `fulfillment_app.chalicelib`, the one that tests and mypy know, and `chalicelib` is only an alias
of it while its `app.py` runs. That works because `chalicelib` imports relatively.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import Any

from chalice import Chalice
from chalice.app import ScheduledEventConfig, SQSEventConfig

from .bus import Subscription
from .errors import LocalError
from .lambdas import Handler

APPS = ("fulfillment_app", "seller_app", "customer_app")
ROOT = Path(__file__).resolve().parent.parent
"""The repository."""

_LOADING = RLock()


class DuplicateFunction(LocalError):
    """Two apps call a Lambda function the same; state machines couldn't tell them apart."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Two apps have a Lambda function called {name}.")


@dataclass(frozen=True)
class LoadedApp:
    """A Chalice app and what of it runs outside HTTP, by the names in its decorators."""

    name: str
    app: Chalice
    wiring: ModuleType | None
    """`chalicelib.wiring`; None where an app has none."""
    functions: dict[str, Handler]
    """Every Lambda function but the one for HTTP: called with (event, context)."""
    schedules: dict[str, str]
    """function → its schedule expression."""
    subscriptions: tuple[Subscription, ...]


def load_app(name: str) -> LoadedApp:
    """The app in the folder `name`, which must be on Python's path. A repeat loads nothing anew."""
    with _LOADING:
        app = _app_module(name).app
    sources = app.event_sources
    return LoadedApp(
        name=name,
        app=app,
        wiring=sys.modules.get(f"{name}.chalicelib.wiring"),
        functions=_functions(app),
        schedules={
            source.name: _expression(source)
            for source in sources
            if isinstance(source, ScheduledEventConfig)
        },
        subscriptions=tuple(
            Subscription(source.queue, source.name, source.batch_size)
            for source in sources
            if isinstance(source, SQSEventConfig) and source.queue
        ),
    )


def load_apps(names: Sequence[str] = APPS) -> dict[str, LoadedApp]:
    return {name: load_app(name) for name in names}


def all_functions(apps: Mapping[str, LoadedApp]) -> dict[str, Handler]:
    """The functions of all apps. Raises DuplicateFunction."""
    functions: dict[str, Handler] = {}
    for app in apps.values():
        for name, handler in app.functions.items():
            if name in functions:
                raise DuplicateFunction(name)
            functions[name] = handler
    return functions


def _functions(app: Chalice) -> dict[str, Handler]:
    names = [f.name for f in app.pure_lambda_functions] + [s.name for s in app.event_sources]
    return {name: app.handler_map[name] for name in names}


def _expression(source: ScheduledEventConfig) -> str:
    expression = source.schedule_expression
    return expression if isinstance(expression, str) else expression.to_string()


def _app_module(name: str) -> Any:
    loaded = sys.modules.get(f"{name}.app")
    if loaded is not None:
        return loaded
    folder = _folder(name)
    with _aliased(_chalicelib_of(name, folder)):
        return _run(f"{name}.app", folder / "app.py")


def _folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise LocalError(f"There is no app {name} on Python's path.")
    return Path(next(iter(spec.submodule_search_locations)))


def _chalicelib_of(name: str, folder: Path) -> dict[str, ModuleType]:
    """Every module of the app's package, imported, by its name in Lambda."""
    for path in sorted((folder / "chalicelib").rglob("*.py")):
        module = path.relative_to(folder).with_suffix("")
        parts = module.parts[:-1] if module.name == "__init__" else module.parts
        importlib.import_module(".".join((name, *parts)))
    ours = f"{name}.chalicelib"
    return {
        key.removeprefix(f"{name}."): module
        for key, module in list(sys.modules.items())
        if key == ours or key.startswith(f"{ours}.")
    }


@contextmanager
def _aliased(modules: dict[str, ModuleType]) -> Iterator[None]:
    """The modules under these names, and no other chalicelib, as long as the block lasts."""
    others = {key: sys.modules.pop(key) for key in list(sys.modules) if _is_chalicelib(key)}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for key in [key for key in sys.modules if _is_chalicelib(key)]:
            del sys.modules[key]
        sys.modules.update(others)


def _is_chalicelib(module_name: str) -> bool:
    return module_name.partition(".")[0] == "chalicelib"


def _run(module_name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise LocalError(f"{path} can't be loaded.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    return module
