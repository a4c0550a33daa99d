"""A model is not judged on the rows it was fitted on, where the split says which those are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from assay.core.subject import by, each
from assay.data.case import Case


def rows(split: list[str | None]) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    n = len(split)
    yes = rng.integers(0, 2, (n, 2))
    return pd.DataFrame(
        {
            "g": rng.choice(["a", "b"], n),
            "y": yes[:, 0],
            "yhat": yes[:, 1],
            "p": rng.random(n),
            "x": rng.random(n),
            "s": split,
        }
    )


ROLES = {"label": "y", "prediction": "yhat", "score": "p", "protected": ["g"]}
SPLIT = ["train"] * 60 + ["test"] * 30 + ["validation"] * 9 + [None]


@pytest.mark.parametrize("path", [False, True])
def test_answers_are_counted_on_held_out_rows_and_everything_else_on_all(
    path: bool, tmp_path: pytest.TempPathFactory
) -> None:
    frame = rows(SPLIT)
    source = frame
    if path:
        frame.to_parquet(tmp_path / "rows.parquet")
        source = str(tmp_path / "rows.parquet")
    case = Case.from_frame(source, split="s", **ROLES)
    assert case.held_out == ("test", "validation")
    (answers,), (scores,), (labels,), features, (whole,) = case.count(
        [
            by("protected", "label", "prediction"),
            by("label", "score", sums=("score",)),
            by("protected", "label"),
            each("feature", "label"),
            by("split", "prediction"),
        ]
    )
    assert (answers.n, scores.n, labels.n, whole.n) == (39, 39, 100, 100)
    assert [table.n for table in features] == [100]
    held_out = Case.from_frame(frame[frame["s"].isin(["test", "validation"])], bins=case.codings(), split="s", **ROLES)
    assert answers == held_out.count([by("protected", "label", "prediction")])[0][0]
    assert case.facts()["held_out"] == ["test", "validation"]


@pytest.mark.parametrize("split", [["train"] * 20, ["test"] * 20, ["a", "b"] * 10])
def test_where_nothing_is_left_or_nothing_is_training_every_row_counts(split: list[str | None]) -> None:
    case = Case.from_frame(rows(split), split="s", **ROLES)
    assert case.held_out == ()
    assert case.count([by("prediction")])[0][0].n == 20
