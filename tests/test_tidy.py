"""Rules that no linter knows. Each failure says where, and what to do instead."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fulfillment_app.chalicelib.services import runs
from local import diagrams
from local.apps import APPS, ROOT, all_functions, load_apps
from local.step_functions import SUFFIX, snake_case
from online_kart import aws, postgres
from online_kart.documents import connection as documents
from online_kart.domain import errors
from online_kart.domain.events import EVENTS
from online_kart.logs import MARKS
from online_kart.messaging.machines import MACHINES
from online_kart.messaging.rules import CONSUMERS_BY_APP, RULES, RUN_STATUS_CHANGE, queue_of
from tests.faults import DEATHS

LAYER = ROOT / "layers" / "online_kart"
OURS = [LAYER, *(ROOT / app for app in APPS), ROOT / "local", ROOT / "tests"]
SHIPPED = OURS[:-2]
"""What runs on AWS."""

LOWER_CASE_SQL = re.compile(
    r"\b(select|insert into|update \w+ set|delete from|from \w+ where|order by|group by|on conflict"
    r"|returning|left join|inner join|is null|is not null)\b"
)
LOOKS_LIKE_SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE|ALTER TABLE)\s")
RETRIED_AT_MOST = 10
RUN = {"name.$": "$$.Execution.Name", "input.$": "$$.Execution.Input"}
"""What a step is told of its run: its log lines and events have the id of what the run came of (`online_kart.logs`)."""


def python_files(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(p for p in folder.rglob("*.py") if ".venv" not in p.parts)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text_of(*folders: Path) -> Iterator[tuple[str, int, str]]:
    """(file, line number, line)"""
    for path in python_files(*folders):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            yield named(path), number, line


# -- state machines

MACHINE_NAMES = sorted(
    path.name.removesuffix(SUFFIX) for path in diagrams.DEFINITIONS.glob("*.json")
)


def tasks_of(machine: str) -> list[tuple[str, diagrams.State]]:
    states = diagrams.all_states(diagrams.definition(machine))
    return [(name, state) for name, state in states if state["Type"] == "Task"]


def catchers_of(machine: str) -> list[tuple[str, str, list[list[str]]]]:
    """(state, Catch or Retry, its lists of errors)"""
    return [
        (name, kind, [entry["ErrorEquals"] for entry in state[kind]])
        for name, state in diagrams.all_states(diagrams.definition(machine))
        for kind in ("Catch", "Retry")
        if kind in state
    ]


def test_the_machines_are_the_files():
    assert set(MACHINE_NAMES) == set(MACHINES)


@pytest.mark.parametrize("machine", MACHINE_NAMES)
def test_every_task_of_a_state_machine_is_a_function_of_an_app(machine):
    functions = all_functions(load_apps())

    for name, state in tasks_of(machine):
        assert state["Parameters"]["FunctionName"] == f"${{{name}}}", (
            f"{machine}: {name} calls {state['Parameters']['FunctionName']}; "
            "a state, its substitution and its function have one name."
        )
        assert snake_case(name) in functions, f"{machine}: no app has {snake_case(name)}."
        assert state["Parameters"]["Payload"].get("run") == RUN, f"{machine}: {name} needs `run`."


def test_every_step_is_used_by_a_machine():
    steps = {snake_case(name) for machine in MACHINE_NAMES for name, _ in tasks_of(machine)}
    functions = {f.name for app in load_apps().values() for f in app.app.pure_lambda_functions}

    assert functions - steps == set(), "Remove these Lambda functions, or use them."


@pytest.mark.parametrize("machine", MACHINE_NAMES)
def test_every_error_a_state_machine_names_is_one_of_ours(machine):
    for state, kind, lists in catchers_of(machine):
        for name in (name for names in lists for name in names):
            known = (
                name in DEATHS or name.startswith(("States.", "Lambda.")) or hasattr(errors, name)
            )
            assert known, f"{machine}: {kind} of {state} names {name}, which nobody raises."


@pytest.mark.parametrize("machine", MACHINE_NAMES)
def test_a_state_that_catches_everything_does_so_last_and_by_that_name_alone(machine):
    """Otherwise Step Functions refuses the definition."""
    for state, kind, lists in catchers_of(machine):
        for place, names in enumerate(lists, start=1):
            if "States.ALL" in names:
                assert names == ["States.ALL"], f"{machine}: {kind} of {state}"
                assert place == len(lists), f"{machine}: {kind} of {state}"


@pytest.mark.parametrize("machine", MACHINE_NAMES)
def test_every_task_ends_in_time_and_tries_again_a_bounded_number_of_times(machine):
    assert (
        diagrams.definition(machine)["TimeoutSeconds"] if MACHINES[machine] == "EXPRESS" else True
    )
    for name, state in tasks_of(machine):
        where = f"{machine}: {name}"
        assert 0 < state["TimeoutSeconds"] <= 900, f"{where} needs TimeoutSeconds."
        assert state["Retry"], f"{where} needs Retry."
        for entry in state["Retry"]:
            assert 0 < entry["MaxAttempts"] <= RETRIED_AT_MOST, where
            assert entry["BackoffRate"] > 1, where
            assert entry["JitterStrategy"] == "FULL", where
        retried = {error for entry in state["Retry"] for error in entry["ErrorEquals"]}
        assert {"Unavailable", "Lambda.TooManyRequestsException", *DEATHS} <= retried, where


@pytest.mark.parametrize("machine", MACHINE_NAMES)
def test_every_state_leads_somewhere_that_exists_and_can_be_reached(machine):
    def check(part):
        states = part["States"]
        reached, ahead = set(), [part["StartAt"]]
        while ahead:
            name = ahead.pop()
            if name in reached:
                continue
            assert name in states, f"{machine}: there is no state {name}."
            reached.add(name)
            state = states[name]
            leads = [target for _, _, target in diagrams._arrows(state)]
            ends = state.get("End") or state["Type"] in ("Succeed", "Fail")
            assert leads or ends, f"{machine}: {name} leads nowhere."
            ahead += leads
            if "ItemProcessor" in state:
                check(state["ItemProcessor"])
        assert reached == set(states), f"{machine}: nothing leads to {set(states) - reached}."

    check(diagrams.definition(machine))


def test_each_step_has_what_undoes_it_beside_it():
    for machine in MACHINE_NAMES:
        steps = diagrams.steps(diagrams.definition(machine))
        assert set(diagrams.UNDONE_BY[machine]) == set(steps), (
            f"{machine}: say in local/diagrams.py what undoes each step."
        )


def test_the_pictures_of_the_machines_are_up_to_date():
    assert diagrams.README.read_text() == diagrams.readme(), "Run `python -m local.diagrams`."


# -- events


def test_each_consumer_of_a_rule_is_a_function_behind_its_own_queue():
    listens = {
        subscription.function: subscription.queue
        for app in load_apps().values()
        for subscription in app.subscriptions
    }

    assert listens == {consumer: queue_of(consumer) for consumer in RULES}


def test_each_consumer_is_in_the_app_that_the_rules_say():
    assert {
        name: {subscription.function for subscription in app.subscriptions}
        for name, app in load_apps().items()
    } == {name: set(consumers) for name, consumers in CONSUMERS_BY_APP.items()}


def test_every_event_that_is_heard_is_told_and_every_event_is_heard_or_known_not_to_be():
    heard = {type_ for types in RULES.values() for type_ in types}
    # People read these in the bus's archive and in alarms.
    for_people = {"BatchDelayed", "ShipmentReceived"}

    assert heard - set(EVENTS) == {RUN_STATUS_CHANGE}
    assert set(EVENTS) - heard == for_people


def test_every_event_that_starts_a_run_has_a_machine():
    assert set(RULES["start_run"]) == set(runs._RUN_OF_EVENT)


# -- code


def test_inside_an_app_its_modules_are_imported_relatively():
    """The same file is `chalicelib.x` in Lambda and `fulfillment_app.chalicelib.x` here."""
    for path in python_files(*(ROOT / app / "chalicelib" for app in APPS)):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [node.module or ""]
            else:
                continue
            absolute = [m for m in modules if "chalicelib" in m.split(".")]
            assert not absolute, f"{named(path)}:{node.lineno}: `from ..services import stock`"


def test_no_line_of_the_log_has_an_extra_by_the_name_of_a_mark():
    """Within a step, say, logging would raise KeyError: a line of the log would fail the step."""
    for path in python_files(*SHIPPED):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "extra":
                keys = {key.value for key in ast.walk(node.value) if isinstance(key, ast.Constant)}
                assert not keys & MARKS, f"{named(path)}:{node.value.lineno}: call it otherwise."


def test_the_environment_is_read_by_settings_only():
    found = [
        f"{file}:{number}"
        for file, number, line in text_of(*SHIPPED)
        if re.search(r"\bos\.(environ|getenv)\b|from os import", line)
        and file != "layers/online_kart/settings.py"
    ]

    assert not found, "Add a field to online_kart/settings.py."


def test_nothing_is_left_to_do():
    words = ("TO" + "DO", "FIX" + "ME")
    found = [
        f"{file}:{number}"
        for file, number, line in text_of(*OURS)
        if any(re.search(rf"\b{word}\b", line) for word in words)
    ]

    assert not found, "Do it, or open an issue."


def test_every_module_says_what_it_is_for():
    silent = [
        named(path)
        for path in python_files(*OURS)
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]

    assert not silent, "Begin it with a docstring."


def sql_of(path: Path) -> Iterator[tuple[int, str]]:
    """The SQL in a file's strings, with the line each begins at."""
    for node in ast.walk(ast.parse(path.read_text())):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and "\n" in text and LOOKS_LIKE_SQL.search(text):
            yield node.lineno, text  # type: ignore[attr-defined]  # a constant has one


def without_comments_and_text(sql: str) -> str:
    return re.sub(r"--[^\n]*|'[^']*'", "", sql)


def test_keywords_of_sql_are_upper_case():
    places = [
        (f"{named(path)}:{line}", sql)
        for path in python_files(*SHIPPED)
        for line, sql in sql_of(path)
    ]
    places += [(named(path), path.read_text()) for path in LAYER.rglob("*.sql")]
    assert len(places) > 100

    wrong = [
        f"{place}: {match[0]}"
        for place, sql in places
        if not is_docstring(sql)
        and (match := LOWER_CASE_SQL.search(without_comments_and_text(sql)))
    ]

    assert not wrong


def is_docstring(text: str) -> bool:
    return not text.startswith(("\n", " ")) and not text.startswith("--")


def test_sql_is_in_stores_only():
    """Services call functions of `inventory_db`, `customer_db` and `messaging`."""
    found = [
        f"{named(path)}:{line}"
        for path in python_files(*(ROOT / app for app in APPS))
        for line, sql in sql_of(path)
        if not is_docstring(sql)
    ]

    assert not found


# -- crash points

DOTTED = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*")
NOT_THEIR_OWN_COMMIT = {
    # What asks for new route tables dies in `request_rebuild`, which is part of its transaction, and in the nudge.
    "facilities": {
        *("add_hub", "add_fulfillment_center", "_change", "_close", "_delete"),
        *("add_leg", "change_leg", "delete_leg", "put_network"),
    },
    "holidays": {"add", "remove"},
    "pincodes": {"add", "import_ranges", "remove", "replace"},
    # Nothing is written, or all of it is rolled back.
    "dry_runs": {"_draft"},
    "items": {"_outcome"},
    "line_haul": {"check_arrival"},
    # It reads; or what it writes is written by another function, which has a crash point.
    "batches": {"by_id", "_expect_departure"},
    "packages": {"tell_again"},
    # Only met where a reconciliation finds drift, which no world has: every step of it can be repeated.
    "reconciliations": {"_restore_package"},
    "repairs": {"repaired"},
    # Only met where an order was prepaid: worlds have no provider, and tests of returns let it die.
    "returns": {"_settle"},
    # Only met by orders that come at the same time, and worlds have one thread: tests of requests let askers die.
    "stock": {"_reserve_locked"},
    "reservation_requests": {"_are_held", "serve"},
}
"""Functions of services that open a transaction and pass no crash point of their own, by module."""


def calls_of(name: str, node: ast.AST) -> Iterator[ast.Call]:
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and ast.unparse(each.func).split(".")[-1] == name:
            yield each


def crashpoints() -> Iterator[tuple[str, str]]:
    """(name, where) of each in what is shipped. A name that is no literal is shown as it is written."""
    for path in python_files(*SHIPPED):
        for call in calls_of("crashpoint", ast.parse(path.read_text())):
            (name,) = call.args
            text = name.value if isinstance(name, ast.Constant) else f"<{ast.unparse(name)}>"
            yield str(text), f"{named(path)}:{call.lineno}"


def test_each_crash_point_has_a_name_of_its_own_that_is_a_literal():
    """So a world can be named by who dies in it."""
    places: dict[str, list[str]] = {}
    for name, where in crashpoints():
        assert DOTTED.fullmatch(name), f'{where}: {name} should read "reserve_stock.held".'
        places.setdefault(name, []).append(where)

    assert {name: where for name, where in places.items() if len(where) > 1} == {}
    assert len(places) > 100


def test_every_transaction_of_a_service_has_a_crash_point():
    """Who adds one says where a process may die in it (see online_kart/crashpoints.py)."""
    without: dict[str, set[str]] = {}
    for path in python_files(*(ROOT / app / "chalicelib" / "services" for app in APPS)):
        for function in functions_of(ast.parse(path.read_text())):
            opens = any(calls_of("transaction", function))
            if opens and not any(calls_of("crashpoint", function)):
                without.setdefault(path.stem, set()).add(function.name)

    assert without == NOT_THEIR_OWN_COMMIT


def functions_of(module: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in module.body if isinstance(node, ast.FunctionDef))


# -- migrations and the README


@pytest.mark.parametrize("database", ["inventory_db", "customer_db"])
def test_migrations_are_numbered_without_a_gap_and_lead_both_ways(database):
    files = sorted((LAYER / database / "migrations").glob("*.sql"))

    assert [int(path.name[:4]) for path in files] == list(range(1, len(files) + 1))
    for path in files:
        assert re.findall(r"^-- migrate:(\w+)", path.read_text(), re.MULTILINE) == ["up", "down"]


def tables_of(database: str) -> set[str]:
    migrations = (LAYER / database / "migrations").glob("*.sql")
    return {
        table
        for path in migrations
        for table in re.findall(r"CREATE TABLE (?:IF NOT EXISTS )?(\w+)", path.read_text())
    }


@pytest.mark.parametrize("database", ["inventory_db", "customer_db"])
def test_the_readme_says_where_each_table_is(database):
    readme = (ROOT / "README.md").read_text()

    assert {table for table in tables_of(database) if f"`{table}`" not in readme} == set()


def test_every_row_of_the_mission_has_its_place_in_the_readme():
    rows = re.findall(r"^\| ([ICD]\d+[bc]?) \|", (ROOT / "README.md").read_text(), re.MULTILINE)

    assert " ".join(rows) == (
        "I1 I2 I2b I2c I3 I4 I4b I5 I6 I7 I8 I9 I10 I11 I12 I13 "
        "C1 C2 C3 C4 C4b C4c C5 C6 C7 D1 D2 D3 D4 D5 D6 D7 D8"
    )


def test_what_the_readme_points_at_is_there():
    rows = re.findall(r"^\| [ICD]\d+[bc]? \|.*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    paths = {path for row in rows for path in re.findall(r"`([\w/]+\.py)`", row)}

    assert {
        p for p in paths if not (LAYER / p).exists() and not (ROOT / "tests" / p).exists()
    } == set()


def test_what_the_page_on_security_names_is_tested():
    said = (ROOT / "SECURITY.md").read_text()
    tests = {path.name: path.read_text() for path in python_files(ROOT / "tests")}

    named_tests = set(re.findall(r"`(test_\w+)`", said))
    everything = "".join(tests.values())
    assert {name for name in named_tests if f"def {name}(" not in everything} == set()
    assert len(named_tests) > 10
    assert set(re.findall(r"`(test_\w+\.py)`", said)) <= set(tests)


def test_definitions_are_json_with_two_spaces():
    for path in diagrams.DEFINITIONS.glob("*.json"):
        json.loads(path.read_text())
        assert "\t" not in path.read_text(), named(path)


# -- time-outs

API_GATEWAY_SECONDS = 29


def chalice_config(app: str) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((ROOT / app / ".chalice" / "config.json").read_text())
    return config


def lambda_timeouts(app: str) -> dict[str, int]:
    """Seconds, of functions that have a time-out of their own."""
    own = chalice_config(app)["lambda_functions"]
    return {function: settings["lambda_timeout"] for function, settings in own.items()}


def test_a_step_ends_when_its_machine_stops_waiting_for_it():
    """A Lambda that ran on would work beside the next attempt; one that ended before would fail by another name."""
    wait = {
        snake_case(name): state["TimeoutSeconds"]
        for machine in MACHINE_NAMES
        for name, state in tasks_of(machine)
    }
    own = {name: seconds for app in APPS for name, seconds in lambda_timeouts(app).items()}

    assert {name: own.get(name) for name in wait} == wait


@pytest.mark.parametrize("app", APPS)
def test_an_app_gives_up_a_request_when_its_gateway_does(app):
    assert lambda_timeouts(app)["api_handler"] == API_GATEWAY_SECONDS
    assert 0 < chalice_config(app)["lambda_timeout"] <= 60, "What runs each minute ends within it."


@pytest.mark.parametrize("machine", MACHINE_NAMES)
def test_a_machine_has_an_end(machine):
    """Express executions live five minutes, and tell nobody if they are cut; a batch may wait for weeks."""
    seconds = diagrams.definition(machine)["TimeoutSeconds"]
    assert 0 < seconds < (300 if MACHINES[machine] == "EXPRESS" else 366 * 24 * 3600)


def test_what_waits_for_another_waits_for_less_than_who_waits_for_it():
    """From the inside out: a lock, a statement, a request; a call of AWS and all its attempts."""
    statement_seconds = postgres.STATEMENT_MS_MAX / 1000
    shortest_step = min(s["TimeoutSeconds"] for m in MACHINE_NAMES for _, s in tasks_of(m))
    all_attempts = aws.ATTEMPTS_MAX * (aws.CONNECT_SECONDS_MAX + aws.ANSWER_SECONDS_MAX)

    assert postgres.LOCK_WAIT_MS_MAX < postgres.STATEMENT_MS_MAX
    assert statement_seconds + postgres.CONNECT_SECONDS_MAX <= shortest_step
    assert statement_seconds + all_attempts < API_GATEWAY_SECONDS
    assert documents.ANSWER_MS_MAX < API_GATEWAY_SECONDS * 1000
    assert 2 * documents.ANSWER_MS_MAX < postgres.IDLE_IN_TRANSACTION_MS_MAX


MAKERS_OF_CLIENTS = {
    "layers/online_kart/aws.py": r"boto3\.client\(",
    "layers/online_kart/documents/connection.py": r"MongoClient\(",
    "layers/online_kart/postgres.py": r"KartConnection\.connect\(",
    "layers/online_kart/migrate.py": r"psycopg\.connect\(",
}
"""The one place of each kind, which sets its time-outs."""


ASKERS = {
    "layers/online_kart/payment_provider.py": "ANSWER_SECONDS_MAX",
    "layers/online_kart/tokens.py": "KEYS_ANSWER_SECONDS_MAX",
}
"""What asks others over HTTP, and the time-out in its one call."""


def test_clients_are_made_where_their_time_outs_are():
    for pattern in MAKERS_OF_CLIENTS.values():
        found = {file for file, _, line in text_of(*SHIPPED) if re.search(pattern, line)}
        assert found <= set(MAKERS_OF_CLIENTS), f"Make it in one of {sorted(MAKERS_OF_CLIENTS)}."
    others = {"httpx", "requests", "socket", "urllib.request", "http.client"}
    found = {named(path) for path in python_files(*SHIPPED) if imports_of(path) & others}
    assert found == set(ASKERS), "Say there how long it may take."
    for file, time_out in ASKERS.items():
        text = (ROOT / file).read_text()
        assert text.count("urlopen(") == text.count(f"timeout={time_out}") == 1


def imports_of(path: Path) -> set[str]:
    """The modules that a file imports, absolutely."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


def test_every_time_out_says_why_it_has_its_value():
    """A constant that ends in SECONDS_MAX or MS_MAX has a docstring below it."""
    for path in python_files(LAYER):
        body = ast.parse(path.read_text()).body
        for place, node in enumerate(body):
            if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
                continue
            if re.search(r"(SECONDS|MS)(_MAX)?$", name := node.targets[0].id):
                following = body[place + 1] if place + 1 < len(body) else None
                says = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
                assert says, f"{named(path)}:{node.lineno}: {name}"
