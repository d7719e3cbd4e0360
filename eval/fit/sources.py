"""The question sets that choice and confidence are fitted on: those that are there of the ones listed here.

- the shipped set;
- XQuAD, each question with its paragraph there, without the paragraph, and without its whole article; among all
  articles, and among the paragraphs of its article alone, so that the weights fit large and small corpora;
- SQuAD's adversarial questions on the English paragraphs;
- Turkish and Japanese questions about other matters, for languages in which no answer was seen;
- the written documents that the reader never saw (`eval.fit.reader_sets`);
- NoMIRACL, each question with its ten passages;
- the sets in Temei's own format: contrast cases, ClapNQ, MTRAG, CUAD and ContractNLI.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from eval.fit.reader_sets import WRITTEN, names, read_set
from eval.fit.reader_sets import is_kept_apart as is_for_measuring
from eval.sets.dataset import Dataset, Example
from eval.sets.open import open_dataset
from eval.sets.squad import evidence_of
from ingest.load import to_document
from rag.types import Document

PAIRS = (("ro", "ro"), ("en", "ro"), ("en", "en"))
"""Languages of the questions and of the articles of XQuAD."""
ELSEWHERE = (("tr", "tquad-train"), ("ja", "jaquad"))
"""Language and file of questions about other matters."""
OTHERS, OTHERS_EACH = 200, 4
"""Questions of each such file for the index of all articles, and for each of one article."""
WRITTEN_TAKEN = 2
"""One written question in so many is taken: there are more of them than of any other source."""
OWN = (
    ("contrast cases", "cases/cases.jsonl"),
    ("ClapNQ", "data/clapnq/questions.jsonl"),
    ("MTRAG", "data/mtragun/questions.jsonl"),
    ("CUAD", "data/cuad/questions.jsonl"),
    ("ContractNLI", "data/contractnli/questions.jsonl"),
)
"""Sets in Temei's own format by name, below the folder; their documents lie in ``documents`` beside them."""


@dataclass(frozen=True)
class Source:
    """A question set with the name under which its numbers are told; several sets may share one."""

    name: str
    dataset: Dataset


def sources(folder: Path, written: Sequence[Path] = ()) -> Iterator[Source]:
    """Yield the sets that ``folder`` has.

    Args:
        folder: has ``data`` and ``cases`` in it.
        written: folders with written documents, beside those of ``data/reader``.
    """
    data = folder / "data"
    yield Source("shipped", open_dataset())
    for name, path in OWN:
        if (folder / path).exists():
            file = folder / path
            yield Source(name, open_dataset(str(file), documents=file.parent / "documents"))
    if (data / "nomiracl.jsonl.gz").exists():
        yield Source("NoMIRACL", open_dataset(f"nomiracl:{data / 'nomiracl.jsonl.gz'}"))
    found = _written([data / "reader", *written])
    if found.examples:
        yield Source("written", found)
    if (data / "xquad-dev.ro.json").exists():
        yield from _xquad(data)


def _xquad(data: Path) -> Iterator[Source]:
    elsewhere = [_elsewhere(language, data / "reader" / f"{name}.json.gz") for language, name in ELSEWHERE]
    for asked, written in PAIRS:
        paragraphs, questions = data / f"xquad-dev.{written}.json", data / f"xquad-dev.{asked}.json"
        spec, other = f"squad:{paragraphs}", None if asked == written else questions
        whole = open_dataset(spec, questions=other, leave_out="gold", keep=True)
        without = open_dataset(spec, questions=other, leave_out="document")
        language = asked if asked == written else f"{asked} on {written}"
        others = [e for some in elsewhere for e in some[:OTHERS]] if asked == written == "ro" else []
        examples = [replace(e, language=language) for e in (*whole.examples, *without.examples)]
        yield Source("XQuAD, all articles", replace(whole, examples=(*examples, *others)))
        articles = list(dict.fromkeys(e.cluster for e in whole.examples))
        for number, article in enumerate(articles):
            stranger = articles[(number + 5) % len(articles)]
            own = {name: d for name, d in whole.documents.items() if name.rpartition("/")[0] == article}
            here = [e for e in whole.examples if e.cluster == article]
            away = [_unanswerable(e) for e in whole.examples if e.cluster == stranger and e.answerable]
            some = (
                [e for few in elsewhere for e in few[OTHERS + number * OTHERS_EACH :][:OTHERS_EACH]] if others else []
            )
            examples = [replace(e, language=language) for e in (*here, *away)]
            yield Source("XQuAD, one article", Dataset(article, own, (*examples, *some), "article"))
    if (data / "adversarial-dev.en.jsonl").exists():
        yield Source("adversarial", open_dataset(f"adversarial:{data / 'adversarial-dev.en.jsonl'}"))


def _unanswerable(example: Example) -> Example:
    """Return a question as it is asked where nothing is said of its matter."""
    return replace(
        example, kind="off_topic", answerable=False, relevant={}, evidence=(), answers=(), left_out=(), within=()
    )


def _elsewhere(language: str, path: Path) -> list[Example]:
    """Return the questions of a file in random order, as questions about other matters; none where it is missing."""
    found = list(read_set(path)) if path.exists() else []
    Random(0).shuffle(found)
    return [
        Example(f"{path.name} {q.id}", q.text, f"{language} on ro", "off_topic", False, {}, f"{language} {number}")
        for number, q in enumerate(found)
    ]


def _written(folders: Sequence[Path]) -> Dataset:
    """Return the questions on the documents that the reader never saw, to search among all written documents."""
    documents: dict[str, Document] = {}
    by_id: dict[str, str] = {}
    examples: dict[str, Example] = {}
    for name, path in names(folders).items():
        if not name.startswith(WRITTEN):
            continue
        for q in read_set(path):
            place = f"{name}/{q.article}/{q.passage_number}"
            document = to_document(q.passage, source=place, name=q.heading)
            place = by_id.setdefault(document.id, place)
            documents.setdefault(place, document)
            if not is_for_measuring(q.heading.split(" › ")[0]):
                continue
            gold = () if q.answer is None else ((evidence_of(place, documents[place], q.answer),),)
            languages = q.language if q.language == q.written_in else f"{q.language} on {q.written_in}"
            examples[f"{name} {q.id}"] = Example(
                f"{name} {q.id}",
                q.text,
                languages,
                "direct" if gold else "near_miss",
                bool(gold),
                {place: 1} if gold else {},
                f"{name}/{q.article}",
                gold,
            )
    return Dataset("written", documents, tuple(examples.values())[::WRITTEN_TAKEN], "document")
