"""Every pre- and post-processing mitigation on held-out rows of Adult (by sex) and COMPAS (by race).

For each: the widest gap of the rate it is made for without and with it, its reduction with a 95 % interval, what
happens to the other rates and to accuracy; and the accuracy and gap of group thresholds at equal relaxation, that is
solved for the gap that the method reaches. Both halves of the rows are judged by what was fitted on the other half.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from assay.core.errors import AssayError
from assay.data import demo
from assay.fairness.mitigate.balanced_weights import BalancedWeights
from assay.fairness.mitigate.calibrated_equalized_odds import CalibratedEqualizedOdds
from assay.fairness.mitigate.correlation_remover import CorrelationRemover
from assay.fairness.mitigate.disparate_impact_remover import DisparateImpactRemover
from assay.fairness.mitigate.group_calibration import GroupCalibration
from assay.fairness.mitigate.group_thresholds import GroupThresholds
from assay.fairness.mitigate.massaging import Massaging
from assay.fairness.mitigate.multicalibration import Multicalibration
from assay.fairness.mitigate.reject_option import RejectOption
from assay.fairness.mitigate.resampling import Resampling
from assay.fairness.mitigate.reweighing import Reweighing
from assay.fairness.mitigate.score_repair import ScoreRepair
from assay.fairness.mitigate.suppression import Suppression
from assay.fairness.mitigate.synthesis import Synthesis
from assay.fairness.mitigation.groups import Groups
from assay.fairness.mitigation.held_out import gap_reduction

RATES = {"selection_rate": "demographic-parity", "tpr": "equal-opportunity", "fpr": "fpr-parity"}
METHODS: dict[str, tuple[Callable[..., Any], str, bool]] = {
    "reweighing": (Reweighing, "selection_rate", True),
    "balanced-weights": (BalancedWeights, "selection_rate", True),
    "resampling": (Resampling, "selection_rate", True),
    "synthesis": (Synthesis, "selection_rate", True),
    "massaging": (Massaging, "selection_rate", True),
    "suppression": (lambda e: Suppression(e, folds=0), "selection_rate", False),
    "disparate-impact-remover": (DisparateImpactRemover, "selection_rate", False),
    "correlation-remover": (lambda e: CorrelationRemover(clone(SCALED)), "selection_rate", False),
    "group-thresholds, parity": (GroupThresholds, "selection_rate", False),
    "group-thresholds, tpr": (lambda e: GroupThresholds(e, constraint="equal-opportunity"), "tpr", False),
    "group-thresholds, fpr": (lambda e: GroupThresholds(e, constraint="fpr-parity"), "fpr", False),
    "reject-option": (RejectOption, "selection_rate", False),
    "score-repair": (ScoreRepair, "selection_rate", False),
    "group-calibration": (GroupCalibration, "selection_rate", False),
    "calibrated-equalized-odds": (CalibratedEqualizedOdds, "tpr", False),
    "multicalibration": (Multicalibration, "selection_rate", False),
}
"""How each is made, the rate it is made for (calibration: shown for what it does to selection), and whether the model
has the attribute among its features, as in the papers of those that change rows."""

SCALED = make_pipeline(StandardScaler(), LogisticRegression(solver="newton-cholesky"))
MIXED = make_pipeline(
    make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
    ),
    LogisticRegression(solver="newton-cholesky"),
)


class Data:
    """Features, outcome and groups of one data set, in two halves."""

    def __init__(self, name: str, attribute: str, kept: tuple[str, ...]) -> None:
        data = demo.load(name)
        frame = pd.read_parquet(data.path)
        frame = frame[frame[attribute].isin(kept)].sample(frac=1.0, random_state=0).reset_index(drop=True)
        x = frame[list(data.roles["features"])].copy()
        for column in x.columns:
            if x[column].dtype.kind not in "iuf":
                x[column] = x[column].astype(object).where(x[column].notna(), "(missing)")
        self.x, self.s = x, frame[attribute].to_numpy(dtype=object)
        self.y = (frame[data.roles["label"]].astype(str) == str(data.roles["favourable"])).to_numpy().astype(int)
        middle = len(frame) // 2
        self.halves = (np.arange(middle), np.arange(middle, len(frame)))

    def held_out(self, make: Callable[[Any], Any] | None, with_attribute: bool) -> np.ndarray:
        """(rows,) decisions for each half by what was fitted on the other; None is the model without mitigation."""
        x = self.x.assign(own_group=self.s) if with_attribute else self.x
        out = np.empty(len(self.y), dtype=int)
        for known, asked in (self.halves, self.halves[::-1]):
            if make is None:
                out[asked] = clone(MIXED).fit(x.iloc[known], self.y[known]).predict(x.iloc[asked])
            else:
                fitted = make(MIXED).fit(x.iloc[known], self.y[known], protected=self.s[known])
                out[asked] = fitted.predict(x.iloc[asked], protected=self.s[asked], ids=asked)
        return out


def report(data: Data, name: str, plain: dict[bool, np.ndarray]) -> None:
    """One line of the table, or the reason why there is none."""
    make, rate, with_attribute = METHODS[name]
    before, codes = plain[with_attribute], Groups.find(data.s).codes
    start = time.perf_counter()
    try:
        after = data.held_out(make, with_attribute)
    except AssayError as error:
        print(f"  {name:26} {error.message}")
        return
    seconds = time.perf_counter() - start
    rng = np.random.default_rng(0)
    found = {r: gap_reduction(before, after, data.y, codes, rate=r, rng=rng) for r in RATES}
    main = found[rate]
    assert main.interval is not None
    same = data.held_out(
        lambda e: GroupThresholds(e, constraint=RATES[rate], tolerance=min(1.0, main.after)), with_attribute
    )
    level = gap_reduction(before, same, data.y, codes, rate=rate, rng=rng)
    worse = [f"{r} {f.before:.3f}→{f.after:.3f}" for r, f in found.items() if f.interval and f.interval.high < 0]
    ends = f"[{main.interval.low:+.3f}, {main.interval.high:+.3f}]"
    print(
        f"  {name:26} {rate:14} {main.before:.3f}→{main.after:.3f} {ends}"
        f"  accuracy {(before == data.y).mean():.4f}→{(after == data.y).mean():.4f}"
        f"  thresholds {(same == data.y).mean():.4f} at {level.after:.3f}  {seconds:5.1f} s"
        f"{'  worse: ' + ', '.join(worse) if worse else ''}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=sorted(METHODS), nargs="*", default=list(METHODS))
    arguments = parser.parse_args()
    for title, data in (
        ("Adult by sex", Data("income", "sex", ("Male", "Female"))),
        ("COMPAS by race", Data("recidivism", "race", ("African-American", "Caucasian"))),
    ):
        plain = {flag: data.held_out(None, flag) for flag in (True, False)}
        print(f"\n{title}, {len(data.y):,} rows")
        for name in arguments.only:
            report(data, name, plain)


if __name__ == "__main__":
    main()
