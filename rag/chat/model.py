"""Open a language model: make a LangChain chat model from ``provider:name``, through `init_chat_model`.

Only this module imports LangChain and the provider's package, and only where a model is configured.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.errors import ModelError
from rag.messages import message
from rag.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

LLAMACPP = "llamacpp"
ALIASES = {"google": "google_genai", "gemini": "google_genai"}
EXTRAS = {
    "anthropic": "anthropic",
    "google_genai": "google",
    "ollama": "ollama",
    "openai": "openai",
    LLAMACPP: "llamacpp",
}
"""The extra of pyproject.toml that brings a provider's package."""

KEYS = {
    "anthropic": ("ANTHROPIC_API_KEY",),
    "google_genai": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    "openai": ("OPENAI_API_KEY",),
}
"""Variables in which a provider looks for its key."""

NO_KEY = "none"
"""The key that is given to a server of the user's own which asks for none."""


@dataclass(frozen=True)
class Chat:
    """An opened language model: ``name`` is that of the setting, ``address`` what the user set, if anything."""

    name: str
    model: BaseChatModel
    address: str = ""


def open_chat(settings: Settings) -> Chat | None:
    """Return the language model that the settings name, None where they name none; nothing is asked of it yet.

    Raises:
        ModelError: its package or key is missing, or there is no such provider.
    """
    if not settings.chat_model:
        return None
    provider, _, name = settings.chat_model.partition(":")
    provider, name = ALIASES.get(provider, provider), name.strip()
    if provider == LLAMACPP:
        from rag.chat.llamacpp import ANSWER_TOKENS, serve

        options = _options(settings, "openai", serve(name, settings)) | {"max_tokens": ANSWER_TOKENS}
        model = _init(settings, "openai", os.path.basename(name), options)
        return Chat(f"{LLAMACPP}:{os.path.basename(name)}", model)
    _need_key(settings, provider)
    model = _init(settings, provider, name, _options(settings, provider, settings.chat_base_url))
    return Chat(settings.chat_model, model, settings.chat_base_url)


def _need_key(settings: Settings, provider: str) -> None:
    names = KEYS.get(provider)
    if not names or settings.chat_api_key.get_secret_value() or any(os.environ.get(name) for name in names):
        return
    if provider == "openai" and settings.chat_base_url:
        return
    if provider == "openai":
        raise ModelError(message("chat_needs_key_or_address", model=settings.chat_model, variable=names[0]))
    raise ModelError(message("chat_needs_key", model=settings.chat_model, variable=names[0]))


def _options(settings: Settings, provider: str, address: str) -> dict[str, Any]:
    """Return how a provider's model is opened; temperature 0 only where the server is the user's own.

    Some of the providers' own models refuse to be given a temperature.
    """
    key = settings.chat_api_key.get_secret_value()
    options: dict[str, Any] = {"api_key": key} if key else {}
    if address:
        options |= {"base_url": address, "temperature": 0}
    if provider == "openai":
        if address and not (key or os.environ.get("OPENAI_API_KEY")):
            options["api_key"] = NO_KEY
        # stream_chunk_timeout is for asynchronous streams only.
        options |= {"max_retries": 0, "timeout": (settings.chat_connect_seconds, settings.chat_silence_seconds)}
    elif provider in ("anthropic", "google_genai"):
        options |= {"max_retries": 0 if provider == "anthropic" else 1, "timeout": settings.chat_silence_seconds}
    elif provider == "ollama":
        options.pop("api_key", None)
        headers = {"headers": {"Authorization": f"Bearer {key}"}} if key else {}
        client = {"timeout": settings.chat_silence_seconds, "follow_redirects": False, **headers}
        options |= {"temperature": 0, "client_kwargs": client}
    return options


def _init(settings: Settings, provider: str, name: str, options: dict[str, Any]) -> BaseChatModel:
    shown = settings.chat_model
    try:
        from langchain.chat_models import init_chat_model

        if isinstance(options.get("timeout"), tuple):
            from openai import Timeout

            from rag.chat.http import client

            connect, silence = options["timeout"]
            options = options | {"timeout": Timeout(silence, connect=connect), "http_client": client()}
        model: BaseChatModel = init_chat_model(name, model_provider=provider, **options)
    except ImportError as error:
        extra = EXTRAS.get(provider)
        package = re.search(r"pip install ([\w-]+)", str(error))
        what = f"-e '.[{extra}]'" if extra else package[1] if package else f"langchain-{provider.replace('_', '-')}"
        raise ModelError(message("chat_needs_package", model=shown, package=what)) from error
    except Exception as error:  # each provider raises its own kinds
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if reason.startswith("Unsupported provider"):
            known = ", ".join(sorted(EXTRAS))
            raise ModelError(message("chat_of_no_provider", model=shown, providers=known)) from error
        raise ModelError(message("chat_not_opened", model=shown, reason=reason)) from error
    return model
