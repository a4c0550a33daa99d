"""Cases that every check is asked of: real ones, and awkward ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.linear_model import LinearRegression, LogisticRegression

from assay.core.budget.accounting import Accounting, Budget
from assay.core.budget.terms import ADJACENCIES, Terms
from assay.core.subject import Subject
from assay.data import demo
from assay.data.case import Case
from assay.models.live import wrap
from assay.privacy.noise.entropy import insecure_seeded
from assay.privacy.queries.answer import ReleaseSubject
from assay.privacy.queries.query import query
from assay.privacy.spending.subject import LedgerSubject
from assay.store import open_store


def credit_table() -> pa.Table:
    return pq.read_table(demo.load("credit").path)


def credit(table: pa.Table | None = None, /, **roles: Any) -> Case:
    """German credit, with other rows or roles where given."""
    built = demo.load("credit")
    return Case.from_frame(credit_table() if table is None else table, **{"name": "credit", **built.roles, **roles})


def regression() -> Case:
    """The amount of a credit, predicted by a straight line through its duration; a model that can be read."""
    table = credit_table()
    frame = table.select(["duration_months", "amount_dm"]).to_pandas()
    line = LinearRegression().fit(frame[["duration_months"]], frame["amount_dm"])
    table = table.append_column("guess", pa.array(line.predict(frame[["duration_months"]])))
    return Case.from_frame(
        table,
        name="amount",
        task="regression",
        label="amount_dm",
        prediction="guess",
        protected=["sex", "age_band"],
        model=wrap(line),
    )


def multiclass() -> Case:
    """The housing of an applicant, predicted by the kind of property."""
    table = credit_table()
    guess = {"none or unknown": "free", "real estate": "own", "car or other": "own"}
    guesses = [guess.get(value, "rent") for value in table["property"].to_pylist()]
    table = table.append_column("guess", pa.array(guesses))
    return Case.from_frame(
        table, name="housing", task="multiclass", label="housing", prediction="guess", protected=["sex", "age_band"]
    )


def three_classes() -> Case:
    """The housing of an applicant, with a score for each class."""
    rng = np.random.default_rng(8)
    table = credit_table()
    names = ["free", "own", "rent"]
    truth = np.array([names.index(value) for value in table["housing"].to_pylist()])
    odds = np.exp(rng.normal(size=(1000, 3)) + 1.5 * (np.arange(3) == truth[:, None]))
    shares = odds / odds.sum(axis=1, keepdims=True)
    for i, name in enumerate(names):
        table = table.append_column(f"p_{name}", pa.array(shares[:, i]))
    score = {name: f"p_{name}" for name in names}
    return Case.from_frame(table, name="three classes", label="housing", score=score, protected=["sex"], features=())


def pairs() -> Case:
    """Scores of pairs of samples: same person or not."""
    rng = np.random.default_rng(4)
    same, group = rng.random(6000) < 0.3, rng.choice(["a", "b"], 6000)
    score = 1 / (1 + np.exp(-rng.normal(np.where(same, 2.5, -2.5), np.where(group == "a", 1.0, 1.4))))
    table = pa.table({"same": np.where(same, "match", "other"), "similarity": score, "group": group})
    return Case.from_frame(
        table, name="pairs", label="same", favourable="match", score="similarity", protected=["group"], features=()
    )


PARAMS: dict[str, dict[str, dict[str, Any]]] = {
    "pairs": {f"fairness.verification_{kind}": {"verification": True} for kind in ("rates", "scores")},
    "with a model": {"explain.randomisation": {"trainer": "contract_cases:straight"}},
    "amount": {
        "privacy.claim": {
            "trainer": "contract_cases:sampled_sums",
            "epsilon": 3.0,
            "delta": 1e-4,
            "noise": 1.5,
            "batch": 100,
            "steps": 10,
            "runs": 4,
            "run_steps": 5,
        }
    },
}
"""Parameters by case and check, where a check says nothing until it is told what the rows are."""


def recidivism() -> Case:
    built = demo.load("recidivism")
    return Case.from_frame(built.path, name="recidivism", **built.roles)


@dataclass(frozen=True)
class SexAndDuration:
    """A model that is fed a protected attribute: short credits are good, and those of women somewhat longer."""

    features: tuple[str, ...] = ("sex", "duration_months")
    name: str = "sex and duration"
    digest: str = "not digested"
    task: str = "binary"
    classes: tuple[str, ...] = ("bad", "good")

    def scores(self, inputs: Any, /) -> Any:
        female = np.array([sex == "female" for sex in inputs["sex"].to_pylist()])
        good = 1 / (1 + np.exp((inputs["duration_months"].to_numpy() - 24 - 6 * female) / 8))
        return np.stack([1 - good, good], axis=1)

    def predict(self, inputs: Any, /) -> Any:
        return np.where(self.scores(inputs)[:, 1] >= 0.5, "good", "bad")


def straight(frame: Any, labels: Any) -> Any:
    """A trainer: a straight line through the columns of SexAndDuration."""
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    encoder = make_column_transformer((OneHotEncoder(), ["sex"]), remainder="passthrough")
    return make_pipeline(encoder, LogisticRegression(max_iter=1000)).fit(frame, labels)


def sampled_sums(plan: Any) -> Any:
    """A private training in the fewest words: coins, clipping, sum, noise."""
    rng = np.random.default_rng(6)

    def released(gradients: Any, /, *, steps: int) -> Any:
        norms = np.linalg.norm(gradients, axis=1, keepdims=True)
        clipped = gradients * np.minimum(1, plan.max_grad_norm / np.maximum(norms, 1e-300))
        coins = rng.random((steps, len(gradients))) < plan.sampling_rate
        noise = plan.noise_multiplier * plan.max_grad_norm * rng.standard_normal((steps, gradients.shape[1]))
        return coins @ clipped + noise

    return released


POPULATION = {"sex": {"female": 0.51, "male": 0.49}}


def weighted() -> Case:
    weight = pa.array(np.random.default_rng(7).uniform(0.5, 2.0, 1000))
    return credit(credit_table().append_column("w", weight), weight="w", population=POPULATION)


HALF_SEEN = {"observed": "seen", "randomised": "drawn"}


def half_seen() -> pa.Table:
    """The outcome of the applicants that are predicted good, and of every tenth, drawn by lot."""
    table = credit_table()
    built = demo.load("credit").roles
    drawn = np.random.default_rng(8).random(1000) < 0.1
    good = np.array([value == built["favourable"] for value in table[built["prediction"]].to_pylist()])
    return table.append_column("seen", pa.array(good | drawn)).append_column("drawn", pa.array(drawn))


def split() -> Case:
    """Rows that a model was trained on and as many others, enough for rare false positives."""
    rng = np.random.default_rng(5)
    numbers = rng.normal(size=(2400, 2))
    label = (numbers[:, 0] + rng.normal(size=2400) > 0).astype(int)
    train = np.arange(2400) < 1200
    table = pa.table({"a": numbers[:, 0], "b": numbers[:, 1], "y": label, "part": np.where(train, "train", "test")})
    table = table.append_column("group", pa.array(rng.choice(["x", "y"], 2400)))
    model = wrap(LogisticRegression().fit(numbers[train], label[train]), features=["a", "b"])
    roles: dict[str, Any] = {"label": "y", "split": "part", "protected": ["group"], "features": ["a", "b"]}
    return Case.from_frame(table, name="split", model=model, **roles)


def ledger() -> LedgerSubject:
    """A ledger of which a tenth is spent."""
    budget = Budget(Accounting.PURE, {"epsilon": Fraction(1)})
    made = open_store("sqlite:///:memory:").ledgers.create(
        "census", Terms(budget, ("sha256:" + "a" * 64,), ADJACENCIES[0]), who="ann"
    )
    made.commit(made.reserve({"epsilon": Fraction(1, 10)}, who="ann", what="a count"), release="sha256:" + "b" * 64)
    return LedgerSubject(made)


def answered() -> ReleaseSubject:
    """A count by sex with noise that is the same every time."""
    table, keys = credit_table(), {"sex": ["female", "male"]}
    answer = query(
        table, "count by sex", ledger=None, epsilon=1, keys=keys, adjacency="replace", entropy=insecure_seeded(1)
    )
    return ReleaseSubject(replace(answer, id="0" * 32))


def typical() -> dict[str, Subject]:
    """A case of each task, weighted and not, with people repeated, with and without a stated population; a ledger."""
    unit = pa.array([i // 2 for i in range(1000)])
    days = pa.array(np.datetime64("2019-02-01") + np.arange(1000).astype("timedelta64[D]"))
    return {
        "credit": credit(population=POPULATION, controls=["housing"], quasi_identifiers=["sex", "age_band", "job"]),
        "with a model": credit(model=SexAndDuration(), prediction=None, score=None),
        "weighted": weighted(),
        "repeated": credit(credit_table().append_column("person", unit), unit="person"),
        "dated": credit(credit_table().append_column("day", days), time="day"),
        "half seen": credit(half_seen(), **HALF_SEEN),
        "recidivism": recidivism(),
        "amount": regression(),
        "housing": multiclass(),
        "pairs": pairs(),
        "three classes": three_classes(),
        "split": split(),
        "ledger": ledger(),
        "private answer": answered(),
    }


def awkward() -> dict[str, Case]:
    """Cases that are no error: few rows, one group, one outcome, missing values, hostile names."""
    table = credit_table()
    good = [value == "good" for value in table["credit_risk"].to_pylist()]
    sexes = table["sex"].to_pylist()
    hostile = ["=1+1", "<script>alert(1)</script>", "", "missing", None, "Ελλάδα", "a\u202eb", "'; DROP TABLE x; --"]
    names = pa.array([hostile[i % len(hostile)] for i in range(1000)])
    gaps = pa.array([None if i % 3 == 0 else sex for i, sex in enumerate(sexes)])
    untold = pa.array([None if i % 4 == 0 else value for i, value in enumerate(table["credit_risk"].to_pylist())])
    return {
        "four rows": credit(table.slice(0, 4)),
        "one group": credit(table.filter(pa.array([sex == "male" for sex in sexes]))),
        "one outcome": credit(table.filter(pa.array(good))),
        "a group of one": credit(table.filter(pa.array([sex == "male" or i == 1 for i, sex in enumerate(sexes)]))),
        "hostile groups": credit(_replaced(table, "sex", names)),
        "missing groups": credit(_replaced(table, "sex", gaps)),
        "missing labels": credit(_replaced(table, "credit_risk", untold)),
    }


def _replaced(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)
