"""Numbers, months, days and names of a text, in a form that compares across languages.

The module knows number words, months and days of the week in the languages of `rag.text.questions`: Romanian, English,
French, German, Spanish, Italian, Portuguese, Hungarian, Russian and Chinese.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import pairwise

import regex

from rag.text.language import fold, shared_beginning
from rag.text.number_words import ANY_VALUES, MONTHS, SCALE_VALUES, VALUES, WEEKDAYS

Value = float

_JOINTS = frozenset(["si", "and", "et", "und", "y", "e", "de"])

_MONTH = [regex.compile(rf"(?<!\p{{L}})(?:{'|'.join(names)})(?!\p{{L}})") for names in MONTHS]
_DOUBTFUL = regex.compile(r"mai|may|mayo|march|mars|mart|mar|marco|august|ma[ия]|noi|dec|sept?|\p{L}{3}|julius|juni")
"""Months that mean something else as well: these count only beside a number."""

_DAY = regex.compile(
    r"(?<!\p{L})(?:" + "|".join(f"(?P<d{at}>{'|'.join(names)})" for at, names in enumerate(WEEKDAYS)) + r")(?!\p{L})"
)
_DOUBTFUL_DAY = "luni"
"""Romanian for months as well: it counts only beside another day."""
_TO = regex.compile(r" ?[-–—/] ?| (?:to|through|pana|pana la|la|bis|a|au|al|ate|до|по) ")
"""What stands between the first and the last of several days in a row."""

_BEFORE = regex.compile(r"\p{Nd}(?:st|nd|rd|th|er|\.|º)?[ \u00a0-](?:de |of )?$")
_BEHIND = regex.compile(r"^[.,]?[ \u00a0-](?:de |of )?\p{Nd}")
_CJK_MONTH = regex.compile(r"(\p{Nd}{1,2}|[一二三四五六七八九十]{1,3})月")
_DATE = regex.compile(r"(?<!\p{Nd})(\p{Nd}{1,4})([./-])(\p{Nd}{1,2})\2(\p{Nd}{1,4})(?!\p{Nd})")
_FIGURES = regex.compile(
    r"\p{Nd}{1,3}(?:[ \u00a0\u202f'’]\p{Nd}{3})+(?!\p{Nd})(?:[.,]\p{Nd}+)?|\p{Nd}+(?:[.,]\p{Nd}+)*"
)
_ROMAN = regex.compile(r"(?<!\p{L})(?=[XVI]{2})X{0,3}(?:IX|IV|V?I{0,3})(?!\p{L})")
LONGEST_FIGURES = 40
"""Figures that are looked for before a Chinese unit."""
_FIGURES_BEFORE = regex.compile(r"(?<!\p{Nd})\p{Nd}++$")
_SCALE = regex.compile(r"\s+(?:de\s+)?(\p{L}+)")
_HAN = regex.compile(r"[〇零一二两三四五六七八九十百千万亿]+")
_HAN_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_HAN_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
_TOKEN = regex.compile(rf"(?P<figures>{_FIGURES.pattern})|(?P<word>\p{{L}}[\p{{L}}\p{{M}}]*)")
_CYRILLIC = str.maketrans(
    dict(zip("абвгдезиклмнопрстуфыэ", "abvgdeziklmnoprstufye", strict=True))
    | {"ж": "zh", "х": "h", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sh", "ъ": "", "ь": "", "ю": "yu", "я": "ya"}
)
_LATIN_WORD = regex.compile(r"[\p{Latin}\p{M}\p{N}]+")


def mentions(text: str, language: str) -> Iterator[frozenset[Value]]:
    """Yield each number of a text as the values that it may stand for ("1.200" is 1200 or 1.2), months excepted."""
    yield from _numbers(text, VALUES.get(language, {}), strict=True)


def values(text: str) -> frozenset[Value]:
    """Return every value that a number, date or month of a text may stand for, number words in any language."""
    found = {value for mention in _numbers(text, ANY_VALUES, strict=False) for value in mention}
    return frozenset(found | set(map(float, months(text))))


def months(text: str, *, certain: bool = False) -> frozenset[int]:
    """Return the months (1 to 12) that a text names, or writes in figures; only those ``certain`` to be meant if so."""
    folded = fold(text)
    found = set()
    for number, names in enumerate(_MONTH, 1):
        for match in names.finditer(folded):
            beside = _BEFORE.search(folded[: match.start()]) or _BEHIND.search(folded[match.end() :])
            if not certain or beside or not _DOUBTFUL.fullmatch(match.group()):
                found.add(number)
    for written in _CJK_MONTH.findall(text):
        found.add(int(written) if written.isdecimal() else int(_han(written)))
    if not certain:
        for date in _DATE.finditer(text):
            found |= {int(date[at]) for at in (1, 3, 4)}
    return frozenset(month for month in found if 1 <= month <= 12)


def weekdays(text: str) -> frozenset[int]:
    """Return the days of the week (0 is Monday) that a text names, those between two also: from Monday to Friday."""
    folded = fold(text)
    found = [(match, int(str(match.lastgroup)[1:])) for match in _DAY.finditer(folded)]
    if all(match.group() == _DOUBTFUL_DAY for match, _ in found):
        return frozenset()
    days = {day for _, day in found}
    for (first, begin), (last, end) in pairwise(found):
        if _TO.fullmatch(folded, first.end(), last.start()):
            days |= {(begin + step) % 7 for step in range((end - begin) % 7)}
    return frozenset(days)


def _numbers(text: str, words: dict[str, Value], *, strict: bool) -> Iterator[frozenset[Value]]:
    for date in _DATE.finditer(text):
        yield from (frozenset([float(int(date[at]))]) for at in (1, 3, 4))
    text = _DATE.sub(" ", text)
    for roman in _ROMAN.findall(text):
        yield frozenset([_roman(roman)])
    for han in _HAN.finditer(text):
        # A lone 一 is rarely a number; a number before 万 is read with it below.
        if not strict or len(han.group()) > 1:
            before = _FIGURES_BEFORE.search(text[max(0, han.start() - LONGEST_FIGURES) : han.start()])
            unit = _HAN_UNITS.get(han.group())
            yield frozenset([float(before.group()) * unit if before and unit else _han(han.group())])
    run: list[Value] = []
    folded = fold(text)
    for token in _TOKEN.finditer(folded):
        value = words.get(token["word"] or "")
        if token["figures"] is not None:
            if run:
                yield frozenset([_sum(run)])
            run = []
            read = _figures(token["figures"])
            scale = _SCALE.match(folded, token.end())
            times = words.get(scale[1], 1.0) if scale else 1.0
            scaled = frozenset(value * times for value in read) if times in SCALE_VALUES else read
            yield scaled if strict else scaled | read
        elif value is not None:
            # A scale behind figures was read with them.
            behind = regex.search(r"\p{Nd}\s+(?:de\s+)?$", fold(text)[: token.start()])
            if not (value in SCALE_VALUES and behind):
                run.append(value)
            if not strict:
                yield frozenset([value])
        elif run and token["word"] not in _JOINTS:
            yield frozenset([_sum(run)])
            run = []
    if run:
        yield frozenset([_sum(run)])


def _sum(run: list[Value]) -> Value:
    """Return the value of number words in a row, as in "two hundred thousand and five"."""
    total = current = 0.0
    for value in run:
        if value >= 100:
            current = max(current, 1.0) * value
            if value >= 1000:
                total, current = total + current, 0.0
        else:
            current += value
    return total + current


def _figures(written: str) -> frozenset[Value]:
    """Return what figures may stand for: a point or comma may group thousands or begin decimals."""
    plain = regex.sub(r"[ \u00a0\u202f'’]", "", written)
    plain = "".join(str(int(c)) if c.isdecimal() else c for c in plain)
    parts = regex.split(r"[.,]", plain)
    if len(parts) == 1:
        return frozenset([float(plain)])
    grouped = all(len(part) == 3 for part in parts[1:]) and len(parts[0]) <= 3
    found = {float("".join(parts))} if grouped else set()
    if len(parts) == 2 or len(parts[-1]) != 3:
        found.add(float("".join(parts[:-1]) + "." + parts[-1]))
    return frozenset(found or {float("".join(parts))})


def _roman(written: str) -> Value:
    digits = [{"I": 1, "V": 5, "X": 10}[letter] for letter in written]
    following = [*digits[1:], 0]
    return float(sum(-a if a < b else a for a, b in zip(digits, following, strict=True)))


def _han(written: str) -> Value:
    if not set(written) & set(_HAN_UNITS):
        return float("".join(str(_HAN_DIGITS[digit]) for digit in written))
    total = section = digit = 0
    for letter in written:
        unit = _HAN_UNITS.get(letter)
        if unit is None:
            digit = _HAN_DIGITS[letter]
        elif unit >= 10_000:
            total, section, digit = (total + (section + digit or 1)) * unit, 0, 0
        else:
            section, digit = section + (digit or 1) * unit, 0
    return float(total + section + digit)


@lru_cache(maxsize=256)
def latin_words(text: str) -> tuple[str, ...]:
    """Return the folded words of a text in Latin letters, Cyrillic ones transliterated."""
    return tuple(_LATIN_WORD.findall(fold(text).translate(_CYRILLIC)))


def named(name: str, text: str, *, same_language: bool) -> bool:
    """Return whether a text holds a name, whatever its ending; between languages also in a similar spelling."""
    return all(any(alike(wanted, word, same_language) for word in latin_words(text)) for wanted in latin_words(name))


@lru_cache(maxsize=1 << 15)
def alike(name: str, word: str, same_language: bool) -> bool:
    """Return whether a folded word is a name with another ending; between languages also in a similar spelling."""
    if name == word:
        return True
    if not same_language:
        name, word = _spelt(name), _spelt(word)
    shared = shared_beginning(name, word)
    longest = max(len(name), len(word))
    if shared >= max(3, -(-6 * min(len(name), len(word)) // 10)) and longest - shared <= 5:
        return True
    return not same_language and min(len(name), len(word)) >= 4 and SequenceMatcher(None, name, word).ratio() >= 0.7


@lru_cache(maxsize=2048)
def _spelt(word: str) -> str:
    """Return a word without what languages spell differently: Warsaw and Varșovia, Pharaoh and Faraon."""
    for theirs, ours in (("ph", "f"), ("th", "t"), ("ck", "c"), ("w", "v"), ("k", "c"), ("y", "i"), ("j", "i")):
        word = word.replace(theirs, ours)
    return word
