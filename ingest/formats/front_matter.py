"""Front matter: read the title, url and language that a text may begin with, as YAML between two lines of dashes.

Only the events of the YAML parser are read, never the objects that YAML can describe. Every value is a string as it is
written. Tags are ignored. Aliases are refused, and so is a block that is longer or nested deeper than front matter is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import regex
import yaml

from rag.messages import Message, as_it_stands, message
from rag.text.characters import whole

LONGEST = 16_384
"""Characters of front matter that are parsed; 300 times the usual. The parser takes a fifth of a second at worst."""

TAGS = "tags"
"""The one name whose value may be a list."""

DEEPEST = 20
"""Levels of lists and mappings that are parsed: the parser's time grows with their square."""

_BLOCK = regex.compile(r"---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", flags=regex.DOTALL | regex.MULTILINE)
_KEY = regex.compile(r"^[\p{L}_][\p{L}\p{N}_-]*[ \t]*:(?:[ \t\r]|$)", flags=regex.MULTILINE)
"""A line that tells a block meant as front matter from text between two rules."""
_NOTHING = frozenset(["", "~", "null", "Null", "NULL"])
"""What YAML writes for no value, where it stands without quotation marks."""


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What a text begins with.

    ``facts`` are the values by name; ``end`` is the offset behind the block, 0 where there is none; ``problem`` says in
    a few words why a block was not used, and is None where it was.
    """

    facts: dict[str, str] = field(default_factory=dict)
    end: int = 0
    problem: Message | None = None


def read_front_matter(text: str) -> FrontMatter:
    """Return the front matter of a text; a block that cannot be used is passed over if it was meant as one."""
    match = _BLOCK.match(text)
    if match is None:
        return FrontMatter()
    written, end = match.group(1), match.end()
    if len(written) > LONGEST:
        meant = _KEY.search(written, 0, LONGEST) is not None
        return FrontMatter({}, end, message("front_matter_too_long", most=LONGEST)) if meant else FrontMatter()
    try:
        facts = dict(_facts(written))
    except Exception as error:  # beside its own errors the parser raises OverflowError, RecursionError and others
        return FrontMatter({}, end, _problem(error)) if _KEY.search(written) else FrontMatter()
    return FrontMatter(facts, end) if facts or not written.strip() else FrontMatter()


class _RefusedError(Exception):
    """The block is YAML that is not taken."""

    def __init__(self, problem: Message) -> None:
        super().__init__(problem)
        self.problem = problem


def _problem(error: Exception) -> Message:
    if isinstance(error, _RefusedError):
        return error.problem
    return as_it_stands(" ".join(whole(str(error)).split())[:150] or type(error).__name__)


def _facts(written: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of every scalar of the mapping at the top, and the items of the list of tags, with commas.

    Other lists and mappings below it say nothing here.

    Raises:
        _RefusedError: there is an alias, or it is nested too deeply.
        yaml.YAMLError: it is no YAML.
    """
    depth = 0
    name: str | None = None
    in_mapping = False
    tags: list[str] | None = None
    for event in yaml.parse(written, Loader=yaml.BaseLoader):
        if isinstance(event, yaml.AliasEvent):
            raise _RefusedError(message("front_matter_alias", name=whole(event.anchor or "")))
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
            if depth == 1 and tags is not None:
                yield TAGS, ", ".join(tags)
                tags = None
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise _RefusedError(message("front_matter_nested"))
            in_mapping = in_mapping or (depth == 1 and isinstance(event, yaml.MappingStartEvent))
            if depth == 2 and name == TAGS and isinstance(event, yaml.SequenceStartEvent):
                tags = []
            if depth == 2:  # a key or a value of several parts
                name = "" if name is None else None
            continue
        if tags is not None and depth == 2 and isinstance(event, yaml.ScalarEvent):
            tags.append(whole(event.value))
        if not (in_mapping and depth == 1 and isinstance(event, yaml.ScalarEvent)):
            continue
        if name is None:
            name = event.value
        else:
            plain = event.implicit[0]
            yield whole(name), "" if plain and event.value in _NOTHING else whole(event.value)
            name = None
