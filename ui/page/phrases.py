"""Phrases: what in a document can be asked about, as questions with the place of what they ask for.

Two kinds: clauses that turn into a question ("The mill was built in 1874" into "When was the mill built?"), in Romanian
and English; and noun phrases, told by the words around them, which any document has. A question is text and the span of
the clause it was made from, so that it can be kept only where the answer quotes that very place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile

import regex

from rag.types import Document, Span

LONGEST = 20_000
"""Characters of a document that are looked through."""
LONGEST_QUESTION = 90
MOST_WORDS = 4

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
_SUBJECT = r"(?:^|(?<=[.;:!?”\"»]\s?|,\s))(?P<subject>\p{L}[\p{L}\p{M}-]+(?: [\p{L}\p{M}\p{N}-]+){0,6}?)"
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

ABOUT = {
    "ro": "Ce se spune despre {phrase}?",
    "en": "Tell me about {phrase}.",
    "de": "Was wird über „{phrase}“ gesagt?",
    "fr": "Que dit-on de « {phrase} » ?",
    "es": "¿Qué se dice de «{phrase}»?",
    "it": "Che cosa si dice di «{phrase}»?",
    "pt": "O que se diz sobre “{phrase}”?",
    "hu": "Mit mond a szöveg erről: „{phrase}”?",
    "pl": "Co wiadomo o: „{phrase}”?",
    "ru": "Что говорится о «{phrase}»?",
    "uk": "Що сказано про «{phrase}»?",
    "bg": "Какво се казва за „{phrase}“?",
    "el": "Τι λέγεται για «{phrase}»;",
    "tr": "“{phrase}” hakkında ne deniyor?",
    "ar": "ماذا يقول النص عن «{phrase}»؟",
    "he": "מה נאמר על „{phrase}”?",
    "zh": "关于“{phrase}”，文中怎么说？",
    "ja": "「{phrase}」について何と書かれていますか？",
    "ko": "“{phrase}”에 대해 뭐라고 하나요?",
    "hi": "“{phrase}” के बारे में क्या कहा गया है?",
}
_QUOTED = {"ro": "„{}”", "en": "“{}”"}


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_EMPTY = {
    "ro": _words(
        "într-un într-o dintr-un dintr-o printr-un "
        "și sau dar iar ori nici că care ce cine unde când cum cât dacă deși astfel apoi însă ca să nu se "
        "își îi le li l o un una unei unui niște la în pe din prin de cu pentru despre după până spre către "
        "sub peste între fără a al ai ale ar au am are avea aveau este e sunt era erau fi fost va vor vei "
        "voi mai foarte tot toate toți fiecare acest această acești aceste acel acea acei acele el ea ei ele "
        "noi eu tu sa său săi sale lor lui cel cea cei cele doar numai chiar aici acolo atunci acum prea cam "
        "mult multe mulți putea poate pot trebuie trebui nr art alin lit pct"
    ),
    "en": _words(
        "and or but nor that which who whom whose what where when while why how if although because then "
        "than so as the a an this these those there here in on at by with to from for of into onto over "
        "under about after before during until since between among through against without within it its he "
        "she they them his her hers their we our you your i me my is are was were be been being am has have "
        "had do does did will would shall should can could may might must not no only also very more most "
        "much many such some any each every both all other one came come comes went go goes kept made said "
        "says called just even still now never ever up out off down "
        "itself himself herself themselves least first last same own"
    ),
}
_DETERMINED = {
    "ro": _words("de din în la pe cu pentru despre prin sub peste către spre între fără un o niște"),
    "en": _words("the a an its his her their our"),
}
_ITEMS = frozenset(["\n", "-", "*", "•", "|", "–", "—"])
"""What stands before an item of a list, a cell of a table, a heading."""
_JOIN = {"ro": _words("de a al ai ale"), "en": frozenset(["of"])}
_VERB_BEFORE = {
    "ro": _words("un o niște se își îi le la cu că să nu"),
    "en": _words("the a an its his her their itself himself herself up down out off to over throughout"),
}
"""What follows a verb rather than a noun: a run before it ends in a verb."""
_BE = {
    "ro": _words("este sunt era erau a au va vor nu se"),
    "en": _words("is are was were has have had will would can may"),
}
_VERBAL = {
    "ro": regex.compile(r"(?:ând|ind|ează|ește|esc|ească|eze|ăm|iți|are)$|^(?:s-|l-|i-|le-|ne-)|-(?:o|l|i|le|se)$"),
    "en": regex.compile(r"(?:ed|ing|ly|izes|ates)$"),
}
_GENITIVE = regex.compile(r"(?:ului|lui|ilor|elor|iei|ței|icii|ei)$")
_BROKEN = regex.compile(
    r"\b(?:va|vor|ar|este|sunt|era|au|a|care|că|nu|se|will|has|have|had|is|are|was|were|which|who|not)\b"
    r"|\b(?:și|sau|and|or|de|of|în|in)$",
    regex.IGNORECASE,
)
"""Words that show that what looks like a subject is none."""
_TOKEN = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:[-’'][\p{L}\p{M}\p{N}]+)*|\n+|[^\s\p{L}\p{M}\p{N}]")
_WORD = regex.compile(r"^[\p{L}\p{M}\p{N}]")
_IDEOGRAPHS = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]+")
_BETWEEN = regex.compile(
    r"(?:[的了在是和与及对为由于把被从到将等也都而就向之其以这那有个\p{Hiragana}]"
    r"|举行|来自|参加|发来|讨论|表示|认为|指出|进行|成为|可以|没有|通过|包括|作为|所有|一种|一个)+"
)
_MACHINERY = regex.compile(r"https?://|\]\(|^```|^#|^\|?[\s:|-]+\|?$")


def candidates(document: Document, language: str) -> list[Candidate]:
    """Return questions that the document may answer, likely ones first, in its language where there are words for it.

    ``language`` is that of the questions on a document in any other.
    """
    text = document.text[document.body : document.body + LONGEST]
    own = document.language
    turned = list(_turned(text, own, document.body)) if own in PATTERNS else []
    tongue = own if own in ABOUT else language
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
            if len(subject) < 4 or _BROKEN.search(subject) or first.lower() in _EMPTY[language] - {"the", "a", "an"}:
                continue
            if language == "ro" and _GENITIVE.search(first):
                continue
            groups["subject"] = subject if _is_name(subject, text, language) else subject[0].lower() + subject[1:]
            groups["do"], groups["say"] = _DO.get(groups["verb"], ""), _SAY.get(groups["verb"], "")
            yield Candidate(question.format(**groups), (body + match.start("subject"), body + match.end()))


def _is_name(subject: str, text: str, language: str) -> bool:
    """Tell whether a subject begins with a name: a capital that stands amid a sentence, or with another behind it."""
    first, *rest = subject.split()
    if not first[0].isupper() or first.lower() in _EMPTY[language]:
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
    empty = _EMPTY.get(language)
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

    joins = _JOIN.get(language, frozenset())
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
        elif empty is not None and tongue == language:
            yield from _names(run)


def _names(run: list[tuple[str, int]]) -> Iterator[_Phrase]:
    """Yield the names, of two words and more, in a run of words that is no noun phrase as a whole."""
    for capital, group in groupby(run[1:], key=lambda token: token[0][0].isupper()):
        name = list(group)
        if capital and len(name) > 1 and not any(_GENITIVE.search(word) for word, _ in name):
            yield " ".join(word for word, _ in name), name[0][1], name[-1][1] + len(name[-1][0]), True


def _belongs(join: str, following: str) -> bool:
    """Tell whether a little word joins two runs to one: "a" also opens a Romanian verb, but not before a genitive."""
    return join in ("de", "of") or bool(_GENITIVE.search(following)) or following[0].isupper()


def _phrase(words: Sequence[str], before: str, behind: str, language: str, tongue: str) -> str:
    """Return the phrase as a question names it, "" for what is no noun phrase."""
    if len(words) > MOST_WORDS + 1 or not all(regex.search(r"\p{L}", word) for word in words):
        return ""
    if len(words) == 1 and len(words[0]) < 4:
        return ""
    written = " ".join(words)
    if tongue != language:
        return _QUOTED.get(tongue, "{}").format(written)
    if language not in _EMPTY:
        return written
    if any(_VERBAL[language].search(word.lower()) for word in words) or behind in _VERB_BEFORE[language]:
        return ""
    if language == "ro" and (_GENITIVE.search(words[0]) or sum(word.endswith("ul") for word in words) > 1):
        return ""
    if len(words) > 1 and words[0][0].isupper() and words[-1][0].isupper():
        return written
    if before in _DETERMINED[language]:
        kept = {"un", "o", "a", "an"} if language == "ro" or before != "the" else {"the"}
        return f"{before} {written}" if before in kept else f"the {written}" if language == "en" else written
    if _WORD.match(before) or len(words) < 2:
        return ""
    is_item = before in _ITEMS and (behind in _ITEMS or (before != "\n" and not _WORD.match(behind)))
    if not is_item and behind not in _BE[language]:
        return ""
    small = words[0][0].lower() + written[1:]
    return f"the {small}" if language == "en" and is_item else _QUOTED[language].format(small)
