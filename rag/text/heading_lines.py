"""Find the lines of a text that are headings, by how they are written and what stands around them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import regex

from rag.text.language import prose
from rag.text.markup import FENCES, without_markup
from rag.text.numbering import Label, Rank, legal_label, plain_label

LONGEST_TITLE = 120
"""Characters of a title; the rest of a longer one is left out. Chosen by eye; not measured."""
LONGEST_PLAIN = 80
"""Characters of a line that may be a heading without a mark. Chosen by eye; not measured."""
SHORT_PLAIN = 40
"""Characters of such a line without a blank line below it. Chosen by eye; not measured."""
FEW_MARKED = 2
"""Headings of Markdown from which on unmarked lines are not taken for headings."""
FIRST, LETTER, LEGAL, PLAIN = 10, 11, 20, 20 + Rank.SECTION + 1
"""The levels of a first line, a letter, the highest of legal text, and a line by itself; Markdown's are 1 to 6."""

LONGEST_NUMBER = 13
"""Characters of a number with its full stops, as "12.10.10.10." is the longest."""
LONGEST_LINE = 300
"""Characters of a line that are looked at; a title is shorter."""

_ATX = regex.compile(r"[ ]{0,3}(#{1,6})(?:[ \t]+(\S.*)?)?$")
_RULE = regex.compile(r"[ ]{0,3}(=+|-{3,})[ \t]*$")
_TAGGED = regex.compile(r"^[ \t]*+<h([1-6])\b[^<>]{0,300}>(.{1,500}?)</h\1>[ \t]*$", regex.IGNORECASE | regex.MULTILINE)
_ENDS = regex.compile(r"[\p{Sentence_Terminal};,…:：](?:[\p{P}\p{S}])*$")
_MARK = regex.compile(r"[-*+•▪◦‣·>|([{<=#~`_]|\p{N}{1,3}(?:\)|\.[ \t])|\p{L}\)")
"""How a line begins that is an item, a quoted line, a row or a rule."""
_NAME = regex.compile(r"(?:[\p{P}]*)[\p{Lu}\p{Lt}\p{Lo}]")
_WORDS = regex.compile(r"\p{L}{3}")
_SEPARATOR = regex.compile(r"[ \t]{0,9}+[.\-–—:][ \t.\-–—:]{0,9}+")
_PARAGRAPH = regex.compile(r"[ \t]*\(\p{N}{1,3}\)")
_LEADERS = regex.compile(r"(?:\.[ \t]?){4}|…{2}|(?<=[ \t]{3}|\t)\p{N}{1,4}$")
_FROM = regex.compile(r"(?:From|De la|De|Von|Da|Van|Od|Feladó|От):[ \t]+\S")
_SUBJECT = regex.compile(
    r"(?:Subject|Subiect|Betreff|Objet|Asunto|Oggetto|Assunto|Onderwerp|Temat|Tárgy|Тема):[ \t]+"
    r"(?:(?:Re|Fwd?|Fw|Aw|Wg|Rif|Ref|Rv|Tr)[ \t]?:[ \t]*){0,5}(\S.*)$",
    regex.IGNORECASE,
)
PERMALINKS = "¶#🔗 \t"
"""The link to a heading that stands behind it on many pages."""
_HEAD_LINES = 12
"""Lines of a letter's head in which its subject is looked for; eight fields are usual."""


@dataclass(frozen=True, slots=True)
class Found:
    """A heading: ``text[start:end]``, its title, and its level, which is lower for a higher heading."""

    start: int
    end: int
    title: str
    level: int
    label: Label | None = None
    is_marked: bool = False


class _Line(NamedTuple):
    """A line that is not blank, without the blanks around it; ``apart`` is true below a blank line or at the start."""

    start: int
    end: int
    text: str
    apart: bool
    is_code: bool


def heading_lines(text: str, body: int = 0, told: Sequence[tuple[int, int, int]] = ()) -> list[Found]:
    """Return the headings of a text from ``body`` on, in order; of ``told``, which the format tells, all."""
    lines = _lines(text, body)
    given = [_heading(start, end, text[start:end], level, is_marked=True) for start, end, level in told]
    found = {one.start: one for one in given or _marked(text, lines)}
    few = not given and len(found) < FEW_MARKED
    ways = [_legal(lines)]
    if few:
        ways += [_letters(lines), _in_sequence([one for i in range(len(lines)) if (one := _clause(lines, i))])]
    for one in chain.from_iterable(ways):
        found.setdefault(one.start, one)
    if few:
        for one in _plain(lines, found.keys()):
            found.setdefault(one.start, one)
    kept = _without_contents(text, sorted(found.values(), key=lambda one: one.start))
    # The first line alone is the document's title, no outline.
    return kept if any(one.level != FIRST for one in kept) else []


def _lines(text: str, body: int) -> list[_Line]:
    """Return the lines that are not blank; tags and comments count as blanks."""
    lines: list[_Line] = []
    at, fence, apart = body, "", True
    told = prose(text[body:])
    has_markup = told != text[body:]
    for raw in told.splitlines(keepends=True):
        line = raw.strip()
        if line:
            is_code = bool(fence)
            if line.startswith(fence or FENCES):
                fence, is_code = ("" if fence else line[:3]), True
            start = at + raw.index(line)
            end = at + len(text[at : at + len(raw)].rstrip()) if has_markup else start + len(line)
            lines.append(_Line(start, end, line, apart, is_code))
        apart = not line
        at += len(raw)
    return lines


def _marked(text: str, lines: Sequence[_Line]) -> Iterator[Found]:
    """Yield the headings of Markdown, with number signs or underlined, and those between tags of HTML."""
    for number, line in enumerate(lines):
        if line.is_code:
            continue
        first = line.text[0]
        if first == "#" and (found := _ATX.match(line.text)) is not None:
            yield _heading(line.start, line.end, text[line.start : line.end], len(found[1]), is_marked=True)
        elif first in "=-" and number and not line.apart and _RULE.match(line.text):
            above = lines[number - 1]
            if above.apart and not above.is_code and len(above.text) <= LONGEST_TITLE and "|" not in above.text:
                level = 1 if line.text[0] == "=" else 2
                yield _heading(above.start, line.end, above.text, level, is_marked=True)
    if "<h" in text or "<H" in text:
        starts = [line.start for line in lines if not line.is_code]
        for found in _TAGGED.finditer(text):
            if (at := bisect_left(starts, found.start())) < len(starts) and starts[at] < found.end():
                yield _heading(starts[at], found.end(), found[2], int(found[1]), is_marked=True)


def _legal(lines: Sequence[_Line]) -> Iterator[Found]:
    """Yield articles, sections, chapters and so on of legal text."""
    last: dict[Rank, tuple[int, ...]] = {}
    for number, line in enumerate(lines):
        if line.is_code or not (line.text[0].isalnum() or line.text[0] in "*_§"):
            continue
        lead = len(line.text) - len(line.text.lstrip("*_"))
        label = legal_label(line.text[lead : lead + LONGEST_LINE])
        if label is None or _LEADERS.search(line.text[:LONGEST_LINE]):
            continue
        before = lines[number - 1].text if number else ""
        if not (line.apart or _ENDS.search(before[-LONGEST_PLAIN:]) or before.isupper() or legal_label(before[:80])):
            continue  # a line that begins with a reference by chance
        is_next = last.get(label.rank, (0,)) == tuple(n - 1 for n in label.numbers)
        if (found := _labelled(lines, number, lead, label, is_next)) is not None:
            last[label.rank] = label.numbers
            yield found


def _labelled(lines: Sequence[_Line], number: int, lead: int, label: Label, is_next: bool) -> Found | None:
    """Return the heading of a line that begins with a label: the line, with the next one, or only the label."""
    line = lines[number]
    named = line.text[lead : lead + label.end]
    rest = line.text[lead + label.end :].strip("*_ \t")
    separator = _SEPARATOR.match(rest)
    said = rest[separator.end() :].strip("*_ \t") if separator else rest
    level = LEGAL + label.rank
    if not said:
        below = lines[number + 1] if number + 1 < len(lines) else None
        if below is not None and _is_title_of(lines, number + 1):
            return _heading(line.start, below.end, f"{named}. {below.text}", level, label)
        return _heading(line.start, line.end, named, level, label)
    if _is_title(said, LONGEST_TITLE) and not _goes_on(lines, number):
        return _heading(line.start, line.end, line.text, level, label)
    apart = separator is not None or _PARAGRAPH.match(rest) or (is_next and _NAME.match(said))
    return _heading(line.start, line.start + lead + label.end, named, level, label) if apart else None


def _is_title_of(lines: Sequence[_Line], number: int) -> bool:
    """Return whether a line is the title below a label, and other text stands below it."""
    line = lines[number]
    if line.is_code or number + 1 == len(lines) or not _is_title(line.text, LONGEST_PLAIN) or _goes_on(lines, number):
        return False
    return legal_label(line.text) is None and plain_label(line.text) is None


def _clause(lines: Sequence[_Line], number: int) -> Found | None:
    """Return the heading of a line such as "1.2 Title" or "II. TITLE" above text."""
    line = lines[number]
    if line.is_code or number + 1 == len(lines) or "." not in line.text[:LONGEST_NUMBER]:
        return None
    label = plain_label(line.text[:LONGEST_LINE])
    if label is None or _LEADERS.search(line.text[:LONGEST_LINE]):
        return None
    said, below = line.text[label.end :], plain_label(lines[number + 1].text[:LONGEST_LINE])
    depth = len(label.numbers)
    if not _is_title(said, LONGEST_PLAIN, may_ask=depth > 1) or _goes_on(lines, number):
        return None
    if not (line.apart or said.isupper()):
        return None
    if below is not None and (below.kind, len(below.numbers)) == (label.kind, depth) and not said.isupper():
        return None  # items of a list
    return _heading(line.start, line.end, line.text, LEGAL + label.rank + depth - 1, label)


def _in_sequence(found: Sequence[Found]) -> Iterator[Found]:
    """Yield those whose numbers begin with 1 and go on; a single number is the last item of a list, or chance."""
    keys = [(one.label.kind, one.label.numbers) for one in found if one.label is not None]
    kept: set[tuple[str, tuple[int, ...]]] = set()
    for at, (kind, numbers) in enumerate(keys):
        *above, value = numbers or (0,)
        begins = value == 1 and ((kind, (*above, 2)) in keys[at:] or (kind, tuple(above)) in kept)
        if numbers and (begins or (kind, (*above, value - 1)) in kept):
            kept.add((kind, numbers))
            yield found[at]


def _letters(lines: Sequence[_Line]) -> Iterator[Found]:
    """Yield the heads of letters, from the line of the sender to the subject, which is their title."""
    for number, line in enumerate(lines):
        if line.apart and _FROM.match(line.text):
            for below in lines[number + 1 : number + _HEAD_LINES]:
                if below.apart:
                    break
                if (found := _SUBJECT.match(below.text[:LONGEST_LINE])) is not None:
                    yield _heading(line.start, below.end, found[1], LETTER)
                    break


def _plain(lines: Sequence[_Line], taken: Collection[int]) -> list[Found]:
    """Return the lines by themselves above text, and the first line if it is a title; of the former at least two."""
    found: list[Found] = []
    first: list[Found] = []
    of_line: dict[int, Found] = {}
    for number in reversed(range(len(lines) - 1)):
        line, below = lines[number], lines[number + 1]
        if line.start in taken or line.is_code or not line.apart or not _is_title(line.text, LONGEST_PLAIN):
            continue
        heads = below.start in taken or number + 1 in of_line
        if number == 0 and (below.apart or _is_short_above(line, below)):
            first.append(_heading(line.start, line.end, line.text, FIRST))
        elif (below.apart or _is_short_above(line, below)) and _is_above(lines, number, heads):
            level = PLAIN - (number + 1 in of_line)
            of_line[number] = _heading(line.start, line.end, line.text, level)
            found.append(of_line[number])
    return first + (found if len(found) > 1 else [])


def _is_short_above(line: _Line, below: _Line) -> bool:
    """Return whether a line stands right above text: in capitals, or short above a line twice as long."""
    if line.text.isupper() or len(line.text) > SHORT_PLAIN:
        return line.text.isupper()
    return len(below.text) >= 2 * len(line.text) or bool(_MARK.match(below.text))


def _is_above(lines: Sequence[_Line], number: int, heads: bool) -> bool:
    """Return whether a line leads to the text below it, and does not go on with an unfinished line above it."""
    line, below = lines[number], lines[number + 1]
    before = lines[number - 1].text[-LONGEST_PLAIN:]
    unfinished = not (_ENDS.search(before) or _MARK.match(lines[number - 1].text) or "|" in before)
    if unfinished and not (lines[number - 1].apart and _is_title(before, LONGEST_PLAIN)):
        return False
    if heads or _MARK.match(below.text) or "|" in below.text:
        return True
    is_text = len(below.text) > LONGEST_PLAIN or bool(_ENDS.search(below.text))
    return len(below.text) > len(line.text) and is_text


def _without_contents(text: str, found: Sequence[Found]) -> list[Found]:
    """Leave out unmarked headings without text of their own: entries of a table of contents, lines of an address."""
    kept: list[Found] = []
    following: Found | None = None
    for one in reversed(found):
        empty = not text[one.end : following.start if following else len(text)].strip()
        leads = bool(kept) and kept[-1] is following and kept[-1].level > one.level
        if one.is_marked or not empty or leads:
            kept.append(one)
        following = one
    return kept[::-1]


def _is_title(text: str, longest: int, *, may_ask: bool = False) -> bool:
    """Return whether a line may be a title: short, begun like a name, and not ended like a sentence or a list."""
    if len(text) > longest or "|" in text or not _NAME.match(text) or not _WORDS.search(text):
        return False
    return not _LEADERS.search(text) and (not _ENDS.search(text) or (may_ask and text.endswith(("?", "？"))))


def _goes_on(lines: Sequence[_Line], number: int) -> bool:
    """Return whether the line below goes on with the words of a line."""
    below = lines[number + 1] if number + 1 < len(lines) else None
    return below is not None and not below.apart and below.text[0].islower()


def _heading(
    start: int, end: int, written: str, level: int, label: Label | None = None, *, is_marked: bool = False
) -> Found:
    title = " ".join(without_markup(written).split()).rstrip(PERMALINKS)
    if len(title) > LONGEST_TITLE:
        title = title[:LONGEST_TITLE].rsplit(" ", 1)[0] + " …"
    return Found(start, end, title, level, label, is_marked)
