"""Say which extra brings a package that only measuring needs, before anything is measured."""

from __future__ import annotations

from importlib.util import find_spec

from rag.errors import TerminalError

PLOTS = ("matplotlib",)
TUTORIAL = ("langchain_huggingface", "langchain_text_splitters")
MEMORY = ("psutil",)


def need(*packages: str) -> None:
    """Check that packages are installed.

    Raises:
        TerminalError: one is not.
    """
    for package in packages:
        if find_spec(package) is None:
            raise TerminalError(f"This needs the package {package}; install it with: pip install 'temei[eval]'")
