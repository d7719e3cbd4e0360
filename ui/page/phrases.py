"""Make questions about a document from its own text, each with the place that it asks about.

There are two kinds. A clause is turned into a question, in Romanian and English: "The mill was built in 1874" becomes
"When was the mill built?". A noun phrase, which any document has, is found by the words around it. A question keeps
the span of the text that it was made from, so that it is offered only where the answer quotes that very place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile

import regex

from rag.text.language import prose
from rag.types import Document, Span
from ui.page.phrase_words import (
    ABOUT,
    BROKEN,
    DETERMINED,
    GENITIVE,
    HOLLOW,
    INDEFINITE,
    ITEMS,
    JOINS,
    LITTLE_WORDS,
    QUOTED,
    VERB_BEFORE,
    VERBAL,
    VERBS_AFTER,
)

LONGEST = 20_000
"""Characters of a document that are looked through."""
LONGEST_QUESTION = 90
"""Characters of a suggested question, which stands on a button. Chosen by eye; not measured."""
MOST_WORDS = 4
"""Words of a noun phrase in a suggested question. Chosen by eye; not measured."""

_Phrase = tuple[str, int, int, bool]
"""A noun phrase as a question names it, where it stands, and whether it has several words."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question and the span of the document that it was made from.

    ``kind`` is 0 for a clause turned round, 1 for a noun phrase of several words, 2 for one of a single word.
    """

    question: str
    span: Span
    kind: int = 0


_YEAR = r"(?:\d{1,2} \p{L}+ )?\d{4}|\d{1,2} \p{Ll}+"
_SUBJECT = r"(?:^[ \t]*+|(?<=[.;:!?”\"»]\s?|,\s))(?P<subject>\p{L}[\p{L}\p{M}-]+(?: [\p{L}\p{M}\p{N}-]+){0,6}?)"
_PARTICIPLE = {"ro": r"\p{Ll}+(?:at|it|ut|ât|is|us|ins|ns|rs|pt)", "en": r"\p{Ll}+(?:ed|en|wn|ught|ilt|ade|eld)"}
_NOT_OBJECT = {
    "ro": "la în din pe de cu ca prin până spre către după sub peste când unde cum dar și iar fost mai",
    "en": "to from in on at by with into for of during until since after before over under about that and but as",
}
_OBJECT = {language: rf"(?= (?!(?:{'|'.join(words.split())})\b)\p{{L}})" for language, words in _NOT_OBJECT.items()}
_CLAUSES = {
    "ro": (
        (
            rf" (?P<verb>(?:a|au) fost {_PARTICIPLE['ro']}[ăei]?)[^.;:!?]*? (?:în|din|pe|la)(?: anul)? (?:{_YEAR})",
            "Când {verb} {subject}?",
        ),
        (
            r" (?P<verb>are|au|avea|aveau) (?:\d[\d.,]*)(?: de)? (?P<what>\p{Ll}{3,})",
            "Ce număr de {what} {verb} {subject}?",
        ),
        (rf" (?P<verb>(?:a|au) {_PARTICIPLE['ro']})" + _OBJECT["ro"], "Ce {verb} {subject}?"),
        (r" (?P<verb>(?:va|vor) \p{Ll}{3,})" + _OBJECT["ro"], "Ce {verb} {subject}?"),
        (r" (?P<verb>este|sunt|era|erau)(?= (?:un|o|unul|una|cel|cea) )", "Ce {verb} {subject}?"),
        (r" (?P<verb>ar trebui|trebuie) să (?P<rest>\p{Ll}{3,})" + _OBJECT["ro"], "Ce {verb} să {rest} {subject}?"),
    ),
    "en": (
        (
            rf" (?P<verb>was|were) (?P<rest>{_PARTICIPLE['en']})[^.;:!?]*? (?:in|on)(?: the year)? (?:{_YEAR})",
            "When {verb} {subject} {rest}?",
        ),
        (r" (?P<verb>has|have|had) (?:\d[\d.,]*) (?P<what>\p{Ll}{3,})", "How many {what} {do} {subject} have?"),
        (r" (?P<verb>will|should|must|can) (?P<rest>\p{Ll}{3,})" + _OBJECT["en"], "What {verb} {subject} {rest}?"),
        (r" (?P<verb>is|are)(?= (?:an?|the|one) )", "What {verb} {subject}?"),
        (r" (?P<verb>announced|said|warned|claimed|argued|promised|decided|proposed) ", "What did {subject} {say}?"),
    ),
}
PATTERNS = {
    language: [(regex.compile(_SUBJECT + clause, regex.MULTILINE), question) for clause, question in rows]
    for language, rows in _CLAUSES.items()
}
_DO = {"has": "does", "have": "do", "had": "did"}
_SAY = {"said": "say", "warned": "warn", "announced": "announce", "claimed": "claim", "argued": "argue"}
_SAY |= {"promised": "promise", "decided": "decide", "proposed": "propose"}

_TOKEN = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:[-’'][\p{L}\p{M}\p{N}]+)*|\n+|[^\s\p{L}\p{M}\p{N}]")
_WORD = regex.compile(r"^[\p{L}\p{M}\p{N}]")
_IDEOGRAPHS = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]+")
_BETWEEN = regex.compile(
    r"(?:[的了在是和与及对为由于把被从到将等也都而就向之其以这那有个\p{Hiragana}]"
    r"|举行|来自|参加|发来|讨论|表示|认为|指出|进行|成为|可以|没有|通过|包括|作为|所有|一种|一个)+"
)
_MACHINERY = regex.compile(r"https?://|\]\(|^```|^#|^\|?[\s:|-]+\|?$")


def candidates(document: Document, language: str) -> list[Candidate]:
    """Return questions in a language that the document, which may be in another, may answer; likely ones first.

    Clauses are turned round only in the document's own language; in another its noun phrases are quoted.
    """
    text = prose(document.text[document.body : document.body + LONGEST], cut=False)
    own = document.language
    tongue = language if language in ABOUT else own if own in ABOUT else "en"
    turned = list(_turned(text, own, document.body)) if own in PATTERNS and tongue == own else []
    named = [
        Candidate(ABOUT[tongue].format(phrase=phrase), (document.body + start, document.body + end), 1 if longer else 2)
        for phrase, start, end, longer in _phrases(text, own, tongue)
    ]
    unique: dict[str, Candidate] = {}
    for candidate in [*turned, *named]:
        if len(candidate.question) <= LONGEST_QUESTION:
            unique.setdefault(candidate.question.casefold(), candidate)
    return list(unique.values())


def _turned(text: str, language: str, body: int) -> Iterator[Candidate]:
    for pattern, question in PATTERNS[language]:
        for match in pattern.finditer(text):
            groups = match.groupdict()
            subject = groups["subject"]
            first = subject.split()[0]
            if (
                len(subject) < 4
                or BROKEN.search(subject)
                or first.lower() in LITTLE_WORDS[language] - {"the", "a", "an"}
            ):
                continue
            if language == "ro" and GENITIVE.search(first):
                continue
            if _is_hollow(subject, text, language):
                continue
            groups["subject"] = subject if _is_name(subject, text, language) else subject[0].lower() + subject[1:]
            groups["do"], groups["say"] = _DO.get(groups["verb"], ""), _SAY.get(groups["verb"], "")
            yield Candidate(question.format(**groups), (body + match.start("subject"), body + match.end()))


def _is_hollow(subject: str, text: str, language: str) -> bool:
    """Tell whether a subject names nothing in particular: "question", or an English noun that stands alone."""
    content = [word for word in subject.split() if word.lower() not in LITTLE_WORDS[language]]
    if len(content) != 1:
        return not content
    if content[0].lower() in HOLLOW:
        return True
    return language == "en" and len(subject.split()) == 1 and not _is_name(subject, text, language)


def _is_name(subject: str, text: str, language: str) -> bool:
    """Tell whether a subject begins with a name: a capital that stands amid a sentence, or with another behind it."""
    first, *rest = subject.split()
    if not first[0].isupper() or first.lower() in LITTLE_WORDS[language]:
        return False
    if regex.search(rf"(?<=[\p{{L}},] ){regex.escape(first)}\b", text):
        return True
    small = regex.search(rf"\b{regex.escape(first[0].lower() + first[1:])}\b", text)
    return not small and bool(rest) and rest[0][0].isupper()


def _phrases(text: str, language: str, tongue: str) -> list[_Phrase]:
    return list(_ideographic(text) if _IDEOGRAPHS.search(text) else _runs(text, language, tongue))


def _ideographic(text: str) -> Iterator[_Phrase]:
    """Yield what stands between the little words of Chinese and Japanese, which put no spaces between words."""
    for match in _IDEOGRAPHS.finditer(text):
        at = match.start()
        for part in regex.splititer(rf"({_BETWEEN.pattern})", match[0]):
            if 2 <= len(part) <= 6 and not _BETWEEN.fullmatch(part):
                yield part, at, at + len(part), len(part) > 3
            at += len(part)


def _runs(text: str, language: str, tongue: str) -> Iterator[_Phrase]:
    """Yield the runs of words between little words and punctuation that look like noun phrases."""
    empty = LITTLE_WORDS.get(language)
    tokens: list[tuple[str, int]] = []
    at = 0
    for line in text.splitlines(keepends=True):
        if not _MACHINERY.search(line):
            tokens += [(match[0], at + match.start()) for match in _TOKEN.finditer(line)]
        tokens.append(("\n", at + len(line)))
        at += len(line)

    def is_inside(token: str) -> bool:
        if not _WORD.match(token):
            return False
        return token.lower() not in empty if empty is not None else len(token) > 3

    joins = JOINS.get(language, frozenset())
    position = 0
    while position < len(tokens):
        if not is_inside(tokens[position][0]):
            position += 1
            continue
        first = position
        run = list(takewhile(lambda token: is_inside(token[0]), tokens[position:]))
        after = position + len(run)
        # "teorie" + "de" + "numere": a further run joined by the one little word that holds noun phrases together
        further = list(takewhile(lambda token: is_inside(token[0]), tokens[after + 1 :]))
        if further and tokens[after][0] in joins and _belongs(tokens[after][0], further[0][0]):
            run += [tokens[after], *further]
            position = after
            after += 1 + len(further)
        before = tokens[first - 1][0].lower() if first else "\n"
        behind = tokens[after][0].lower() if after < len(tokens) else "\n"
        position = after
        phrase = _phrase([word for word, _ in run], before, behind, language, tongue)
        if phrase:
            yield phrase, run[0][1], run[-1][1] + len(run[-1][0]), len(run) > 1
        elif empty is not None:
            for name, start, end, longer in _names(run):
                yield name if tongue == language else QUOTED.get(tongue, "{}").format(name), start, end, longer


def _names(run: list[tuple[str, int]]) -> Iterator[_Phrase]:
    """Yield the names, of two words and more, in a run of words that is no noun phrase as a whole."""
    for capital, group in groupby(run[1:], key=lambda token: token[0][0].isupper()):
        name = list(group)
        if capital and len(name) > 1 and not any(GENITIVE.search(word) for word, _ in name):
            yield " ".join(word for word, _ in name), name[0][1], name[-1][1] + len(name[-1][0]), True


def _belongs(join: str, following: str) -> bool:
    """Tell whether a small word joins two groups of words into one phrase.

    The Romanian "a" also begins a verb, but not if a genitive follows.
    """
    return join in ("de", "of") or bool(GENITIVE.search(following)) or following[0].isupper()


def _phrase(words: Sequence[str], before: str, behind: str, language: str, tongue: str) -> str:
    """Return the phrase as a question names it, "" for what is no noun phrase."""
    if len(words) > MOST_WORDS + 1 or not all(regex.search(r"\p{L}", word) for word in words):
        return ""
    if len(words) == 1 and len(words[0]) < 4:
        return ""
    written = " ".join(words)
    if words[-1].lower() in HOLLOW and len(words) == 1:
        return ""
    if language not in LITTLE_WORDS:
        return written if tongue == language else QUOTED.get(tongue, "{}").format(written)
    if any(VERBAL[language].search(word.lower()) for word in words) or behind in VERB_BEFORE[language]:
        return ""
    if language == "ro" and (GENITIVE.search(words[0]) or sum(word.endswith("ul") for word in words) > 1):
        return ""
    if before in INDEFINITE and len(words) == 1:
        return ""  # an adjective as often as a noun
    if tongue != language:
        # Words of another language stand in quotation marks, without the article that belongs to them.
        is_phrase = before in DETERMINED[language] or (len(words) > 1 and (before in ITEMS or not _WORD.match(before)))
        return QUOTED.get(tongue, "{}").format(written) if is_phrase else ""
    if len(words) > 1 and words[0][0].isupper() and words[-1][0].isupper():
        return written
    if before in DETERMINED[language]:
        kept = INDEFINITE if language == "ro" or before != "the" else {"the"}
        return f"{before} {written}" if before in kept else f"the {written}" if language == "en" else written
    if _WORD.match(before) or len(words) < 2:
        return ""
    is_item = before in ITEMS and (behind in ITEMS or (before != "\n" and not _WORD.match(behind)))
    if not is_item and behind not in VERBS_AFTER[language]:
        return ""
    small = words[0][0].lower() + written[1:]
    return f"the {small}" if language == "en" and is_item else QUOTED[language].format(small)
