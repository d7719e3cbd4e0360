"""Run a local GGUF file as a language model: Temei starts llama.cpp's OpenAI-compatible server as its own process."""

from __future__ import annotations

import atexit
import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from rag.errors import ModelError
from rag.messages import message
from rag.settings import Settings

REPLY_TOKENS = 1024
"""What is left for the rules, the question and the reply beside the context."""
ANSWER_TOKENS = 512
"""Longest reply: a very small model may not find an end by itself."""

OPENING_SECONDS = 120.0
"""Most seconds until a model file is loaded and its server answers. Chosen by eye; not measured."""
_RUNNING: dict[tuple[str, int], tuple[subprocess.Popen[bytes], str]] = {}


def serve(file: str, settings: Settings) -> str:
    """Return the address of a server of the model in a GGUF file, started where none of ours runs; it ends with us.

    Raises:
        ModelError: there is no such file, llama-cpp-python is missing, or the server does not start.
    """
    path = Path(file).expanduser().resolve()
    if not path.is_file():
        raise ModelError(message("llamacpp_no_file", file=file))
    if importlib.util.find_spec("llama_cpp") is None or importlib.util.find_spec("starlette_context") is None:
        raise ModelError(message("llamacpp_needs_package"))
    # Its own tokens are smaller than cl100k's in most languages.
    window = 2 * settings.chat_context_tokens + REPLY_TOKENS
    running = _RUNNING.get((str(path), window))
    if running is None or running[0].poll() is not None:
        running = _RUNNING[str(path), window] = _start(path, window)
    return running[1]


def _start(path: Path, window: int) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(path), "--n_ctx", str(window)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--n_threads", str(os.cpu_count() or 1)]
    command += ["--model_alias", path.name]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        atexit.register(process.kill)
        address = f"http://127.0.0.1:{port}/v1"
        until = time.monotonic() + OPENING_SECONDS
        while process.poll() is None and time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"{address}/models", timeout=2):
                    return process, address
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        process.kill()
        log.seek(0)
        said = log.read().decode("utf-8", "replace").strip().splitlines()
    reason = " ".join(said[-1].split())[:200] if said else message("no_word_from_it")
    raise ModelError(message("llamacpp_not_served", name=path.name, reason=reason))
