"""Writes the schemas of the events that others may rely on: `python -m local.event_schemas`.

One file an event and edition, of the whole EventBridge envelope, in JSON Schema's draft 4: one of the two forms that
EventBridge's schema registry takes, and the one that AWS recommends for validation. A schema that would break who relies
on its edition isn't written: raise the edition (documentation/EVENTS.md says how), and the old file stays beside it.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from online_kart.documentation import EVENT_SCHEMAS, EVENTS
from online_kart.domain.events import Event
from online_kart.messaging.published import PUBLISHED, Published

from .apps import ROOT
from .errors import LocalError
from .event_changes import breaks
from .event_examples import EXAMPLES

Schema = dict[str, Any]

DRAFT = "http://json-schema.org/draft-04/schema#"
ALWAYS_TOLD = ("event_id", "edition")
"""Fields that have a default in the model, and are in every event nevertheless, if its model has them."""

TABLE = re.compile(r"(<!-- events: .*? -->\n).*?(<!-- end -->)", re.DOTALL)
DETAILS = re.compile(r"(<!-- details: .*? -->\n).*?(<!-- end -->)", re.DOTALL)
HEAD = (
    "| `detail-type` | about | `source` | names what it is about | tells | schema |\n"
    "| --- | --- | --- | --- | --- | --- |\n"
)


class BreakingChange(LocalError):
    """An event would be told in another form under the edition that others know."""

    def __init__(self, name: str, found: list[str]) -> None:
        super().__init__(
            f"{name} would break who relies on it. Raise its edition, or take back:\n  "
            + "\n  ".join(found)
        )
        self.found = found


def main() -> None:
    try:
        schemas = {each: written_over(schema_of(each), each) for each in PUBLISHED.values()}
    except BreakingChange as error:
        sys.exit(str(error))
    EVENT_SCHEMAS.mkdir(exist_ok=True)
    for each, schema in schemas.items():
        path_of(each).write_text(text_of(schema), "utf-8")
    EVENTS.write_text(page(), "utf-8")
    print(f"Wrote {len(schemas)} schemas, and {EVENTS.relative_to(ROOT)}.")


def path_of(published: Published) -> Path:
    return EVENT_SCHEMAS / f"{published.name}.json"


def text_of(schema: Schema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def written_over(schema: Schema, published: Published) -> Schema:
    """The schema, where it may take the place of the one of its edition that is there. Raises BreakingChange."""
    path = path_of(published)
    if path.exists():
        found = list(breaks(json.loads(path.read_text("utf-8")), schema))
        if found:
            raise BreakingChange(published.name, found)
    return schema


# Schemas


def schema_of(published: Published) -> Schema:
    """Of the envelope, with an example."""
    detail = _draft_4(published.event.model_json_schema(ref_template="#/definitions/{model}"))
    definitions = detail.pop("definitions", {})
    # A field with a default came later than the event: an archive has events without it, and they stay valid.
    told = [field for field in ALWAYS_TOLD if field in detail["properties"]]
    detail["required"] = [*told, *detail["required"]]
    detail["properties"].setdefault("edition", {"enum": [published.edition]})
    properties = {
        "version": {"enum": ["0"]},
        "id": {"type": "string", "format": "uuid"},
        "detail-type": {"enum": [published.type]},
        "source": {"enum": [published.source]},
        "account": {"type": "string"},
        "time": {"type": "string", "format": "date-time"},
        "region": {"type": "string"},
        "resources": {"type": "array", "items": {"type": "string"}},
        "detail": detail,
    }
    return {
        "$schema": DRAFT,
        "title": published.name,
        "description": detail.pop("description"),
        "type": "object",
        "properties": properties,
        "required": list(properties),
        **({"definitions": definitions} if definitions else {}),
        "example": envelope_of(published, EXAMPLES[published.type]),
    }


def envelope_of(published: Published, event: Event) -> dict[str, Any]:
    """As EventBridge delivers the event."""
    detail = event.model_dump(mode="json")
    return {
        "version": "0",
        "id": "6f1d0c8a-2b7e-4d95-a3c6-8e4f9b0d7a12",
        "detail-type": published.type,
        "source": published.source,
        "account": "123456789012",
        "time": detail["occurred_at"],
        "region": "ap-south-1",
        "resources": [],
        "detail": detail,
    }


def _draft_4(said: Any) -> Any:
    """Pydantic's schema (draft 2020-12) in the words of draft 4, and open to fields that come later."""
    if isinstance(said, list):
        return [_draft_4(each) for each in said]
    if not isinstance(said, Mapping):
        return said
    schema: Schema = {
        _IN_DRAFT_4.get(keyword, keyword): _by_name(each) if keyword in _NAMED else _draft_4(each)
        for keyword, each in said.items()
        if keyword not in _LEFT_OUT
    }
    if schema.get("additionalProperties") is False:
        del schema["additionalProperties"]
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    return _with_bounds(schema)


def _by_name(schemas: Mapping[str, Any]) -> Schema:
    return {name: _draft_4(each) for name, each in schemas.items()}


def _with_bounds(schema: Schema) -> Schema:
    """A bound that is itself excluded is a flag of the bound in draft 4."""
    for bound in ("minimum", "maximum"):
        flag = f"exclusive{bound.capitalize()}"
        if flag in schema:
            schema |= {bound: schema[flag], flag: True}
    return schema


_IN_DRAFT_4: Mapping[Any, str] = {"$defs": "definitions"}
_NAMED = {"$defs", "properties", "patternProperties"}
"""Keywords below which come names, and below those schemas."""
_LEFT_OUT = {"title", "examples", "propertyNames"}
"""Unknown to draft 4, or noise. `propertyNames` says nothing that `patternProperties` does not."""


# The page


def page() -> str:
    """EVENTS.md, with its table and examples as the events are now."""
    text = EVENTS.read_text("utf-8")
    rows = "\n".join(map(_row, PUBLISHED.values()))
    examples = "\n\n".join(map(_shown, PUBLISHED.values()))
    text = TABLE.sub(lambda old: f"{old[1]}\n{HEAD}{rows}\n\n{old[2]}", text)
    return DETAILS.sub(lambda old: f"{old[1]}\n{examples}\n\n{old[2]}", text)


def _row(published: Published) -> str:
    tells = " ".join((published.event.__doc__ or "").partition("\n\n")[0].split())
    schema = f"[{published.name}]({EVENT_SCHEMAS.name}/{path_of(published).name})"
    return (
        f"| `{published.type}` | {published.subject} | `{published.source}` "
        f"| `{published.event.aggregate}` | {tells} | {schema} |"
    )


def _shown(published: Published) -> str:
    detail = EXAMPLES[published.type].model_dump(mode="json")
    return f"**{published.type}**\n\n```json\n{json.dumps(detail, indent=1)}\n```"


if __name__ == "__main__":
    main()
