"""The shelf: the documents that can be searched, shown beside the conversation, added to and removed from."""

from __future__ import annotations

import os
import shutil
import threading
import unicodedata
import uuid
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import regex

from ingest import ingest
from ingest.load import LOADERS, find_files
from ingest.pipeline import load_within
from rag.chain import Temei
from rag.errors import DocumentError, MissingIndexError, TemeiError
from rag.index import Index
from ui.markup import escape
from ui.problems import in_language
from ui.texts import both, say

SUFFIXES = list(LOADERS)
MOST_FILES = 50
"""Files taken in one upload."""
STEP = 0.25
"""Seconds between two looks at how far a file is read."""

_UNSAFE = regex.compile(r"[^\p{L}\p{M}\p{N} ._()-]+")

Advance = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Added:
    """What has become of one uploaded file: ``key`` names the text that says so, ``share`` how much is read (0..1)."""

    name: str
    key: str
    detail: str = ""
    failed: bool = False
    share: float = 0.0


def safe_name(name: str) -> str:
    """Return the last part of a name as one that stays in its folder and is no hidden file."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    stem, dot, suffix = _UNSAFE.sub("_", last).strip(" .").rpartition(".")
    if not dot:
        stem, suffix = suffix, ""
    while len(stem.encode()) > 120:
        stem = stem[:-1]
    stem = stem.strip(" .") or "document"
    return f"{stem}.{suffix[:16]}" if suffix else stem


class Shelf:
    """The documents of an index, as the page handles them; one upload or removal at a time."""

    def __init__(self, temei: Temei) -> None:
        self._temei = temei
        self._writing = threading.Lock()
        self.folder = temei.settings.home / "uploads"

    def rows(self) -> list[dict[str, Any]]:
        """Return what is known of the documents; none where there is no index yet."""
        try:
            return self._temei.index.documents()
        except MissingIndexError:
            return []

    def chosen(self, excluded: Collection[str]) -> list[str] | None:
        """Return the documents to search, None for all of them."""
        if not excluded:
            return None
        rows = self.rows()
        left = [str(row["id"]) for row in rows if row["id"] not in excluded]
        return None if len(left) == len(rows) else left

    def adding(self, given: Path) -> Iterator[Added]:
        """Do as `add`, in steps: how much is read every so often, then what became of the file."""
        share = [0.0]

        def advance(source: str, done: int, total: int) -> None:
            share[0] = done / max(total, 1)

        with ThreadPoolExecutor(1) as apart:
            future = apart.submit(self.add, given, advance)
            told = -1.0
            while not future.done():
                if share[0] != told:
                    told = share[0]
                    yield Added(safe_name(given.name), "reading", share=told)
                wait([future], STEP)
            yield future.result()

    def add(self, given: Path, advance: Advance) -> Added:
        """Move an uploaded file into `folder` and ingest it; a file of the same name is replaced."""
        name = safe_name(given.name)
        try:
            problems = find_files([given])[1]
            if problems:
                raise DocumentError(problems[0])
            # Read before it replaces anything: a broken upload must not cost the good file of that name.
            load_within(given, self._temei.settings)
            with self._writing:
                return self._ingest(given, name, advance)
        except TemeiError as error:
            return Added(name, "failed", str(error).replace(str(given), name), failed=True)
        finally:
            given.unlink(missing_ok=True)

    def _ingest(self, given: Path, name: str, advance: Advance) -> Added:
        place = self.folder / name
        self.folder.mkdir(parents=True, exist_ok=True)
        incoming = self.folder / f".{uuid.uuid4().hex}"
        shutil.copyfile(given, incoming)
        os.replace(incoming, place)
        report = ingest([place], self._index(), advance=advance)
        if report.problems:
            return Added(name, "failed", report.problems[0].replace(str(place), name), failed=True)
        if report.duplicates:
            place.unlink(missing_ok=True)
            return Added(name, "duplicate")
        return Added(name, "unchanged" if report.unchanged else "replaced" if report.changed else "added")

    def _index(self) -> Index:
        try:
            return self._temei.index
        except MissingIndexError:
            Index(self._temei.settings, self._temei.embedder, create=True).close()
            return self._temei.index

    def remove(self, document_id: str) -> None:
        """Take a document out of the index, and its file away where it was uploaded.

        Raises:
            LockedIndexError: another process is writing.
        """
        with self._writing:
            index = self._temei.index
            paths = [Path(str(row["path"])) for row in index.documents() if row["id"] == document_id]
            with index.writing():
                index.remove([document_id])
            for path in paths:
                if path.parent == self.folder.resolve():
                    path.unlink(missing_ok=True)

    def html(self, excluded: Collection[str], language: str) -> str:
        """Return the list of documents with their checkboxes."""
        rows = self.rows()
        if not rows:
            return f'<section class="shelf"><p class="count">{say(language, "missing")}</p></section>'
        ticked = [row for row in rows if row["id"] not in excluded]
        passages = _passages(sum(int(row.get("passages", 0)) for row in ticked), language)
        count = f"{say(language, 'count', ticked=len(ticked), all=len(rows))} · {passages}"
        items = "".join(_item(row, row["id"] not in excluded, language) for row in rows)
        every = (
            f'<p class="every"><button type="button" data-every="true">{say(language, "all")}</button>'
            f'<button type="button" data-every="false">{say(language, "none")}</button></p>'
            if len(rows) > 1
            else ""
        )
        return (
            f'<section class="shelf"><p class="count" role="status">{count}</p>{every}'
            f'<ul aria-label="{say(language, "sources")}">{items}</ul></section>'
        )


def _item(row: dict[str, Any], ticked: bool, language: str) -> str:
    name, title = escape(str(row["id"])), escape(str(row["title"]))
    size = _passages(int(row.get("passages", 0)), language)
    return (
        f'<li><label class="tick"><input type="checkbox" id="tick-{name}" data-document="{name}" '
        f'data-ticked="{str(ticked).lower()}"'
        f'{" checked" if ticked else ""} aria-label="{say(language, "search_in")} {title}"></label>'
        f'<button type="button" class="open" data-open="{name}" title="{escape(str(row["source"]))}" '
        f'aria-label="{say(language, "open")} {title}"><span dir="auto">{title}</span>'
        f"<small>{size} · {escape(str(row['language']))}</small></button>"
        f'<button type="button" class="remove" data-remove="{name}" title="{say(language, "remove")}" '
        f'data-sure="{say(language, "sure")}" aria-label="{say(language, "remove")} {title}">×</button></li>'
    )


def _passages(count: int, language: str) -> str:
    return say(language, "one_passage") if count == 1 else say(language, "passages", count=count)


def added_html(files: Collection[Added], language: str) -> str:
    """Return what has become of the uploaded files, one line each."""
    lines = "".join(map(_line, files, repeat(language)))
    return f'<ul class="added" aria-label="{say(language, "add")}" aria-live="polite">{lines}</ul>' if lines else ""


def _line(one: Added, language: str) -> str:
    name = f'<b dir="auto">{escape(one.name)}</b>'
    if one.failed:
        told = in_language(one.detail.removeprefix(one.name).strip(), language)
        return f'<li class="failed">{name} <span>{escape(told)}</span></li>'
    if one.key != "reading":
        return f'<li class="{"waiting" if one.key == "waiting" else "fine"}">{name} {both(one.key)}</li>'
    # What is read out is that the file is being read, once, not every per cent.
    return (
        f'<li class="reading">{name} {both(one.key)} <span class="share" aria-hidden="true">{one.share:.0%}</span>'
        f'<progress max="1" value="{one.share:.3f}" aria-label="{escape(one.name)}"></progress></li>'
    )
