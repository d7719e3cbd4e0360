"""XLSX, XLS, ODS, CSV and TSV to text: a table for each sheet, below the sheet's name. Runs in the bounded process."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter

from ingest.formats.grid import grid_text
from ingest.formats.office import check_kind, opened, text_of
from ingest.formats.titles import usable_title
from ingest.sandbox.child import Extracted, FormatError, Limits, tidy, too_long

_DELIMITERS = ",;\t|"
_SNIFFED_ROWS = 50
"""First rows that tell what parts the cells. Chosen by eye; not measured."""


def read_xlsx(data: bytes, limits: Limits) -> Extracted:
    """Return the sheets of an Excel workbook."""
    with opened(data, limits) as archive:
        check_kind(archive, "xl/")
        title = text_of(archive, "docProps/core.xml", "title")
    return _workbook(data, title, limits)


def read_ods(data: bytes, limits: Limits) -> Extracted:
    """Return the sheets of an OpenDocument workbook."""
    with opened(data, limits) as archive:
        check_kind(archive, "content.xml")
        title = text_of(archive, "meta.xml", "title")
    return _workbook(data, title, limits)


def read_xls(data: bytes, limits: Limits) -> Extracted:
    """Return the sheets of a workbook of old Excel."""
    return _workbook(data, "", limits)


def _workbook(data: bytes, title: str, limits: Limits) -> Extracted:
    from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    except PasswordError as error:
        raise FormatError("format_password") from error
    texts: list[str] = []
    for sheet in book.sheets_metadata:
        if sheet.typ != SheetTypeEnum.WorkSheet or sheet.visible != SheetVisibleEnum.Visible:
            continue
        text = grid_text(book.get_sheet_by_name(sheet.name).iter_rows(), limits)
        if text:
            texts += [" ".join(tidy(sheet.name).split()), text]
        if sum(map(len, texts)) > limits.characters:
            raise too_long(limits)
    # The name of a single sheet, mostly "Sheet1", says nothing.
    return Extracted("\n\n".join(texts[1:] if len(texts) == 2 else texts), usable_title(title))


def read_csv(data: bytes, limits: Limits) -> Extracted:
    """Return the table of a file of separated values in UTF-8; what parts them is told from its first rows."""
    text = data.decode()
    csv.field_size_limit(sys.maxsize)
    delimiter = max(_DELIMITERS, key=lambda sign: _fit(text, sign))
    return Extracted(grid_text(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), limits))


def read_tsv(data: bytes, limits: Limits) -> Extracted:
    """Return the table of a file of values with tabs between them, in UTF-8."""
    csv.field_size_limit(sys.maxsize)
    return Extracted(grid_text(csv.reader(io.StringIO(data.decode(), newline=""), delimiter="\t"), limits))


def _fit(text: str, delimiter: str) -> tuple[float, int]:
    """Return the share of the first rows that have as many cells as most, more than one; and how many that are."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    widths = Counter(len(row) for row, _ in zip(rows, range(_SNIFFED_ROWS), strict=False) if row)
    width, times = max(((w, n) for w, n in widths.items() if w > 1), key=lambda pair: pair[1], default=(0, 0))
    return (times / widths.total() if width else 0.0, width)
