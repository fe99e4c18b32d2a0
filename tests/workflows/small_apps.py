"""Throw-away Chalice apps, to test what runs apps without depending on what ours do."""

from pathlib import Path

APP = """
from chalice import Chalice
from chalicelib.steps import steps

app = Chalice(app_name="{name}")
app.register_blueprint(steps)
"""

STEPS = """
import threading
import time
from uuid import UUID

from chalice import Blueprint, Rate
from online_kart.domain.errors import OutOfStock, Shortage, Unavailable

steps = Blueprint(__name__)
calls = []
heard = []


@steps.lambda_function(name="{name}_answer")
def answer(event, context):
    calls.append(event)
    return {{**event, "app": "{name}", "function": context.function_name}}


@steps.lambda_function(name="{name}_answer_later")
def answer_later(event, context):
    from ..services.words import WORD  # read when it is called, long after the app was loaded

    return {{"word": WORD}}


@steps.lambda_function(name="{name}_refuse")
def refuse(event, context):
    raise OutOfStock([Shortage("MUG", UUID(int=1), 2, 1)])


@steps.lambda_function(name="{name}_fail_twice")
def fail_twice(event, context):
    calls.append(event)
    if len(calls) < 3:
        raise Unavailable("not yet")
    return {{"tries": len(calls)}}


@steps.lambda_function(name="{name}_note_time")
def note_time(event, context):
    return {{"woke_at": time.time()}}


@steps.lambda_function(name="{name}_tell_thread")
def tell_thread(event, context):
    time.sleep(0.02)
    return threading.get_ident()


@steps.schedule(Rate(1, unit=Rate.MINUTES), name="relay_{name}")
def relay(event):
    calls.append(event.to_dict())
    time.sleep(0.05)
    return {{"calls": len(calls)}}


@steps.schedule("rate(1 hour)", name="prune_{name}")
def prune(event):
    return {{}}


@steps.on_sqs_message(queue="kart-{name}-listener", name="{name}_listener", batch_size=10)
def listen(event):
    bodies = [record.body for record in event]
    heard.extend(bodies)
    failed = [r.to_dict()["messageId"] for r in event if "fail" in r.body]
    if any("raise" in body for body in bodies):
        raise Unavailable("the database is away")
    return {{"batchItemFailures": [{{"itemIdentifier": id_}} for id_ in failed]}}
"""

WORD = "WORD = '{word}'\n"


def write_app(root: Path, name: str) -> None:
    """An app in `root/name` that looks like ours: modules called app and chalicelib."""
    chalicelib = root / name / "chalicelib"
    (chalicelib / "steps").mkdir(parents=True)
    (chalicelib / "services").mkdir()
    (root / name / "app.py").write_text(APP.format(name=name))
    (chalicelib / "steps" / "__init__.py").write_text(STEPS.format(name=name))
    (chalicelib / "services" / "words.py").write_text(WORD.format(word=name))
