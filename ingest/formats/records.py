"""JSON, JSONL and notebooks to text. Runs in the bounded process.

Records of the same few short fields are rows of a table. Anything else is lines of "name: value", where the name says
the way to it: "orders › 2 › price: 100".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ingest.formats.grid import cell_text, grid_text
from ingest.formats.titles import usable_title
from ingest.sandbox.child import Extracted, Limits, tidy, too_long

_LONGEST_CELL = 300
"""Characters of a value in a table. Chosen by eye; not measured."""
_STEP = " › "


def read_json(data: bytes, limits: Limits) -> Extracted:
    """Return the text of JSON in UTF-8, its numbers as they are written."""
    return _extracted(_parsed(data.decode()), limits)


def read_jsonl(data: bytes, limits: Limits) -> Extracted:
    """Return the text of lines of JSON in UTF-8."""
    return _extracted([_parsed(line) for line in data.decode().splitlines() if line.strip()], limits)


def read_ipynb(data: bytes, limits: Limits) -> Extracted:
    """Return the text of a notebook: its Markdown as it stands, its code in fences, without what the code wrote."""
    cells = _parsed(data.decode())["cells"]
    blocks: list[str] = []
    for cell in cells:
        source = cell.get("source", "")
        text = (source if isinstance(source, str) else "".join(source)).strip()
        if text:
            blocks.append(f"```\n{text}\n```" if cell.get("cell_type") == "code" else text)
    heading = next((line for block in blocks for line in block.splitlines() if line.startswith("# ")), "")
    return Extracted("\n\n".join(blocks), usable_title(heading[2:]))


def _parsed(text: str) -> Any:
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)


def _extracted(value: Any, limits: Limits) -> Extracted:
    records = _records(value)
    if records is not None:
        names = list(dict.fromkeys(name for record in records for name in record))
        rows = ([record.get(name) for name in names] for record in records)
        return Extracted(grid_text([names, *rows], limits))
    lines: list[str] = []
    length = 0
    for line in _lines(value, ""):
        lines.append(line)
        length += len(line)
        if length > limits.characters:
            raise too_long(limits)
    title = value.get("title", "") if isinstance(value, dict) else ""
    return Extracted("\n\n".join(lines), usable_title(title) if isinstance(title, str) else "")


def _records(value: Any) -> list[dict[str, Any]] | None:
    """Return a list of flat records of short values, also where it is the only thing in an object; else None."""
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    if not isinstance(value, list) or len(value) < 2:
        return None
    flat = all(
        isinstance(record, dict)
        and not any(isinstance(x, (dict, list)) or len(str(x)) > _LONGEST_CELL for x in record.values())
        for record in value
    )
    return value if flat and len({name for record in value for name in record}) > 1 else None


def _lines(value: Any, way: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _lines(inner, f"{way}{_STEP}{name}" if way else name)
    elif isinstance(value, list):
        scalars = not any(isinstance(inner, (dict, list)) for inner in value)
        if scalars and sum(len(str(inner)) for inner in value) <= _LONGEST_CELL:
            yield from _lines(", ".join(filter(None, map(cell_text, value))), way)
            return
        for number, inner in enumerate(value, 1):
            yield from _lines(inner, f"{way}{_STEP}{number}" if way else str(number))
    elif text := tidy(value) if isinstance(value, str) else cell_text(value):
        yield f"{way}: {text}" if way else text
