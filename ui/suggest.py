"""Suggesting: questions that an ingested document can answer, made from its own sentences.

Clauses such as "China a accelerat construcția …" become "Ce a accelerat China?"; names and recurring phrases become
"Ce se spune despre „…”?". Each is put to Temei and kept only where the answer quotes that document, no two with the
same quote. The same documents give the same questions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from rag.chain import Temei
from rag.errors import TemeiError
from rag.types import Document

LONGEST, TRIED = 20_000, 16
"""Characters of a document that are looked through, and candidates that are put to Temei for each."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """How a clause becomes a question: the groups of ``clause`` fill ``question``."""

    clause: regex.Pattern[str]
    question: str


_SUBJECT = r"(?:^|(?<=[.;:!?”\"»]\s?|,\s))(?P<subject>\p{L}[\p{L}\p{M}-]+(?: [\p{L}\p{M}\p{N}-]+){0,7}?)"
_OBJECT = {
    "ro": r"(?= (?!(?:la|în|din|pe|de|cu|ca|prin|până) )\p{L})",
    "en": r"(?= (?!(?:to|from|in|on|at|by|with|into|for|of) )\p{L})",
}
"""What follows a verb that "Ce …?" can ask for."""
PATTERNS = {
    language: [Pattern(regex.compile(_SUBJECT + clause, regex.MULTILINE), question) for clause, question in rows]
    for language, rows in {
        "ro": (
            (r" (?P<verb>(?:a|au) \p{Ll}+(?:at|it|ut|ât|is|us|ins|ns|rs|pt))" + _OBJECT["ro"], "Ce {verb} {subject}?"),
            (r" (?P<verb>(?:va|vor) \p{Ll}{3,})" + _OBJECT["ro"], "Ce {verb} {subject}?"),
            (
                r" (?P<verb>este|sunt|era|erau)(?= (?:un|o|unul|una|cel|cea|\p{L}+(?:ul|ția|tatea)) )",
                "Ce {verb} {subject}?",
            ),
            (r" (?P<verb>ar trebui|trebuie) să (?P<rest>\p{Ll}{3,})", "Ce {verb} să {rest} {subject}?"),
        ),
        "en": (
            (
                r" (?P<verb>has|have|had) (?P<rest>\p{Ll}+(?:ed|en|wn|ught))" + _OBJECT["en"],
                "What {verb} {subject} {rest}?",
            ),
            (r" (?P<verb>will|should|must|can) (?P<rest>\p{Ll}{3,})" + _OBJECT["en"], "What {verb} {subject} {rest}?"),
            (r" (?P<verb>is|are|was|were) (?=(?:an?|the|one) )", "What {verb} {subject}?"),
            (
                r" (?P<verb>was|were) (?P<rest>\p{Ll}+(?:ed|en|wn|ught))(?= (?:in|on|by|at) )",
                "How {verb} {subject} {rest}?",
            ),
        ),
    }.items()
}
ABOUT = {"ro": "Ce se spune despre „{phrase}”?", "en": "What is said about “{phrase}”?"}
_LEADING = {
    "ro": regex.compile(
        r"^(?:și|dar|iar|că|care|ce|unde|când|astfel|apoi|însă|ca|în|pe|la|din|prin|de|cu|pentru|să|se|nu|sa|acest"
        r"|această|acești|aceste|el|ea|ei|ele|asta|aceasta|acestea|aceștia|noi|dacă|deși|după|înainte|atunci)\b",
        regex.IGNORECASE,
    ),
    "en": regex.compile(
        r"^(?:and|but|or|that|which|who|what|where|when|while|then|in|on|at|for|with|by|to|from|as|if|it|he|she|they"
        r"|we|you|i|this|these|those|there|not|of|because|although|after|before|here)\b",
        regex.IGNORECASE,
    ),
}
_BROKEN = regex.compile(
    r"\b(?:va|vor|ar|este|sunt|era|au|care|că|will|has|have|had|is|are|was|were|which|who)\b|\b(?:și|sau|and|or)$"
)
"""Words that show that what looks like a subject is none."""
_NAME = regex.compile(r"\b\p{Lu}[\p{L}\p{M}-]+(?: (?:(?:a|al|ai|ale|de|of|the) )?\p{Lu}[\p{L}\p{M}-]+)+")
_WORDS = regex.compile(r"[\p{L}\p{M}]+(?:-[\p{L}\p{M}]+)*")
_CLAUSE = regex.compile(r"[^\p{L}\p{M}\p{N} -]+")
_GENITIVE = regex.compile(r"(?:ului|lui|ilor|elor|iei|ței)$")
_SHORT = 4
"""Words up to this long join phrases but do not begin or end them."""


class Suggestions:
    """Suggested questions, made anew only when the documents have changed."""

    def __init__(self, temei: Temei) -> None:
        self._temei = temei
        self._made: dict[str, tuple[frozenset[str], list[str]]] = {}

    def some(self, language: str) -> list[str]:
        """Return up to three questions."""
        try:
            present = frozenset(str(row["id"]) for row in self._temei.index.documents())
        except TemeiError:
            return []
        made = self._made.get(language)
        if made is None or made[0] != present:
            made = self._made[language] = (present, suggest(self._temei, language=language))
        return made[1]


def suggest(temei: Temei, count: int = 3, language: str = "ro") -> list[str]:
    """Return up to ``count`` questions, taken in turn from the documents; fewer where little can be asked.

    ``language`` is that of the questions about documents in a language that there are no patterns for.
    """
    try:
        rows = temei.index.documents()
    except TemeiError:
        return []
    queues = [_answerable(temei, str(row["id"]), language, count) for row in rows[: 4 * count]]
    found: list[str] = []
    while queues and len(found) < count:
        for queue in list(queues):
            question = next(queue, None)
            if question is None:
                queues.remove(queue)
            elif question not in found and len(found) < count:
                found.append(question)
    return found


def _answerable(temei: Temei, document_id: str, language: str, count: int) -> Iterator[str]:
    """Yield the surest questions of one document first; each has been answered from that document."""
    document = temei.document(document_id)
    if document is None:
        return
    tried: list[tuple[float, str, set[tuple[int, int]]]] = []
    for question in candidates(document, language)[:TRIED]:
        try:
            answer = temei.answer(question, document_ids=[document_id])
        except TemeiError:
            return
        if not answer.abstained:
            tried.append((answer.confidence, question, {(c.start, c.end) for c in answer.citations}))
    quoted: set[tuple[int, int]] = set()
    for _, question, spans in sorted(tried, key=lambda row: -row[0]):
        if not spans <= quoted:
            quoted |= spans
            yield question


def candidates(document: Document, language: str = "ro") -> list[str]:
    """Return questions that the document may answer, likely ones first, in its language where there are patterns."""
    text = document.text[document.body : document.body + LONGEST]
    tongue = document.language if document.language in PATTERNS else language
    asked = list(_from_clauses(text, tongue)) if tongue == document.language else []
    names = [name for name, _ in Counter(_NAME.findall(text)).most_common(8) if not _is_genitive(name)]
    phrases = dict.fromkeys([*names[:3], *_phrases(text)])
    return [*dict.fromkeys(asked[: TRIED - 4]), *(ABOUT[tongue].format(phrase=phrase) for phrase in phrases)]


def _from_clauses(text: str, language: str) -> Iterator[str]:
    found: list[tuple[int, str]] = []
    for pattern in PATTERNS[language]:
        for match in pattern.clause.finditer(text):
            groups = match.groupdict()
            subject = groups["subject"]
            if len(subject) < 4 or _BROKEN.search(subject) or _LEADING[language].match(subject):
                continue
            if _is_genitive(subject):
                continue
            groups["subject"] = subject if _is_name(subject, text) else subject[0].lower() + subject[1:]
            found.append((match.start(), pattern.question.format(**groups)))
    # Spread over the document: every third one first, then the rest.
    ordered = [question for _, question in sorted(found)]
    for start in range(3):
        yield from ordered[start::3]


def _is_name(subject: str, text: str) -> bool:
    """Tell whether a subject begins with a name: its first word is nowhere in the text with a small letter."""
    first = subject.split()[0]
    return first[0].isupper() and not regex.search(rf"\b{regex.escape(first[0].lower() + first[1:])}\b", text)


def _is_genitive(phrase: str) -> bool:
    """Tell whether a Romanian phrase looks like a genitive, which reads badly by itself."""
    return bool(_GENITIVE.search(phrase.split()[0]))


def _phrases(text: str) -> Sequence[str]:
    """Return runs of two to four words, the most frequent first and the longer first among equals."""
    counts: Counter[str] = Counter()
    first: dict[str, int] = {}
    for position, clause in enumerate(_CLAUSE.split(text)):
        words = _WORDS.findall(clause)
        for size in (2, 3, 4):
            for at in range(len(words) - size + 1):
                run = words[at : at + size]
                if len(run[0]) > _SHORT and len(run[-1]) > _SHORT and not _is_genitive(run[0]):
                    phrase = " ".join(run)
                    counts[phrase] += 1
                    first.setdefault(phrase, position)
    ranked = sorted(counts, key=lambda p: (-counts[p], -len(p), first[p]))
    kept: list[str] = []
    for phrase in ranked:
        if not any(phrase in other or other in phrase for other in kept):
            kept.append(phrase)
        if len(kept) == TRIED:
            break
    return kept
