"""``docs/api.md`` is what the docstrings say, and the examples of the documents run."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import api_docs
import pytest
from conftest import ROOT, SEED, SEEDS

import rag
import rag.default_chain


@pytest.fixture
def shipped(temei: rag.Temei, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder as after ``temei ingest`` with the article that comes with the project."""
    Path(".temei").symlink_to(temei.settings.home)
    rag.default_chain.default_chain.cache_clear()
    monkeypatch.setattr(rag.default_chain, "default_chain", lambda: rag.Temei(embedder=temei.embedder))
    return Path(".temei")


def test_the_page_is_what_the_command_writes() -> None:
    assert api_docs.PAGE.read_text(encoding="utf-8") == api_docs.page(), "run: make docs"


def test_the_page_has_every_name_and_every_field() -> None:
    page = api_docs.page()
    for name in set(rag.__all__) - {"TemeiError"}:
        assert re.search(rf"^## `{name}\b", page, re.MULTILINE), name
    fields = {*rag.Settings.model_fields, *rag.Answer.__slots__, *rag.Citation.__slots__, *rag.Passage.__slots__}
    assert [name for name in fields if f"| `{name}` |" not in page] == []


@pytest.mark.model
@pytest.mark.parametrize("example", [rag.Temei, rag.answer], ids=lambda example: example.__name__)
def test_the_example_of_a_docstring_runs(example: object, shipped: Path) -> None:
    (found,) = (test for test in doctest.DocTestFinder(recurse=False).find(example, globs={}) if test.examples)
    said: list[str] = []

    result = doctest.DocTestRunner(verbose=False).run(found, out=said.append)

    assert (result.failed, "".join(said)) == (0, "")


@pytest.mark.model
def test_the_python_of_the_recipes_runs() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/recipes.md").read_text("utf-8"), re.DOTALL | re.M)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/recipes.md", "exec"), names)

    assert [hit.passage.source for hit in names["hits"]] == ["t-2"]  # type: ignore[attr-defined]
    assert [record.source for record in names["by_dan"]] == ["t-2"]  # type: ignore[attr-defined]
    assert [answer.text for answer in names["again"]] == [answer.text for answer in names["answers"]]  # type: ignore[attr-defined]
    assert len(blocks) == 3


@pytest.mark.model
def test_the_python_of_the_readme_runs(shipped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.M)
    assert len(blocks) >= 2
    Path("seeds").symlink_to(SEEDS)
    names: dict[str, object] = {}
    printed = []
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
        printed.append(capsys.readouterr().out)
    answered, added = names["a"], names["temei"]
    assert isinstance(answered, rag.Answer)
    assert not answered.abstained
    assert [citation for citation in answered.citations if citation.quote not in printed[0]] == []
    assert isinstance(added, rag.Temei)
    assert [record.source for record in added.documents()] == [SEED.as_posix()]
