"""DiCE on a model and rows that the benchmark gives, in a Python that has it; what it made goes to a Parquet file.

Arguments: a folder with train.parquet, queries.parquet and request.json. The model is fitted here in the same way.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

warnings.simplefilter("ignore")


def fitted(kind: str, train: pd.DataFrame, label: str) -> Any:
    """The logistic regression or the boosted trees of the benchmark, fitted on `train`."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    rows = train.drop(columns=label)
    texts = [name for name in rows if rows[name].dtype == object or str(rows[name].dtype) in ("str", "category")]
    numbers = [name for name in rows if name not in texts]
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), texts), (StandardScaler(), numbers), sparse_threshold=0
    )
    if kind == "logistic regression":
        model: Any = LogisticRegression(max_iter=2000)
    else:
        from xgboost import XGBClassifier

        model = XGBClassifier(n_estimators=100, max_depth=4, learning_rate=0.2, n_jobs=1, random_state=0)
    return make_pipeline(encode, model).fit(rows, train[label])


class Counted:
    """A classifier that counts the rows it was asked for."""

    def __init__(self, model: Any) -> None:
        self.model, self.rows, self.classes_ = model, 0, model.classes_

    def predict_proba(self, rows: pd.DataFrame) -> np.ndarray:
        """The model's, counted."""
        self.rows += len(rows)
        return np.asarray(self.model.predict_proba(rows))

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """The model's, counted."""
        self.rows += len(rows)
        return np.asarray(self.model.predict(rows))


def main() -> None:
    """One line a counterfactual: the query it is for, its values; times and calls in found.json."""
    import dice_ml
    from raiutils.exceptions import UserConfigValidationException

    folder = Path(sys.argv[1])
    asked = json.loads((folder / "request.json").read_text())
    train, queries = pd.read_parquet(folder / "train.parquet"), pd.read_parquet(folder / "queries.parquet")
    label = asked["label"]
    for frame in (train, queries):
        for name in frame.select_dtypes(exclude="number"):
            frame[name] = frame[name].astype(object)
    pipeline = fitted(asked["model"], train, label)
    model = Counted(pipeline)
    data = dice_ml.Data(dataframe=train, continuous_features=asked["numbers"], outcome_name=label)
    explainer = dice_ml.Dice(data, dice_ml.Model(model=model, backend="sklearn"), method=asked["method"])
    ranges = {name: [int(train[name].min()), int(train[name].max())] for name in asked["numbers"]}
    settings = {"random_seed": 0} if asked["method"] == "random" else {}
    parts, seconds, cpu = [], [], time.process_time()
    model.rows = 0
    for i in range(len(queries)):
        start = time.perf_counter()
        try:
            made = explainer.generate_counterfactuals(
                queries.iloc[[i]],
                total_CFs=asked["count"],
                desired_class="opposite",
                features_to_vary=asked["vary"],
                permitted_range=ranges,
                verbose=False,
                **settings,
            )
            rows = made.cf_examples_list[0].final_cfs_df
        except UserConfigValidationException:
            rows = None
        seconds.append(time.perf_counter() - start)
        if rows is not None and len(rows):
            parts.append(rows.drop(columns=label).assign(query=i))
    found = {"seconds": seconds, "cpu": (time.process_time() - cpu) / len(queries), "calls": model.rows}
    pd.concat(parts).to_parquet(folder / "found.parquet")
    found["chance"] = pipeline.predict_proba(queries)[:, 1].tolist()
    (folder / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
