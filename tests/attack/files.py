"""Mutated files: real files of every format, damaged by a seed, through the real bounded extraction and ingestion.

They are ingested a folder at a time between two good files. A bad one may cost itself only: the good ones are in the
index, each refusal is one line, and every citation holds.
"""

from __future__ import annotations

import io
import json
import random
import shutil
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path

import psutil

from .result import SLOW, Result

from fakes import FakeEmbedder  # isort: skip
from office_files import MAIL, NOTEBOOK, PRICES, RTF, XLS, csv_of, odf_of, odf_table, pptx_of, shape, xlsx_of  # isort: skip
from test_formats import DELTA, docx_of, epub_of, item, lines_of, paragraph, pdf_of  # isort: skip

import ingest.pipeline as pipeline
from ingest import ingest
from rag import Settings, Temei
from rag.index.index import Index
from rag.messages import FileMessage
from rag.models.embeddings import Embedder, open_embedder
from rag.types import Document

BATCH = 25
REAL_EVERY = 8
"""Of so many folders one is ingested with the real model, whose tokenizer has to stand the texts."""
MOST_SECONDS = 2400.0
SECONDS = 8.0
"""What a file may take to be extracted here, so that one that would take longer is refused within `SLOW`."""

A_MEGABYTE = 10.0
"""Seconds more that a megabyte of text may take: it has some 3,000 passages, and Chroma takes 1 ms to store one."""

TABLE = "| an | preț |\n|---|---|\n| 2023 | 100 lei |\n| 2024 | 200 lei |\n"
MARKDOWN = (
    f"---\ntitle: Delta\nurl: https://example.org\nlanguage: ro\n---\n# Delta\n\n{DELTA}\n\n{TABLE}\n```\nx = 1\n```\n"
)
HTML = (
    f"<!DOCTYPE html><html><head><title>Delta</title></head><body><nav><a href='/'>x</a></nav><main><h1>Delta</h1>"
    f"<p>{DELTA}</p><table><tr><th>an<th>preț<tr><td>2023<td>100</table><ul><li>unu<li>doi</ul></main></body></html>"
)


def bases() -> dict[str, bytes]:
    """Return a real file of every format, by suffix."""
    html = HTML.encode()
    return {
        ".txt": (f"{DELTA}\r\n\r\n" * 5).encode(),
        ".md": MARKDOWN.encode(),
        ".markdown": MARKDOWN.replace("\n", "\r\n").encode("utf-8-sig"),
        ".pdf": pdf_of([lines_of(DELTA), lines_of(DELTA)], title="Delta"),
        ".docx": docx_of(paragraph(DELTA) + item("unu", 1) + item("doi", 2), title="Delta"),
        ".epub": epub_of({"a.xhtml": f"<h1>Delta</h1><p>{DELTA}</p>"}, title="Delta"),
        ".html": html,
        ".htm": html.replace(b"<main>", b"<article>"),
        ".xhtml": html,
        ".odt": odf_of(f"<text:h>Delta</text:h><text:p>{DELTA}</text:p>{odf_table(PRICES)}"),
        ".rtf": RTF,
        ".pptx": pptx_of([shape(DELTA), shape("Doi", "title")], notes="Notă."),
        ".xlsx": xlsx_of({"Prețuri": PRICES, "Alta": [[DELTA]]}),
        ".xls": XLS,
        ".ods": odf_of(odf_table(PRICES), kind="spreadsheet"),
        ".csv": csv_of(PRICES).encode(),
        ".tsv": csv_of(PRICES, "\t").encode(),
        ".json": json.dumps({"delta": DELTA, "prețuri": PRICES}).encode(),
        ".jsonl": "\n".join(json.dumps(dict(zip(PRICES[0], row, strict=True))) for row in PRICES).encode(),
        ".ipynb": NOTEBOOK.encode(),
        ".eml": MAIL,
    }


ZIPPED = (".docx", ".epub", ".odt", ".pptx", ".xlsx", ".ods")

Change = Callable[[random.Random, bytes], bytes]


def _flip(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice([1, 3, 20, 200])):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _cut(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _remove(rng: random.Random, data: bytes) -> bytes:
    start = rng.randrange(len(data) + 1)
    return data[:start] + data[start + rng.choice([1, 10, 500]) :]


def _repeat(rng: random.Random, data: bytes) -> bytes:
    start = rng.randrange(len(data) + 1)
    part = data[start : start + rng.choice([1, 8, 300])]
    return data[:start] + part * min(rng.choice([2, 50, 20_000]), 300_000 // max(1, len(part))) + data[start:]


def _insert(rng: random.Random, data: bytes) -> bytes:
    start = rng.randrange(len(data) + 1)
    return data[:start] + rng.choice(TOKENS) * rng.choice([1, 1, 3, 200]) + data[start:]


def _swap_numbers(rng: random.Random, data: bytes) -> bytes:
    number = rng.choice([b"0", b"-1", b"99999999999999999999", b"1e308", b"4294967296", b"9" * 5000])
    places = [at for at, byte in enumerate(data) if 48 <= byte < 58]
    for at in sorted(rng.sample(places, min(len(places), rng.choice([1, 5]))), reverse=True):
        data = data[:at] + number + data[at + 1 :]
    return data


def _random(rng: random.Random, data: bytes) -> bytes:
    return data[:8] + rng.randbytes(rng.choice([0, 100, 20_000]))


def _member(rng: random.Random, data: bytes) -> bytes:
    """Change what is inside a zip archive, so that the XML in it is hostile and the archive whole."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as before:
            parts = {name: before.read(name) for name in before.namelist()}
    except Exception:  # damaged by the change before this one, in any of many ways
        return _flip(rng, data)
    out = io.BytesIO()
    name = rng.choice(sorted(parts))
    parts[name] = rng.choice(PLAIN)(rng, parts[name])
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
        for key, value in parts.items():
            key = rng.choice(["../../" + key, key + "\0", "x" * 5000]) if rng.random() < 0.02 else key
            after.writestr(key, value)
    return out.getvalue()


TOKENS = [
    b"\0",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xef\xbb\xbf",
    b"\r",
    b"\x85",
    "\u2028".encode(),
    b"\x1b[2J",
    "\u202e".encode(),
    "\u200b".encode(),
    "👩‍👩‍👧".encode(),
    "ﷺ".encode(),
    "a\u0301\u0302\u0303".encode(),
    b"\t" * 50,
    b" " * 5000,
    b"\n" * 5000,
    b"a" * 5000,
    b". " * 2000,
    b"? " * 500,
    b"...." * 500,
    b"|" * 2000,
    b"|a|b\n|-|-\n",
    b"# " * 500,
    b"`" * 400,
    b"```\n",
    b"[1]" * 300,
    b"(" * 3000,
    b"<div>" * 3000,
    b"<table><tr><td>" * 300,
    b"<!--",
    b"<![CDATA[",
    b"&#x110000;",
    b"&lol;",
    b"<!DOCTYPE a [<!ENTITY a 'b'>]>",
    b"<script>",
    b"</",
    b"---\n",
    b"---\na: &a [x]\nb: [*a, *a]\n---\n",
    b'---\ntitle: "a\\ud800b"\n---\n',
    b"---\nn: 0x" + b"f" * 5000 + b"\n---\n",
    b"---\n" + b"- " * 3000 + b"\n---\n",
    b"---\nd: 2024-13-45\ne: 1:60:60\n---\n",
    b"---\n? {[a]: b}\n---\n",
    b"---\n!!python/object:os.system x\n---\n",
    b"\nstream\n",
    b"endobj\n",
    b"xref\n",
    b"/Kids[1 0 R]",
    b"<<" * 500,
    b"PK\x03\x04",
    b"%PDF-1.7\n",
    b"1. " * 500,
    b"5.000.000,00 " * 50,
    "ș".encode() * 3000,
    "的".encode() * 3000,
    "ا".encode() * 500,
    "\u0301".encode() * 500,
]
PLAIN: list[Change] = [_flip, _cut, _remove, _repeat, _insert, _insert, _swap_numbers, _random]


def mutated(seed: int, number: int, real: dict[str, bytes]) -> tuple[str, bytes]:
    """Return the name and the bytes of one try."""
    rng = random.Random(f"{seed} {number}")
    suffix = rng.choice(sorted(real))
    data = real[suffix]
    changes = [*PLAIN, _member, _member, _member] if suffix in ZIPPED else PLAIN
    for _ in range(rng.choice([1, 1, 2, 4])):
        data = rng.choice(changes)(rng, data)
    if rng.random() < 0.05:  # by another name than its own
        suffix = rng.choice(sorted(real))
    odd = (
        rng.choice(["", " ", "🚀", "ș", "[1]", "&", "'", "\n", "-" * 100, "\u202e", "%s{}"])
        if rng.random() < 0.3
        else ""
    )
    return f"m{number:05}{odd}{suffix}", data[:2_000_000]


def run(count: int, seed: int) -> Result:
    """Ingest that many mutated files; stops by itself after `MOST_SECONDS`."""
    result, until = Result("files", seed), time.monotonic() + MOST_SECONDS
    real, process = bases(), psutil.Process()
    with tempfile.TemporaryDirectory(prefix="temei-attack-") as name:
        folder = Path(name)
        model: Embedder | None = None
        for start in range(0, count, BATCH):
            if time.monotonic() > until:
                result.note(f"left out after {MOST_SECONDS:.0f} s")
                break
            embedder: Embedder = FakeEmbedder()
            if start // BATCH % REAL_EVERY == REAL_EVERY - 1:
                model = model or open_embedder("multilingual-e5-small", folder / "models")
                embedder = model
            _batch(result, folder / "batch", range(start, min(start + BATCH, count)), real, embedder)
            shutil.rmtree(folder / "batch")
            if start // BATCH in (0, REAL_EVERY):
                result.memory = (process.memory_info().rss / 1e6,) * 2
        result.memory = (result.memory[0], process.memory_info().rss / 1e6)
    result.most_growth = 200.0  # the longest text of the real model's batches is not in the first of them
    return result


def _batch(result: Result, folder: Path, numbers: range, real: dict[str, bytes], embedder: Embedder) -> None:
    documents = folder / "documents"
    documents.mkdir(parents=True)
    for name in ("a-good.txt", "z-good.txt"):
        (documents / name).write_text(f"Podul {name} are 64 de metri.", encoding="utf-8")
    number_of: dict[str, int] = {}
    for number in numbers:
        name, data = mutated(result.seed, number, real)
        (documents / name).write_bytes(data)
        number_of[str(documents / name)] = number
    settings = Settings(home=folder / "home", extract_seconds=SECONDS)
    result.tries += len(numbers)
    with _timed(result, number_of):
        try:
            index = Index(settings, embedder, create=True)
            report = ingest([documents], index)
            _check(result, numbers, index, report.problems, embedder)
            result.notes["read"] = result.notes.get("read", 0) + len(report.added) - 2
            result.notes["refused"] = result.notes.get("refused", 0) + len(report.problems)
            index.close()
        except Exception as error:
            result.tracebacks += 1
            told = traceback.extract_tb(error.__traceback__)[-1]
            result.fail(
                numbers[0], f"and the {len(numbers) - 1} after it: {type(error).__name__}: {error} ({told})"[:400]
            )


def _check(result: Result, numbers: range, index: Index, problems: list[FileMessage], embedder: Embedder) -> None:
    for problem in map(str, problems):
        if len(problem.splitlines()) != 1 or "Traceback" in problem:
            result.fail(numbers[0], f"a refusal is not one line: {problem[:200]!r}")
    names = {Path(row.path).name for row in index.documents()}
    for name in ("a-good.txt", "z-good.txt"):
        if name not in names:
            result.fail(numbers[0], f"{name} beside the bad files was not read")
    temei = Temei(index.settings.model_copy(update={"min_confidence": 0.0}), embedder=embedder)
    for question in ("Câți metri are podul z-good.txt?", "Ce preț a fost în 2023?"):
        before = time.monotonic()
        answer = temei.answer(question)
        if time.monotonic() - before > SLOW:
            result.slow += 1
            result.fail(numbers[0], f"{question!r} took {time.monotonic() - before:.1f} s")
        for citation in answer.citations:
            document = temei.document(citation.document_id)
            if document is None or document.text[citation.start : citation.end] != citation.quote:
                result.fail(numbers[0], f"a citation does not hold: {citation.source!r}")
    temei.index.close()


class _timed:
    """Notes the files that take too long, to be loaded and to be split and embedded."""

    def __init__(self, result: Result, number_of: dict[str, int]) -> None:
        self._result, self._number_of = result, number_of
        self._before = (pipeline._load, pipeline.add_document)

    def __enter__(self) -> None:
        self._watch("_load", lambda path, *rest: (str(path), SLOW))
        self._watch("add_document", lambda document, index, *, where, **rest: (where, _most(document)))

    def _watch(self, name: str, bound: Callable[..., tuple[str, float]]) -> None:
        original = getattr(pipeline, name)

        def timed(*given: object, **named: object) -> object:
            before = time.monotonic()
            try:
                return original(*given, **named)
            finally:
                seconds = time.monotonic() - before
                path, most = bound(*given, **named)
                if seconds > most:
                    self._result.slow += 1
                    number = self._number_of.get(path, -1)
                    self._result.fail(number, f"{name.strip('_')} took {seconds:.1f} s")

        setattr(pipeline, name, timed)

    def __exit__(self, *error: object) -> None:
        pipeline._load, pipeline.add_document = self._before


def _most(document: Document) -> float:
    """Return the seconds that a document may take to be split, embedded and stored."""
    return SLOW + A_MEGABYTE * len(document.text) / 1e6
