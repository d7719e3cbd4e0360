"""Which code an evaluation's index depends on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval.code_files import code_files
from eval.corpus import MAKES_AN_INDEX


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of a package ``pretended`` that counts as ours."""
    folder = tmp_path / "pretended"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "top.py").write_text(
        "import json\nfrom pretended import below\ndef f():\n    from pretended.late import x\n"
    )
    (folder / "below.py").write_text("import pretended.deep\n")
    (folder / "deep.py").write_text("")
    (folder / "late.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("eval.code_files.OURS", ("pretended",))
    yield folder
    for name in [name for name in sys.modules if name.startswith("pretended")]:
        del sys.modules[name]


def test_a_module_depends_on_all_that_it_imports_also_within_functions(package: Path) -> None:
    names = {path.name for path in code_files("pretended.top")}

    assert names == {"__init__.py", "top.py", "below.py", "deep.py", "late.py"}


def test_a_missing_module_is_an_error(package: Path) -> None:
    (package / "below.py").write_text("import pretended.gone\n")

    with pytest.raises(ModuleNotFoundError, match=r"pretended\.gone"):
        code_files("pretended.top")


def test_an_index_depends_on_what_splits_embeds_and_stores() -> None:
    names = {str(path).rpartition("/rag/")[2] for path in code_files(MAKES_AN_INDEX)}

    assert {
        "text/language.py",
        "text/tables.py",
        "models/e5.py",
        "models/language_bias.py",
        "models/unigram.py",
        "index/search_index.py",
        "index/int8_search.py",
        "index/store.py",
        "index/records.py",
    } <= names
    assert any(str(path).endswith("ingest/split.py") for path in code_files(MAKES_AN_INDEX))
