"""The bytes of a page to characters. Runs in the bounded process."""

from __future__ import annotations

import re

from resiliparse.parse.encoding import bytes_to_str, detect_encoding, map_encoding_to_html5

_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w-]{1,40})""", re.I)


def decode(data: bytes) -> str:
    """Return the text of HTML bytes: as UTF-8 where they are valid, else by what they declare, else by a guess."""
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            pass
    declared = _CHARSET.search(data[:4096])
    name = declared[1].decode() if declared else str(detect_encoding(data))
    return str(bytes_to_str(data, map_encoding_to_html5(name) or "windows-1252", errors="replace"))
