"""Compose: put an answer or a refusal together from what was asked, found and judged."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rag.asked import Asked
from rag.chat.check import Check
from rag.chat.fallback_note import note, note_left_out, note_place, note_rough
from rag.choices import choices
from rag.cite import cite, shorten, under_titles
from rag.errors import ChatError, Fault
from rag.fuller import Chosen
from rag.judge import Judgement
from rag.look import Look
from rag.messages import message
from rag.models.word_rarity import WordRarity
from rag.other_years import other_years
from rag.read import Sentence
from rag.refuse import refusal
from rag.settings import Settings
from rag.text.language import question_language
from rag.types import Answer, Citation, LookedIn, ShortAnswer

if TYPE_CHECKING:
    from rag.chat.model import Chat

EXTRACTIVE = "extractive"
ANSWER, REFUSAL, CHOICES = "answer", "refusal", "choices"
"""Kinds of answers to what was looked up."""


@dataclass(frozen=True)
class Grounds:
    """What an answer to a question stands on; every answer, a refusal too, says these things of itself.

    ``mode`` is `EXTRACTIVE` or a language model's name, ``note`` the line beside the answer, ``timings`` are seconds
    by stage.
    """

    asked: Asked
    look: Look
    judgement: Judgement
    timings: Mapping[str, float]
    mode: str = EXTRACTIVE
    note: str = ""

    @classmethod
    def of(cls, asked: Asked, look: Look, judgement: Judgement, timings: Mapping[str, float]) -> Grounds:
        """Return the grounds of an extractive answer.

        Its note says where it looked, what of a long question was left out, and whether the confidence is rough.
        """
        languages = look.retrieval.languages
        titles = asked.place.titles if asked.place else ()
        lines = [note_place(titles, asked.question, languages)]
        lines += [note_left_out(judgement.taken, judgement.left_out, asked.question, languages)]
        lines += [note_rough(asked.question, languages)] if judgement.is_rough else []
        return cls(asked, look, judgement, timings, note=" ".join(filter(None, lines)))

    def written_by(self, model: str, seconds: float) -> Grounds:
        """Return the grounds of an answer that a language model wrote in some seconds."""
        return replace(self, mode=model, timings=_with_writing(self.timings, seconds))

    def not_written_by(self, model: str, fault: Fault, seconds: float) -> Grounds:
        """Return the grounds of an extractive answer in place of one that a model failed to write in some seconds."""
        line = note(fault, model, self.asked.question, self.look.retrieval.languages)
        return replace(self, note=f"{line} {self.note}".strip(), timings=_with_writing(self.timings, seconds))

    def answered(self, text: str, citations: tuple[Citation, ...], short: ShortAnswer | None = None) -> Answer:
        """Return an answer in these words."""
        return self._answer(text, citations, short, kind=ANSWER)

    def asked_back(self, choices: Sequence[Sentence]) -> Answer:
        """Return the things that a question may mean, each quoted under its headings."""
        _, citations = cite(choices)
        asked_back = message("choices", quotes=under_titles(citations))
        language = question_language(self.asked.question, self.look.retrieval.languages)
        return self._answer(asked_back.in_language(language), citations, None, kind=CHOICES)

    def refused(self) -> Answer:
        """Return a refusal in the question's language, with what the sources have instead of a year asked for."""
        languages = self.look.retrieval.languages
        text = refusal(self.asked.question, languages)
        instead = other_years(self.asked.standalone, self.look.sentences)
        if instead is not None:
            text = f"{text} {instead.in_language(question_language(self.asked.question, languages))}"
        return self._answer(text, (), None, kind=REFUSAL)

    def _answer(self, text: str, citations: tuple[Citation, ...], short: ShortAnswer | None, *, kind: str) -> Answer:
        place = self.asked.place
        return Answer(
            question=self.asked.question,
            text=text,
            citations=citations,
            hits=self.look.retrieval.hits,
            abstained=kind == REFUSAL,
            confidence=self.judgement.confidence,
            standalone_question=self.asked.standalone,
            mode=self.mode,
            timings=self.timings,
            short=short,
            note=self.note,
            kind=kind,
            looked_in=tuple(map(LookedIn, place.document_ids, place.titles)) if place else (),
        )


def quote(grounds: Grounds, chosen: Chosen, rarity: WordRarity) -> Iterator[Answer]:
    """Yield the answer that quotes the chosen sentences, one sentence more each time; or the choices there are."""
    asked, found = grounds.asked, grounds.look
    if asked.is_alone and asked.earlier is None:
        meant = choices(asked.core, found.sentences, found.retrieval.languages, rarity)
        if meant:
            yield grounds.asked_back(meant)
            return
    language = question_language(asked.question, found.retrieval.languages)
    also = message("also_in").in_language(language)
    for count in range(1, len(chosen.sentences) + 1):
        sentences = chosen.sentences[:count]
        text, citations = cite(sentences, chosen.again[:count], also)
        if count == len(chosen.sentences) and chosen.left_out:
            line = message("more_items", count=chosen.left_out, number=citations[-1].number).in_language(language)
            grounds = replace(grounds, note=f"{line} {grounds.note}".strip())
        yield grounds.answered(text, citations, shorten(sentences, citations))


def write_with(chat: Chat, grounds: Grounds, settings: Settings, check: Check | None) -> Iterator[Answer]:
    """Yield the answer of a language model as it grows, or a refusal in its name where it finds no answer.

    Args:
        check: what holds the model's statements to the sentences they cite; None keeps them unchecked.

    Raises:
        ChatError: the model gave nothing that can be shown.
    """
    from rag.chat.write import write

    asked, found = grounds.asked, grounds.look
    if asked.failed is not None:
        raise asked.failed
    began = time.perf_counter()
    languages = found.retrieval.languages
    for draft in write(chat, asked.standalone, found.sentences, languages, settings, check, asked.deadline):
        written = grounds.written_by(chat.name, time.perf_counter() - began)
        yield written.refused() if draft.declined else written.answered(draft.text, draft.citations)


def rewritten(asked: Asked, chat: Chat, languages: Sequence[str], rarity: WordRarity, settings: Settings) -> Asked:
    """Return a question whose standalone form a language model wrote; one that says what failed where it did not."""
    from rag.chat.write import rewrite

    try:
        written = rewrite(
            chat, asked.question, asked.standalone, asked.history, languages, rarity, settings, asked.deadline
        )
    except ChatError as error:
        # Where the model is silent once, it is not waited for again.
        return asked if error.fault is Fault.EMPTY else replace(asked, failed=error)
    return replace(asked, standalone=written)


def _with_writing(timings: Mapping[str, float], seconds: float) -> dict[str, float]:
    return {**timings, "write": seconds, "total": timings["total"] + seconds}
