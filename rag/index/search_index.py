"""The search index: what a question searches, the words (`rag.index.words`) and the vectors of all passages.

It is derived from the passages (`rag.index.passage_cache`) and names the generation that it was made from. So it can
always be made again and is never used out of step. Its arrays lie in files that are written a chunk at a time
(`rag.index.word_arrays`) and mapped into memory, so neither making nor using it takes memory that grows with the
corpus. Each generation has its own folder. One small file names the folder in use, with the checksums of its files;
replacing that file lets questions see a new generation. The passages' vectors (`rag.index.int8_search`) lie in the same
folder, because they have the same rows and are renewed together.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.files.aside import folder_aside, write_whole
from rag.files.checksums import DamagedError, are_whole, checksums, sealed, unsealed
from rag.files.memmap import load
from rag.index.int8_search import FILES as VECTOR_FILES
from rag.index.int8_search import Int8Vectors, VectorsOf, best
from rag.index.passage_cache import PassageCache
from rag.index.word_arrays import ARRAYS, WORDS, write
from rag.index.words import WordIndex
from rag.text.language import language_share
from rag.types import Floats

FEW = 0.05
"""The share of passages in a language that counts about half in `SearchIndex.shares_language`. Chosen by eye;
not measured."""
ABOUT, UNFINISHED = "about.json", ".unfinished-"
VERSION = 1
"""The version of these files. Files of another version are made again."""
OWN = tuple(f"{name}.npy" for name in ARRAYS)
FILES = (*OWN, *(f"{name}.npy" for name in VECTOR_FILES))


@dataclass(frozen=True)
class SearchIndex:
    """What is searched, of one generation: the words and the vectors of passages, which have the same rows.

    Row ``i`` of every array is one passage. ``passages_in`` are the languages of the passages and how many are in each.
    ``stored`` and ``documents`` are the rows of the passages and documents in the passage cache, which keeps them while
    this is in use: all of it together is one state of the index, whatever is written meanwhile.
    """

    generation: str
    made_by: Mapping[str, Any]
    passages_in: Mapping[str, int]
    passage_cache: PassageCache
    names: NDArray[np.bytes_]
    document_names: NDArray[np.bytes_]
    document_of: NDArray[np.int32]
    stored: NDArray[np.int64]
    documents: NDArray[np.int64]
    words: WordIndex
    vectors: Int8Vectors

    @classmethod
    def build(
        cls,
        cache: PassageCache,
        folder: Path,
        generation: str,
        vectors_of: VectorsOf,
        dimension: int,
        made_by: Mapping[str, Any] | None = None,
    ) -> SearchIndex:
        """Write the index of the passage cache's passages below ``folder``, then let the folder name it; return it.

        Until then, and where this fails, the one before stays in use. Nobody else may be building there.

        Raises:
            DamagedError: the passage cache is damaged.
        """
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / uuid.uuid4().hex
        try:
            with folder_aside(place, UNFINISHED) as fresh:
                languages = write(cache, fresh, vectors_of, dimension)
                sums = checksums(fresh, FILES)
            about = {
                "version": VERSION,
                "generation": generation,
                "mirror": cache.name,
                "made_by": dict(made_by or {}),
                "languages": languages,
                "files": sums,
                "folder": place.name,
            }
            write_whole(folder / ABOUT, sealed(about))
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        built = cls.load(folder, cache)
        if built is None:
            raise OSError(f"{folder} cannot be read back")
        _tidy(folder, built_in=place)
        return built

    @classmethod
    def load(cls, folder: Path, cache: PassageCache, *, thorough: bool = False) -> SearchIndex | None:
        """Return the stored index, or None where there is none that is whole and was made from this passage cache."""
        try:
            return cls.open(folder, cache, about_in(folder), thorough=thorough)
        except DamagedError:
            return None

    @classmethod
    def open(
        cls, folder: Path, cache: PassageCache, about: Mapping[str, Any], *, thorough: bool = False
    ) -> SearchIndex:
        """Open the stored index that a folder was found to name.

        Raises:
            DamagedError: it is not whole, or was made from another passage cache.
        """
        try:
            place = folder / str(about["folder"])
            if about["mirror"] != cache.name or not are_whole(place, about["files"], thorough=thorough):
                raise DamagedError(f"{place} is damaged")
            arrays = {name.removesuffix(".npy"): load(place / name) for name in OWN}
            made_by, languages = dict(about["made_by"]), dict(about["languages"])
            of_words = {name: arrays.pop(name) for name in WORDS}
            found = WordIndex(len(arrays["names"]), list(languages), **of_words)
            vectors = Int8Vectors.load(place)
            return cls(str(about["generation"]), made_by, languages, cache, words=found, vectors=vectors, **arrays)
        except (OSError, ValueError, KeyError, TypeError, EOFError, IndexError) as error:
            raise DamagedError(f"{folder} is damaged ({error})") from error

    def __len__(self) -> int:
        return len(self.names)

    @property
    def ids(self) -> list[str]:
        """The ids of all passages."""
        return [name.decode() for name in self.names.tolist()]

    def ids_of(self, rows: Iterable[int]) -> list[str]:
        """Return the ids of the passages of some rows."""
        return [bytes(self.names[row]).decode() for row in rows]

    def within(self, document_ids: Sequence[str]) -> NDArray[np.bool_]:
        """Return which rows are of one of some documents."""
        longest = self.document_names.dtype.itemsize  # an array of names takes as much for each as for the longest
        names = [name for name in map(str.encode, document_ids) if len(name) <= longest]
        chosen = np.isin(self.document_names, np.array(names, dtype=np.bytes_))
        return np.asarray(chosen[self.document_of], dtype=np.bool_)

    @property
    def languages(self) -> list[str]:
        """The languages of the passages."""
        return list(self.passages_in)

    def shares_language(self, query: str) -> float:
        """Return how far (0..1) the passages are in the query's language.

        It is 1 if all passages are in that language, and about 0.5 if a twentieth of them is. The vocabulary alone does
        not tell: a large corpus holds some words, and a few passages, of every language.
        """
        return max(
            (
                language_share(query, language) * (1 + FEW) * count / (count + FEW * len(self))
                for language, count in self.passages_in.items()
            ),
            default=0.0,
        )


def top(scores: Floats, count: int, allowed: NDArray[np.bool_] | None = None) -> list[int]:
    """Return the positions of the best positive scores, best first, ties in order of position."""
    rows = best(scores, count, allowed)
    rows = rows[scores[rows] > 0]
    return [int(row) for row in rows[np.lexsort((rows, -scores[rows]))][:count]]


def about_in(folder: Path) -> dict[str, Any]:
    """Return what a folder says of the index it holds.

    Raises:
        DamagedError: it says nothing, or is of another version.
    """
    about = unsealed(folder / ABOUT)
    if about.get("version") != VERSION:
        raise DamagedError(f"{folder} is of another version")
    return about


def _tidy(folder: Path, built_in: Path) -> None:
    """Remove what a writer that was killed left, and all generations but this and the one before it.

    Whoever is about to open another finds the files gone and looks again; whoever has opened it keeps them.
    """
    for path in folder.glob("*.npy"):  # of an earlier version of Temei
        path.unlink(missing_ok=True)
    left = sorted((path for path in folder.iterdir() if path.is_dir() and path != built_in), key=_date)
    finished = [path for path in left if not path.name.startswith(UNFINISHED)]
    for path in left:
        if path not in finished[-1:]:
            shutil.rmtree(path, ignore_errors=True)


def _date(path: Path) -> float:
    return path.stat().st_mtime
