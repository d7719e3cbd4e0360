"""Recognise what chat front ends ask a model behind the visitor's back: a title, tags, questions to go on with.

Open WebUI, LibreChat and others send the conversation with an order. Nothing is looked up for it, and nobody is there
who could write it: the title is the first question, cut between words; the lists are empty.
"""

from __future__ import annotations

import json
import re

LONGEST_TITLE = 50
"""Characters of a title, which a side bar shows. Chosen by eye."""
_ORDER = re.compile(r"\s*###\s*Task:")
_ASKED = re.compile(r"^[ \t]{0,8}(?:USER|User|Human)[ \t]{0,8}:[ \t]{0,8}(\S[^\n]*)", re.MULTILINE)
_TITLE = re.compile(r"\btitle\b", re.IGNORECASE)
_LISTS = {
    "follow_ups": re.compile(r"\bfollow[-_ ]?ups?\b", re.IGNORECASE),
    "tags": re.compile(r"\btags\b", re.IGNORECASE),
    "queries": re.compile(r"\bquer(?:y|ies)\b", re.IGNORECASE),
}
_PLAIN_TITLE = re.compile(
    r"\s*(?:provide|write|generate|create) (?:a|an) (?:concise|short|brief)\b[^\n]{0,60}\btitle\b[^\n]{0,40}"
    r"\bconversation\b",
    re.IGNORECASE,
)
"""LibreChat's order, which holds no JSON."""


def reply_to_order(text: str, before: str) -> str | None:
    """Return the reply to a front end's order; None for a question, which is to be answered.

    Args:
        text: the message.
        before: the first question of the conversation, where the messages hold one.
    """
    if _ORDER.match(text):
        order = text.partition("<chat_history>")[0]
        if '"title"' in text or (_TITLE.search(order) and not any(f'"{name}"' in text for name in _LISTS)):
            return json.dumps({"title": _title(_first_question(text, before))}, ensure_ascii=False)
        for name, pattern in _LISTS.items():
            if f'"{name}"' in text or pattern.search(order):
                return json.dumps({name: []})
        return json.dumps({"text": ""})  # a completion of what is being typed, or what else a model would make up
    if _PLAIN_TITLE.match(text):
        return _title(_first_question(text, before))
    return None


def _first_question(text: str, before: str) -> str:
    found = _ASKED.search(text.partition("<chat_history>")[2] or text)
    return found.group(1) if found else before


def _title(question: str) -> str:
    line = " ".join(question.split())
    if len(line) <= LONGEST_TITLE:
        return line
    cut = line[: LONGEST_TITLE + 1].rpartition(" ")[0] or line[:LONGEST_TITLE]
    return f"{cut}…"
