"""The values of a column of a table, so that its cells can be compared: numbers, dates, times and ranks."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from rag.text.language import fold
from rag.text.numbers_names import months

_NUMBER = regex.compile(r"[-−–]?\p{Nd}{1,15}(?:[.,'’ \u00a0\u202f]\p{Nd}{1,9}){0,6}")
_YEAR = regex.compile(r"(?<!\p{Nd})(1[0-9]{3}|2[01][0-9]{2})(?![\p{Nd}])")
_NUMERIC_DATE = regex.compile(r"(?<!\p{Nd})(\p{Nd}{1,4})[./-](\p{Nd}{1,2})[./-](\p{Nd}{1,4})(?!\p{Nd})")
_DAY = regex.compile(r"(?<![\p{Nd}:.,])([0-3]?\p{Nd})(?![\p{Nd}:])")
_CLOCK = regex.compile(r"(?<!\p{Nd})(\p{Nd}{1,3}):([0-5]\p{Nd})(?::([0-5]\p{Nd}))?(?:[.,](\p{Nd}{1,3}))?")
_SCALES = (
    (1e12, regex.compile(r"trillion|trilioane|billion(?=en\b)")),
    (1e9, regex.compile(r"billion|miliard|milliard|mld|\bbn\b")),
    (1e6, regex.compile(r"million|milio|millon|\bmil\b|\bmln\b")),
)
_FIGURES = regex.compile(r"[,.:]\p{Nd}|\p{Nd}{3}(?!\p{Nd})")
_BRACKETS = regex.compile(r"\[[^\[\]]{0,20}\]")
ENOUGH = 0.6
"""Share of the filled cells of a column that must have a value. Chosen by eye; not measured."""
Value = float


def column_values(cells: Sequence[str]) -> tuple[Value | None, ...] | None:
    """Return the value of each cell of a column, None for one without; None where too few have one."""
    filled = sum(any(c.isalnum() for c in cell) for cell in cells)
    # A column of years is as well one of numbers, which are more where some are no years.
    values = max(_dates(cells), _numbers(cells), key=lambda found: sum(value is not None for value in found))
    return values if filled and sum(value is not None for value in values) >= ENOUGH * filled else None


def is_dated(cells: Sequence[str]) -> bool:
    """Return whether a column holds dates or years."""
    filled = sum(bool(cell) for cell in cells)
    return bool(filled) and sum(value is not None for value in _dates(cells)) >= ENOUGH * filled


def is_numeric(cell: str) -> bool:
    """Return whether a cell begins with a number, but for a sign or two."""
    match = _NUMBER.search(_BRACKETS.sub("", cell))
    return match is not None and not any(c.isalpha() for c in cell[: match.start()])


def _dates(cells: Sequence[str]) -> tuple[Value | None, ...]:
    return tuple(_date(cell) for cell in cells)


def _date(cell: str) -> Value | None:
    """Return days since year 0, of twelve months of 31; without a year those in it."""
    if (found := _NUMERIC_DATE.search(cell)) is not None:
        a, b, c = map(int, found.groups())
        year, month, day = (a, b, c) if a > 31 else (c, b, a) if b <= 12 else (c, a, b)
        return float((year * 12 + month) * 31 + day)
    named = _YEAR.search(cell)
    in_year = min(months(cell, certain=True), default=0) if any(c.isalpha() for c in cell) else 0
    if not in_year and (named is None or _rest(cell, named.span())):
        return None
    rest = cell[: named.start()] + " " + cell[named.end() :] if named else cell
    of_month = _DAY.search(rest) if in_year else None
    return float(((int(named[1]) if named else 0) * 12 + in_year) * 31 + (int(of_month[1]) if of_month else 0))


def _rest(cell: str, year: tuple[int, int]) -> bool:
    """Return whether more than a second year and a few letters stand beside a year."""
    rest = _BRACKETS.sub("", cell[: year[0]] + " " + cell[year[1] :])
    return sum(c.isalpha() for c in rest) > 12 or bool(
        regex.search(r"[,.:]\p{Nd}|\p{Nd}{3}(?!\p{Nd})", _YEAR.sub("", rest))
    )


def _numbers(cells: Sequence[str]) -> tuple[Value | None, ...]:
    cleaned = [_BRACKETS.sub("", cell) for cell in cells]
    found = [match.group() if is_numeric(cell) and (match := _NUMBER.search(cell)) else "" for cell in cleaned]
    grouping = {sign for sign in ".," if _groups(found, sign)}
    return tuple(_value(cell, number, grouping) for cell, number in zip(cleaned, found, strict=True))


def _groups(found: Sequence[str], sign: str) -> bool:
    """Return whether a sign groups thousands wherever it stands: three figures follow it, no lone zero is before."""
    parts = [number.split(sign) for number in found if sign in number]
    other = "." if sign == "," else ","
    return bool(parts) and all(
        all(len(piece.split(other)[0]) == 3 for piece in rest)
        and 0 < len(first.lstrip("-−–")) <= 3
        and first.lstrip("-−–") != "0"
        for first, *rest in parts
    )


def _value(cell: str, number: str, grouping: set[str]) -> Value | None:
    if not number:
        return None
    if (clock := _CLOCK.search(cell)) is not None:
        first, second, third, part = clock.groups()
        total = int(first) * 60 + int(second)
        total = total * 60 + int(third) if third else total
        return total + (float(f"0.{part}") if part else 0.0)
    plain = regex.sub(r"['’ \u00a0\u202f]", "", number)
    negative = plain[0] in "-−–"
    plain = plain.lstrip("-−–")
    for sign in grouping:
        plain = plain.replace(sign, "")
    whole, *rest = regex.split(r"[.,]", plain)
    value = float(whole + ("." + "".join(rest) if rest else ""))
    behind = fold(cell[cell.find(number) + len(number) :])[:20]
    value *= next((scale for scale, pattern in _SCALES if pattern.search(behind)), 1.0)
    return -value if negative else value
