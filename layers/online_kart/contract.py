"""What an operation of an API takes and answers, said beside its view: `@operation(ok(Seller), path={"seller_id": UUID})`.

It is only said here; `openapi` makes a document of it when somebody asks, so that an app starts no slower. A view reads
its request itself. That views do as they say is tested: every answer of every API test is held against the document.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

from . import repeats
from .domain.base import Model
from .domain.errors import (
    HeaderMissing,
    InvalidRequest,
    KartError,
    RoleMissing,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnreadableFile,
    VersionChanged,
)
from .domain.principals import NOBODY, Access
from .http import InvalidFields, Page

V = TypeVar("V", bound=Callable[..., Any])

JSON = "application/json"
CSV = "text/csv"
_SAID = "_operation"


@dataclass(frozen=True)
class Answer:
    """A status that is no error. `model`: a type that pydantic knows, None where the answer has no body."""

    status: HTTPStatus
    model: Any
    media_types: tuple[str, ...] = (JSON,)
    has_location: bool = False
    is_page: bool = False
    has_etag: bool = False

    @property
    def content(self) -> Any:
        """The type of what is sent. Each kind of page is a class that takes pydantic a millisecond, so it is made here."""
        page: Any = Page  # of a model that only this answer knows, so no type checker can
        return page[self.model] if self.is_page else self.model


@dataclass(frozen=True)
class Operation:
    """All of an operation but its path and method. `path` has the types of parameters that are not plain text.

    `takes_key`: it may come with an `Idempotency-Key`. `needs_key`: it has to. `access`: who may call it.
    `line`: of a CSV file that is the body.
    """

    answers: tuple[Answer, ...]
    body: Any = None
    needs_body: bool = True
    query: Any = None
    path: Mapping[str, Any] = field(default_factory=dict)
    errors: tuple[type[KartError], ...] = ()
    needs_key: bool = False
    takes_key: bool = False
    access: Access = NOBODY
    line: type[Model] | None = None

    @property
    def takes_version(self) -> bool:
        """Whether it may come with `If-Match`."""
        return VersionChanged in self.errors

    @property
    def reads_input(self) -> bool:
        parts = (self.body, self.line, self.query, self.path or None, self.takes_key or None)
        return any(part is not None for part in parts)


def ok(content: Any, *media_types: str) -> Answer:
    """JSON, where no other media type is named."""
    return Answer(HTTPStatus.OK, content, media_types or (JSON,))


def versioned(content: Any) -> Answer:
    """JSON of what several people edit: its `ETag` can be sent back with a change."""
    return Answer(HTTPStatus.OK, content, has_etag=True)


def pages(of: Any) -> Answer:
    """A list, of which each answer is a page."""
    return Answer(HTTPStatus.OK, of, is_page=True)


def created(content: Any, has_location: bool = True) -> Answer:
    return Answer(HTTPStatus.CREATED, content, has_location=has_location)


def accepted(content: Any) -> Answer:
    """What takes time: the answer's `Location` tells how it goes."""
    return Answer(HTTPStatus.ACCEPTED, content, has_location=True)


def no_content() -> Answer:
    return Answer(HTTPStatus.NO_CONTENT, None)


def operation(  # noqa: PLR0913  # each is said by its name
    *answers: Answer,
    body: Any = None,
    query: Any = None,
    path: Mapping[str, Any] | None = None,
    errors: tuple[type[KartError], ...] = (),
    needs_body: bool = True,
    needs_key: bool = False,
    access: Access = NOBODY,
    line: type[Model] | None = None,
) -> Callable[[V], V]:
    """Say what the view takes and answers. `errors` are those of its own: see `errors_of` for the others.

    `line`: its body is a CSV file of such lines. `needs_key`: it asks for an `Idempotency-Key`. That others take one,
    `@repeats.safe` has said before. `access`: who may call it, one of those in `domain/principals`. Where it is not
    said, nobody may.
    """

    def say(view: V) -> V:
        takes_key = needs_key or repeats.is_safe(view)
        said = Operation(
            answers, body, needs_body, query, path or {}, errors, needs_key, takes_key, access, line
        )
        setattr(view, _SAID, said)
        return view

    return say


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """What was said of the view. None: nothing."""
    said: Operation | None = getattr(view, _SAID, None)
    return said


def errors_of(said: Operation, has_path: bool) -> tuple[type[KartError], ...]:
    """Its own errors, and those of all that read a request or ask a store, or are let in by a gateway.

    `has_path`: the path has parameters, be they only text, which may hold what no text may.
    """
    malformed = (InvalidRequest,) if said.reads_input or has_path else ()
    unfit = (InvalidFields,) if said.reads_input else ()
    keyed = (HeaderMissing,) if said.takes_key else ()
    unreadable = (UnreadableFile,) if said.line else ()
    signed_in = (Unauthenticated, RoleMissing) if said.access.needs_sign_in else ()
    own = (*unreadable, *signed_in, *said.errors)
    return tuple(dict.fromkeys((*malformed, *unfit, *keyed, *own, TooManyRequests, Unavailable)))
