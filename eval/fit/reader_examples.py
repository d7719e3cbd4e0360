"""Training examples of the reader: questions with their own passage, and with passages that do not answer.

Examples come in rounds of `ROUND`; a round depends on the seed and its number alone, so that a run that was ended goes
on where it was. In each round every file has its share (`eval.fit.reader_sets`), its questions in turn. A question that
has an answer stands in half of its examples with the passage that answers it, in the others with one that does not:

- a passage that retrieval brings up (`eval.fit.reader_negatives`);
- its own passage without the sentences that hold the answer;
- its own passage, the question's number, name or sense exchanged;
- of the written files, whose writers made the unanswerable questions, only the first, and seldom.

In three of ten English examples words of the question, of the passage or of both are exchanged for another language's
(`eval.fit.lexicon`). Half of the passages stand below their heading.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

import regex

from eval.fit.lexicon import Lexicon, switch
from eval.fit.reader_mixture import Mixture
from eval.fit.reader_negatives import Negatives
from eval.fit.reader_noise import printed, typed
from eval.fit.reader_sets import SOURCES, WRITTEN, WRITTEN_SHARE, Question, is_kept_apart
from ingest.split import sentence_spans
from rag.types import Span

ROUND = 4096
"""Examples made at a time."""
MIXTURE = Mixture()
SWITCHED = 0.3
CROPS = (350, 560, 560, 800)
"""Characters to which passages are cut, one of these by chance; `reader_tokens.LONGEST` holds on top of that."""

_NUMBER = regex.compile(r"(?<!\p{L})\d[\d.,]*\d|(?<!\p{L})\d")
_NAME = regex.compile(r"(?<=[\p{Ll}\d,] )\p{Lu}\p{L}{2,}(?: \p{Lu}\p{L}+)*")
_TURNS = [
    ("first", "last"), ("before", "after"), ("largest", "smallest"), ("most", "least"), ("more", "fewer"),
    ("highest", "lowest"), ("north", "south"), ("east", "west"), ("northern", "southern"), ("eastern", "western"),
    ("increase", "decrease"), ("increased", "decreased"), ("oldest", "youngest"), ("early", "late"), ("high", "low"),
    ("above", "below"), ("begin", "end"), ("began", "ended"), ("start", "finish"), ("started", "stopped"),
    ("large", "small"), ("old", "new"), ("always", "never"), ("can", "cannot"), ("best", "worst"),
    ("good", "bad"), ("win", "lose"), ("won", "lost"), ("true", "false"), ("long", "short"), ("allowed", "forbidden"),
    ("with", "without"), ("like", "dislike"), ("love", "hate"), ("buy", "sell"), ("bought", "sold"),
    ("inside", "outside"),
]  # fmt: skip
_OPPOSITE = {a: b for pair in _TURNS for a, b in (pair, pair[::-1])}
_AUXILIARY = regex.compile(r"\b(did|do|does|is|are|was|were|can|could|will|would|has|have|had|should)\b")
_DENIED = {"can": "can't", "will": "won't"}


@dataclass(frozen=True, slots=True)
class Example:
    """A question as it is asked, the text to read, and the span of the answer in it; None where it does not answer."""

    question: str
    text: str
    answer: Span | None
    kind: str
    file: str
    mark: str = ""


class Examples:
    """All examples of a run, made round by round from ``sets``, the questions by file that are not for measuring.

    Args:
        sets: the questions by file.
        negatives: for each file what `find_negatives` found.
        switched: how many of the English examples have words exchanged for another language's.
    """

    def __init__(
        self,
        sets: Mapping[str, Sequence[Question]],
        negatives: Mapping[str, Negatives],
        lexicon: Lexicon,
        seed: int,
        switched: float = SWITCHED,
    ) -> None:
        self.sets = {name: [q for q in some if not _is_for_measuring(q)] for name, some in sets.items()}
        self.sets = {name: some for name, some in self.sets.items() if some}
        self._passages = {name: {q.passage_number: q for q in some} for name, some in self.sets.items()}
        self._names = {name: sorted({n for q in some for n in _NAME.findall(q.text)}) for name, some in sets.items()}
        self._negatives = negatives
        self._lexicon = lexicon
        self._switched_share = switched if lexicon else 0.0
        self._seed = seed
        self._shares = shares(self.sets)

    def round(self, number: int) -> list[Example]:
        """Return the examples of one round, in their order."""
        random = Random(self._seed * 1_000_003 + number)
        made: list[Example] = []
        for name, share in self._shares.items():
            first, last = round(number * ROUND * share), round((number + 1) * ROUND * share)
            made += [self._example(question, random) for question in self._drawn(name, first, last)]
        random.shuffle(made)
        return made

    def _drawn(self, name: str, first: int, last: int) -> Iterator[Question]:
        """Yield the questions of a file between two positions of an endless sequence of shuffled passes."""
        questions = self.sets[name]
        order: list[int] = []
        shuffled = -1
        for place in range(first, last):
            lap, at = divmod(place, len(questions))
            if lap != shuffled:
                order = list(range(len(questions)))
                Random(f"{self._seed} {name} {lap}").shuffle(order)
                shuffled = lap
            yield questions[order[at]]

    def _example(self, question: Question, random: Random) -> Example:
        if question.answer is None:
            varied = replace(question, kind="written")
        elif question.file.startswith(WRITTEN):
            varied = (random.random() < MIXTURE.written_retrieved and self._retrieved(question, random)) or question
        else:
            varied = (random.random() < MIXTURE.no_answer and self._without_answer(question, random)) or question
        varied = self._switched(varied, random)
        return _finished(varied, random)

    def _without_answer(self, question: Question, random: Random) -> Question | None:
        dice = random.random()
        if dice < MIXTURE.retrieved:
            return self._retrieved(question, random)
        if dice < MIXTURE.retrieved + MIXTURE.removed:
            return _without_sentence(question) or self._retrieved(question, random)
        return self.turned(question, random) or self._retrieved(question, random)

    def _retrieved(self, question: Question, random: Random) -> Question | None:
        numbers = self.negatives_of(question)
        if not numbers:
            return None
        other = self._passages[question.file][random.choice(numbers)]
        return replace(
            question,
            passage=other.passage,
            heading=other.heading,
            written_in=other.written_in,
            answer=None,
            kind="retrieved",
        )

    def negatives_of(self, question: Question) -> list[int]:
        """Return the numbers of the passages of its file that do not answer it, nearest first."""
        known = self._passages[question.file]
        return [n for n in self._negatives.get(question.file, {}).get(question.id, ()) if n in known]

    def turned(self, question: Question, random: Random) -> Question | None:
        """Change the question so that the passage, most likely, no longer answers it."""
        text = question.text
        ways: list[str] = []
        for match in _NUMBER.finditer(text):
            digits = match.group()
            changed = "".join(str((int(c) + random.randint(1, 9)) % 10) if c.isdigit() else c for c in digits[-2:])
            ways.append(text[: match.start()] + digits[:-2] + changed + text[match.end() :])
        for match in _NAME.finditer(text):
            inside = [name for name in _NAME.findall(question.passage) if name not in text]
            others = self._names[question.file] or ["Ada"]
            name = random.choice(inside) if inside and random.random() < 0.5 else random.choice(others)
            if name not in match.group():
                ways.append(text[: match.start()] + name + text[match.end() :])
        if question.language == "en":
            ways += _turned_words(text)
        return replace(question, text=random.choice(ways), answer=None, kind="turned") if ways else None

    def _switched(self, question: Question, random: Random) -> Question:
        """Exchange words of the question, of the passage, or of both, for those of one other language."""
        if (question.language, question.written_in) != ("en", "en") or random.random() >= self._switched_share:
            return question
        translations = self._lexicon[random.choice(sorted(self._lexicon)) if random.random() < 0.5 else "ro"]
        share = random.choice((0.3, 0.6, 0.9))
        where = random.choice(("question", "passage", "both"))

        def switched(text: str) -> str:
            return switch(text, translations, share, random)

        text = switched(question.text) if where != "passage" else question.text
        if where == "question":
            return replace(question, text=text)
        first, last = question.answer or (0, 0)
        before, answer = switched(question.passage[:first]), switched(question.passage[first:last])
        span = None if question.answer is None else (len(before), len(before) + len(answer))
        passage = before + answer + switched(question.passage[last:])
        return replace(question, text=text, passage=passage, answer=span)


def shares(sets: Mapping[str, Sequence[Question]]) -> dict[str, float]:
    """Return the part of each file in all examples; the written files share theirs by their questions."""
    written = sum(len(some) for name, some in sets.items() if name.startswith(WRITTEN))
    parts = {
        name: WRITTEN_SHARE * len(some) / written if name.startswith(WRITTEN) else SOURCES[name].share
        for name, some in sets.items()
    }
    return {name: part / sum(parts.values()) for name, part in parts.items()}


def _is_for_measuring(question: Question) -> bool:
    return question.file.startswith(WRITTEN) and is_kept_apart(question.heading.split(" › ")[0])


def _turned_words(text: str) -> list[str]:
    ways = [
        text[: match.start()] + _OPPOSITE[match.group()] + text[match.end() :]
        for match in regex.finditer(r"\p{Ll}+", text)
        if match.group() in _OPPOSITE
    ]
    found = _AUXILIARY.search(text)
    if found:
        denied = _DENIED.get(found.group(), found.group() + "n't")
        ways.append(text[: found.start()] + denied + text[found.end() :])
    return ways


def _without_sentence(question: Question) -> Question | None:
    """Take out of the passage the sentences that the answer touches, and all others that hold the answer's words."""
    assert question.answer is not None
    first, last = question.answer
    answer = question.passage[first:last].lower()
    spans = list(sentence_spans(question.passage, question.written_in))
    kept = [
        question.passage[a:b]
        for a, b in spans
        if (b <= first or last <= a) and answer not in question.passage[a:b].lower()
    ]
    if not kept or len(kept) == len(spans):
        return None
    return replace(question, passage=" ".join(kept), answer=None, kind="removed")


def _finished(question: Question, random: Random) -> Example:
    """Cut the passage, put its heading above it, and let question and passage be typed as people type."""
    cut = _cut(question, random.choice(CROPS), random)
    text, answer = printed(cut.passage, cut.written_in, random), cut.answer
    if question.heading and random.random() < MIXTURE.headed:
        text, answer = under_heading(question.heading, text, answer)
    mark = SOURCES[question.file].mark if question.file in SOURCES else ""
    kind = question.kind if question.answer is None else "answered"
    return Example(typed(question.text, random), text, answer, kind, question.file, mark)


def under_heading(heading: str, passage: str, answer: Span | None) -> tuple[str, Span | None]:
    """Return the text to read of a passage below its heading, and the answer's span in it."""
    above = f"{heading}: "
    return above + passage, None if answer is None else (answer[0] + len(above), answer[1] + len(above))


def _cut(question: Question, longest: int, random: Random) -> Question:
    """Cut a long passage down to a run of characters that holds the answer."""
    text = question.passage
    if len(text) <= longest:
        return question
    first, last = question.answer or (random.randrange(len(text)),) * 2
    start = max(0, min(random.randint(last - longest, first) if last - longest < first else first, len(text) - longest))
    start = 0 if start == 0 else text.find(" ", start, first) + 1 or start
    span = None if question.answer is None else (first - start, last - start)
    return replace(question, passage=text[start : start + longest], answer=span)
