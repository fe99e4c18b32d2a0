"""Files of lines: what programs save is read, and what is wrong is told line by line."""

import codecs

import pytest

from online_kart.domain.errors import ImportRefused, UnreadableFile
from online_kart.domain.facilities import RangeLine
from online_kart.domain.imports import (
    BYTES_MAX,
    LINES_MAX,
    example_of,
    lines_of,
    refuse_wrong,
)
from online_kart.domain.sellers import RegisterItem

HEAD = "fc_code,first,last,move\n"
ITEMS = "sku,name,category_id,weight_grams,price_paise\n"


def ranges_of(text):
    return lines_of(text.encode() if isinstance(text, str) else text, RangeLine)


def unreadable(body, model=RangeLine):
    with pytest.raises(UnreadableFile) as raised:
        lines_of(body, model)
    return raised.value


def test_each_line_says_what_its_columns_say_whatever_their_order():
    (line,) = ranges_of("last,fc_code,first\n560099,BLR1,560001\n")
    assert (line.number, line.said) == (2, RangeLine(fc_code="BLR1", first=560001, last=560099))


@pytest.mark.parametrize(
    "saved",
    [
        codecs.BOM_UTF8 + HEAD.encode() + b"BLR1,560001,560099,true\n",
        (HEAD + "BLR1,560001,560099,true").replace("\n", "\r\n").encode(),
        (HEAD + '"BLR1","560001","560099",TRUE\n\n , ,,\n').encode(),
    ],
    ids=["with a mark before it", "with line ends of Windows", "with quotes and empty lines"],
)
def test_what_spreadsheets_save_is_read(saved):
    (line,) = ranges_of(saved)
    assert line.said == RangeLine(fc_code="BLR1", first=560001, last=560099, move=True)


def test_a_cell_in_quotes_may_hold_commas_quotes_and_lines_and_lines_are_counted_as_editors_do():
    file = ITEMS + 'MUG,"A ""big"", red\nmug",kitchen,350,100\nPOT,A pot,kitchen,,100\n'
    mug, pot = lines_of(file.encode(), RegisterItem)
    assert mug.said is not None
    assert mug.said.name == 'A "big", red\nmug'
    assert (mug.number, pot.number) == (2, 4)
    assert [(cell.field, pot.said) for cell in pot.problems] == [("weight_grams", None)]


def test_a_line_tells_every_column_that_is_wrong_and_what_was_expected():
    wrong, backwards = ranges_of(HEAD + "blr,1,560099,perhaps\nBLR1,560099,560001,\n")
    assert {cell.field for cell in wrong.problems} == {"fc_code", "first", "move"}
    assert all(cell.expected for cell in wrong.problems)
    (cell,) = backwards.problems
    assert (cell.field, "the first pincode is after the last" in cell.expected) == (None, True)


def test_a_line_with_more_cells_than_columns_or_with_nul_is_wrong():
    long, nul = ranges_of(HEAD + "BLR1,560001,560099,,x\nBL\0R1,560001,560099,\n")
    assert (long.said, nul.said) == (None, None)


@pytest.mark.parametrize(
    ("body", "line", "told"),
    [
        (b"", None, "names the columns"),
        (HEAD.encode(), None, "1 to 2,000 lines"),
        (b"fc_code,first\nBLR1,560001\n", 1, "must be there"),
        (b"fc_code;first;last\nBLR1;560001;560099\n", 1, "names the columns"),
        (b"fc_code,first,last,last\n", 1, "names the columns"),
        (HEAD.encode() + b"BLR1,560001,560099,\nD\xe9l,1,2,\n", 3, "UTF-8"),
        ((HEAD + "BLR1").encode("utf-16"), None, "UTF-8"),
        (HEAD.encode() + b'BLR1,560001,560099,\nBLR1,"5600"01,560099,\n', 3, "cells with a comma"),
        (HEAD.encode() + b'BLR1,560001,560099,"never ends', 2, "cells with a comma"),
    ],
)
def test_what_is_no_such_file_is_refused_as_a_whole_and_says_where_and_why(body, line, told):
    error = unreadable(body)
    assert (error.line, error.field) == (line, "file")
    assert told in error.expected


def test_a_file_has_a_greatest_size_and_number_of_lines():
    line = "BLR1,560001,560099,\n"
    assert len(ranges_of(HEAD + line * LINES_MAX)) == LINES_MAX
    assert "2,000 lines" in unreadable((HEAD + line * (LINES_MAX + 1)).encode()).expected
    assert "bytes" in unreadable(b" " * (BYTES_MAX + 1)).expected


def test_what_is_taken_as_a_whole_is_refused_with_each_wrong_line():
    good, bad = ranges_of(HEAD + "BLR1,560001,560099,\nBLR1,1,560099,\n")
    refuse_wrong([good])
    with pytest.raises(ImportRefused) as raised:
        refuse_wrong([good, bad])
    (told,) = raised.value.lines
    assert (told["line"], told["field"]) == (3, "first")


@pytest.mark.parametrize("model", [RangeLine, RegisterItem])
def test_the_example_of_a_file_is_one(model):
    (line,) = lines_of(example_of(model).encode(), model)
    assert line.said is not None
