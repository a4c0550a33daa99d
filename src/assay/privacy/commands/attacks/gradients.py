"""`assay privacy attack gradients`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from assay.core.errors import AssayError
from assay.core.house import House
from assay.core.part import command
from assay.privacy.inference.calls import gradient_leakage
from assay.privacy.inference.gradients.leakage import RECOVERED, Leak

if TYPE_CHECKING:
    from assay.data.case import Case

HEADS = ("gradient", "batch", "recovered", "relative error", "of the mean", "PSNR dB")
READ = 2000
"""Rows that batches are drawn from."""


@dataclass(frozen=True)
class GradientsAnswer:
    """Leaks of gradients as they are, clipped, and clipped with noise."""

    leaks: tuple[Leak, ...]

    def text(self) -> str:
        """A line for each batch, and what follows."""
        rows = [[_what(one), str(one.batch), _recovered(one), *_errors(one)] for one in self.leaks]
        table = [list(HEADS), *rows]
        widths = [max(len(row[i]) for row in table) for i in range(len(HEADS))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
        lines += ["", f"Recovered: within {RECOVERED:.0%} of the example, with its interval. Errors are medians."]
        if any(one.interval.low > 0 for one in self.leaks if not one.noise):
            lines.append("- a shared gradient gives examples away, clipped or not: add noise, or share sums of many")
        return "\n".join(line.rstrip() for line in lines)

    def to_json(self) -> Any:
        """A list of the Leaks."""
        return [{**asdict(one), "interval": one.interval.to_json()} for one in self.leaks]


@command(title="What the gradient of a training step gives away of its rows", needs_model=True)
def gradients(
    house: House,
    case: Case,
    /,
    *,
    batch: tuple[int, ...] = (1, 2, 4, 8),
    clip: float = 1.0,
    noise: float = 1.0,
    examples: int = 32,
    seed: int = 0,
) -> GradientsAnswer:
    """`--data d.parquet --label y --model logistic.skops`: rebuilds rows from the gradient that a client of federated
    learning would share, in batches of 1, 2, 4 and 8, as it is, clipped to `--clip`, and with normal noise of `--noise`
    times that. For logistic and softmax regression; torch modules are attacked in Python, by
    `privacy.gradient_leakage`, also by matching gradients. Errors are in the numbers that the model reads.
    """
    model, label = case.model, case.roles.label
    if model is None or label is None or not case.model_columns:
        raise AssayError("Gradients need a label, and a model of a table.", code="gradients", hint="Give --label.")
    if min(batch, default=0) < 1 or examples < 1:
        raise AssayError("A batch has at least one row.", code="parameter", hint="Give --batch 1.")
    rows = case.rows(list(dict.fromkeys((*case.model_columns, label))), limit=READ, seed=seed)
    known = rows.filter(rows.column(label).is_valid())
    if known.num_rows < max(batch):
        raise AssayError(
            f"{known.num_rows} rows with a label are no batch of {max(batch)}.", code="too-few", hint="Give more rows."
        )
    labels = known.column(label).to_pylist()
    found: list[Leak] = []
    for clipped, noised in ((None, 0.0), (clip, 0.0), (clip, noise)):
        settings: dict[str, Any] = {"batches": batch, "examples": examples, "seed": seed}
        settings |= {"level": house.policy.rules.level, "clip": clipped, "noise": noised}
        found += gradient_leakage(model, known.select(list(case.model_columns)), labels, **settings)
    return GradientsAnswer(tuple(found))


def _what(leak: Leak) -> str:
    if leak.clip is None:
        return "as it is"
    return f"clipped to {leak.clip:g}" + (f", noise {leak.noise:g}" if leak.noise else "")


def _recovered(leak: Leak) -> str:
    return f"{leak.recovered:.3f} [{leak.interval.low:.3f}, {leak.interval.high:.3f}]"


def _errors(leak: Leak) -> list[str]:
    return [f"{leak.relative_error:.3g}", f"{leak.blind_error:.3g}", f"{leak.psnr:.1f}"]
