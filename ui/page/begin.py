"""Draw what the page shows without any document, and the ways to give it some: drop, paste, the shipped article."""

from __future__ import annotations

from collections.abc import Sequence

from rag.messages import LANGUAGES
from ui.texts import both, say


def begin_html(most: int, suffixes: Sequence[str], *, stays_here: bool) -> str:
    """Return the drop zone, the dialog for pasted text, and the sheet that is shown while files are dragged.

    The page's script takes the last two out of the drop zone, which is hidden once there are documents.

    Args:
        most: files that are taken at once.
        suffixes: of the files that the browser offers to choose.
        stays_here: no language model elsewhere is sent any of the text.
    """
    ways = "".join(
        f'<button type="button" data-{way}>{both(key)}</button>'
        for way, key in (("choose", "choose_files"), ("paste", "paste_text"), ("shipped", "try_shipped"))
    )
    accept = ",".join(suffixes)
    dismiss = " ".join(f'data-{language}="{say(language, "dismiss")}"' for language in LANGUAGES)
    private = f'<p class="private">{both("begin_private")}</p>' if stays_here else ""
    return (
        f'<section class="begin" data-most="{most}" data-accept="{accept}" {dismiss}>'
        f"<h2>{both('begin')}</h2><p>{both('begin_hint')}</p>"
        f'<p class="ways">{ways}</p>{private}'
        '<div class="status"></div></section>'
        f'<dialog id="paste" aria-labelledby="paste-title"><form method="dialog">'
        f'<h2 id="paste-title">{both("paste_text")}</h2>'
        '<textarea rows="10" aria-labelledby="paste-title"></textarea>'
        f'<p class="ways"><button type="submit" value="add">{both("add_text")}</button>'
        f'<button type="submit" value="cancel" formnovalidate>{both("cancel")}</button></p></form></dialog>'
        f'<div id="drop" hidden aria-hidden="true"><p>{both("drop_here")}</p></div>'
    )


def paste_html() -> str:
    """Return the button that opens the dialog for pasted text from the list of documents."""
    return f'<button type="button" class="paste" data-paste>{both("paste_text")}</button>'


def skip_html() -> str:
    """Return the first thing that the keyboard reaches: the way past the lists, to the question."""
    return f'<button type="button" class="skip" data-skip>{both("skip")}</button>'
