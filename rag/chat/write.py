"""Writing: answer in a language model's words, one statement at a time, each checked against what it cites."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from langchain_core.messages import BaseMessage

from rag.chat.check import Check
from rag.chat.generate import reply
from rag.chat.model import Chat
from rag.chat.prompt import messages, pack, rewriting
from rag.chat.reply_parser import DECLINED, Statement, Statements
from rag.cite import citation, on_one_line
from rag.errors import ChatError, Fault
from rag.followup import naming
from rag.messages import message
from rag.models.word_rarity import WordRarity
from rag.read import Sentence
from rag.settings import Settings
from rag.text.language import question_language, stem, words
from rag.text.questions import asks
from rag.types import Citation, Span, Turn

MOST_STATEMENTS = 5
"""Statements that an answer may have; one to three are asked for."""

LONGEST_REWRITE = 300
"""Characters of a rewritten question."""


@dataclass(frozen=True)
class Draft:
    """What there is of an answer; ``declined`` where the model found none in the sentences."""

    text: str = ""
    citations: tuple[Citation, ...] = ()
    declined: bool = False


def write(
    chat: Chat,
    question: str,
    ranked: Sequence[Sentence],
    languages: Sequence[str],
    settings: Settings,
    check: Check | None,
    deadline: float,
) -> Iterator[Draft]:
    """Yield the answer as it grows; each draft repeats the one before and adds a supported statement.

    Args:
        ranked: all sentences of the hits, best first.
        languages: those of the corpus.
        check: None keeps every statement as the model wrote it, to measure what the check is worth.
        deadline: on the clock of `time.monotonic`.

    Raises:
        ChatError: the model gave no reply, or nothing supported remains of it.
    """
    language = question_language(question, languages)
    context = pack(ranked, settings.chat_context_tokens)
    numbers: dict[tuple[str, Span], int] = {}
    citations: list[Citation] = []
    texts: list[str] = []
    declined = False
    for statement in _statements(chat, messages(context, question, language), language, settings, deadline):
        declined = declined or DECLINED in statement.numbers
        cited = [s for s in map(context.numbered, statement.numbers) if s is not None]
        said = on_one_line(statement.text)
        if check is not None:
            if not said or _asks(said, question) or any(text.startswith(f"{said} [") for text in texts):
                continue
            lack, cited = check.lack(said, cited, language, context.sentences)
            if lack is not None:
                continue
        for sentence in cited:
            place = (sentence.hit.passage.document_id, sentence.span)
            if place not in numbers:
                numbers[place] = len(numbers) + 1
                citations.append(citation(numbers[place], sentence))
        marks = [numbers[s.hit.passage.document_id, s.span] for s in cited]
        texts.append(f"{said} " + "".join(f"[{number}]" for number in dict.fromkeys(marks)))
        yield Draft(" ".join(text.strip() for text in texts), tuple(citations))
        if len(texts) == MOST_STATEMENTS:
            return
    if texts:
        return
    if declined:
        yield Draft(declined=True)
        return
    raise ChatError(Fault.UNSUPPORTED, message("chat_failed_unsupported", model=chat.name))


def _asks(said: str, question: str) -> bool:
    """Return whether a statement is a question, or this one over again: weak models echo what they were asked."""
    return asks(said) or words(said) == words(question)


def _statements(
    chat: Chat, prompt: Sequence[BaseMessage], language: str, settings: Settings, deadline: float
) -> Iterator[Statement]:
    statements = Statements(language)
    with closing(reply(chat, prompt, settings, deadline)) as pieces:
        for piece in pieces:
            yield from statements.add(piece)
        yield from statements.end()


def rewrite(
    chat: Chat,
    question: str,
    plain: str,
    history: Sequence[Turn],
    languages: Sequence[str],
    rarity: WordRarity,
    settings: Settings,
    deadline: float,
) -> str:
    """Return a follow-up question as the model rewrites it, ``plain`` where it does not keep to what was asked.

    It keeps to it in one line, in the question's language, with every word of the question that names something and no
    such word that stands in neither the question nor the conversation.

    Args:
        plain: the rewriting without a model.

    Raises:
        ChatError: the model gave no reply.
    """
    language = question_language(question, languages)
    said = "".join(reply(chat, rewriting(question, history, language), settings, deadline)).strip()
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if len(lines) != 1 or not len(question) // 2 <= len(lines[0]) <= LONGEST_REWRITE:
        return plain
    written = lines[0].strip('"“”„*` ')
    if not written.isprintable() or question_language(written, {language}) != language:
        return plain

    def named(text: str) -> set[str]:
        return {stem(part, language) for word in naming(text, language, rarity) for part in words(word)}

    spoken = " ".join([question, *(turn.question for turn in history)])
    kept = named(question) <= named(written) <= {stem(word, language) for word in words(spoken)}
    return written if kept else plain
