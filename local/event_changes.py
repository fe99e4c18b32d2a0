"""Whether a schema still holds what an earlier one of the same edition promised.

Who reads events has code for their fields, and an archive with events of last year: so a field that was always there
stays, means the same, and none that old events lack is required. What may come is a field that can be absent.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

SAID_TO_PEOPLE = {"title", "description", "default", "examples", "example"}
"""Keywords that no event is held against."""

COMPARED_BY_THEMSELVES = {"properties", "required", "definitions"}


def breaks(old: Schema, new: Schema, where: str = "") -> Iterator[str]:
    """What of `new` those who rely on `old` would stumble over: a line each, which begins with its place."""
    yield from _fields(old, new, where)
    for keyword in sorted((old.keys() | new.keys()) - SAID_TO_PEOPLE - COMPARED_BY_THEMSELVES):
        before, after = old.get(keyword), new.get(keyword)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from breaks(before, after, f"{where}/{keyword}")
        elif _bare(before) != _bare(after):
            yield f"{where}: {keyword} was {before!r}, and is {after!r}"


def _fields(old: Schema, new: Schema, where: str) -> Iterator[str]:
    """Also of models in `definitions`, of which new ones may come and others may go."""
    for name, before in old.get("properties", {}).items():
        if name not in new.get("properties", {}):
            yield f"{where}/{name}: is gone"
        else:
            yield from breaks(before, new["properties"][name], f"{where}/{name}")
    for name in sorted(set(old.get("required", ())) ^ set(new.get("required", ()))):
        now = "can be absent now" if name in old.get("required", ()) else "is required now"
        if name in new.get("properties", {}):
            yield f"{where}/{name}: {now}"
    for name in old.get("definitions", {}).keys() & new.get("definitions", {}).keys():
        yield from breaks(old["definitions"][name], new["definitions"][name], f"{where}/{name}")


def _bare(said: Any) -> Any:
    """Without what is said to people, at any depth of lists and schemas in them."""
    if isinstance(said, Mapping):
        return {key: _bare(each) for key, each in said.items() if key not in SAID_TO_PEOPLE}
    if isinstance(said, list):
        return [_bare(each) for each in said]
    return said
