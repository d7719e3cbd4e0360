"""Calibration: the weights that turn evidence into confidence, and the embedding model that they were fitted for.

How near a question is to an answer differs from model to model, so a calibration belongs to one. ``confidence.json`` is
the shipped one, for the bundled model. ``temei calibrate`` fits another and keeps it in ``TEMEI_HOME/calibration``.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import regex

from rag.files.aside import write_whole
from rag.files.checksums import DamagedError, checksum, sealed, unsealed
from rag.files.private import make_private, privately
from rag.models.embeddings import VERSION, Embedder
from rag.models.reader import PATH as READER
from rag.text.characters import whole

EVIDENCE_VERSION = 3
"""Raise it when the evidence of `rag.confidence.gather` changes: calibrations kept from before are then not used."""
WITH, WITHOUT = "with the reader", "without the reader"
OF_THE_VECTORS = ("cosine", "gap", "apart")
"""The evidence whose scale the embedding model decides. Beside a model that the weights were not fitted for it says
nothing: multilingual-e5-small itself, loaded another way, has cosines of 0.8 where the weights expect 0.5."""
CAUTION = {WITH: 0.51, WITHOUT: 1.36}
"""Log-odds taken off beside another model: the threshold of 0.205 then refuses what would be below 0.3, or 0.5.

Less is known, so more is asked for. Chosen on the shipped set with the bundled weights loaded through
sentence-transformers. Of off-topic, near-miss and answerable questions it refuses with the reader 89, 45 and 14% (with
nothing taken off 84, 24 and 10%), without the reader 89, 69 and 61% (21, 10 and 11%). The weights as they are refuse
none of either."""
SHIPPED = Path(__file__).with_name("confidence.json")


class _OutdatedError(Exception):
    """A calibration was fitted for other vectors, another reader or other evidence than this version of Temei has."""


@dataclass(frozen=True)
class Logistic:
    """A logistic model: probability = 1 / (1 + exp(-(intercept + sum of weight x evidence))).

    Missing features take their training mean, from ``means``.
    """

    weights: Mapping[str, float]
    intercept: float
    means: Mapping[str, float]

    def probability(self, evidence: Mapping[str, float]) -> float:
        """Return the probability (0..1) that evidence by name goes with an answer."""
        total = self.intercept + sum(
            weight * evidence.get(name, self.means[name]) for name, weight in self.weights.items()
        )
        return 1 / (1 + math.exp(-max(-20.0, min(20.0, total))))

    def without(self, names: Collection[str]) -> Logistic:
        """Return the model for which some features always have their training mean."""
        fixed = sum(weight * self.means[name] for name, weight in self.weights.items() if name in names)
        left = {name: weight for name, weight in self.weights.items() if name not in names}
        return Logistic(left, self.intercept + fixed, {name: self.means[name] for name in left})

    def lowered(self, log_odds: float) -> Logistic:
        """Return the model whose probabilities are lower by some log-odds."""
        return replace(self, intercept=self.intercept - log_odds)


@dataclass(frozen=True)
class FittedFor:
    """What a calibration was fitted for.

    ``vectors`` is the version of the vectors (`rag.models.embeddings.VERSION`), ``reader`` the CRC-32 of the reader's
    file in hexadecimal digits, ``evidence`` the `EVIDENCE_VERSION`.
    """

    embedding_model: str
    dimension: int
    vectors: int
    reader: str
    evidence: int

    @classmethod
    def now(cls, embedder: Embedder) -> FittedFor:
        """Return what a calibration that is fitted now, with this embedding model, is for."""
        return cls(whole(embedder.name), embedder.dimension, VERSION, f"{checksum(READER):08x}", EVIDENCE_VERSION)

    def suits(self, embedder: Embedder) -> bool:
        """Return whether this is the embedding model."""
        return (self.embedding_model, self.dimension) == (whole(embedder.name), embedder.dimension)


@dataclass(frozen=True)
class Calibration:
    """The models of confidence with and without the reader, by `WITH` and `WITHOUT`, the first only where there is one.

    ``suits`` says whether they were fitted for the embedding model in use; ``remark`` is what people are told at the
    start, in one line, empty where nothing is wrong; ``path`` is the file in use.
    """

    models: Mapping[str, Logistic]
    fitted_for: FittedFor
    path: Path = SHIPPED
    suits: bool = True
    remark: str = ""

    def probability(self, evidence: Mapping[str, float], *, read: bool) -> float:
        """Return the probability (0..1) for evidence that was gathered with the reader or without it."""
        model = self.models.get(WITH if read else WITHOUT)
        return (model or self.models[WITHOUT]).probability(evidence)


def load_calibration(home: Path, embedder: Embedder) -> Calibration:
    """Return the calibration for an embedding model: that kept in ``home``, else the shipped one.

    Beside another model than its own the shipped calibration takes the evidence `OF_THE_VECTORS` at its training mean,
    is lowered by `CAUTION`, and says so.
    """
    path = kept_at(home, embedder)
    remark = ""
    if os.path.lexists(path):
        try:
            return _kept(path, embedder)
        except DamagedError:
            remark = f"The calibration {path} is damaged and not used; run: temei calibrate"
        except _OutdatedError:
            remark = (
                f"The calibration {path} was fitted for another version of Temei and is not used; run: temei calibrate"
            )
    return shipped_calibration(embedder, remark)


def shipped_calibration(embedder: Embedder, remark: str = "") -> Calibration:
    """Return the shipped calibration as an embedding model uses it; ``remark`` says why none that was kept is used."""
    shipped = _shipped()
    if shipped.fitted_for.suits(embedder):
        return replace(shipped, remark=remark)
    own = shipped.fitted_for.embedding_model
    remark = remark or (
        f"Confidence was fitted for {own}, not for {whole(embedder.name)}, and is rough; run: temei calibrate"
    )
    rough = {way: model.without(OF_THE_VECTORS).lowered(CAUTION[way]) for way, model in shipped.models.items()}
    return replace(shipped, models=rough, suits=False, remark=remark)


def kept_at(home: Path, embedder: Embedder) -> Path:
    """Return where the calibration of an embedding model is kept; its name, which may be a path, is hashed into it."""
    hashed = hashlib.sha256(embedder.name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    readable = regex.sub(r"[^A-Za-z0-9]+", "-", embedder.name)[-40:].strip("-")
    return home / "calibration" / f"{readable}-{hashed}.json".removeprefix("-")


def keep(models: Mapping[str, Logistic], embedder: Embedder, home: Path, out: Path | None = None) -> Path:
    """Write a calibration where `load_calibration` finds it, or to ``out``, whole or not at all; return the path.

    Raises:
        OSError: it cannot be written; what was there is kept.
    """
    about = {"fitted_for": asdict(FittedFor.now(embedder)), **{way: asdict(model) for way, model in models.items()}}
    if out is not None:
        write_whole(out, sealed(about))
        return out
    path = kept_at(home, embedder)
    make_private(home)
    with privately(home):
        make_private(path.parent)
        write_whole(path, sealed(about))
    return path


@cache
def _shipped() -> Calibration:
    stored = json.loads(SHIPPED.read_text(encoding="utf-8"))
    return Calibration({way: _model(stored[way]) for way in (WITH, WITHOUT)}, FittedFor(**stored["fitted_for"]))


def _kept(path: Path, embedder: Embedder) -> Calibration:
    """Return a kept calibration; raise DamagedError or _OutdatedError where it cannot be used."""
    about: Mapping[str, Any] = unsealed(path)
    try:
        fitted_for = FittedFor(**about["fitted_for"])
        models = {way: _model(about[way]) for way in (WITH, WITHOUT) if way in about or way == WITHOUT}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"{path} is not a calibration") from error
    if not fitted_for.suits(embedder):
        raise DamagedError(f"{path} was fitted for {fitted_for.embedding_model}")
    if fitted_for != FittedFor.now(embedder):
        raise _OutdatedError
    return Calibration(models, fitted_for, path)


def _model(stored: Mapping[str, Any]) -> Logistic:
    """Return a stored model; raise AttributeError, KeyError, TypeError or ValueError where it is none."""
    weights = {str(name): float(weight) for name, weight in stored["weights"].items()}
    model = Logistic(weights, float(stored["intercept"]), {name: float(stored["means"][name]) for name in weights})
    if not all(map(math.isfinite, (model.intercept, *weights.values(), *model.means.values()))):
        raise ValueError("a weight is no number")
    return model
