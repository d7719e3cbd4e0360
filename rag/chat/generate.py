"""Generating: read what a language model writes, piece by piece, within bounds of time, tries and length.

A separate thread reads the model, so no provider's client can hold up the answer, whatever it does with time-outs.
Every failure comes out as ChatError.
"""

from __future__ import annotations

import contextvars
import email.utils
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import Any

from langchain_core.messages import BaseMessage

from rag.chat.http import BOUNDS, Bounds
from rag.chat.model import Chat
from rag.errors import ChatError, Fault
from rag.messages import message
from rag.settings import Settings

MAX_CHARS = 8000
"""Characters of a reply that are read; a model that goes on is cut off there."""

BACKOFF, LONGEST_WAIT = 0.5, 20.0
"""Seconds before the second try, doubled for every further one; and the longest that a server is waited for."""

AGAIN = {Fault.UNREACHABLE, Fault.BUSY, Fault.BROKEN, Fault.EMPTY}
_STATUS = {401: Fault.KEY, 403: Fault.KEY, 404: Fault.UNKNOWN, 408: Fault.SLOW, 429: Fault.BUSY}


def reply(chat: Chat, messages: Sequence[BaseMessage], settings: Settings, deadline: float) -> Generator[str]:
    """Yield the pieces of a reply as they come; a failed try is repeated as long as no word of it was yielded.

    Args:
        deadline: on the clock of `time.monotonic`; neither a word nor a further try is waited for beyond it.

    Raises:
        ChatError: no reply, or only the beginning of one.
    """
    tries = 0
    while True:
        begun = False
        try:
            for piece in _pieces(chat, messages, settings.chat_silence_seconds, deadline):
                begun = begun or bool(piece.strip())
                yield piece
            if begun:
                return
            raise _failed(chat, Fault.EMPTY)
        except ChatError as error:
            wait = max(BACKOFF * 2**tries, error.wait or 0.0)
            tries += 1
            late = wait > LONGEST_WAIT or time.monotonic() + wait >= deadline
            if begun or late or tries > settings.chat_retries or error.fault not in AGAIN:
                raise
        time.sleep(wait)


def probe(chat: Chat, settings: Settings) -> None:
    """Ask the model for a word.

    Raises:
        ChatError: it does not reply.
    """
    from langchain_core.messages import HumanMessage

    deadline = time.monotonic() + settings.chat_seconds
    for piece in reply(chat, [HumanMessage("Reply with the word: yes")], settings, deadline):
        if piece.strip():
            return


def _pieces(chat: Chat, messages: Sequence[BaseMessage], silence: float, deadline: float) -> Iterator[str]:
    pieces: SimpleQueue[str | Exception | None] = SimpleQueue()
    bounds = Bounds(deadline)
    unwanted = bounds.unwanted

    def pump() -> None:
        BOUNDS.set(bounds)
        try:
            for chunk in chat.model.stream(list(messages)):
                if unwanted.is_set():
                    return
                pieces.put(str(chunk.text))
            pieces.put(None)
        except Exception as error:  # each provider raises its own kinds
            pieces.put(error)

    # In a copy of the context, LangChain's callbacks find the run that this one is part of.
    threading.Thread(target=contextvars.copy_context().run, args=(pump,), name="chat", daemon=True).start()
    length = 0
    try:
        while length < MAX_CHARS:
            try:
                piece = pieces.get(timeout=max(min(silence, deadline - time.monotonic()), 0.001))
            except Empty:
                raise _failed(chat, Fault.SLOW) from None
            if piece is None:
                return
            if isinstance(piece, Exception):
                raise _mapped(chat, piece) from piece
            piece = piece[: MAX_CHARS - length]
            length += len(piece)
            yield piece
            if time.monotonic() >= deadline:
                raise _failed(chat, Fault.SLOW)
    finally:
        unwanted.set()


def _failed(chat: Chat, fault: Fault, *, status: int | None = None, wait: float | None = None) -> ChatError:
    """Return the error of a fault; ``status`` is the server's HTTP status, where it gave one."""
    where = message("at_address", address=chat.address) if chat.address else ""
    return ChatError(fault, message(f"chat_failed_{fault}", model=chat.name, where=where, status=status), wait=wait)


def _mapped(chat: Chat, error: Exception) -> ChatError:
    """Return the error as one of ours; nothing that the server wrote is repeated."""
    if isinstance(error, ValueError) and "No generation" in str(error):  # LangChain's word for an empty stream
        return _failed(chat, Fault.EMPTY)
    status, wait = _status(error), _retry_after(error)
    kinds = " ".join(kind.__name__ for link in _chain(error) for kind in type(link).__mro__)
    if status is not None:
        fault = _STATUS.get(status, Fault.BROKEN if status >= 500 or status < 400 else Fault.REJECTED)
    elif "Timeout" in kinds and "ConnectTimeout" not in kinds:
        fault = Fault.SLOW
    elif "ConnectError" in kinds or "ConnectTimeout" in kinds or "ConnectionRefused" in kinds:
        fault = Fault.UNREACHABLE
    else:
        fault = Fault.BROKEN
    return _failed(chat, fault, status=status, wait=wait)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _status(error: Exception) -> int | None:
    """Return the HTTP status that an error of whichever provider carries."""
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "code"):
            value = getattr(holder, name, None)
            if isinstance(value, int) and 100 <= value < 600:
                return value
    return None


def _retry_after(error: Exception) -> float | None:
    headers: Any = getattr(getattr(error, "response", None), "headers", None)
    value = str(headers.get("retry-after") or "") if hasattr(headers, "get") else ""
    if not value:
        return None
    try:
        return max(float(value), 0.0)
    except ValueError:
        pass
    try:
        return max(email.utils.parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


def check(chat: Chat, settings: Settings, report: Callable[[str], None]) -> None:
    """Ask a language model for a word; one that is only busy or slow is reported.

    Raises:
        ModelError: it cannot be used as it is set.
    """
    try:
        probe(chat, settings)
    except ChatError as error:
        if error.fault not in (Fault.BUSY, Fault.SLOW, Fault.BROKEN):
            raise
        report(str(error))
