"""Files and folders that are written beside their place: whole, or as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.files.aside import folder_aside, write_whole


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_a_folder_takes_its_place_when_it_is_filled(home: Path) -> None:
    place = home / "model"
    for text in ("first", "second"):
        with folder_aside(place, ".preparing-") as fresh:
            (fresh / "file").write_text(text)
            assert fresh.name.startswith(".preparing-")
            assert fresh.parent == home

        assert (place / "file").read_text() == text
        assert list(home.iterdir()) == [place]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_folder_stays_as_it_was_where_filling_fails(home: Path, error: type[BaseException]) -> None:
    place = home / "model"
    place.mkdir()
    (place / "file").write_text("before")

    def fail() -> None:
        with folder_aside(place, ".preparing-") as fresh:
            (fresh / "file").write_text("half")
            raise error

    with pytest.raises(error):
        fail()

    assert (place / "file").read_text() == "before"
    assert list(home.iterdir()) == [place]


def test_a_file_is_replaced_whole_or_not_at_all(home: Path) -> None:
    path = home / "about.json"
    write_whole(path, "before")

    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "half \ud800")

    assert path.read_text() == "before"
    assert list(home.iterdir()) == [path]
