"""Trainings with planted bugs are caught at every claim, honest ones are not; bounds are known ones."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.core.errors import AssayError
from assay.data.case import Case
from assay.engine.run import run
from assay.privacy.accounting import Accountant, Adjacency, NoiseSource, Plan, Sampling, epsilon, noise_for, statement
from assay.privacy.checks.claim import claim as claim_check
from assay.privacy.claims.audit import Claim, audit
from assay.privacy.claims.batches import batch_evidence
from assay.privacy.claims.evidence import Evidence
from assay.privacy.claims.neighbours import neighbour_evidence
from assay.privacy.claims.noise import noise_evidence
from assay.privacy.claims.one_run import one_run_epsilon, one_run_p_value
from assay.privacy.claims.stated import stated_claim
from assay.privacy.claims.tradeoff import epsilon_of_mu, gaussian_mu, tradeoff_of
from assay.privacy.claims.trainee import released, trainee_named
from assay.privacy.claims.trainees import own_training, torch_training

PLAN = Plan(examples=400, batch=40, noise_multiplier=1.0, steps=200)


class Sgd:
    """A private training with a bug that can be planted."""

    def __init__(self, plan: Plan, bug: str = "", seed: int = 0) -> None:
        self.plan, self.bug, self.rng = plan, bug, np.random.default_rng(seed)

    def __call__(self, gradients: Any, /, *, steps: int) -> Any:
        plan, norms = self.plan, np.linalg.norm(gradients, axis=1)
        factors = np.minimum(1, plan.max_grad_norm / np.maximum(norms, 1e-300))
        if self.bug == "no clipping":
            factors = np.ones_like(norms)
        if self.bug == "clipped at twice the norm":
            factors = np.minimum(1, 2 * plan.max_grad_norm / np.maximum(norms, 1e-300))
        there = np.flatnonzero(norms > 0)
        sums = self.members(steps)[:, there] @ (gradients * factors[:, None])[there]
        if self.bug == "clips the sum":
            length = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-300)
            sums = sums * np.minimum(1, plan.max_grad_norm / length)
        return sums + self.noise((steps, gradients.shape[1])) * plan.noise_multiplier * plan.max_grad_norm

    def members(self, steps: int) -> Any:
        plan, shape = self.plan, (steps, self.plan.examples)
        if plan.sampling is Sampling.CUSTOM or self.bug == "full batch":
            return np.ones(shape, dtype=np.float32)
        if plan.sampling is Sampling.FIXED or self.bug == "shuffled batches of one size":
            ranks = self.rng.random(shape, dtype=np.float32).argsort(axis=1)
            return (ranks < plan.batch).astype(np.float32)
        rate = plan.sampling_rate * {"twice the rate": 2, "a fifth more": 1.2}.get(self.bug, 1)
        coins = self.rng.random((steps, 1) if self.bug == "one coin for all" else shape, dtype=np.float32)
        return np.broadcast_to(coins < rate, shape).astype(np.float32)

    def noise(self, shape: tuple[int, int]) -> Any:
        if self.bug == "one number for all parameters":
            return np.broadcast_to(self.rng.standard_normal((shape[0], 1)), shape)
        if self.bug == "the same noise every step":
            return np.broadcast_to(self.rng.standard_normal((1, shape[1])), shape)
        if self.bug == "uniform noise":
            return self.rng.uniform(-math.sqrt(3), math.sqrt(3), shape)
        drawn = self.rng.standard_normal(shape)
        return drawn * {"half the noise": 0.5, "a tenth less noise": 0.9, "twice the noise": 2}.get(self.bug, 1)


BUGS = {
    "half the noise": "noise_scale",
    "a tenth less noise": "noise_scale",
    "one number for all parameters": "noise_in_every_direction",
    "the same noise every step": "noise_mean",
    "uniform noise": "noise_shape",
    "no clipping": "clipped_length",
    "clipped at twice the norm": "clipped_length",
    "clips the sum": "sampling_rate_ratio",
    "twice the rate": "sampling_rate_ratio",
    "a fifth more": "sampling_rate_ratio",
    "full batch": "sampling_rate_ratio",
    "shuffled batches of one size": "batch_variance_ratio",
    "one coin for all": "batch_variance_ratio",
}


def suspected(trainee: Any, plan: Plan) -> set[str]:
    return {
        found.name for found in (*noise_evidence(trainee, plan), *batch_evidence(trainee, plan)) if found.suspicious
    }


@pytest.mark.parametrize("claimed", [1, 2, 4, 8, 16])
def test_every_planted_bug_is_caught_at_every_claim(claimed: int) -> None:
    noise = noise_for(PLAN, target_epsilon=claimed, delta=1e-5, accountant=Accountant.RDP)
    plan = replace(PLAN, noise_multiplier=noise)
    for bug, shown in BUGS.items():
        trainee = Sgd(plan, bug, seed=claimed)
        assert shown in suspected(trainee, plan) & suspected(trainee, plan), bug
    honest = Sgd(plan, seed=claimed)
    assert not suspected(honest, plan) & suspected(honest, plan)


@pytest.mark.parametrize(("batch", "noise"), [(4, 0.6), (40, 1.0), (120, 5.0)])
def test_honest_trainings_are_suspected_as_rarely_as_promised(batch: int, noise: float) -> None:
    """Each p-value of 120 audits is at most p with probability p: none of the tests cries wolf."""
    plan = replace(PLAN, batch=batch, noise_multiplier=noise)
    values: dict[str, list[float]] = {}
    for seed in range(40):
        trainee = Sgd(plan, seed=seed)
        for found in (*noise_evidence(trainee, plan), *batch_evidence(trainee, plan)):
            assert found.p_value is not None
            values.setdefault(found.name, []).append(found.p_value)
    assert len(values) == 7
    for name, found_values in values.items():
        low = sum(value < 0.05 for value in found_values)
        assert low <= stats.binom.ppf(0.99999, 40, 0.05), name
        assert min(found_values) > 1e-6
    assert stats.kstest(values["noise_scale"], "uniform").pvalue > 1e-4


def test_noise_beyond_the_claim_breaks_nothing() -> None:
    trainee = Sgd(PLAN, "twice the noise")
    names = {found.name for found in noise_evidence(trainee, PLAN) if found.suspicious}
    assert names == set()


def test_noise_from_a_fixed_seed_is_a_breach() -> None:
    """Whoever knows the seed takes the noise away; each training by itself looks as it should."""

    def seeded(gradients: Any, /, *, steps: int) -> Any:
        return Sgd(PLAN, seed=7)(gradients, steps=steps)

    assert [found.name for found in noise_evidence(seeded, PLAN) if found.suspicious] == ["noise_mean"]
    assert not [found.name for found in noise_evidence(Sgd(PLAN, seed=7), PLAN) if found.suspicious]


def test_noise_on_a_lattice_may_come_again() -> None:
    plan = replace(PLAN, noise_multiplier=2.0, noise=NoiseSource.LATTICE)
    trainee = Sgd(plan)

    def whole(gradients: Any, /, *, steps: int) -> Any:
        return np.round(trainee(gradients, steps=steps))

    assert not {found.name for found in noise_evidence(whole, plan) if found.suspicious}
    assert {found.name for found in noise_evidence(whole, replace(PLAN, noise_multiplier=2.0)) if found.suspicious}


@pytest.mark.parametrize("sampling", [Sampling.FIXED, Sampling.CUSTOM])
def test_other_samplings_are_held_to_what_they_claim(sampling: Sampling) -> None:
    plan = replace(PLAN, sampling=sampling)
    assert not suspected(Sgd(plan, seed=1), plan)
    assert "clipped_length" in suspected(Sgd(plan, "no clipping"), plan)
    if sampling is Sampling.FIXED:
        assert "sampling_rate_ratio" in suspected(Sgd(plan, "full batch"), plan)
        assert "batch_variance_ratio" in suspected(Sgd(PLAN), plan)


def test_each_once_and_microbatches_are_tested_where_they_can_be() -> None:
    once = replace(PLAN, sampling=Sampling.EACH_ONCE)
    assert [found.name for found in batch_evidence(Sgd(PLAN), once)] == ["clipped_length"]
    (only,) = batch_evidence(Sgd(PLAN), replace(PLAN, microbatches=10))
    assert only.value is None
    assert only.reason is not None


def test_an_audit_names_what_is_broken_and_asks_twice() -> None:
    claimed = Claim(PLAN, epsilon(PLAN, delta=1e-5), 1e-5)
    honest = audit(Sgd(PLAN, seed=5), claimed, runs=2, run_steps=20)
    assert honest.broken == ()
    assert {found.name for found in honest.evidence} >= {"mu_lower_bound", "epsilon_lower_bound_one_run"}
    lying = audit(Sgd(PLAN, "no clipping", seed=5), claimed, runs=2, run_steps=20)
    assert "clipped_length" in {found.name for found in lying.broken}
    assert any("counts" in message.text() for message in lying.says)


def test_half_the_noise_shows_in_the_bound_on_epsilon() -> None:
    """At an epsilon of 6 that is claimed, canaries in 12 trainings refute more than 6 where the noise is half."""
    plan = replace(PLAN, noise_multiplier=1.05)
    claimed = epsilon(plan, delta=1e-5)
    values = {}
    for bug in ("", "half the noise"):
        rng = np.random.default_rng(4)
        mu, eps = neighbour_evidence(Sgd(plan, bug, seed=4), plan, delta=1e-5, runs=12, steps=200, rng=rng)
        assert mu.suspicious == bool(bug)
        values[bug] = eps.value
    assert values[""] is not None
    assert values["half the noise"] is not None
    assert 1 < values[""] < claimed < values["half the noise"]


def test_a_test_that_fails_once_only_is_not_a_breach(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([1e-9, 0.5])

    def once(*_: Any) -> list[Evidence]:
        return [Evidence("noise_scale", 1.0, 10, p_value=next(answers))]

    monkeypatch.setattr("assay.privacy.claims.audit.noise_evidence", once)
    found = audit(Sgd(PLAN, seed=5), Claim(PLAN, 50.0, 1e-5), runs=4, run_steps=5)
    assert found.broken == ()
    assert next(answers, None) is None


def test_an_epsilon_below_that_of_the_plan_is_a_breach_by_itself() -> None:
    found = audit(Sgd(PLAN, seed=5), Claim(PLAN, epsilon(PLAN, delta=1e-5) / 2, 1e-5), runs=4, run_steps=5)
    assert [one.name for one in found.broken] == ["epsilon_of_plan"]


def test_the_tradeoff_of_one_gaussian_answer_is_the_closed_form() -> None:
    plan = Plan(examples=100, batch=100, noise_multiplier=0.8, steps=1)
    found = tradeoff_of(plan)
    for false_alarms in (0.001, 0.05, 0.3, 0.7):
        exact = stats.norm.cdf(stats.norm.isf(false_alarms) - 1 / 0.8)
        assert exact - 0.004 <= found.misses(false_alarms) <= exact + 1e-9
        assert gaussian_mu(false_alarms, float(exact)) == pytest.approx(1 / 0.8)


def test_epsilon_of_mu_is_the_analytic_gaussian() -> None:
    assert epsilon_of_mu(1.0, delta=1e-5) == pytest.approx(4.377178095681, abs=1e-9)
    assert epsilon_of_mu(1.0, delta=1e-6) == pytest.approx(4.886554, abs=1e-6)
    assert epsilon_of_mu(1 / 3.730631634816, delta=1e-5) == pytest.approx(1.0, abs=1e-9)
    assert epsilon_of_mu(0.0, delta=1e-5) == 0.0


@pytest.mark.parametrize("adjacency", list(Adjacency))
def test_neighbours_are_told_apart_as_far_as_the_claim_allows_and_no_further(adjacency: Adjacency) -> None:
    plan = Plan(examples=50, batch=50, noise_multiplier=1.0, steps=1, adjacency=adjacency)
    true_mu = 1.0 if adjacency is Adjacency.ADD_REMOVE else 2.0
    bounds = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        mu, _ = neighbour_evidence(Sgd(plan, seed=seed), plan, delta=1e-5, runs=40, steps=1, rng=rng)
        assert not mu.suspicious
        assert mu.value is not None
        bounds.append(mu.value)
    assert 0.3 * true_mu < float(np.median(bounds)) < max(bounds) <= true_mu
    lying = Sgd(plan, "half the noise")
    mu, eps = neighbour_evidence(lying, plan, delta=1e-5, runs=80, steps=1, rng=np.random.default_rng(0))
    assert mu.suspicious
    assert eps.value is not None
    assert eps.value > epsilon(plan, delta=1e-5)


@pytest.mark.parametrize(
    ("right", "guesses", "canaries", "delta", "known"),
    [
        (100, 100, 100, 0.0, 3.492965),
        (100, 100, 1000, 1e-5, 3.465376),
        (600, 1000, 1000, 1e-5, 0.297227),
        (3000, 5000, 5000, 1e-5, 0.357372),
        (520, 1000, 1000, 1e-5, 0.0),
    ],
)
def test_published_bounds_of_one_run(right: int, guesses: int, canaries: int, delta: float, known: float) -> None:
    assert one_run_epsilon(right, guesses, canaries=canaries, delta=delta) == pytest.approx(known, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200), st.data())
def test_the_bound_of_one_run_moves_as_it_must(guesses: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(1, guesses))
    at = {"canaries": 200, "delta": 1e-4}
    values = [one_run_p_value(right, guesses, epsilon=eps, **at) for eps in (0.0, 0.5, 2.0, 5.0)]
    assert values == sorted(values)
    assert one_run_epsilon(right, guesses, **at) <= one_run_epsilon(right, guesses, canaries=200, delta=0.0)
    assert one_run_epsilon(right - 1, guesses, **at) <= one_run_epsilon(right, guesses, **at)


def test_impossible_guesses_and_claims_are_errors() -> None:
    for right, guesses in ((3, 2), (-1, 2), (0, 0), (5, 300)):
        with pytest.raises(AssayError):
            one_run_epsilon(right, guesses, canaries=200, delta=0.0)
    for wrong in ({"epsilon": 0.0}, {"delta": 0.1}, {"plan": replace(PLAN, clip_count_noise=10.0)}):
        with pytest.raises(AssayError):
            Claim(**({"plan": PLAN, "epsilon": 1.0, "delta": 1e-5} | wrong))


def test_a_trainee_of_another_shape_or_without_numbers_is_an_error() -> None:
    zeros = np.zeros((5, 3))
    with pytest.raises(AssayError, match=r"\(7, 3\)"):
        released(lambda g, /, *, steps: np.zeros((3, steps)), zeros, steps=7)
    with pytest.raises(AssayError, match="not finite"):
        released(lambda g, /, *, steps: np.full((steps, 3), np.nan), zeros, steps=7)


@pytest.mark.parametrize("make", [own_training, torch_training])
def test_trainings_of_assay_keep_their_claims(make: Any) -> None:
    plan = replace(PLAN, examples=200, batch=20, max_grad_norm=0.7)
    first, again = (suspected(make(plan), plan) for _ in range(2))
    assert not first & again
    other = suspected(make(replace(plan, noise_multiplier=0.5, batch=40)), plan)
    assert other >= {"noise_scale", "sampling_rate_ratio"}


def half_noise(plan: Plan) -> Sgd:
    return Sgd(plan, "half the noise", seed=3)


def kept(plan: Plan) -> Sgd:
    return Sgd(plan, seed=3)


def case() -> Case:
    return Case.from_frame(pa.table({"x": np.arange(500.0), "part": ["train"] * 400 + ["test"] * 100}), split="part")


def test_the_check_fails_a_training_that_lies_and_says_why() -> None:
    said = {"epsilon": 5.0, "delta": 1e-5, "noise": 1.5, "batch": 40, "steps": 100, "runs": 4, "run_steps": 20}
    for trainer, verdict in (("half_noise", "fail"), ("kept", "pass")):
        params = {"privacy.claim": said | {"trainer": f"{__name__}:{trainer}"}}
        done = run(case(), checks=("privacy.claim",), seed=1, params=params)
        found, *named = [one for one in done.findings if one.measure.name == "broken_promises"]
        assert {one.verdict for one in named} <= {"fail"}
        assert len(named) == found.measure.value
        assert ({"test": "noise_scale"} in [one.measure.slice for one in named]) == (verdict == "fail")
        assert found.verdict == verdict
        assert found.measure.n == 400
        texts = [note.text() for note in found.measure.notes]
        assert ("the noise is 0.5 times as large as claimed" in " ".join(texts)) == (verdict == "fail"), texts


def test_the_check_says_what_it_lacks() -> None:
    (alone,) = claim_check(case())
    assert alone.reason is not None
    assert "trainer" in alone.reason.text()
    (unsaid,) = claim_check(case(), trainer=f"{__name__}:kept", epsilon=1.0)
    assert unsaid.reason is not None
    assert "delta" in unsaid.reason.text()
    with pytest.raises(AssayError, match="no trainer"):
        list(claim_check(case(), trainer="nowhere:at_all"))


def test_bugs_planted_in_assays_own_training_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    from assay.privacy.training import descent
    from assay.privacy.training.network import Network

    class Less(descent.GaussianNoise):
        def __init__(self, generator: Any, like: Any, /, *, deviation: float) -> None:
            super().__init__(generator, like, deviation=deviation / 2)

    def unclipped(self: Network, x: Any, y: Any, reach: Any, /, **_: Any) -> None:
        self.sum_gradient(x, y)

    def often(units: int, /, *, rate: float, generator: Any) -> Any:
        return descent.__dict__["_sample"](units, rate=2 * rate, generator=generator)

    monkeypatch.setitem(descent.__dict__, "_sample", descent.poisson_sample)
    planted: dict[str, tuple[Any, str, Any, Any]] = {
        "noise_scale": (descent, "GaussianNoise", Less, noise_evidence),
        "clipped_length": (Network, "sum_clipped", unclipped, batch_evidence),
        "sampling_rate_ratio": (descent, "poisson_sample", often, batch_evidence),
    }
    plan = replace(PLAN, examples=200, batch=20)
    for shown, (where, name, bug, tests) in planted.items():
        with monkeypatch.context() as patched:
            patched.setattr(where, name, bug)
            assert shown in {found.name for found in tests(own_training(plan), plan) if found.suspicious}


def test_the_claim_may_be_read_from_a_statement(tmp_path: Path) -> None:
    plan = replace(PLAN, epochs=2.0, steps=None, noise_multiplier=2.0)
    file = tmp_path / "statement.json"
    file.write_text(json.dumps(statement(plan, delta=1e-5, accountant=Accountant.RDP).to_json()))
    found = stated_claim(str(file))
    assert found.plan == plan
    assert found.epsilon == epsilon(plan, delta=1e-5, accountant=Accountant.RDP)
    file.write_text(json.dumps({"ok": True, "data": json.loads(file.read_text())}))
    assert stated_claim(str(file)) == found
    first, *_ = claim_check(case(), trainer=f"{__name__}:kept", statement=str(file), runs=2, run_steps=2)
    assert first.value == 0


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "[" * 100_000, '{"epsilon": 1.0, "delta": 1e-5, "plan": {}}', '{"epsilon": 1.0, "delta": 1e-5}'],
)
def test_a_file_that_states_no_claim_is_an_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "statement.json"
    file.write_text(text)
    with pytest.raises(AssayError, match=r"no epsilon|no plan"):
        stated_claim(str(file))
    with pytest.raises(AssayError, match="cannot be read"):
        stated_claim(str(tmp_path / "nothing"))


@pytest.mark.parametrize("change", [{"sampling": "shuffle"}, {"unit": 3}, {"batch": "x"}, {"batch": 10**9}])
def test_a_forged_plan_is_an_error(change: dict[str, Any]) -> None:
    with pytest.raises(AssayError):
        Plan.from_json(PLAN.to_json() | change)


def whole_model(frame: Any, labels: Any) -> None:
    """A trainer of whole models, as attacks take it."""


def no_function(plan: Plan) -> int:
    return plan.batch


def test_a_trainer_of_whole_models_is_refused() -> None:
    with pytest.raises(AssayError, match="no function of a plan"):
        trainee_named(f"{__name__}:whole_model")
    made = trainee_named(f"{__name__}:no_function")
    assert made is not None
    with pytest.raises(AssayError, match="gave a int"):
        made(PLAN)
