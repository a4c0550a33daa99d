"""LIME of 20 people of Adult with 5,000 samples each: against the bare model on the same samples, and against `lime`.

The bare model is `predict_proba` of the pipeline on the very rows that were drawn, as ready frames of up to 65,536
rows with the types of the data, in turns with assay. Overhead, of both alike, is all time beyond `predict_proba`:
`lime` draws a matrix of numbers, and whoever uses it with such a pipeline pays for turning that into a frame; its
overhead without that is printed too. Times are wall time, and processor time of all threads, which a loaded machine
disturbs less. "Shared texts" is the bare model on the frames that assay hands it, in which equal texts are one object:
the same values and types, which a pipeline encodes more quickly than those that pandas makes of the data. Agreement is
measured with more samples, where both converged.
"""

from __future__ import annotations

import argparse
import os
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
from assay.models.coded_texts import spelled
from assay.models.inputs import frame as frame_of

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


def bare(about: Question, model: Pipeline, samples: int, *, shared: bool) -> Callable[[], None]:
    """The pipeline alone on the rows that our LIME asks for, as frames that are ready; see the module for `shared`."""
    near = normal_within_bins(neighbourhood(about.columns, about.background))
    table = draw_bins(near, about.rows, samples=samples // REPEATS, repeats=REPEATS, seed=0).table
    parts = [table.slice(i, BATCH) for i in range(0, table.num_rows, BATCH)]
    frames = [frame_of(part) if shared else spelled(part).to_pandas() for part in parts]

    def predict() -> None:
        for ready in frames:
            model.predict_proba(ready)

    return predict


class Peer:
    """`lime` on the same people, with the seconds that it spends in the model."""

    def __init__(self, about: Question, model: Pipeline) -> None:
        self.about, self.model = about, model
        self.inside, self.turning = np.zeros(2), np.zeros(2)
        nominal = np.flatnonzero(about.columns.nominal).tolist()
        self.explainer = LimeTabularExplainer(
            about.background, categorical_features=nominal, feature_names=about.columns.names, random_state=0
        )

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        start = clocks()
        table = self.about.columns.decode(matrix).to_pandas()
        ready = clocks()
        found = self.model.predict_proba(table)
        self.turning += ready - start
        self.inside += clocks() - ready
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


def clocks() -> np.ndarray:
    """Seconds of wall time and of processor time."""
    return np.array([time.perf_counter(), time.process_time()])


def seconds(work: Callable[[], object]) -> np.ndarray:
    start = clocks()
    work()
    return clocks() - start


def compare(about: Question, model: Pipeline, given: argparse.Namespace) -> Peer:
    """Prints the times of the bare model, assay and `lime`, in turns."""
    peer = Peer(about, model)
    alone, handed = (bare(about, model, given.samples, shared=shared) for shared in (False, True))
    works = (alone, handed, lambda: lime(about, samples=given.samples))
    works[2]()
    turns = [tuple(seconds(work) for work in works) for _ in range(given.runs)]
    runs = []
    for _ in range(min(3, given.runs)):
        peer.inside[:], peer.turning[:] = 0, 0
        whole = seconds(lambda: peer.explain(given.samples))
        runs.append((whole, peer.inside.copy(), peer.turning.copy()))
    print(f"  load {os.getloadavg()[0]:.1f}, medians of {given.runs} turns and {len(runs)} runs of lime")
    for place, clock in enumerate(("wall", "processor")):
        floor, lower, ours = (np.array(column)[:, place] for column in zip(*turns, strict=True))
        whole, inside, turning = (np.array(column)[:, place] for column in zip(*runs, strict=True))
        print(f"  {clock}: bare {np.median(floor):.3f} s, assay {np.median(ours):.3f} s,", end=" ")
        print(f"ratio {np.median(ours / floor):.2f}; bare on shared texts {np.median(lower):.3f} s;", end=" ")
        print(f"lime {np.median(whole):.3f} s; overhead assay {np.median(ours - floor):.4f} s", end=" ")
        print(
            f"({np.median(ours - lower):.4f} s beyond shared texts), lime {np.median(whole - inside):.3f} s,", end=" "
        )
        print(f"without its frames {np.median(whole - inside - turning):.3f} s")
    return peer


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
        print(f"{name}: {given.rows} rows x {given.samples:,} samples")
        peer = compare(about, model, given)
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
