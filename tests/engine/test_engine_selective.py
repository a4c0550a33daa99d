"""With the role observed, whatever needs the outcome of every row is unmeasured, and says where to look instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.core.errors import AssayError
from assay.core.finding import Run
from assay.core.measure import Verdict
from assay.data.case import Case
from assay.engine.areas import registry
from assay.engine.casefile import read
from assay.engine.plan import obstacle
from assay.engine.run import run
from assay.fairness.frontier.rows import divided
from assay.fairness.subgroups.case_rows import case_rows

ROLES: dict[str, Any] = {"label": "repaid", "prediction": "approved", "score": "p", "protected": ["sex"]}
SELECTIVE = "fairness.selective_labels"
FAST = [
    "fairness.error_rates",
    "fairness.equalized_odds",
    "fairness.calibration",
    "fairness.auc",
    "fairness.accuracy",
    "fairness.label_bias",
    "fairness.selection_rates",
    "fairness.ranking",
    "quality.performance",
    "quality.features",
    "quality.duplicates",
    SELECTIVE,
]


def loans(n: int = 400, *, rejected: float = 0.4, gap: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    sex = np.where(np.arange(n) % 2 == 0, "woman", "man")
    approved = rng.random(n) > rejected + gap * (sex == "woman")
    drawn = rng.random(n) < 0.05
    repaid = rng.random(n) < np.where(approved, 0.9, 0.5)
    seen = approved | drawn
    return pd.DataFrame(
        {
            "sex": sex,
            "income": rng.normal(50, 10, n).round(1),
            "approved": approved.astype(int),
            "p": np.where(approved, 0.7, 0.3),
            "repaid": np.where(seen, repaid, 0).astype(int),
            "seen": seen,
            "drawn": drawn,
        }
    )


def audited(case: Case) -> Run:
    known = registry().checks
    return run(case, checks=[id for id in FAST if id in known], jobs=1)


@pytest.mark.parametrize("path", [False, True])
def test_what_needs_the_label_is_unmeasured_and_the_rest_runs(path: bool, tmp_path: Path) -> None:
    frame = loans()
    source: Any = frame
    if path:
        source = str(tmp_path / "loans.parquet")
        frame.to_parquet(source)
    found = audited(Case.from_frame(source, **ROLES, observed="seen", randomised="drawn"))
    by_check: dict[str, list[Any]] = {}
    for finding in found.findings:
        by_check.setdefault(finding.check, []).append(finding)
    for id in ("error_rates", "equalized_odds", "calibration", "auc", "accuracy", "label_bias"):
        (one,) = by_check[f"fairness.{id}"]
        assert one.verdict is Verdict.UNMEASURED
        assert one.measure.reason.id == "selective-labels"
        assert SELECTIVE in one.measure.reason.text()
    assert by_check["quality.performance"][0].measure.reason.id == "selective-labels"
    assert any(f.measure.value is not None for f in by_check["fairness.selection_rates"])
    assert {f.measure.name for f in by_check["fairness.ranking"]} & {"exposure"}
    assert not {f.measure.name for f in by_check["fairness.ranking"]} & {"ndcg", "exposure_per_merit"}
    assert "conflicting_share" not in {f.measure.name for f in by_check["quality.duplicates"]}
    assert "tpr" in {f.measure.name for f in by_check[SELECTIVE]}
    assert not [f for f in found.findings if f.error]


def test_no_check_that_needs_the_label_slips_through() -> None:
    case = Case.from_frame(loans(), **ROLES, observed="seen")
    for check in registry().checks.values():
        if "label" in check.requires and check.id != SELECTIVE and case.task in check.tasks:
            assert obstacle(check, case) is not None, check.id
    assert obstacle(registry().check(SELECTIVE), case) is None
    without = obstacle(registry().check(SELECTIVE), Case.from_frame(loans(), **ROLES))
    assert without is not None
    assert without.id == "no-observed"


def test_a_verdict_is_given_only_where_the_whole_region_has_it() -> None:
    def verdicts(frame: pd.DataFrame) -> dict[str, Any]:
        roles = ROLES | {"features": []}
        found = run(Case.from_frame(frame, **roles, observed="seen"), checks=[SELECTIVE], jobs=1)
        return {f.measure.name: f for f in found.findings if f.limit is not None}

    straddling = verdicts(loans(4000))["tpr_gap_highest"]
    assert straddling.verdict is Verdict.INCONCLUSIVE
    assert straddling.settles_at is None
    few = loans(4000, rejected=0.02)
    fair = verdicts(few.assign(seen=True, repaid=np.arange(4000) % 3 > 0))
    assert {finding.verdict for name, finding in fair.items() if name.startswith(("tpr", "fpr"))} == {Verdict.PASS}
    unfair = loans(4000, rejected=0.02, gap=0.6)
    # Nearly every outcome is seen, and most women who repay are refused: no completion makes that up.
    nearly = unfair.assign(seen=unfair.index % 50 > 0, repaid=(unfair.index % 10 > 0).astype(int))
    assert verdicts(nearly)["tpr_gap_highest"].verdict is Verdict.FAIL


def test_commands_that_would_take_the_seen_for_all_refuse() -> None:
    case = Case.from_frame(loans(), **ROLES, observed="seen")
    with pytest.raises(AssayError, match="slices by error needs the outcome of every row") as error:
        case_rows(case)
    assert SELECTIVE in (error.value.hint or "")
    assert case_rows(case, what="selection_rate").table.num_rows == case.n
    with pytest.raises(AssayError, match="Mitigation needs the outcome of every row"):
        divided(case)


def test_a_case_file_names_both_roles(tmp_path: Path) -> None:
    loans().to_csv(tmp_path / "loans.csv", index=False)
    (tmp_path / "case.toml").write_text(
        '[data]\npath = "loans.csv"\n[roles]\nlabel = "repaid"\nprediction = "approved"\nprotected = ["sex"]\n'
        'observed = "seen"\nrandomised = "drawn"\n',
        encoding="utf-8",
    )
    case = read(tmp_path / "case.toml").case()
    assert (case.roles.observed, case.roles.randomised) == ("seen", "drawn")
    assert "drawn" not in case.roles.features
