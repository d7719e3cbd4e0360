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
        "added": "adăugat",
        "replaced": "înlocuit cu noua versiune",
        "unchanged": "era deja aici",
        "duplicate": "același text e deja aici",
        "failed": "nu a mers",
        "too_many": "Cel mult {count} fișiere odată; restul nu au fost citite.",
        "export": "Exportă",
        "new": "Conversație nouă",
        "like": "Îmi place",
        "dislike": "Nu-mi place",
        "retry": "Încearcă din nou",
        "edit": "Editează",
        "submit_edit": "Trimite",
        "cancel": "Anulează",
        "panel_sources": "Surse",
        "panel_chat": "Întrebări",
        "panel_reader": "Cititor",
        "panels": "Ce se vede",
        "your_question": "Întrebarea ta",
        "answer": "Răspuns",
        "close": "Închide",
        "left_out": "Peste {limit} MB, lăsate deoparte: {names}.",
        "too_large": "Peste {limit} MB: {names}. Nu s-a adăugat nimic; alege din nou, fără.",
        "toast_error": "Nu a mers",
        "toast_warning": "Atenție",
        "toast_info": "Notă",
        "toast_success": "Gata",
        "liked": "Marcat: îmi place",
        "disliked": "Marcat: nu-mi place",
        "busy": "Prea mulți întreabă acum; încearcă din nou peste o clipă.",
        "lost": "S-a pierdut legătura cu Temei. Se încearcă din nou…",
        "broken": "Legătura s-a întrerupt; încearcă din nou.",
        "waiting": "așteaptă",
        "reading": "se citește",
        "short": "Pe scurt",
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
    },
    "en": {
        "tagline": "answers grounded in your articles",
        "ask": "Ask something about the articles…",
        "ask_label": "Your question",
        "chat": "Conversation",
        "empty": "Ask anything about the articles. The answer quotes the words it stands on.",
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
        "added": "added",
        "replaced": "replaced by the new version",
        "unchanged": "was here already",
        "duplicate": "the same text is here already",
        "failed": "did not work",
        "too_many": "At most {count} files at once; the rest were not read.",
        "export": "Export",
        "new": "New conversation",
        "like": "Like",
        "dislike": "Dislike",
        "retry": "Try again",
        "edit": "Edit",
        "submit_edit": "Send",
        "cancel": "Cancel",
        "panel_sources": "Sources",
        "panel_chat": "Chat",
        "panel_reader": "Reader",
        "panels": "What is shown",
        "your_question": "Your question",
        "answer": "Answer",
        "close": "Close",
        "left_out": "Larger than {limit} MB, left out: {names}.",
        "too_large": "Larger than {limit} MB: {names}. Nothing was added; choose again without.",
        "toast_error": "That did not work",
        "toast_warning": "Please note",
        "toast_info": "Note",
        "toast_success": "Done",
        "liked": "Marked: I like it",
        "disliked": "Marked: I do not like it",
        "busy": "Too many are asking right now; try again in a moment.",
        "lost": "The connection to Temei was lost. Trying again…",
        "broken": "The connection broke; try again.",
        "waiting": "waiting",
        "reading": "being read",
        "short": "In short",
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
    },
}

GRADIO: Mapping[str, str] = {
    "Like": "like",
    "Îmi place": "like",
    "Dislike": "dislike",
    "Nu-mi place": "dislike",
    "Liked": "liked",
    "Disliked": "disliked",
    "Retry": "retry",
    "Încearcă din nou": "retry",
    "Edit": "edit",
    "Editează": "edit",
    "Copy message": "copy_question",
    "Copied message": "copied",
    "Copy": "copy_question",
    "Submit": "submit_edit",
    "Trimite": "submit_edit",
    "Cancel": "cancel",
    "Anulează": "cancel",
    "Close": "close",
    "chatbot conversation": "chat",
    "user's message": "your_question",
    "bot's message": "answer",
    "Error": "toast_error",
    "Warning": "toast_warning",
    "Info": "toast_info",
    "Success": "toast_success",
    "An error occurred.": "toast_error",
    "Warning.": "toast_warning",
    "Info.": "toast_info",
    "Success.": "toast_success",
    "This application is currently busy. Please try again.": "busy",
    "Connection errored out.": "broken",
    "Connection to the server was lost. Attempting reconnection...": "lost",
}
"""What Gradio says by itself, in English or in the browser's language, and the text of the page that replaces it."""

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
