"""A message to people: a key of the catalogue and its values, said in whatever language it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from rag.messages.catalogue import ENGLISH, LANGUAGES, Catalogue

CATALOGUE = Catalogue(sorted(Path(__file__).parent.glob("*.toml")))


@dataclass(frozen=True, slots=True)
class Message:
    """What is said: ``str(message)`` is English. A value that is a message itself is said in the same language."""

    key: str
    values: Mapping[str, object] = field(default_factory=dict)

    def in_language(self, language: str) -> str:
        """Return the text in a language, in English where the catalogue has it not."""
        values = {
            name: value.in_language(language) if isinstance(value, Message) else value
            for name, value in self.values.items()
        }
        return CATALOGUE.say(language, self.key, values)

    def __str__(self) -> str:
        return self.in_language(ENGLISH)

    def replaced(self, old: str, new: str) -> Message:
        """Return the message with one piece of text replaced in all its values that are text."""
        values = {
            name: value.replace(old, new)
            if isinstance(value, str)
            else value.replaced(old, new)
            if isinstance(value, Message)
            else value
            for name, value in self.values.items()
        }
        return Message(self.key, values)

    @classmethod
    def from_json(cls, given: object) -> Message:
        """Return the message that JSON values tell: ``{"key": …, "values": {…}}``, where a value may be such an object.

        Raises:
            ValueError: they tell none that the catalogue can say.
        """
        said = cls._from_json(given)
        try:
            for language in LANGUAGES:
                said.in_language(language)
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            raise ValueError(f"no message: {given!r:.100}") from error
        return said

    @classmethod
    def _from_json(cls, given: object) -> Message:
        match given:
            case {"key": str(key), "values": dict(values)}:
                read = {str(n): cls._from_json(v) if isinstance(v, dict) else v for n, v in values.items()}
                return cls(key, read)
        raise ValueError(f"no message: {given!r:.100}")


@dataclass(frozen=True, slots=True)
class FileMessage:
    """What is said of a file, on one line: the file's name, and a message that goes on from it."""

    file: str
    said: Message

    def in_language(self, language: str) -> str:
        """Return the line in a language. A name may hold line ends, and must not look like a message of ours."""
        return " ".join(f"{self.file} {self.said.in_language(language)}".splitlines())

    def __str__(self) -> str:
        return self.in_language(ENGLISH)

    def of(self, file: str) -> FileMessage:
        """Return the same of a file that is called otherwise."""
        return FileMessage(file, self.said.replaced(self.file, file).replaced(PurePath(self.file).name, file))


def message(key: str, **values: object) -> Message:
    """Return the message of a key. `tests/test_messages.py` holds every call to the catalogue."""
    return Message(key, values)


def as_it_stands(text: str) -> Message:
    """Return a text that is the same in every language."""
    return Message("as_it_stands", {"text": text})
