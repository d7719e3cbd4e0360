"""Write pieces of an HTML page; the text in them is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

STYLE = """
:root { color-scheme: light; --ink: #1f2933; --muted: #616e7c; --line: #e4e7eb; --soft: #f5f7fa; --blue: #2563a8;
  --good: #d8f0e3; --bad: #fde4d8; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 32px 24px 80px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 44px 0 12px; }
h3 { font-size: 15px; margin: 26px 0 8px; }
p.note, .dim { color: var(--muted); } p.note { margin: 4px 0 12px; max-width: 75ch; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(136px, 1fr)); gap: 12px; margin: 24px 0; }
.card { background: var(--soft); border-radius: 10px; padding: 14px 16px; }
.card b { display: block; font-size: 27px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.card span { display: block; font-size: 13px; color: var(--muted); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { padding: 5px 12px 5px 0; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--muted); font-weight: 500; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; }
tr.part td { font-weight: 600; padding-top: 16px; }
td svg { display: block; }
td.name { text-align: left; font: 12px ui-monospace, Menlo, Consolas, monospace; color: var(--muted); }
tr.own td { font-weight: 600; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(440px, 1fr)); gap: 28px; }
figure { margin: 0; } figure svg { width: 100%; height: auto; } figcaption { font-weight: 600; margin-bottom: 6px; }
details { border: 1px solid var(--line); border-radius: 8px; margin: 6px 0; }
summary { cursor: pointer; padding: 8px 12px; } details[open] > summary { border-bottom: 1px solid var(--line); }
.tag { display: inline-block; background: var(--soft); color: var(--muted); border-radius: 4px; padding: 0 6px;
  font-size: 12px; margin-left: 6px; }
dl { display: grid; grid-template-columns: 110px 1fr; gap: 8px 16px; margin: 12px; } dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; } dd > p { margin: 0 0 6px; }
mark { background: var(--good); color: inherit; border-radius: 2px; } mark.cited { background: #fdf0c4; }
ol { margin: 0; padding-left: 22px; } li { margin-bottom: 6px; } li.gold::marker { color: #3a8f6b; font-weight: 700; }
blockquote { margin: 0 0 6px; padding-left: 10px; border-left: 3px solid var(--line); }
@media (max-width: 560px) { .plots { grid-template-columns: 1fr; } dl { grid-template-columns: 1fr; gap: 2px; } }
"""


def e(value: object) -> str:
    """Return a value as escaped text."""
    return html.escape(str(value), quote=True)


def table(head: Sequence[str], rows: Iterable[str]) -> str:
    columns = "".join(f"<th>{e(name)}</th>" for name in head)
    return f'<div class="scroll"><table><thead><tr>{columns}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def row(cells: Sequence[str], kind: str = "") -> str:
    return f"<tr{kind}>" + "".join(f"<td>{e(cell)}</td>" for cell in cells) + "</tr>"
