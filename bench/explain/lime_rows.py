"""LIME of 20 people of Adult with 5,000 samples each: against the bare model on the same samples, and against `lime`.

The bare model is `predict_proba` of the pipeline on the very rows that were drawn, as ready frames of up to 65,536
rows. Our overhead is all that is beyond it; that of `lime` is its time without what it spends in `predict_fn`, so that
turning its numbers into a frame is not held against it. Agreement is measured with more samples, where both converged.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from lime.lime_tabular import LimeTabularExplainer
from scipy.stats import spearmanr
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import assay
from assay.explain.local.neighbourhood import draw_bins, neighbourhood, normal_within_bins
from assay.explain.local.tabular import REPEATS, lime
from assay.explain.question import Question, question
from assay.explain.target import BATCH

BACKGROUND = 10_000
MODELS = {"logistic regression": LogisticRegression(max_iter=2000), "gradient boosting": GradientBoostingClassifier()}


def adult() -> tuple[pd.DataFrame, list[str], list[str]]:
    """The rows of the income demo with the label as y, the names of its categories and of its numbers."""
    case = assay.demo("income", with_model=True)
    features = list(case.model_columns)
    frame = case.rows([*features, "income"], limit=48_842).to_pandas()
    numbers = [name for name in features if pd.api.types.is_numeric_dtype(frame[name])]
    frame["y"] = (frame.pop("income").astype(str) == ">50K").astype(int)
    categories = [name for name in features if name not in numbers]
    frame[categories] = frame[categories].fillna("missing")  # lime refuses missing values
    return frame, categories, numbers


def fitted(estimator: Any, frame: pd.DataFrame, categories: list[str], numbers: list[str]) -> Pipeline:
    encoder = make_column_transformer((OneHotEncoder(), categories), (StandardScaler(), numbers))
    return make_pipeline(encoder, estimator).fit(frame[[*categories, *numbers]], frame["y"])


def asked(frame: pd.DataFrame, model: Pipeline, features: list[str], rows: int) -> Question:
    case = assay.Case.from_frame(frame, label="y", favourable=1, features=features, model=assay.wrap_model(model))
    return question(case, list(range(rows)), background=BACKGROUND)


def bare(about: Question, model: Pipeline, samples: int) -> Callable[[], None]:
    """The pipeline alone on the rows that our LIME asks for, as frames that are ready."""
    near = normal_within_bins(neighbourhood(about.columns, about.background))
    drawn = draw_bins(near, about.rows, samples=samples // REPEATS, repeats=REPEATS, seed=0)
    frames = [drawn.table.slice(i, BATCH).to_pandas() for i in range(0, drawn.table.num_rows, BATCH)]

    def predict() -> None:
        for ready in frames:
            model.predict_proba(ready)

    return predict


class Peer:
    """`lime` on the same people, with the seconds that it spends in the model."""

    def __init__(self, about: Question, model: Pipeline) -> None:
        self.about, self.model, self.inside = about, model, 0.0
        nominal = np.flatnonzero(about.columns.nominal).tolist()
        self.explainer = LimeTabularExplainer(
            about.background, categorical_features=nominal, feature_names=about.columns.names, random_state=0
        )

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        start = time.perf_counter()
        found = self.model.predict_proba(self.about.columns.decode(matrix).to_pandas())
        self.inside += time.perf_counter() - start
        return np.asarray(found)

    def explain(self, samples: int) -> np.ndarray:
        """(rows, columns) weights for class 1."""
        width = len(self.about.columns)
        out = np.zeros((len(self.about.rows), width))
        for i, row in enumerate(self.about.rows):
            found = self.explainer.explain_instance(row, self.predict, num_features=width, num_samples=samples)
            for place, weight in found.local_exp[1]:
                out[i, place] = weight
        return out


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20)
    parser.add_argument("--samples", type=int, default=5_000)
    parser.add_argument("--converged", type=int, default=50_000, help="samples for the agreement")
    parser.add_argument("--runs", type=int, default=7)
    given = parser.parse_args()
    frame, categories, numbers = adult()
    for name, estimator in MODELS.items():
        model = fitted(estimator, frame, categories, numbers)
        about = asked(frame, model, [*categories, *numbers], given.rows)
        alone = bare(about, model, given.samples)
        lime(about, samples=given.samples)
        times = [(seconds(alone), seconds(lambda q=about: lime(q, samples=given.samples))) for _ in range(given.runs)]
        floor, whole = (statistics.median(column) for column in zip(*times, strict=True))
        ratio = statistics.median(ours / base for base, ours in times)
        over = statistics.median(ours - base for base, ours in times)
        peer = Peer(about, model)
        total = seconds(lambda p=peer: p.explain(given.samples))
        theirs = total - peer.inside
        print(f"{name}: {given.rows} rows x {given.samples:,} samples")
        print(f"  bare model {floor:.3f} s, assay {whole:.3f} s, ratio {ratio:.2f} (median of {given.runs} pairs)")
        print(f"  lime {total:.2f} s, of which in predict_fn {peer.inside:.2f} s")
        print(f"  overhead: assay {over:.4f} s, lime {theirs:.3f} s, ratio {theirs / over:.0f}")
        ours, other = lime(about, samples=given.converged).values, peer.explain(given.converged)
        pairs = list(zip(np.abs(ours), np.abs(other), strict=True))
        ranks = [spearmanr(a, b).statistic for a, b in pairs]
        shared = np.mean([len({*np.argsort(-a)[:5]} & {*np.argsort(-b)[:5]}) / 5 for a, b in pairs])
        print(
            f"  {given.converged:,} samples: rank correlation median {np.median(ranks):.3f}, lowest {min(ranks):.3f};"
        )
        print(f"  top five in common {shared:.0%}, correlation {np.corrcoef(ours.ravel(), other.ravel())[0, 1]:.4f}")


if __name__ == "__main__":
    main()
