"""SHAP values of 10,000 people of Adult under 200 boosted trees: against `shap`, the boosters' own, and `woodelf`.

All get the same fitted model and rows; ours goes the whole way from the model and its rows to checked sums.
Interventional: `shap` gets the same 1,000 background rows (`max_samples=1000`; its masker takes 100 by default) and,
as its time grows with rows times background, only `--peer-rows` of the rows; its time for all rows is that, scaled up.
Every answer is compared with ours. `woodelf-explainer` takes part where it is installed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shap
from lightgbm import LGBMClassifier
from sklearn.ensemble import RandomForestClassifier
from xgboost import DMatrix, XGBClassifier

import assay
from assay.explain.question import Question, question
from assay.explain.shapley.explain import explain
from assay.explain.shapley.interactions import interactions

THREADS = 2


@dataclass(frozen=True, eq=False)
class Timed:
    seconds: float
    value: Any


def timed(work: Callable[[], Any], *, runs: int = 1) -> Timed:
    """The median time of `work` and what it last returned."""
    times, value = [], None
    for _ in range(runs):
        start = time.perf_counter()
        value = work()
        times.append(time.perf_counter() - start)
    return Timed(statistics.median(times), value)


def adult() -> pd.DataFrame:
    """The rows of the income demo as numbers, categories as codes, with the label as y."""
    case = assay.demo("income", with_model=True)
    features = list(case.model_columns)
    frame = case.rows([*features, "income"]).to_pandas()
    label = (frame.pop("income").astype(str) == ">50K").astype(int)
    for name in features:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = frame[name].astype("category").cat.codes
    return frame.astype(float).assign(y=label)


def posed(model: Any, frame: pd.DataFrame, *, rows: int, background: int) -> Question:
    features = [name for name in frame.columns if name != "y"]
    case = assay.Case.from_frame(frame, label="y", features=features, model=assay.wrap_model(model), favourable=1)
    return question(case, limit=rows, background=background)


def one(values: Any) -> np.ndarray:
    """(rows, columns) of the second class, whatever shape a peer gives."""
    array = np.asarray(values.values if hasattr(values, "values") else values)
    return array[..., 1] if array.ndim == 3 else array


def say(name: str, seconds: float, ours: float, gap: float, note: str = "") -> None:
    print(f"    {name:<28} {seconds:9.2f} s   ratio {seconds / ours:8.1f}   largest difference {gap:.1e} {note}")


def boosted(name: str, model: Any, frame: pd.DataFrame, arguments: argparse.Namespace) -> None:
    asked = posed(model, frame, rows=arguments.rows, background=arguments.background)
    table = pd.DataFrame(asked.rows, columns=asked.columns.names)
    others = pd.DataFrame(asked.background, columns=asked.columns.names)
    print(f"\n{name}: {len(table):,} rows, {table.shape[1]} columns")
    ours = timed(lambda: explain(asked, method="tree-shap", game="path-dependent"), runs=arguments.runs)
    print(f"  path-dependent: assay {ours.seconds:.2f} s, sums hold: {bool(ours.value.holds.all())}")
    for peer, work in path_dependent(model, table).items():
        found = timed(work, runs=arguments.runs)
        say(peer, found.seconds, ours.seconds, float(np.abs(found.value - ours.value.values).max()))
    ours = timed(lambda: explain(asked), runs=arguments.runs)
    print(f"  background of {len(others):,}: assay {ours.seconds:.2f} s, sums hold: {bool(ours.value.holds.all())}")
    few = table.iloc[: arguments.peer_rows]
    theirs = timed(lambda: against(model, others).shap_values(few, check_additivity=False))
    gap = float(np.abs(one(theirs.value) - ours.value.values[: len(few)]).max())
    scaled = theirs.seconds * len(table) / len(few)
    say("shap", scaled, ours.seconds, gap, f"(took {theirs.seconds:.1f} s for {len(few)} rows, scaled)")
    for peer, work in woodelf(model, table, others).items():
        found = timed(work, runs=arguments.runs)
        say(peer, found.seconds, ours.seconds, float(np.abs(found.value - ours.value.values).max()))
    pairs = timed(lambda: interactions(asked))
    native = timed(lambda: shap.TreeExplainer(model).shap_interaction_values(table.iloc[: arguments.peer_rows]))
    scaled = native.seconds * len(table) / len(few)
    print(
        f"  interactions, background of {len(others):,}: assay {pairs.seconds:.2f} s; shap, path-dependent only: ",
        end="",
    )
    print(f"{scaled:.1f} s (took {native.seconds:.1f} s for {len(few)} rows, scaled)")


def path_dependent(model: Any, table: pd.DataFrame) -> dict[str, Callable[[], np.ndarray]]:
    def native() -> np.ndarray:
        if isinstance(model, XGBClassifier):
            return model.get_booster().predict(DMatrix(table), pred_contribs=True)[:, :-1]
        return model.predict(table, pred_contrib=True)[:, :-1]

    return {
        "the booster's own": native,
        "shap.TreeExplainer": lambda: one(shap.TreeExplainer(model).shap_values(table, check_additivity=False)),
        **woodelf(model, table, None),
    }


def against(model: Any, others: pd.DataFrame) -> shap.TreeExplainer:
    masker = shap.maskers.Independent(others, max_samples=len(others))
    return shap.TreeExplainer(model, masker, feature_perturbation="interventional")


def woodelf(model: Any, table: pd.DataFrame, others: pd.DataFrame | None) -> dict[str, Callable[[], np.ndarray]]:
    try:
        from woodelf import WoodelfExplainer
    except ImportError:
        return {}
    return {"woodelf": lambda: one(WoodelfExplainer(model, *([] if others is None else [others])).shap_values(table))}


def deep_forest(frame: pd.DataFrame) -> None:
    """Fully grown trees, whose paths are too long for tables: a few rows, as a person asks for them."""
    train, features = frame.iloc[:20_000], [name for name in frame.columns if name != "y"]
    model = RandomForestClassifier(50, n_jobs=THREADS, random_state=0).fit(train[features], train["y"])
    print(f"\nfully grown forest: 50 trees, {max(tree.get_depth() for tree in model.estimators_)} levels")
    for rows in (1, 100):
        asked = posed(model, frame, rows=rows, background=200)
        table = pd.DataFrame(asked.rows, columns=asked.columns.names)
        others = pd.DataFrame(asked.background, columns=asked.columns.names)
        for game in ("interventional", "path-dependent"):
            ours = timed(lambda a=asked, g=game: explain(a, method="tree-shap", game=g))
            peer = against(model, others) if game == "interventional" else shap.TreeExplainer(model)
            theirs = timed(lambda p=peer, t=table: p.shap_values(t, check_additivity=False))
            print(f"  {rows} rows, {game}: assay {ours.seconds:.2f} s")
            say("shap", theirs.seconds, ours.seconds, float(np.abs(one(theirs.value) - ours.value.values).max()))


def wide_boosting(arguments: argparse.Namespace) -> None:
    """Trees of many leaves on many columns, with paths through more than 16 of them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 120))
    x[:, ::3] = np.round(x[:, ::3])
    score = x[:, :40] @ rng.normal(size=40) + np.sin(2 * x[:, 40:60]).sum(axis=1)
    score += (x[:, 60:80] * x[:, 80:100]).sum(axis=1) + 2 * rng.normal(size=len(x))
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(120)]).assign(y=(score > 0).astype(int))
    model = LGBMClassifier(n_estimators=100, num_leaves=255, verbose=-1, n_jobs=THREADS, random_state=0)
    asked = posed(model.fit(frame.iloc[:, :120], frame["y"]), frame, rows=1_000, background=200)
    table, others = (pd.DataFrame(part, columns=asked.columns.names) for part in (asked.rows, asked.background))
    ours = timed(lambda: explain(asked))
    print(
        f"\nLightGBM, 100 trees of 255 leaves, 120 columns: 1,000 rows, background of 200: assay {ours.seconds:.2f} s"
    )
    few = table.iloc[: min(100, arguments.peer_rows)]
    theirs = timed(lambda: against(model, others).shap_values(few, check_additivity=False))
    gap = float(np.abs(one(theirs.value) - ours.value.values[: len(few)]).max())
    say("shap", theirs.seconds * len(table) / len(few), ours.seconds, gap, f"(took {theirs.seconds:.1f} s, scaled)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--background", type=int, default=1_000)
    parser.add_argument("--peer-rows", type=int, default=300, help="rows that shap explains against the background")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    frame = adult()
    train, features = frame.iloc[:30_000], [name for name in frame.columns if name != "y"]
    settings = {"n_estimators": 200, "n_jobs": THREADS, "random_state": 0}
    models = {
        "XGBoost, 200 trees of depth 6": XGBClassifier(max_depth=6, **settings),
        "LightGBM, 200 trees of 31 leaves": LGBMClassifier(verbose=-1, **settings),
    }
    for name, model in models.items():
        boosted(name, model.fit(train[features], train["y"]), frame, arguments)
    deep_forest(frame)
    wide_boosting(arguments)


if __name__ == "__main__":
    main()
