"""Write the list of documents as HTML, and the outcome of each uploaded file."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from rag.messages import Message
from rag.types import DocumentRecord
from ui.page.file_names import own_name
from ui.page.markup import escape
from ui.texts import both, say


@dataclass(frozen=True, slots=True)
class Given:
    """A file that was uploaded: where it lies for now, and what it is called."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Added:
    """The outcome of one uploaded file: ``key`` names its text, ``share`` is the part that was read (0..1).

    ``detail`` is the name of another file. ``problem`` says why the file was not added, ``remark`` what there is to say
    of one that was; both go on from the file's name.
    """

    name: str
    key: str
    detail: str = ""
    share: float = 0.0
    problem: Message | None = None
    remark: Message | None = None

    @property
    def failed(self) -> bool:
        """Whether the file was not added."""
        return self.problem is not None


def tools_html() -> str:
    """Return what finds documents among many: a filter, and the order in which they are listed."""
    orders = "".join(
        f'<button type="button" data-order="{order}" aria-pressed="{str(order == "name").lower()}">{both(key)}</button>'
        for order, key in (("name", "by_name"), ("new", "by_date"), ("long", "by_length"))
    )
    return (
        '<ul class="added refused" data-label="refused_files" hidden></ul>'
        '<div class="tools"><input type="search" data-filter data-label="filter_sources" autocomplete="off">'
        f'<div class="orders" role="group" data-label="order_sources">{orders}</div></div>'
    )


def list_html(
    records: Sequence[DocumentRecord],
    names: Sequence[str],
    olds: Mapping[str, str],
    excluded: Collection[str],
    language: str,
    removed: str = "",
) -> str:
    """Return the documents with their checkboxes.

    Args:
        names: how each document is shown.
        olds: by the id of a document, the name of the one that it may replace.
        removed: the id of one that was removed just now and can be put back.
    """
    undo = (
        f'<p class="undo" role="status">{say(language, "removed")} '
        f'<button type="button" data-undo="{escape(removed)}">{say(language, "undo")}</button></p>'
        if removed
        else ""
    )
    if not records:
        return f'<section class="documents"><p class="count">{say(language, "missing")}</p>{undo}</section>'
    ticked = [record for record in records if record.id not in excluded]
    size = passages(sum(record.passages for record in ticked), language)
    count = f"{say(language, 'count', ticked=len(ticked), all=len(records))} · {size}"
    items = "".join(
        item_html(record, name, olds.get(record.id, ""), record.id not in excluded, language)
        for record, name in zip(records, names, strict=True)
    )
    every = (
        f'<p class="every"><button type="button" data-every="true">{say(language, "all")}</button>'
        f'<button type="button" data-every="false">{say(language, "none")}</button></p>'
        if len(records) > 1
        else ""
    )
    return (
        f'<section class="documents"><p class="count" role="status">{count}</p>{undo}{every}'
        f'<ul aria-label="{say(language, "sources")}">{items}</ul></section>'
    )


def item_html(record: DocumentRecord, name: str, old: str, ticked: bool, language: str) -> str:
    """Return a document of the list; ``old`` is the name of the one that it may replace, "" for none."""
    key, title, shown = escape(record.id), escape(record.title), escape(name)
    size = passages(record.passages, language)
    sure = f'data-sure="{say(language, "sure_replace")}"'
    label = escape(say(language, "replace_old", name=old))
    replace = (
        f'<button type="button" class="replace" data-replace="{key}" title="{label}" {sure} '
        f'aria-label="{label}: {shown}">{say(language, "replace")}</button>'
        if old
        else ""
    )
    return (
        f'<li data-new="{escape(record.ingested)}" data-long="{record.characters}"><label class="tick">'
        f'<input type="checkbox" id="tick-{key}" data-document="{key}" data-ticked="{str(ticked).lower()}"'
        f'{" checked" if ticked else ""} aria-label="{say(language, "search_in")} {title}"></label>'
        f'<button type="button" class="open" data-open="{key}" title="{title}&#10;{escape(own_name(record))}" '
        f'aria-label="{say(language, "open")} {title}"><span dir="auto">{title}</span>'
        f'<small><bdi class="file">{shown}</bdi> · {size} · {escape(record.language)}</small></button>{replace}'
        f'<button type="button" class="remove" data-remove="{key}" title="{say(language, "remove")}" '
        f'data-sure="{say(language, "sure")}" aria-label="{say(language, "remove")} {title}">×</button></li>'
    )


def passages(count: int, language: str) -> str:
    """Return a number of passages in words."""
    return say(language, "one_passage") if count == 1 else say(language, "passages", count=count)


def added_html(files: Collection[Added], language: str) -> str:
    """Return the outcome of the uploaded files, one line each."""
    lines = "".join(map(_line, files, repeat(language)))
    return f'<ul class="added" aria-label="{say(language, "add")}" aria-live="polite">{lines}</ul>' if lines else ""


def _line(one: Added, language: str) -> str:
    name = f'<b dir="auto">{escape(one.name)}</b>'
    if one.problem is not None:
        return f'<li class="failed">{name} <span>{_in_words(one.problem, language)}</span></li>'
    remark = f' <small class="remark">{_in_words(one.remark, language)}</small>' if one.remark is not None else ""
    if one.key in ("beside", "duplicate"):
        return f'<li class="fine">{name} {both(one.key)} <b dir="auto">{escape(one.detail)}</b>{remark}</li>'
    if one.key != "reading":
        return f'<li class="{"waiting" if one.key == "waiting" else "fine"}">{name} {both(one.key)}{remark}</li>'
    # A screen reader says once that the file is being read, not every per cent.
    return (
        f'<li class="reading">{name} {both(one.key)} <span class="share" aria-hidden="true">{one.share:.0%}</span>'
        f'<progress max="1" value="{one.share:.3f}" aria-label="{escape(one.name)}"></progress></li>'
    )


def _in_words(said: Message, language: str) -> str:
    return escape(" ".join(said.in_language(language).split()))
