"""Handle the events of the conversation: ask, retry, edit, judge an answer, open a citation."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from rag.chain import Temei
from rag.checked_input import checked_question
from rag.errors import TemeiError
from rag.text.language import question_language
from rag.types import Answer
from ui.api.rate_limit import RateLimit
from ui.api.visitors import visitor
from ui.page.documents import Documents
from ui.page.export import to_markdown
from ui.page.feedback import keep_feedback
from ui.page.render import answer_html, document_html, document_panel_html, question_html
from ui.page.turn_view import MOST_HELD, MOST_KEPT, TurnView, from_json, history, within
from ui.texts import known, preferred, say

TurnViews = tuple[TurnView, ...]
Updates = tuple[Any, ...]
READY: dict[str, Any] = {"submit_btn": True, "stop_btn": False}
"""The question's box when nothing is being answered."""


def spoken(chosen: str, request: gr.Request) -> str:
    """Return the language of a visit: the one chosen on the page, else the browser's."""
    return known(chosen) if chosen else preferred(request.headers.get("accept-language", ""))


def shown_error(error: TemeiError, language: str) -> gr.Error:
    """Return an error as the page shows it: one line in the page's language, escaped, no traceback."""
    line = html.escape(error.in_language(language))
    return gr.Error(line, title=say(language, "error"), duration=12, print_exception=False)


def messages(turn_views: TurnViews, language: str, *, pending: bool = False) -> list[Any]:
    """Return a conversation as Gradio's chat takes it: two messages for every turn."""
    shown: list[Any] = []
    for turn, turn_view in enumerate(turn_views):
        body = answer_html(turn_view, turn, language, pending=pending and turn == len(turn_views) - 1)
        shown.append({"role": "user", "content": question_html(turn_view.question)})
        shown.append({"role": "assistant", "content": gr.HTML(body)})
    return shown


def chat_of(turn_views: TurnViews, language: str, *, pending: bool = False) -> Any:
    """Return an update of the chat with the conversation, and with what the visitor thinks of each answer."""
    judged = [None if one.liked is None else "Like" if one.liked else "Dislike" for one in turn_views]
    return gr.Chatbot(value=messages(turn_views, language, pending=pending), feedback_value=judged)


def to_keep(turn_views: TurnViews) -> list[dict[str, Any]]:
    """Return what the browser keeps of a conversation."""
    return within([turn_view.to_json() for turn_view in turn_views[-MOST_KEPT:]])


def _with_last(answers: Iterator[Answer]) -> Iterator[tuple[Answer, bool]]:
    """Yield each answer and whether it is the last, so that the last step of a stream can be its end."""
    waiting = next(answers, None)
    while waiting is not None:
        following = next(answers, None)
        yield waiting, following is None
        waiting = following


class Conversation:
    """The callbacks of the chat and the document panel.

    ``respond``, ``retry`` and ``edit`` yield updates of the chat, the turns, the document panel, the question's box,
    the comment's row and what the browser keeps.
    """

    def __init__(self, temei: Temei, documents: Documents, rate_limit: RateLimit) -> None:
        self._temei = temei
        self._documents = documents
        self._rate_limit = rate_limit

    def respond(
        self, question: str | None, turn_views: TurnViews, excluded: Sequence[str], chosen: str, request: gr.Request
    ) -> Iterator[Updates]:
        """Answer in steps: the question at once, then the answer as it grows."""
        language = spoken(chosen, request)
        question = question.strip() if isinstance(question, str) else ""
        if not question:
            yield (gr.skip(),) * 6
            return
        earlier, asked = turn_views[1 - MOST_HELD :], TurnView(question)
        same, ready, longest = gr.skip(), gr.Textbox(**READY), self._temei.settings.max_question_chars
        try:
            checked_question(question, longest)
            documents = self._documents.chosen(excluded)
            hindrance = "" if documents != [] else "none_ticked"
            if not self._rate_limit.allows(visitor(request)):
                hindrance = "too_fast"
            if hindrance:
                gr.Warning(say(language, hindrance))
                box = gr.Textbox(value=question, **READY)
                yield messages(earlier, language), earlier, same, box, same, same
                return
            box, away = gr.Textbox(value="", submit_btn=False, stop_btn=True), gr.Row(visible=False)
            now = (*earlier, asked)
            # The question is kept at once: whoever loads the page again, or stops, finds it there to be asked again.
            yield chat_of(now, language, pending=True), now, same, box, away, to_keep(now)
            for answer, last in _with_last(self._temei.stream(question, history(earlier), documents)):
                asked = asked.answered(answer)
                asked = replace(asked, foreign=self._foreign(asked)) if last else asked
                now = (*earlier, asked)
                view = self.document_panel(now, len(earlier), asked.opened, language)
                shown = messages(now, language, pending=True)
                yield (shown, now, view, ready, same, to_keep(now)) if last else (shown, now, view, same, same, same)
        except TemeiError as error:
            box = gr.Textbox(value=question[:longest], **READY)
            yield messages(earlier, language), earlier, same, box, same, same
            raise shown_error(error, language) from error

    def _foreign(self, asked: TurnView) -> str:
        """Return the language of the source where it is not that of the question, "" where it is."""
        cited = {citation.document_id for citation in asked.citations}
        languages = {record.language for record in self._documents.records() if record.id in cited}
        if not languages or question_language(asked.question, languages) in languages:
            return ""
        return min(languages)

    def retry(
        self, turn_views: TurnViews, excluded: Sequence[str], chosen: str, request: gr.Request, event: gr.RetryData
    ) -> Iterator[Updates]:
        """Ask again and drop the later turns."""
        turn = turn_of(event.index)
        if 0 <= turn < len(turn_views):
            question = turn_views[turn].question
            yield from self.respond(question, turn_views[:turn], excluded, chosen, request)

    def edit(
        self, turn_views: TurnViews, excluded: Sequence[str], chosen: str, request: gr.Request, event: gr.EditData
    ) -> Iterator[Updates]:
        """Ask the edited question in place of the old one and drop the later turns."""
        turn, question = turn_of(event.index), html.unescape(str(event.value))
        if 0 <= turn < len(turn_views):
            yield from self.respond(question, turn_views[:turn], excluded, chosen, request)

    def document_panel(
        self, turn_views: TurnViews, turn: int, number: int, language: str, *, whole: bool = False
    ) -> str:
        """Return the document panel, open at a citation."""
        turn_view = turn_views[turn] if 0 <= turn < len(turn_views) else None
        return document_panel_html(turn_view, turn, number, language, self._temei.document, whole=whole)

    def open_citation(self, turn_views: TurnViews, chosen: str, request: gr.Request, event: gr.EventData) -> str:
        """Open the document that a clicked marker names."""
        turn, number = whole_number(event, "turn"), whole_number(event, "number")
        return self.document_panel(turn_views, turn, number, spoken(chosen, request))

    def open_whole(self, turn_views: TurnViews, chosen: str, request: gr.Request, event: gr.EventData) -> str:
        """Show all of a long document."""
        turn, number = whole_number(event, "turn"), whole_number(event, "number")
        if turn < 0:
            return self.open_document(chosen, request, event, whole=True)
        return self.document_panel(turn_views, turn, number, spoken(chosen, request), whole=True)

    def open_document(self, chosen: str, request: gr.Request, event: gr.EventData, *, whole: bool = False) -> str:
        """Open a document of the list, nothing highlighted."""
        document = self._temei.document(str(getattr(event, "document", "")))
        return document_html(document, spoken(chosen, request), whole=whole)

    def like(self, turn_views: TurnViews, chosen: str, request: gr.Request, event: gr.LikeData) -> Updates:
        """Keep a judgement and offer to say why.

        Returns the comment's row, its box and what it is about, the turns, and what the browser keeps.
        """
        language, turn = spoken(chosen, request), turn_of(event.index)
        if not 0 <= turn < len(turn_views):
            return (gr.skip(),) * 5
        liked = event.liked if isinstance(event.liked, bool) else None
        self._keep(turn_views, turn, liked, "", language, request)
        box = gr.Textbox(value="", label=say(language, "comment"), placeholder=say(language, "comment"))
        now = (*turn_views[:turn], replace(turn_views[turn], liked=liked), *turn_views[turn + 1 :])
        return gr.Row(visible=liked is not None), box, (turn_views[turn].id, liked), now, to_keep(now)

    def comment(
        self, text: str, about: tuple[str, bool], turn_views: TurnViews, chosen: str, request: gr.Request
    ) -> Any:
        """Keep the comment to a judgement and hide its row."""
        turn = next((at for at, e in enumerate(turn_views) if about and e.id == about[0]), None)
        language = spoken(chosen, request)
        said = text.strip() if isinstance(text, str) else ""
        if turn is not None and said and self._keep(turn_views, turn, about[1], said, language, request):
            gr.Info(say(language, "thanks"), duration=3)
        return gr.Row(visible=False)

    def _keep(
        self, turn_views: TurnViews, turn: int, liked: bool | None, said: str, language: str, request: gr.Request
    ) -> bool:
        home, who = self._temei.settings.home, visitor(request)
        kept = keep_feedback(home, turn_views[turn], liked, said, turn_views[:turn], visitor=who)
        if not kept:
            gr.Warning(say(language, "feedback_full"))
        return kept

    def exported(self, turn_views: TurnViews, chosen: str, request: gr.Request) -> str:
        """Return the conversation as Markdown."""
        return to_markdown(turn_views, spoken(chosen, request))

    def restored(self, kept: Any, *, most: int = MOST_KEPT) -> TurnViews:
        """Return up to ``most`` turns that were kept, checked against the documents as they are now."""
        return from_json(kept, self._document, most)

    def _document(self, document_id: str) -> Any:
        try:
            return self._temei.document(document_id)
        except TemeiError:
            return None


def turn_of(index: Any) -> int:
    """Return the turn that a message of the chat belongs to, -1 where the browser sent no number."""
    first = index[0] if isinstance(index, list | tuple) and index else index
    return first // 2 if isinstance(first, int) else -1


def whole_number(event: gr.EventData, name: str) -> int:
    """Return a number that the page's script sent, -1 for anything else."""
    try:
        return int(getattr(event, name))
    except (AttributeError, TypeError, ValueError, OverflowError):
        return -1
