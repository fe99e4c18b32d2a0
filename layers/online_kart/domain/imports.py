"""Files of lines that people upload (CSV), each line judged by a model: what it says, or what is wrong in which column.

The first line names the columns. An empty cell is one that was left out. Programs that save CSV differ in line ends,
in quotes, and in a mark before the text (a BOM): all of these are taken. Text has to be UTF-8.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import ValidationError

from .base import Model
from .errors import ImportRefused, RefusedLine, UnreadableFile

LINES_MAX = 2_000
"""Below the names of the columns. All lines are judged and written within one request, which has 29 s."""

BYTES_MAX = 1_000_000
"""Enough for LINES_MAX lines of 500 characters."""

SHOWN_MAX = 200
"""Refused lines that a refusal tells of; it counts all."""

UTF_16 = (b"\xff\xfe", b"\xfe\xff")

M = TypeVar("M", bound=Model)


class WrongCell(Model):
    """`field` is the name of a column, None where the line as a whole is wrong."""

    field: str | None
    expected: str


class LineOutcome(Model):
    """What became of a line. `unchanged`: all that it says was so already. Lines are counted as editors do, from 1."""

    line: int
    outcome: Literal["accepted", "unchanged", "refused"]
    problems: tuple[WrongCell, ...] = ()


class ImportReport(Model):
    """Every line of a file, in its order. Of a dry run: what would become of it."""

    dry_run: bool
    accepted_count: int
    unchanged_count: int
    refused_count: int
    lines: tuple[LineOutcome, ...]


@dataclass(frozen=True)
class Line(Generic[M]):
    """A line of a file: its number, and what it says; `said` is None where `problems` tell why not."""

    number: int
    said: M | None
    problems: tuple[WrongCell, ...] = ()

    def refused(self, field: str | None, expected: str) -> "Line[M]":
        return Line(self.number, None, (*self.problems, WrongCell(field=field, expected=expected)))


def lines_of(body: bytes, model: type[M]) -> list[Line[M]]:
    """Each line as the model, or what is wrong with it. At least one.

    Raises UnreadableFile where the file is no CSV with the model's columns, or holds too much.
    """
    if len(body) > BYTES_MAX:
        raise UnreadableFile("The file is too large.", f"at most {BYTES_MAX:,} bytes")
    rows = _rows(_text(body))
    columns = _columns(next(rows, None), model)
    lines = [_line(number, cells, columns, model) for number, cells in rows]
    if not 1 <= len(lines) <= LINES_MAX:
        expected = f"1 to {LINES_MAX:,} lines below the names of the columns"
        raise UnreadableFile(f"The file has {len(lines):,} lines.", expected)
    return lines


def report_of(outcomes: Sequence[LineOutcome], dry_run: bool) -> ImportReport:
    """In the order of the lines."""
    counts = {
        kind: sum(each.outcome == kind for each in outcomes)
        for kind in ("accepted", "unchanged", "refused")
    }
    return ImportReport(
        dry_run=dry_run,
        accepted_count=counts["accepted"],
        unchanged_count=counts["unchanged"],
        refused_count=counts["refused"],
        lines=tuple(sorted(outcomes, key=lambda each: each.line)),
    )


def refuse_wrong(lines: Iterable[Line[M]]) -> None:
    """Of a file that is taken as a whole: raises ImportRefused where any line is wrong."""
    wrong = [line for line in lines if line.said is None]
    if wrong:
        raise ImportRefused(len(wrong), list(_told(wrong))[:SHOWN_MAX])


def _told(wrong: Iterable[Line[M]]) -> Iterator[RefusedLine]:
    for line in wrong:
        for cell in line.problems:
            yield {"line": line.number, "field": cell.field, "expected": cell.expected}


def example_of(model: type[Model]) -> str:
    """A file with the line that is the model's example."""
    extra: Any = model.model_config["json_schema_extra"]
    (line,) = extra["examples"]
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerows([line, [_cell(value) for value in line.values()]])
    return written.getvalue()


def _cell(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# Reading


def _text(body: bytes) -> str:
    if body.startswith(UTF_16):
        raise UnreadableFile("The file's text is UTF-16.", "UTF-8; spreadsheets call it CSV UTF-8")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        expected = "UTF-8; spreadsheets call it CSV UTF-8"
        raise UnreadableFile("The file's text is not UTF-8.", expected, line) from None


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """(number of its first line, cells) of each row that is not empty. Cells are stripped."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    number = 1
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                yield number, [cell.strip() for cell in cells]
            number = reader.line_num + 1
    except csv.Error as error:
        expected = 'cells with a comma between, in "…" where they hold a comma, a quote or a line'
        raise UnreadableFile(f"It is no CSV: {error}.", expected, number) from None


def _columns(first: tuple[int, list[str]] | None, model: type[Model]) -> list[str]:
    known = model.model_fields
    needed = [name for name, field in known.items() if field.is_required()]
    expected = f"a first line that names the columns: {','.join(known)}"
    if first is None:
        raise UnreadableFile("The file is empty.", expected)
    number, columns = first
    if len(set(columns)) < len(columns):
        raise UnreadableFile("A column is named twice.", expected, number)
    if (set(columns) - known.keys()) or (set(needed) - set(columns)):
        expected += f"; {', '.join(needed)} must be there"
        raise UnreadableFile("The columns are not those of this import.", expected, number)
    return columns


def _line(number: int, cells: list[str], columns: list[str], model: type[M]) -> Line[M]:
    line: Line[M] = Line(number, None)
    if len(cells) > len(columns):
        return line.refused(None, f"{len(columns)} cells, not {len(cells)}")
    if any("\0" in cell for cell in cells):
        return line.refused(None, "text without a NUL character")
    filled = {name: cell for name, cell in zip(columns, cells, strict=False) if cell}
    try:
        return Line(number, model.model_validate(filled))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        problems = [
            WrongCell(field=".".join(map(str, each["loc"])) or None, expected=each["msg"])
            for each in found
        ]
        return Line(number, None, tuple(problems))
