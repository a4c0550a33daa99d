"""What a tuning chose, what it cost, and the model that won."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from assay.privacy.accounting.calibration import noise_for
from assay.privacy.training.fitting import rounded_up
from assay.privacy.training.model import PrivateModel, Recorded
from assay.privacy.training.saved import Files, files_of
from assay.privacy.training.tables.prepared import Table
from assay.privacy.tuning import selection
from assay.privacy.tuning.grid import Candidate, with_noise
from assay.privacy.tuning.search import Division, Tried, all_of, best_of_random

NOT_PRIVATE = "selection not private"


@dataclass(frozen=True)
class Tuned:
    """The candidates with their noise; `epsilon` at `delta` is of training and choice together where `accounted`.

    Where it is not, it is that of the dearest single training, and `tried` holds all of them; else only the best.
    `mean` is the mean number of runs, `score_noise` the deviation of the noise on a score, in units.
    """

    candidates: Sequence[Candidate]
    epsilon: float
    delta: float
    mean: float
    accounted: bool
    score_noise: float
    tried: tuple[Tried, ...] = field(default=(), repr=False)
    out: str = ""
    digest: str = ""

    def run(self, parts: Division, /, *, done: Callable[[float], None]) -> Tuned:
        """The same with the trainings done."""
        if not self.accounted:
            return replace(self, tried=tuple(all_of(parts, self.candidates, done=done)))
        return replace(self, tried=(best_of_random(parts, self.candidates, mean=self.mean, done=done),))

    @property
    def promise(self) -> str:
        """One line."""
        kept = f"epsilon {rounded_up(self.epsilon)} at delta {self.delta:g}"
        if self.accounted:
            return f"chosen and trained with differential privacy: {kept}"
        return f"NOT PRIVATE: {NOT_PRIVATE}; each training by itself: {kept}"

    def files(self, label: str, table: Table, /) -> Files:
        """The winner as files."""
        best = self.tried[0]
        recorded = Recorded(best.candidate.plan, best.candidate.settings.stepping)
        model = PrivateModel(best.trained.network, table.encoding, table.label, recorded=recorded)
        return files_of(model, label=label, statement=self.statement(), promise=self.promise, private=self.accounted)

    def statement(self) -> dict[str, Any]:
        """The promise as JSON types."""
        best, plan = self.tried[0], self.tried[0].candidate.plan
        notes = [
            "Drawn as floating-point noise, the answers are private up to the rounding of floats.",
            "Bounds, categories and the grid are taken to be public; no seed of the noise was kept.",
        ]
        if self.accounted:
            notes.append(
                f"The best of a geometric number of runs with mean {self.mean:g} (Papernot & Steinke 2022, theorem 2), "
                f"each of one of {len(self.candidates)} candidates drawn at random, by scores with Gaussian noise of "
                f"{self.score_noise:g} units; neither the number of runs nor any other run was released."
            )
        return {
            "epsilon": self.epsilon,
            "delta": self.delta,
            "accountant": "rdp",
            "adjacency": plan.adjacency.value,
            "sampling": plan.sampling.value,
            "unit": plan.unit,
            "examples": plan.examples,
            "private": self.accounted,
            "not_private": [] if self.accounted else [NOT_PRIVATE],
            "chosen": best.candidate.to_json() | {"score": best.score},
            "notes": notes,
        }

    def text(self) -> str:
        """The promise, what was chosen, and all results where they may be shown."""
        keys = ("clip", "noise", "batch", "rate", "steps")
        lines = [self.promise, "  ".join(f"{key:>9}" for key in (*keys, "score"))]
        for one in self.tried:
            facts = one.candidate.to_json()
            lines.append("  ".join(f"{value:>9.4g}" for value in (*(facts[key] for key in keys), one.score)))
        chosen = "the best first" if not self.accounted else f"of {len(self.candidates)} candidates; the score is noisy"
        lines += [f"({chosen})", *self.statement()["notes"], f"Saved: assay audit … --model {self.out}"]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The same as JSON types."""
        return {
            "out": self.out,
            "digest": self.digest,
            "statement": self.statement(),
            "tried": [one.candidate.to_json() | {"score": one.score} for one in self.tried],
            "candidates": len(self.candidates),
        }


def planned(
    found: Sequence[Candidate],
    parts: Division,
    /,
    *,
    epsilon: float | None,
    delta: float,
    mean: float,
    accounted: bool,
) -> Tuned:
    """The candidates with the noise that keeps them within `epsilon`, or with their own, and what that comes to."""
    rho = parts.score_rho
    if accounted:
        if epsilon is not None:
            found = selection.calibrated(found, epsilon=epsilon, delta=delta, score_rho=rho, mean=mean)
        spent = selection.epsilon_of(found, score_rho=rho, mean=mean, delta=delta)
    else:
        if epsilon is not None:
            by = found[0].settings.accountant
            noise = {
                plan: noise_for(plan, target_epsilon=epsilon, delta=delta, accountant=by)
                for plan in dict.fromkeys(one.plan for one in found)
            }
            found = [with_noise(one, noise[one.plan]) for one in found]
        spent = max(selection.one_run([one.plan], score_rho=rho * 0).epsilon(delta) for one in found)
    return Tuned(found, spent, delta, mean, accounted, float(parts.score_noise))
