"""The notes beside an answer, in the page's two languages: why no language model wrote it, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence

from rag.errors import Fault
from rag.text.language import question_language

NOTES = {
    "en": {
        Fault.UNREACHABLE: "{model} cannot be reached",
        Fault.KEY: "the key for {model} was refused",
        Fault.UNKNOWN: "the server does not know {model}",
        Fault.REJECTED: "the server of {model} rejected the request",
        Fault.BUSY: "{model} is busy",
        Fault.SLOW: "{model} did not reply in time",
        Fault.BROKEN: "{model} broke off",
        Fault.EMPTY: "{model} replied with nothing",
        Fault.UNSUPPORTED: "nothing that {model} wrote stands in the sources",
    },
    "ro": {
        Fault.UNREACHABLE: "{model} nu răspunde",
        Fault.KEY: "cheia pentru {model} a fost respinsă",
        Fault.UNKNOWN: "serverul nu cunoaște {model}",
        Fault.REJECTED: "serverul lui {model} a respins cererea",
        Fault.BUSY: "{model} este ocupat",
        Fault.SLOW: "{model} nu a răspuns la timp",
        Fault.BROKEN: "{model} s-a întrerupt",
        Fault.EMPTY: "{model} nu a scris nimic",
        Fault.UNSUPPORTED: "nimic din ce a scris {model} nu stă în surse",
    },
}
ENDS = {"en": "; these are the sources' own words.", "ro": "; acestea sunt cuvintele surselor."}


LEFT_OUT = {
    "en": "Of its {all} questions, {taken} were looked into; ask the others one at a time.",
    "ro": "Din cele {all} întrebări ale sale au fost cercetate {taken}; pune-le pe celelalte pe rând.",
}


def note_left_out(taken: int, left_out: int, question: str, languages: Sequence[str]) -> str:
    """Return the line for questions within one that were not looked into, empty where there are none."""
    if not left_out:
        return ""
    language = question_language(question, languages)
    return LEFT_OUT.get(language, LEFT_OUT["en"]).format(all=taken + left_out, taken=taken)


def note(fault: Fault, model: str, question: str, languages: Sequence[str]) -> str:
    """Return the line, in the question's language where there is one, else in English."""
    language = question_language(question, languages)
    language = language if language in NOTES else "en"
    line = NOTES[language][fault].format(model=model) + ENDS[language]
    return line[0].upper() + line[1:] if not line.startswith(model) else line
