"""Read a catalogue of texts, and say a text in a language.

A catalogue is TOML: a table for each key, in it a template for each language. Templates name their values as
`str.format` does: ``{most:.0f}``.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

ENGLISH = "en"
"""The language of the terminal and of programs, and of whoever asks for one that a text is not in."""
LANGUAGES = ("ro", ENGLISH)
"""Languages that every text is in."""
_DECIMAL_COMMA = frozenset(["ro"])
_SWAPPED = str.maketrans(",.", ".,")


class Catalogue:
    """The texts of some TOML files, read when the first is said.

    Raises:
        ValueError: a key stands in two files.
        KeyError: there is no such key, or a value that its template names is not given.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = tuple(files)

    @cached_property
    def texts(self) -> Mapping[str, Mapping[str, str]]:
        """The template of each language, by key."""
        texts: dict[str, Mapping[str, str]] = {}
        for file in self._files:
            read = tomllib.loads(file.read_text(encoding="utf-8"))
            twice = sorted(texts.keys() & read.keys())
            if twice:
                raise ValueError(f"{file.name} repeats keys of another file: {', '.join(twice)}")
            texts |= read
        return texts

    def template(self, language: str, key: str) -> str:
        """Return a text as it is written, its values not filled in; in English where it is not in that language."""
        text = self.texts[key]
        return text.get(language, text[ENGLISH])

    def say(self, language: str, key: str, values: Mapping[str, object]) -> str:
        """Return a text with its values filled in, numbers as the language writes them."""
        return _Formatter(language).vformat(self.template(language, key), (), values)

    def values_of(self, key: str) -> dict[str, set[str]]:
        """Return by language the names of the values that the template of a key takes."""
        parsed = {language: string.Formatter().parse(text) for language, text in self.texts[key].items()}
        return {language: {name for _, name, _, _ in parts if name is not None} for language, parts in parsed.items()}


class _Formatter(string.Formatter):
    """Fill in templates; a number that a template gives a format to is written with the language's marks."""

    def __init__(self, language: str) -> None:
        self._swaps = language in _DECIMAL_COMMA

    def format_field(self, value: object, format_spec: str) -> str:
        text = format(value, format_spec)
        return text.translate(_SWAPPED) if self._swaps and format_spec and isinstance(value, int | float) else text
