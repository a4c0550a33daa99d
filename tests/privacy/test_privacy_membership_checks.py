"""The checks of membership: numbers with their reasons, advice that follows from them, and groups."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import assay
from assay import privacy
from assay.core.errors import AssayError
from assay.core.measure import Measure
from assay.data.inputs import TextInputs
from assay.engine.run import run
from assay.models.adapters.recorded import RecordedModel
from assay.privacy.checks.membership import membership
from assay.privacy.checks.membership_by_group import membership_by_group


def frame_of(n: int = 600, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    made = pd.DataFrame(rng.normal(size=(n, 3)), columns=list("abc"))
    made["y"] = rng.choice(["no", "perhaps", "yes"], n)
    made["part"] = np.where(rng.random(n) < 0.5, "Train", "validation")
    made["sex"] = rng.choice(["f", "m"], n)
    return made


def case_of(frame: pd.DataFrame, estimator: Any, **roles: Any) -> assay.Case:
    mine = frame[frame["part"] == "Train"]
    model = assay.wrap_model(estimator.fit(mine[list("abc")], mine["y"]))
    given = {"label": "y", "split": "part", "protected": ["sex"], "features": list("abc")}
    return assay.Case.from_frame(frame, model=model, **{**given, **roles})


def by_name(measures: list[Measure]) -> dict[tuple[str, str], Measure]:
    return {(m.name, m.slice.get("attack", "")): m for m in measures}


def test_a_memoriser_fails_and_is_told_what_to_do():
    found = by_name(list(membership(case_of(frame_of(), KNeighborsClassifier(1)))))
    area = found["auc", "loss-threshold"]
    assert area.value > 0.8
    assert area.n == tuple(frame_of()["part"].value_counts()[["Train", "validation"]])
    assert found["accuracy_gap", ""].value == pytest.approx(2 / 3, abs=0.08)
    notes = {note.id: note for m in found.values() for note in m.notes}
    assert set(notes) == {"membership-rules-out", "membership-train-privately", "membership-regularise"}
    strongest = max(m.value for (name, _), m in found.items() if name == "auc")
    assert 1 < notes["membership-rules-out"].params["epsilon"] < np.log(strongest / (1 - strongest))
    assert notes["membership-train-privately"].params == {"epsilon": 0.61, "auc": 0.65, "epsilon_low": 1.6, "tpr": "5%"}


def test_a_model_that_learned_nothing_passes_without_advice():
    frame = frame_of(6000)
    done = run(case_of(frame, LogisticRegression()), checks=("privacy.membership",), seed=3)
    judged = {(f.measure.name, f.measure.slice["attack"]): f for f in done.findings if f.limit is not None}
    assert judged["auc", "loss-threshold"].verdict == "pass"
    assert judged["tpr_at_fpr_1pct", "loss-threshold"].measure.value < 0.03
    assert not any(note.id.startswith("membership") for f in done.findings for note in f.measure.notes)
    assert {f.seed for f in done.findings} == {3}
    again = run(case_of(frame, LogisticRegression()), checks=("privacy.membership",), seed=3)
    assert [f.id for f in again.findings] == [f.id for f in done.findings]


def test_numbers_that_rows_cannot_carry_say_how_many_are_needed():
    found = by_name(list(membership(case_of(frame_of(), LogisticRegression()))))
    assert "1,000 non-members" in found["tpr_at_fpr_1pct", "loss-threshold"].reason.text()
    assert "10,000 non-members" in found["tpr_at_fpr_0_1pct", "loss-threshold"].reason.text()
    assert "shadow models" in found["balanced_accuracy", "lira-online"].reason.text()
    few = frame_of(80)
    (only,) = membership(case_of(few, LogisticRegression()))
    assert "50 of each are needed" in only.reason.text()


def test_an_estimator_in_this_process_is_trained_again_where_that_is_asked_for():
    found = by_name(list(membership(case_of(frame_of(), KNeighborsClassifier(1)), shadows=4)))
    assert found["auc", "lira-offline"].value > 0.7
    assert "4 models trained in the way of the attacked model" in found["auc", "rmia"].method


def test_rows_from_elsewhere_are_found_without_the_model():
    frame = frame_of(1200)
    frame.loc[frame["part"] != "Train", "a"] += 1.5
    found = by_name(list(membership(case_of(frame, KNeighborsClassifier(1)))))
    assert found["blind_auc", ""].interval.low > 0.7
    notes = {note.id for note in found["auc", "loss-threshold"].notes} | {n.id for m in found.values() for n in m.notes}
    assert "membership-shift" in notes
    assert "membership-rules-out" not in notes


def test_categories_with_missing_values_are_read_without_the_model_too():
    frame = frame_of(1200)
    frame["job"] = pd.Series(np.where(frame["part"] == "Train", "cook", "nurse")).where(frame["a"] < 0.5)
    frame["band"] = frame["job"].astype("category")
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["job", "band"]), remainder="passthrough"
    )
    mine, columns = frame[frame["part"] == "Train"], [*"abc", "job", "band"]
    model = assay.wrap_model(make_pipeline(encoder, KNeighborsClassifier(1)).fit(mine[columns], mine["y"]))
    case = assay.Case.from_frame(frame, model=model, label="y", split="part", features=columns)
    found = by_name(list(membership(case)))
    assert found["blind_auc", ""].interval.low > 0.7
    assert found["auc", "label-only"].interval.low > 0.6


def test_rows_that_say_nothing_are_no_candidates():
    frame = frame_of()
    frame.loc[:49, "part"] = None
    frame.loc[50:99, "y"] = None
    model = assay.wrap_model(LogisticRegression().fit(frame[list("abc")][100:], frame["y"][100:]))
    roles: dict[str, Any] = {"label": "y", "split": "part", "features": list("abc"), "protected": ["sex"]}
    found = by_name(list(membership(assay.Case.from_frame(frame, model=model, **roles))))
    assert sum(found["auc", "entropy"].n) == 500
    capped = by_name(list(membership(assay.Case.from_frame(frame, model=model, **roles), rows=120)))
    assert capped["auc", "entropy"].n == (120, 120)


def test_what_makes_an_attack_weaker_or_an_interval_too_narrow_is_noted():
    frame = frame_of(300)
    part = frame["part"].to_numpy()
    mine, others = np.flatnonzero(part == "Train"), np.flatnonzero(part != "Train")
    frame.loc[others[:7], list("abcy")] = frame.loc[mine[:7], list("abcy")].to_numpy()
    frame["person"] = np.arange(300) // 2
    case = case_of(frame, LogisticRegression(), unit="person")
    notes = {note.id: note.params for m in membership(case, rows=100) for note in m.notes}
    assert notes["units-independent"] == {"unit": "person"}
    assert notes["members-sampled"]["members"] == str(len(mine))
    whole = {note.id: note.params for m in membership(case) for note in m.notes}
    assert "members-sampled" not in whole
    assert whole["members-twice"]["rows"] == "7"


@pytest.mark.parametrize(("part", "id"), [("Train", "one-split"), ("other", "one-split")])
def test_without_rows_of_both_kinds_there_is_a_reason(part, id):
    frame = frame_of()
    model = assay.wrap_model(LogisticRegression().fit(frame[list("abc")], frame["y"]))
    frame["part"] = part
    case = assay.Case.from_frame(frame, model=model, label="y", split="part", features=list("abc"), protected=["sex"])
    for check in (membership, membership_by_group):
        (only,) = check(case)
        assert only.reason.id == id


def test_texts_are_attacked_too():
    frame = frame_of(300)
    frame["text"] = [f"text {i}" for i in range(300)]
    known = {f"text {i}": 0.99 if y == "yes" else 0.01 for i, y in enumerate(frame["y"]) if frame["part"][i] == "Train"}
    model = assay.wrap_model(lambda texts: np.array([known.get(text, 0.5) for text in texts]), classes=["no", "yes"])
    roles: dict[str, Any] = {
        "label": "y",
        "split": "part",
        "inputs": TextInputs("text"),
        "features": [],
        "favourable": "yes",
    }
    case = assay.Case.from_frame(frame[frame["y"] != "perhaps"].reset_index(), model=model, **roles)
    found = by_name(list(membership(case)))
    assert found["auc", "loss-threshold"].value > 0.98
    assert found["blind_auc", ""].value is None


# -- groups ----------------------------------------------------------------------------------------


class Partial:
    """Memorises the rows of one sex: `a` is shifted so far for them that their neighbours are their own."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.known = {tuple(row): y for row, y in zip(frame[list("abc")].to_numpy(), frame["y"], strict=True)}

    def __call__(self, rows: pd.DataFrame) -> np.ndarray:
        sure = {"no": 0, "perhaps": 1, "yes": 2}
        out = np.full((len(rows), 3), 1 / 3)
        for i, row in enumerate(rows[list("abc")].to_numpy()):
            if tuple(row) in self.known:
                out[i] = np.eye(3)[sure[self.known[tuple(row)]]] * 0.9 + 1 / 30
        return out


def test_a_group_that_is_memorised_is_named():
    frame = frame_of(1200)
    mine = frame[(frame["part"] == "Train") & (frame["sex"] == "f")]
    model = assay.wrap_model(Partial(mine), classes=["no", "perhaps", "yes"], features=list("abc"))
    frame["old"] = np.where(np.arange(1200) < 4, "?", "all")
    case = assay.Case.from_frame(
        frame, model=model, label="y", split="part", features=list("abc"), protected=["sex", "old"]
    )
    done = run(case, checks=("privacy.membership_by_group",))
    found = {(f.measure.name, *f.measure.slice.values(), *f.measure.over): f for f in done.findings}
    assert found["auc", "f"].measure.value == 1.0
    assert found["auc", "m"].measure.value == 0.5
    assert found["advantage", "f"].measure.interval.low > 0.9
    assert found["advantage", "m"].measure.value == 0.0
    assert "too few" in found["auc", "?"].measure.reason.text()
    gap = found["auc_gap", "old"].measure
    assert gap.value is None
    assert "two groups" in gap.reason.text()


def test_groups_differ_by_the_area_of_their_own_rows_and_their_tests_are_one_family():
    frame = frame_of(3000)
    rare = frame["sex"] == "f"
    frame.loc[~rare, "y"] = np.where(frame.loc[~rare, "a"] > 0, "yes", "no")
    case = case_of(frame, KNeighborsClassifier(1))
    done = run(case, checks=("privacy.membership_by_group",))
    found = {(f.measure.name, *f.measure.slice.values()): f for f in done.findings}
    assert found["auc", "f"].measure.value > found["auc", "m"].measure.value + 0.1
    gap = found["auc_gap",]
    assert gap.verdict == "fail"
    assert [dict(group) for group in gap.measure.groups] == [{"sex": "f"}, {"sex": "m"}]
    assert gap.measure.value == pytest.approx(found["auc", "f"].measure.value - found["auc", "m"].measure.value)
    differences = [f for f in done.findings if f.measure.name == "auc_difference"]
    assert {f.measure.family for f in differences} == {"auc_difference"}
    assert {f.family_size for f in differences} == {2}
    assert all(f.p_adjusted < 1e-6 for f in differences)


def test_equal_groups_are_seldom_told_apart():
    told = []
    for seed in range(30):
        measures = list(membership_by_group(case_of(frame_of(800, seed), KNeighborsClassifier(3)), seed=seed))
        gap = next(m for m in measures if m.name == "auc_gap")
        told += [gap.interval.low > 0]
    assert sum(told) <= 5


# -- in Python, and what else is attached ----------------------------------------------------------


def test_two_tables_and_an_estimator_are_enough():
    frame = frame_of(500)
    members, others = frame[frame["part"] == "Train"], frame[frame["part"] != "Train"]
    nearest = KNeighborsClassifier(1).fit(members[list("abc")], members["y"])
    found = privacy.attack_membership(
        nearest, members, others, label="y", features=list("abc"), attacks=["loss-threshold", "lira-offline"], shadows=4
    )
    assert found.successes["loss-threshold"].auc.value > 0.8
    assert found.successes["lira-offline"].auc.value > 0.7
    with pytest.raises(AssayError, match="50 of each"):
        privacy.attack_membership(nearest, members[:20], others, label="y")
    with pytest.raises(AssayError, match="other kinds"):
        privacy.attack_membership(nearest, members, others.assign(a=pd.Timestamp("2020-01-01")), label="y")


def test_the_curve_of_every_attack_is_kept_beside_the_strongest():
    measures = list(membership(case_of(frame_of(2400), KNeighborsClassifier(1))))
    (kept,) = [m for m in measures if m.attachments]
    assert kept.value == max(m.value for m in measures if m.name == "auc")
    table = json.loads(kept.attachments["roc"].data)
    assert table["columns"][:2] == ["false positive rate", "loss-threshold"]
    rates = [row[0] for row in table["rows"]]
    assert rates[0] == 0.01
    column = [row[table["columns"].index("loss-threshold")] for row in table["rows"]]
    assert column == sorted(column)
    found = {(m.name, m.slice.get("attack")): m.value for m in measures}
    assert column[0] == pytest.approx(found["tpr_at_fpr_1pct", "loss-threshold"])


def test_recorded_predictions_refuse_noise_and_are_attacked_otherwise():
    frame = frame_of(600)
    mine = frame[frame["part"] == "Train"]
    chance = KNeighborsClassifier(1).fit(mine[list("abc")], mine["y"]).predict_proba(frame[list("abc")])
    kept = frame[list("abc")].assign(prediction=np.array(["no", "perhaps", "yes"])[chance.argmax(axis=1)])
    scores = {name: f"score:{name}" for name in ("no", "perhaps", "yes")}
    kept = kept.assign(**{column: chance[:, i] for i, column in enumerate(scores.values())})
    model = RecordedModel(pa.Table.from_pandas(kept), name="recorded", score=scores)
    case = assay.Case.from_frame(frame, model=model, label="y", split="part", features=list("abc"), protected=["sex"])
    found = by_name(list(membership(case)))
    assert found["auc", "loss-threshold"].value > 0.8
    assert "noisy copies" in found["balanced_accuracy", "label-only"].reason.text()


def test_a_model_of_numbers_says_why_it_is_not_attacked():
    frame = frame_of().assign(y=lambda made: made["a"] + made["b"])
    (said,) = list(membership(case_of(frame, LinearRegression())))
    assert said.reason.id == "no-classes-to-attack"
    with pytest.raises(AssayError, match="gives numbers"):
        privacy.attack_membership(LinearRegression().fit(frame[["a"]], frame["y"]), frame, frame, label="y")
