"""Handle the events of the list of documents: tick, remove, replace and upload."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr

from rag.errors import TemeiError
from rag.text.characters import whole
from ui.api.gate import UPLOADS_A_MINUTE
from ui.api.rate_limit import RateLimit
from ui.api.visitors import visitor
from ui.page.conversation import Updates, shown_error, spoken
from ui.page.document_list import Added, Given, added_html
from ui.page.documents import MOST_FILES, Documents, discard
from ui.page.file_names import shown_name
from ui.page.markup import escape
from ui.texts import say


class DocumentEvents:
    """The callbacks of the list of documents.

    ``excluded`` names the documents that the visitor unticked, ``chosen`` the language chosen on the page.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._uploads = RateLimit(UPLOADS_A_MINUTE, 60)

    def tick(self, chosen: str, request: gr.Request, event: gr.EventData) -> Updates:
        """Take over what is ticked; returns the excluded documents and the list."""
        given = getattr(event, "excluded", [])
        names = {name for name in given if isinstance(name, str)} if isinstance(given, list) else set()
        excluded = tuple(record.id for record in self._documents.records() if record.id in names)
        return excluded, self._documents.html(excluded, spoken(chosen, request))

    def remove(self, excluded: tuple[str, ...], chosen: str, request: gr.Request, event: gr.EventData) -> str:
        """Remove a document and return the list."""
        language = spoken(chosen, request)
        document = whole(str(getattr(event, "document", "")))
        try:
            self._documents.remove(document)
        except TemeiError as error:
            raise shown_error(error, language) from error
        return self._documents.html(excluded, language, removed=document)

    def put_back(self, excluded: tuple[str, ...], chosen: str, request: gr.Request, event: gr.EventData) -> str:
        """Put a removed document back and return the list."""
        language = spoken(chosen, request)
        try:
            is_back = self._documents.put_back(whole(str(getattr(event, "document", ""))))
        except TemeiError as error:
            raise shown_error(error, language) from error
        if not is_back:
            gr.Warning(say(language, "not_put_back"))
        return self._documents.html(excluded, language)

    def replace(self, excluded: tuple[str, ...], chosen: str, request: gr.Request, event: gr.EventData) -> str:
        """Put an upload into the place of the older one of its name and return the list."""
        language = spoken(chosen, request)
        try:
            name = self._documents.replace(str(getattr(event, "document", "")))
        except TemeiError as error:
            raise shown_error(error, language) from error
        if name:
            gr.Info(say(language, "replaced", name=escape(name)), duration=4)
        return self._documents.html(excluded, language)

    def upload(
        self, files: list[Given], excluded: tuple[str, ...], chosen: str, request: gr.Request
    ) -> Iterator[Updates]:
        """Read uploaded files in steps; yields the list, at the end only, and what has become of each file."""
        language = spoken(chosen, request)
        accepted = self._accepted(files, language, request)
        discard(files[len(accepted) :])
        lines = [Added(shown_name(file.name), "waiting") for file in accepted]
        with self._documents.taking(accepted) as taken:
            for at, file in enumerate(taken):
                for step in self._documents.adding(file):
                    lines[at] = step
                    yield gr.skip(), added_html(lines, language)
        yield self._documents.html(excluded, language), added_html(lines, language)

    def shipped(self, excluded: tuple[str, ...], chosen: str, request: gr.Request) -> Iterator[Updates]:
        """Read the shipped article in steps; yields as `upload` does."""
        language = spoken(chosen, request)
        if not self._uploads.allows(visitor(request)):
            raise gr.Error(say(language, "too_fast"), title=say(language, "error"), print_exception=False)
        last = ""
        for step in self._documents.adding_shipped():
            last = added_html([step], language)
            yield gr.skip(), last
        yield self._documents.html(excluded, language), last

    def _accepted(self, files: list[Given], language: str, request: gr.Request) -> list[Given]:
        """Return the files that are read, the first ones, and warn the visitor of those that are not."""
        if not self._uploads.allows(visitor(request)):
            gr.Warning(say(language, "too_fast"))
            return []
        if len(files) > MOST_FILES:
            gr.Warning(say(language, "too_many", count=MOST_FILES))
        return files[:MOST_FILES]
