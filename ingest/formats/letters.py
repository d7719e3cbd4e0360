"""EML and RTF to text. Runs in the bounded process."""

from __future__ import annotations

import email
import email.policy
import re
from typing import Any, cast

from ingest.formats.html import html_text
from ingest.formats.html_bytes import decode
from ingest.formats.titles import usable_title
from ingest.sandbox.child import Extracted, Limits, tidy

_HEADERS = ("Subject", "From", "To", "Cc", "Date")
_RTF_TITLE = re.compile(r"\{\\title ((?:[^{}]|\\[{}]){1,500})\}")
_ROW = re.compile(r"^[^\n]*\|$", re.MULTILINE)


def read_eml(data: bytes, limits: Limits) -> Extracted:
    """Return the text of a mail: who wrote what when to whom, its text, and the names of what is attached."""
    mail = email.message_from_bytes(data, policy=email.policy.default)
    subject = " ".join(str(mail.get("Subject", "")).split())
    heads = [f"{name}: {' '.join(str(mail[name]).split())}" for name in _HEADERS if mail[name]]
    attached = [part.get_filename() for part in mail.walk() if part.get_filename()]
    if attached:
        heads.append(f"Attachments: {', '.join(map(str, attached))}")
    part = mail.get_body(("plain", "html"))
    text = ""
    if part is not None:
        raw = cast(bytes, part.get_payload(decode=True) or b"")
        if part.get_content_type() == "text/html":
            text = html_text(decode(raw), main=False).text
        else:
            text = tidy(str(part.get_content()))
    return Extracted(tidy("\n".join(heads)) + f"\n\n{text}" if heads and text else text, usable_title(tidy(subject)))


def read_rtf(data: bytes, limits: Limits) -> Extracted:
    """Return the text of an RTF file, the cells of its tables with a bar between them."""

    from striprtf import striprtf

    rtf_to_text: Any = striprtf.rtf_to_text  # it states no types
    source = data.decode("latin-1")
    text = rtf_to_text(source, errors="replace")
    text = _ROW.sub(lambda row: " | ".join(cell.strip() for cell in row[0][:-1].split("|")), text)
    stated = _RTF_TITLE.search(source)
    title = rtf_to_text(f"{{{_start_of(source)}{stated[1]}}}", errors="replace") if stated else ""
    return Extracted(tidy(text.replace("\n", "\n\n")), usable_title(tidy(title)))


def _start_of(source: str) -> str:
    """Return how RTF begins that is in the code page of some other."""
    found = re.search(r"\\ansicpg\d{1,5}", source[:2000])
    return r"\rtf1\ansi" + (found[0] if found else "") + " "
