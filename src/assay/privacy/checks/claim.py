"""Whether a private training does what its claim says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from assay.core.check import check
from assay.core.errors import Message
from assay.core.measure import Limit, Measure
from assay.privacy.accounting.plan import Plan, Sampling, named
from assay.privacy.claims.audit import Audit, Claim, audit
from assay.privacy.claims.evidence import Evidence
from assay.privacy.claims.stated import stated_claim
from assay.privacy.claims.trainee import trainee_named
from assay.privacy.spending.opening import adjacency_of

if TYPE_CHECKING:
    from assay.data.case import Case

BROKEN = "broken_promises"
TWICE = "each at 99.9 %, twice on fresh draws"
NO_TRAINER = Message(
    "privacy.claim.no-trainer",
    "only a training that can be asked for its steps is tested: name it as trainer (module:function)",
)
UNSAID = Message(
    "privacy.claim.unsaid", "a claim says its epsilon, delta, noise (multiplier), batch and epochs or steps"
)


@check(
    "privacy.claim",
    version=1,
    title="A private training does not do what its claim says",
    needs=("rows",),
    limit=Limit(BROKEN, better="lower", warn=0, fail=0),
    clauses=("gdpr:5(2)", "gdpr:25(1)", "gdpr:32(1)(d)", "nist-ai-rmf:measure-2.10"),
)
def claim(
    case: Case,
    /,
    *,
    trainer: str = "",
    statement: str = "",
    epsilon: float | None = None,
    delta: float | None = None,
    noise: float | None = None,
    batch: int | None = None,
    epochs: float | None = None,
    steps: int | None = None,
    clip: float = 1.0,
    sampling: str = "poisson",
    adjacency: str = "add-or-remove",
    examples: int | None = None,
    runs: int = 20,
    run_steps: int = 500,
    seed: int = 0,
) -> Iterator[Measure]:
    """Tests from outside what `trainer` releases, against a claim of (`epsilon`, `delta`).

    `trainer` is "module:function": a function of the claimed Plan that gives a Trainee, a function of gradients
    (examples, d) and a number of steps that gives what each step releases, (steps, d); see
    `assay.privacy.claims.trainee`. `assay.privacy.claims.trainees:own_training` asks assay's own training,
    `assay.privacy.claims.trainees:torch_training` that of torch modules. `statement` is the file that says the claim
    (statement.json beside a private model); without it, `examples` is the public number of the plan (the training rows,
    where left out), `noise` the noise multiplier, `clip` the norm.
    `broken_promises` is the number of tests that showed, twice on fresh draws, what a kept claim shows once in 1000
    times; each is named: that is a bug in training. The tests: `noise_scale` (noise / claimed), its mean, shape and
    every direction; `sampling_rate_ratio`, `batch_variance_ratio` and `clipped_length`, by gradients that all point one
    way; `mu_lower_bound` from canaries in `runs` trainings, seen for `run_steps` steps (their product is the cost);
    `epsilon_lower_bound_one_run` from those in one; `epsilon_of_plan` by the accountant. A small lower
    bound is no proof of privacy, and no test proves that a claim is kept: what a training does only to other gradients
    than these is not seen.
    """
    make = trainee_named(trainer)
    if make is None:
        yield Measure(BROKEN, None, 0, reason=NO_TRAINER)
        return
    if statement:
        claimed = stated_claim(statement)
    elif epsilon is None or delta is None or noise is None or batch is None:
        yield Measure(BROKEN, None, 0, reason=UNSAID)
        return
    else:
        plan = Plan(
            examples=_training_rows(case) if examples is None else examples,
            batch=batch,
            noise_multiplier=noise,
            epochs=epochs,
            steps=steps,
            max_grad_norm=clip,
            sampling=named(Sampling, sampling),
            adjacency=adjacency_of(adjacency),
        )
        claimed = Claim(plan, epsilon, delta)
    yield from _measures(audit(make(claimed.plan), claimed, seed=seed, runs=runs, run_steps=run_steps))


def _measures(found: Audit) -> Iterator[Measure]:
    n = found.claim.plan.examples
    yield Measure(BROKEN, float(len(found.broken)), n, method=TWICE, exact=True, notes=found.says)
    for one in found.broken:
        notes = () if one.says is None else (one.says,)
        yield Measure(BROKEN, 1.0, n, slice={"test": one.name}, method=TWICE, exact=True, notes=notes)
    yield from (_measure(one) for one in found.evidence)


def _training_rows(case: Case) -> int:
    """Rows that are not held out."""
    split = case.roles.split
    if split is None or not case.held_out:
        return case.n
    levels = [str(value) for value in case.rows([split]).column(split).to_pylist()]
    return sum(level not in case.held_out for level in levels)


def _measure(found: Evidence) -> Measure:
    return Measure(
        found.name,
        found.value,
        found.n,
        interval=found.interval,
        p_value=None if found.exact else found.p_value,
        method=found.method,
        reason=found.reason,
        exact=found.exact,
    )
