"""Rows without consent are not trained on: anywhere, by name of the purpose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import assay
from assay.core.errors import AssayError
from assay.data.case import Case
from assay.data.roles.consent import consents
from assay.engine.run import measures_of


def _frame(**columns: Any) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 400
    made = {"sex": rng.choice(["f", "m"], n), "age": rng.integers(18, 80, n), "income": rng.normal(size=n)}
    made["y"] = (made["income"] + rng.normal(size=n) > 0).astype(int)
    return pd.DataFrame(made | {name: np.resize(np.array(values, dtype=object), n) for name, values in columns.items()})


def _case(frame: pd.DataFrame, **roles: Any) -> Case:
    return Case.from_frame(frame, label="y", protected="sex", favourable=1, features=["age", "income"], **roles)


@pytest.mark.parametrize(
    ("values", "purpose", "expected"),
    [
        ([True, False, None], None, [True, False, False]),
        ([1, 0, None], None, [True, False, False]),
        (["true", "FALSE", "yes"], None, [True, False, False]),
        (["credit; research", "Research ", "credit scoring", None, "*", ""], "research", [True, True] + [False] * 4),
        ([["credit", "research"], [], None], "credit", [True, False, False]),
    ],
)
def test_what_is_read_as_consent(values: list[Any], purpose: str | None, expected: list[bool]) -> None:
    assert consents(pa.chunked_array([pa.array(values)]), purpose=purpose) == expected


def test_a_case_without_the_role_asks_nobody() -> None:
    _case(_frame()).require_consent("Training")


def test_rows_without_consent_refuse_to_train() -> None:
    case = _case(_frame(agreed=[True, True, True, False]), consent="agreed")
    with pytest.raises(AssayError, match="would train on 100 rows whose people did not agree to it") as caught:
        case.require_consent("Training")
    assert caught.value.code == "consent"


def test_a_purpose_is_not_another() -> None:
    frame = _frame(purposes=["credit;research", "credit"])
    _case(frame, consent="purposes", purpose="credit").require_consent("Training")
    with pytest.raises(AssayError, match="200 rows whose people did not agree to the purpose 'research'"):
        _case(frame, consent="purposes", purpose="research").require_consent("Training")


def test_rows_that_are_held_out_need_none() -> None:
    frame = _frame(agreed=[True, True, True, False], part=["train", "train", "train", "test"])
    _case(frame, consent="agreed", split="part").require_consent("Training")


def test_a_purpose_alone_and_an_unknown_column_are_errors() -> None:
    with pytest.raises(AssayError, match="without consent"):
        _case(_frame(), purpose="research")
    with pytest.raises(AssayError, match="agreed"):
        _case(_frame(), consent="agreed")


def test_mitigation_retraining_and_minimisation_refuse() -> None:
    from sklearn.linear_model import LogisticRegression

    from assay.explain.recourse.retraining import retrained_models
    from assay.fairness.frontier.rows import divided
    from assay.models.live import wrap
    from assay.privacy.checks.minimisation import minimisation

    frame = _frame(agreed=[True, False])
    case = _case(frame, consent="agreed")
    model = wrap(LogisticRegression().fit(frame[["age", "income"]], frame["y"]))
    with_model = _case(frame, consent="agreed", model=model)
    for refuse in (
        lambda: divided(case),
        lambda: retrained_models(with_model, times=2),
        lambda: list(measures_of(minimisation, case)),
    ):
        with pytest.raises(AssayError, match="200 rows whose people did not agree"):
            refuse()


def test_a_refusal_is_a_reason_in_the_audit_and_other_checks_go_on() -> None:
    case = _case(_frame(agreed=[True, False]), consent="agreed")
    run = assay.audit(case, checks=["privacy.minimisation", "fairness.representation"])
    by_check = {finding.check: finding for finding in run.findings}
    reason = by_check["privacy.minimisation"].measure.reason
    assert reason is not None
    assert "did not agree" in str(reason)
    assert any(finding.measure.value is not None for finding in run.findings)


@pytest.mark.parametrize("check", ["privacy.membership", "privacy.membership_by_group"])
def test_shadow_models_need_the_consent_of_all_rows(check: str) -> None:
    from sklearn.linear_model import LogisticRegression

    from assay.engine.areas import registry
    from assay.models.live import wrap

    parts = ["train", "test"]
    frame = _frame(agreed=[True, False], part=parts)
    model = wrap(LogisticRegression().fit(frame[["age", "income"]], frame["y"]))
    case = _case(frame, consent="agreed", split="part", model=model)
    case.require_consent("Training")
    asked = registry().check(check)
    assert any(measure.value is not None for measure in measures_of(asked, case))
    with pytest.raises(AssayError, match="shadow models would train on 200 rows"):
        list(measures_of(asked, case, shadows=4))
