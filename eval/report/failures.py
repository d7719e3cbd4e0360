"""Group the failures of a run by their cause, and show each so that a person can see why it failed."""

from __future__ import annotations

from collections.abc import Sequence

from eval.records import Found, Quoted
from eval.report.types import Given, Outcome, Report
from eval.sets.dataset import Evidence
from eval.sets.markup import e


def failures(report: Report) -> dict[str, list[Outcome]]:
    """Return the examples that failed, by the kind of failure."""
    found: dict[str, list[Outcome]] = {reason: [] for reason in REASONS}
    for example in report.examples:
        reason = _reason(example)
        if reason:
            found[reason].append(example)
    return found


REASONS = {
    "answered": "Answered, though the sources do not tell",
    "not_found": "The right passage was not among those read",
    "misread": "The right passage was read, but other words were quoted",
    "refused": "Refused, though the right words had been found",
    "refused_not_found": "Refused, and its best guess was wrong",
}


def _reason(example: Outcome) -> str:
    if not example.answerable:
        return "" if example.abstained else "answered"
    if example.abstained:
        return "refused" if example.correct else "refused_not_found"
    if example.correct:
        return ""
    return "misread" if any(is_gold(hit, example) for hit in example.hits) else "not_found"


def is_gold(place: Found | Quoted, example: Outcome) -> bool:
    """Return whether a passage or citation overlaps gold evidence, or is of a gold document where there is none."""
    spans = _gold(example)
    if not spans:
        return place.document in example.relevant
    return any(place.document == span.document and place.start < span.end and span.start < place.end for span in spans)


def _gold(example: Outcome) -> list[Evidence]:
    return [span for spans in example.evidence for span in spans]


def failures_section(report: Report) -> str:
    """Return every failure with its question, expected span, answer and passages."""
    found = failures(report)
    total = sum(map(len, found.values()))
    note = (
        f"{total} of {len(report.examples)} questions. Green is gold evidence, yellow what was quoted; "
        "the passages are those that were read, best first."
    )
    parts = [f'<h2>Every failure</h2><p class="note">{e(note)}</p>']
    for reason, examples in found.items():
        if examples:
            parts.append(f"<h3>{e(REASONS[reason])} ({len(examples)})</h3>")
            parts += [_failure(example) for example in examples]
    return "\n".join(parts)


def _failure(example: Outcome) -> str:
    tags = "".join(
        f'<span class="tag">{e(tag)}</span>'
        for tag in (example.language, example.kind.replace("_", " "), f"confidence {example.confidence:.2f}")
    )
    lines: list[tuple[str, str]] = []
    if example.history:
        lines.append(("asked before", "".join(f"<p>{e(question)}</p>" for question in example.history)))
    if example.standalone_question != example.question:
        lines.append(("searched for", e(example.standalone_question)))
    lines.append(("expected", _expected(example)))
    lines.append(("given", _given(example.answer)))
    if example.had_it_answered is not None:
        lines.append(("had it dared", _given(example.had_it_answered)))
    hits = "".join(
        f'<li{" class=gold" if is_gold(hit, example) else ""}><span class="dim">{e(_place(hit))}, '
        f"score {hit.score:.3f}</span><br>{_highlighted(hit, example)}</li>"
        for hit in example.hits
    )
    lines.append(("read", f"<ol>{hits}</ol>" if hits else "nothing"))
    body = "".join(f"<dt>{e(name)}</dt><dd>{value}</dd>" for name, value in lines)
    return f"<details><summary>{e(example.question)}{tags}</summary><dl>{body}</dl></details>"


def _expected(example: Outcome) -> str:
    if not example.answerable:
        return "a refusal"
    answers = f"<p>{e(' · '.join(example.answers))}</p>" if example.answers else ""
    quotes = [
        f'<blockquote>{e(span.quote)} <span class="dim">{e(_place(span))}</span></blockquote>'
        for span in _gold(example)
    ]
    return answers + "".join(quotes) or e(", ".join(example.relevant))


def _given(answer: Given) -> str:
    return f"<p>{e(answer.text)}</p>"


def _highlighted(hit: Found, example: Outcome) -> str:
    """Return a passage with gold evidence and citations marked; where they overlap, as gold."""
    kinds = [""] * len(hit.text)
    shown = example.had_it_answered or example.answer
    marked: list[tuple[Sequence[Quoted | Evidence], str]] = [(shown.citations, "cited"), (_gold(example), "gold")]
    for spans, kind in marked:
        for span in spans:
            if span.document == hit.document:
                first, last = (min(max(at - hit.start, 0), len(kinds)) for at in (span.start, span.end))
                kinds[first:last] = [kind] * (last - first)
    parts, at = [], 0
    while at < len(kinds):
        end = next((i for i in range(at, len(kinds)) if kinds[i] != kinds[at]), len(kinds))
        piece = e(hit.text[at:end])
        parts.append(f'<mark class="{kinds[at]}">{piece}</mark>' if kinds[at] else piece)
        at = end
    return "".join(parts)


def _place(span: Found | Evidence) -> str:
    return f"{span.document}, {span.start}–{span.end}"
