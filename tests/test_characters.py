"""Characters that show nothing, and markers of citations: one pattern of each."""

from __future__ import annotations

import unicodedata

import pytest

from rag.text.characters import UNSEEN, unseen
from rag.text.markers import MARKER, split_behind_markers, without_markers

JOINERS = "\u200c\u200d"


@pytest.mark.parametrize(("keep", "more"), [("", ""), (r"\n", ""), (r"\n\t", ""), (r"\t\n\r", r"\p{Zl}\p{Zp}")])
def test_a_character_is_unseen_by_its_category(keep: str, more: str) -> None:
    kept = JOINERS + keep.encode().decode("unicode_escape")
    kinds = {"Cc", "Cf", "Cs"} | ({"Zl", "Zp"} if more else set())
    pattern = unseen(keep, more)

    for number in [*range(0x3100), *range(0xD7F0, 0xE010), 0xFEFF, 0xFFFE, 0xE0041]:
        expected = unicodedata.category(chr(number)) in kinds and chr(number) not in kept
        assert bool(pattern.fullmatch(chr(number))) == expected, hex(number)


def test_a_run_of_them_is_one_match() -> None:
    assert UNSEEN.sub(" ", "a\x00\x1b\u202e\nb\u200dc") == "a b\u200dc"


def test_markers_are_found_removed_and_split_at() -> None:
    text = "Moara e veche [1][2]. A ars [3] demult. Vezi [nota]."

    assert MARKER.findall(text) == ["1", "2", "3"]
    assert without_markers(text) == "Moara e veche. A ars demult. Vezi [nota]."
    assert split_behind_markers(text) == ["Moara e veche [1][2]", ". A ars [3]", " demult. Vezi [nota]."]
    assert split_behind_markers("Fără.") == ["Fără."]
