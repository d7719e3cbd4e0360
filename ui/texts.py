"""The words of the page, in Romanian and English."""

from __future__ import annotations

from collections.abc import Mapping

import gradio as gr

LANGUAGES = ("ro", "en")
FALLBACK = "en"
"""The language of a browser that speaks neither."""

TEXTS: Mapping[str, Mapping[str, str]] = {
    "ro": {
        "tagline": "răspunsuri cu temei din articolele tale",
        "ask": "Întreabă ceva despre articole…",
        "ask_label": "Întrebarea ta",
        "chat": "Conversație",
        "empty": "Întreabă orice despre articole. Răspunsul citează cuvintele pe care se sprijină.",
        "reader": "Cititor",
        "reader_empty": "Aici se deschide articolul, cu cuvintele citate evidențiate.",
        "sources": "Surse",
        "cited": "Citat în răspuns",
        "citation": "Sursa {number}: {title}. Citat: {quote}",
        "mode_extractive": "citat din surse",
        "mode_model": "formulat de {mode}",
        "confidence": "Încredere",
        "confidence_low": "temei slab",
        "confidence_medium": "temei bun",
        "confidence_high": "temei solid",
        "searched": "Am căutat: „{question}”",
        "pending": "Caut în surse…",
        "stopped": "Oprit înainte de răspuns.",
        "nearest": "Ce spun totuși sursele",
        "nearest_hint": "Cele mai apropiate pasaje. Nu sunt un răspuns.",
        "passage": "Pasajul {number} din {title}: {quote}",
        "no_ground": "Fără temei în surse",
        "gone": "Documentul acesta nu mai este în index sau s-a schimbat.",
        "missing": "Nu e nimic de căutat încă: adaugă un fișier.",
        "none_ticked": "Bifează cel puțin o sursă.",
        "too_fast": "Prea multe deodată; așteaptă un minut.",
        "page": "p. {page}",
        "error": "Nu a mers",
        "whole": "Arată tot documentul",
        "count": "{ticked} din {all} bifate",
        "passages": "{count} pasaje",
        "one_passage": "1 pasaj",
        "all": "Toate",
        "none": "Niciuna",
        "search_in": "Caută în",
        "open": "Deschide",
        "remove": "Scoate",
        "sure": "Scoate?",
        "removed": "Documentul a fost scos din index.",
        "add": "Adaugă fișiere",
        "adding": "Citesc {name}",
        "added": "adăugat",
        "replaced": "înlocuit cu noua versiune",
        "unchanged": "era deja aici",
        "duplicate": "același text e deja aici",
        "failed": "nu a mers",
        "too_many": "Cel mult {count} fișiere odată; restul nu au fost citite.",
        "export": "Exportă",
        "submit": "Întreabă",
        "stop": "Oprește",
        "copy_question": "Copiază întrebarea",
        "copy": "Copiază",
        "copied": "Copiat",
        "place": "caracterele {start}–{end}",
        "comment": "Ce era bine sau ce lipsea? (opțional)",
        "send": "Trimite",
        "thanks": "Mulțumesc, am notat.",
        "language": "Limba paginii",
        "back": "Înapoi la răspuns",
        "document": "Document",
    },
    "en": {
        "tagline": "answers grounded in your articles",
        "ask": "Ask something about the articles…",
        "ask_label": "Your question",
        "chat": "Conversation",
        "empty": "Ask anything about the articles. The answer quotes the words it stands on.",
        "reader": "Reader",
        "reader_empty": "The article opens here, with the quoted words highlighted.",
        "sources": "Sources",
        "cited": "Quoted in the answer",
        "citation": "Source {number}: {title}. Quote: {quote}",
        "mode_extractive": "quoted from the sources",
        "mode_model": "written by {mode}",
        "confidence": "Confidence",
        "confidence_low": "weak ground",
        "confidence_medium": "good ground",
        "confidence_high": "solid ground",
        "searched": "Searched for: “{question}”",
        "pending": "Searching the sources…",
        "stopped": "Stopped before an answer.",
        "nearest": "What the sources do say",
        "nearest_hint": "The nearest passages. They are not an answer.",
        "passage": "Passage {number} from {title}: {quote}",
        "no_ground": "No ground in the sources",
        "gone": "This document is no longer in the index, or has changed.",
        "missing": "There is nothing to search yet: add a file.",
        "none_ticked": "Tick at least one source.",
        "too_fast": "Too many at once; wait a minute.",
        "page": "p. {page}",
        "error": "That did not work",
        "whole": "Show the whole document",
        "count": "{ticked} of {all} ticked",
        "passages": "{count} passages",
        "one_passage": "1 passage",
        "all": "All",
        "none": "None",
        "search_in": "Search in",
        "open": "Open",
        "remove": "Remove",
        "sure": "Remove?",
        "removed": "The document is out of the index.",
        "add": "Add files",
        "adding": "Reading {name}",
        "added": "added",
        "replaced": "replaced by the new version",
        "unchanged": "was here already",
        "duplicate": "the same text is here already",
        "failed": "did not work",
        "too_many": "At most {count} files at once; the rest were not read.",
        "export": "Export",
        "submit": "Ask",
        "stop": "Stop",
        "copy_question": "Copy the question",
        "copy": "Copy",
        "copied": "Copied",
        "place": "characters {start}–{end}",
        "comment": "What was good, or missing? (optional)",
        "send": "Send",
        "thanks": "Thank you, noted.",
        "language": "Language of the page",
        "back": "Back to the answer",
        "document": "Document",
    },
}

I18N = gr.I18n(**{language: dict(texts) for language, texts in TEXTS.items()})
"""The same texts for Gradio's components, which choose by the browser's language."""


def say(language: str, key: str, **values: object) -> str:
    """Return a text in a language, its placeholders filled in."""
    return TEXTS[language][key].format(**values) if values else TEXTS[language][key]


def known(language: object) -> str:
    """Return the language where the page speaks it, else the fallback."""
    return language if isinstance(language, str) and language in LANGUAGES else FALLBACK


def preferred(accept_language: str) -> str:
    """Return the first language of an Accept-Language header that the page speaks, else the fallback."""
    ranked: list[tuple[float, int, str]] = []
    for position, item in enumerate(accept_language.split(",")):
        tag, _, quality = item.strip().partition(";q=")
        try:
            weight = float(quality or 1)
        except ValueError:
            weight = 0.0
        ranked.append((-weight, position, tag.strip().lower().partition("-")[0]))
    return next((tag for weight, _, tag in sorted(ranked) if weight < 0 and tag in LANGUAGES), FALLBACK)


def both(key: str) -> str:
    """Return a text in every language, as HTML of which the style sheet shows the one that ``<html lang>`` names."""
    return "".join(f'<span lang="{language}" class="said">{say(language, key)}</span>' for language in LANGUAGES)
