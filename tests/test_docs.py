"""What the documents name exists: paths, modules, links, make targets, settings, format numbers."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from rag.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
TEXTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("eval/data/**/*.md")])

ROOMS = "rag|ingest|eval|ui|tests|docs|seeds"
PATH = re.compile(rf"(?<![\w/.:-])(?:{ROOMS})/[\w./-]+\.(?:py|md|json|jsonl|toml|onnx|npz|css|js|html)\b")
QUOTED = re.compile(r"`([^`\n]+)`")
QUOTED_PATH = re.compile(rf"(?:{ROOMS})/[\w./-]*")
DOTTED = re.compile(r"(?:rag|ingest|eval|ui|tests)(?:\.(?!lock\b)\w+)+")
RUN = re.compile(r"(?:python|torchrun)[^`\n]*? -m ([\w.]+)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
EARLIER = re.compile(r"<!-- Modules and commands between these two marks.*?<!-- Until here\. -->", re.DOTALL)
"""A part that tells of an earlier commit, whose modules are not here any more."""


def problems(text: str, folder: Path = ROOT) -> Iterator[str]:
    """Yield a line for everything that a document in a folder names and that is not there."""
    for target in LINK.findall(text):
        yield from _broken(target, text, folder)
    text = LINK.sub("]", EARLIER.sub("", text))
    quoted = QUOTED.findall(text)
    paths = {*PATH.findall(text), *(one for one in quoted if QUOTED_PATH.fullmatch(one))}
    paths |= {f"tests/{one}" for one in quoted if re.fullmatch(r"(?:test_\w+|conftest)\.py", one)}
    yield from (f"there is no {path}" for path in sorted(paths) if not (ROOT / path).exists())
    names = {*RUN.findall(text), *(one for one in quoted if DOTTED.fullmatch(one) and not PATH.fullmatch(one))}
    yield from (
        f"there is no module {name}" for name in sorted(names) if not _is_known(name, name in RUN.findall(text))
    )
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {match[1] for one in quoted if (match := re.match(r"make ([a-z]+)", one))}
    yield from (f"there is no make {name}" for name in sorted(targets) if not re.search(f"^{name}:", makefile, re.M))
    settings = {name.upper() for name in Settings.model_fields}
    for name in sorted(set(re.findall(r"\bTEMEI_([A-Z_]+)\b", text)) - settings):
        yield f"there is no setting TEMEI_{name}"


def _broken(target: str, text: str, folder: Path) -> Iterator[str]:
    """Yield a line where a link within the repository leads nowhere."""
    if re.match(r"[a-z]+:", target):
        return
    path, _, anchor = target.partition("#")
    file = folder / path if path else None
    if file is not None and not file.exists():
        yield f"the link {target} leads nowhere"
    elif anchor and anchor not in _anchors(file.read_text(encoding="utf-8") if file is not None else text):
        yield f"the link {target} leads to no heading"


def _anchors(text: str) -> set[str]:
    """Return what GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def _is_known(name: str, is_run: bool) -> bool:
    """Return whether there is a module, or, where it is not run, a module that says the last part of the name."""
    file = ROOT / name.replace(".", "/")
    if file.with_suffix(".py").exists() or file.is_dir():
        return True
    if name.split(".")[0] not in ROOMS.split("|"):
        return find_spec(name) is not None
    holder = file.parent.with_suffix(".py")
    return (
        not is_run
        and holder.exists()
        and re.search(rf"\b{file.name}\b", holder.read_text(encoding="utf-8")) is not None
    )


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_document_names_exists(path: Path) -> None:
    assert list(problems(path.read_text(encoding="utf-8"), path.parent)) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("see `rag/bm25.py`", "there is no rag/bm25.py"),
        ("see `rag/nothing`", "there is no rag/nothing"),
        ("```\npytest tests/test_metrics.py\n```", "there is no tests/test_metrics.py"),
        ("held by `test_nothing.py`", "there is no tests/test_nothing.py"),
        ("run `python -m eval.calibrate PATH`", "there is no module eval.calibrate"),
        ("```\ntorchrun --nproc-per-node 2 -m eval.train_reader OUT\n```", "there is no module eval.train_reader"),
        ("see `eval.fit.reader_sets.is_nothing`", "there is no module eval.fit.reader_sets.is_nothing"),
        ("[this](docs/nothing.md)", "the link docs/nothing.md leads nowhere"),
        ("[this](docs/reader.md#nothing)", "the link docs/reader.md#nothing leads to no heading"),
        ("run `make nothing`", "there is no make nothing"),
        ("set `TEMEI_NOTHING=1`", "there is no setting TEMEI_NOTHING"),
    ],
)
def test_what_does_not_exist_is_found(text: str, problem: str) -> None:
    assert list(problems(text)) == [problem]


def test_the_readme_has_every_setting() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bTEMEI_([A-Z_]+)\b", text))
    assert {name.upper() for name in Settings.model_fields} - named == set()


def test_the_format_numbers_are_those_of_the_code() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([A-Z_]+)` = (\d+) \| `([\w/.]+)` \|", text, re.MULTILINE)
    assert len(rows) == 7
    for name, number, path in rows:
        assert re.search(rf"^{name} = {number}$", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), path
