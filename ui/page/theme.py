"""Define the theme, the style sheet and the scripts of the page; all of them are local files."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

ASSETS = Path(__file__).parent / "assets"
CSS = ASSETS / "page.css"
HEAD = ASSETS / "head.html"

SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Liberation Sans", "Arial", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Liberation Mono", "monospace")

_GREEN = gr.themes.Color(
    name="temei",
    c50="#eef6f3",
    c100="#d8ebe4",
    c200="#b2d6c9",
    c300="#84bba9",
    c400="#579b86",
    c500="#38806b",
    c600="#276655",
    c700="#205246",
    c800="#1b4239",
    c900="#173730",
    c950="#0b1f1b",
)


def theme() -> gr.themes.Base:
    """Return a calm theme in fonts that every system has; nothing is fetched."""
    return gr.themes.Base(
        primary_hue=_GREEN,
        secondary_hue=_GREEN,
        neutral_hue="stone",
        font=list(SANS),
        font_mono=list(MONO),
        radius_size="md",
    ).set(
        body_background_fill="#faf9f7",
        body_background_fill_dark="#161513",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#1e1c1a",
        background_fill_secondary="#f4f2ee",
        background_fill_secondary_dark="#262421",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        block_shadow_dark="none",
        body_text_color_subdued="#5f5a54",
        body_text_color_subdued_dark="#b0a99f",
        input_background_fill="#ffffff",
        input_background_fill_dark="#262421",
        input_border_color="#d6d1c9",
        input_border_color_dark="#45413b",
        input_shadow="none",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_text_color="#ffffff",
    )


def script(*names: str) -> str:
    """Return scripts of the page as one; Gradio runs it when the component that it belongs to appears."""
    texts = [(ASSETS / name).read_text(encoding="utf-8") for name in names]
    return texts[0] if len(texts) == 1 else "\n".join(f"{{\n{text}}}" for text in texts)
