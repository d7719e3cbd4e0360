"""Settings, in order of precedence: flags, ``TEMEI_*`` environment variables, ``.env``, the defaults below."""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from rag.errors import SettingsError
from rag.files.home import default_home
from rag.text.characters import whole

PREFIX = "TEMEI_"


class _Base(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_file_encoding="utf-8", frozen=True, extra="ignore"
    )


class Settings(_Base):
    """All that can be set, flat and frozen. ``TEMEI_TOP_K=5`` sets ``top_k``.

    Raises:
        SettingsError: a value does not fit, or a ``TEMEI_*`` variable has a name that is not here.
    """

    home: Path = Field(
        default_factory=default_home, description="Folder of all state: Chroma, BM25, vectors, prepared models."
    )
    chroma_url: str = Field("", description="A Chroma server to share, http://host:port; empty keeps it in home.")
    embedding_model: str = Field(
        "multilingual-e5-small", description="The bundled model, or a sentence-transformers name or folder."
    )
    reader: bool = Field(True, description="Whether the neural reader looks into the passages found; on or off.")
    passage_tokens: int = Field(384, ge=16, le=480, description="Largest passage, in cl100k tokens.")
    candidates: int = Field(32, ge=1, le=500, description="Passages that dense search proposes; BM25 adds 0.4 of that.")
    top_k: int = Field(6, ge=1, le=50, description="Passages that are read to answer.")
    max_sentences: int = Field(
        2, ge=1, le=3, description="Sentences an extractive answer may quote; an explanation two more."
    )
    min_confidence: float = Field(0.25, ge=0, le=1, description="Below this confidence Temei abstains.")
    chat_model: str = Field("", description="provider:name of a language model to write answers; empty only quotes.")
    chat_base_url: str = Field("", description="Address of the model's server, where it is not the provider's own.")
    chat_api_key: SecretStr = Field(SecretStr(""), description="Its key, before the provider's own variable.")
    chat_context_tokens: int = Field(1500, ge=50, le=100_000, description="cl100k tokens of sentences it is shown.")
    chat_seconds: float = Field(120, gt=0, le=3600, description="Time that a written answer may take, in all.")
    chat_silence_seconds: float = Field(60, gt=0, le=3600, description="Longest wait for the next words.")
    chat_connect_seconds: float = Field(5, gt=0, le=600, description="Longest wait for a connection.")
    chat_retries: int = Field(2, ge=0, le=10, description="Further tries when the server is busy or broken.")
    max_question_chars: int = Field(2000, ge=1, description="Longest question accepted.")
    max_parts: int = Field(4, ge=1, le=100, description="Questions within one that are each looked into.")
    question_seconds: float = Field(
        10, gt=0, le=3600, description="Time after which no further question within one is looked into."
    )
    max_file_mb: float = Field(20, gt=0, le=10_000, description="Largest file that is read, in megabytes.")
    max_pages: int = Field(2000, ge=1, description="Most pages of a PDF.")
    extract_seconds: float = Field(60, gt=0, le=86_400, description="Time that reading one file may take.")
    extract_mb: int = Field(1024, ge=256, description="Memory that reading one file may take, in megabytes.")
    max_extracted_chars: int = Field(20_000_000, ge=1, description="Longest text taken from one file.")
    host: str = Field("127.0.0.1", description="Address of the chat page.")
    port: int = Field(7860, ge=1, le=65535, description="Port of the chat page.")
    auth: str = Field("", description="user:password of the chat page; asked for beyond this machine.")
    origins: str = Field(
        "", description="Addresses that the page is reached by or used from, http(s)://name, blanks between."
    )
    proxies: str = Field("", description="Addresses of proxies whose X-Forwarded-For counts, blanks between.")
    root_path: str = Field("", description="Path below which a proxy serves the page, such as /temei.")
    asks_a_minute: int = Field(60, ge=1, description="Questions that one address may ask in a minute.")
    max_uploads: int = Field(2000, ge=1, description="Most documents kept that were uploaded to the page.")
    max_uploads_mb: float = Field(
        2000, gt=0, le=10_000_000, description="Disk that uploaded files may take in all, in megabytes."
    )
    allow_open: bool = Field(False, description="Let the page be open to other machines without a password.")

    @field_validator("*", mode="before")
    @classmethod
    def _is_text(cls, value: object) -> object:
        if isinstance(value, str | Path) and whole(str(value)) != str(value):
            raise ValueError("give it in UTF-8")
        return value

    @field_validator("home", mode="before")
    @classmethod
    def _is_folder(cls, value: object) -> object:
        if not str(value).strip():
            raise ValueError("name a folder")
        return Path(str(value)).expanduser()

    @field_validator("chat_model")
    @classmethod
    def _is_model(cls, value: str) -> str:
        provider, _, name = value.strip().partition(":")
        if value.strip() and not (provider.replace("_", "").isalnum() and name.strip()):
            raise ValueError("give it as provider:name, for example ollama:llama3.2 or openai:gpt-5-mini")
        return value.strip()

    @field_validator("chroma_url", "chat_base_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        url = urlsplit(value)
        if value and (url.scheme not in ("http", "https") or not url.hostname or (url.port or 1) < 1):
            raise ValueError("give it as http://host:port")
        return value

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for one in value.split():
            url = urlsplit(one)
            rest = url.path.rstrip("/") or url.query or url.fragment or url.username
            if url.scheme not in ("http", "https") or not url.hostname or rest or (url.port or 1) < 1 or "*" in one:
                raise ValueError("give each as https://name or http://name:port, without a path, blanks between")
        return value

    @field_validator("proxies")
    @classmethod
    def _are_addresses(cls, value: str) -> str:
        for one in value.split():
            try:
                ipaddress.ip_network(one, strict=False)
            except ValueError:
                raise ValueError(
                    "give each as an address or network, 10.0.0.2 or 10.0.0.0/24, blanks between"
                ) from None
        return value

    @field_validator("root_path")
    @classmethod
    def _is_path(cls, value: str) -> str:
        path = value.rstrip("/")
        if path and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", path):
            raise ValueError("give it as a path that begins with a slash, for example /temei")
        return path

    def __init__(self, **values: Any) -> None:
        known = sorted(type(self).model_fields)
        for name in values:
            if name not in known:
                raise SettingsError(f"There is no setting {name!r}{_suggest(name, known)}.")
        _refuse_unknown_variables(known)
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]) if first["loc"] else "settings"
            given = first.get("input")
            message = f"{PREFIX}{name.upper()}={given!s} does not fit: {first['msg']}."
            raise SettingsError(whole(" ".join(message.split()))) from error


def _refuse_unknown_variables(known: list[str]) -> None:
    """Raise SettingsError for a ``TEMEI_*`` name, in the environment or in .env, that no setting has."""
    allowed = [PREFIX + name.upper() for name in known]
    where = dict.fromkeys(os.environ, "the environment")
    try:
        where |= {name: ".env" for name in dotenv_values(".env") if name not in where}
    except (UnicodeDecodeError, OSError) as error:
        raise SettingsError(f".env cannot be read ({error}); save it as UTF-8 text, or remove it.") from error
    for name, place in where.items():
        if name.upper().startswith(PREFIX) and name.upper() not in allowed:
            raise SettingsError(f"{name} in {place} is not a setting{_suggest(name.upper(), allowed)}.")


def _suggest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; the settings are: {', '.join(known)}"
