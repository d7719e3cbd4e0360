"""The rooms' fronts: they export what they name, and do nothing else."""

from __future__ import annotations

import ast
import importlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import conftest
import pytest
from conftest import ROOT

import rag

ROOMS = ["rag", "ingest", "eval", "ui"]


def statements(room: str) -> list[ast.stmt]:
    return ast.parse((ROOT / room / "__init__.py").read_text(encoding="utf-8")).body


@pytest.mark.parametrize("room", ROOMS)
def test_all_is_what_is_imported(room: str) -> None:
    imported = [
        alias.asname or alias.name
        for top in statements(room)
        for statement in (top.body if isinstance(top, ast.If) else [top])
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
        if alias.name not in ("TYPE_CHECKING", "on_demand")
    ]
    module = importlib.import_module(room)

    assert sorted(getattr(module, "__all__", [])) == sorted(imported)
    assert len(set(imported)) == len(imported)
    for name in imported:
        assert getattr(module, name).__module__.split(".")[0] == room


def test_the_public_api_of_the_design() -> None:
    assert {"answer", "Temei", "Answer", "Citation", "Settings"} <= set(rag.__all__)


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_says_what_it_is(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not tree.body or ast.get_docstring(tree), path


def test_tests_do_not_reach_the_network() -> None:
    with pytest.raises(ConnectionRefusedError, match="may not reach the network"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)

    assert [attempt for attempt in conftest._attempts if "192.0.2.1" in attempt]
    conftest._attempts.clear()
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert not [name for name in os.environ if name.startswith("TEMEI_")]


def test_importing_is_quiet_and_leaves_torch_alone(tmp_path: Path) -> None:
    script = "import sys, rag, ingest; print({'torch', 'sentence_transformers', 'gradio', 'onnx'} & set(sys.modules))"

    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:rag", "-c", script],
        env={"PYTHONPATH": str(ROOT)},
        cwd=tmp_path / "work",
        capture_output=True,
        text=True,
        check=True,
    )

    assert (done.stdout, done.stderr) == ("set()\n", "")
    assert list((tmp_path / "work").iterdir()) == []
