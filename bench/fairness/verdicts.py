"""Overall verdicts of simulated models over the whole required family of the default policy.

Counts are drawn directly (one multinomial draw a group), so that a run takes milliseconds. Prints, for fair models and
for models with a gap of 0.20 in one rate of one group, how often the Run is judged `fail`, and how wide the intervals
of the widest gaps are against Newcombe's of the two extreme groups. The table is in docs/why/widest-gap.md.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import numpy as np

from assay.core.finding import Run, is_required
from assay.core.measure import Share
from assay.data.coding import Bins, Dim, Favourable, Values
from assay.data.counted import Counted
from assay.data.counts import Counts
from assay.engine.policies import default_policy
from assay.engine.run import run
from assay.stats.rates import newcombe

SCALE = 1 << 28
BINS = 20
CENTRES = (np.arange(BINS) + 0.5) / BINS
SHARES = 1 / np.sqrt(CENTRES * (1 - CENTRES))
"""Of the scores, up to a factor: calibrated, base rate one half, most people scored clearly."""
Gap = Literal["none", "tpr", "fpr", "selection"]
MOVED: dict[str, tuple[tuple[int, float], ...]] = {
    "none": (),
    "tpr": ((1, -0.20),),
    "fpr": ((0, 0.20),),
    "selection": ((1, -0.30), (0, -0.10)),
}
"""What happens in the first group: label, and how much of its rows moves over the threshold. Base rates stay equal."""
JUDGED = {
    "tpr": "fairness.error_rates:tpr_gap",
    "fpr": "fairness.error_rates:fpr_gap",
    "selection": "fairness.selection_rates:selection_rate_gap",
}


@dataclass(frozen=True)
class World:
    """`groups` (crossed: half of them in each of two sexes) of `n` rows; one lies 0.20 apart in the rate `gap`."""

    groups: int
    n: int
    gap: Gap = "none"
    crossed: bool = False

    def truth(self) -> np.ndarray:
        """(groups, label, bin) probabilities of a row of each group."""
        fair = np.stack([SHARES * (1 - CENTRES), SHARES * CENTRES]) / SHARES.sum()
        truth = np.tile(fair, (self.groups, 1, 1))
        for label, by in MOVED[self.gap]:
            truth[0, label] = shifted(fair[label], by)
        return truth

    def names(self, group: int) -> tuple[str, ...]:
        """Levels of the protected attributes of a group."""
        return (f"g{group // 2}", "fm"[group % 2]) if self.crossed else (f"g{group}",)


def shifted(cells: np.ndarray, by: float) -> np.ndarray:
    """The cells with a share `by` of them moved over the threshold (negative: below it), scores mirrored."""
    low, high = cells[: BINS // 2], cells[BINS // 2 :]
    source = low if by > 0 else high
    moved = source * abs(by) * cells.sum() / source.sum()
    return cells + np.concatenate([-moved, moved[::-1]] if by > 0 else [moved[::-1], -moved])


def draw(world: World, rng: np.random.Generator) -> Counted:
    """One sample of the world as Counts: the joint table, and a feature of three values that tells nothing."""
    cells, counts = [], []
    for group, shares in enumerate(world.truth()):
        found = rng.multinomial(world.n, shares.reshape(-1)).reshape(2, BINS)
        for label, bin in zip(*np.nonzero(found), strict=True):
            cells.append((*world.names(group), str(label), "01"[int(bin >= BINS // 2)], str(bin)))
            counts.append((int(found[label, bin]), int(label), int(bin)))
    protected = ("group", "sex") if world.crossed else ("group",)
    edges = tuple(float(edge) for edge in np.arange(1, BINS) / BINS)
    label_dim = Dim("label", "label", Favourable("1"), ())
    dims = [
        *(Dim("protected", name, Values(), ()) for name in protected),
        label_dim,
        Dim("prediction", "prediction", Favourable("1"), ()),
        Dim("score", "score", Bins(edges), ()),
    ]
    n, y, c = (np.array(column) for column in zip(*counts, strict=True))
    error, loss = (y - CENTRES[c]) ** 2, -np.log(np.where(y == 1, CENTRES[c], 1 - CENTRES[c]))
    parts = {
        "score": CENTRES[c],
        "squared_error": error,
        "squared_error_squared": error**2,
        "log_loss": loss,
        "log_loss_squared": loss**2,
    }
    sums = {"n": n.tolist()} | {
        name: [int(k * round(v * SCALE)) for k, v in zip(n, value, strict=True)] for name, value in parts.items()
    }
    joint = Counts.from_cells(dims, cells, sums, scales=dict.fromkeys(parts, SCALE))
    positives = int(n[y == 1].sum())
    third = [(f"v{i}", str(label)) for i in range(3) for label in (0, 1)]
    split = [int(k) for total in (positives, int(n.sum()) - positives) for k in rng.multinomial(total, [1 / 3] * 3)]
    feature = Counts.from_cells(
        [Dim("feature", "colour", Values(), ()), label_dim],
        third,
        {"n": [split[i + 3 * (1 - j)] for i in range(3) for j in (0, 1)]},
    )
    return Counted("simulated", "binary", (joint, feature))


def judged(world: World, seed: int) -> Run:
    """The Run of the checks that the default policy requires."""
    checks = sorted({item.partition(":")[0] for item in default_policy().required})
    return run(draw(world, np.random.default_rng(seed)), checks=checks, jobs=1)


def failed(done: Run, /, *, required: bool = True) -> set[str]:
    """Measures that fail, those the default policy requires or all."""
    items = default_policy().required
    bad = [f for f in done.findings if f.verdict == "fail" and (not required or is_required(f, items))]
    return {f"{f.check}:{f.measure.name}" for f in bad}


def widths(done: Run, /) -> Iterator[float]:
    """Width of each rate's widest-gap interval over that of Newcombe's of the two groups it compares."""
    rates = {(f.measure.name, str(f.measure.slice)): f.measure for f in done.findings}
    for f in done.findings:
        m, name = f.measure, f.measure.name.removesuffix("_gap")
        if f.check != "fairness.error_rates" or name == f.measure.name or m.interval is None:
            continue
        pair = [rates[name, str(group)] for group in m.groups]
        shares = [Share((p.value or 0.0) * min(p.rows), min(p.rows), min(p.rows), min(p.rows)) for p in pair]
        plain = newcombe(*shares)
        yield (m.interval.high - m.interval.low) / (plain.high - plain.low)


def alarms(world: World, /, *, runs: int, seed: int) -> Counter[str]:
    """How often each required measure failed, and under "any" how often the Run did."""
    found: Counter[str] = Counter()
    for i in range(runs):
        bad = failed(judged(world, seed + i))
        found.update(bad | ({"any"} if bad else set()))
    return found


def power(world: World, /, *, runs: int, seed: int) -> float:
    """Share of the runs in which the gap that is there fails its limit."""
    wanted = JUDGED[world.gap]
    return fmean(wanted in failed(judged(world, seed + i), required=False) for i in range(runs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    seed, few = arguments.seed, max(1, arguments.runs // 4)
    print("| groups | n | fair: fails | tpr 0.20 apart: fails | fpr | selection | width |")
    print("|---|---|---|---|---|---|---|")
    for groups, crossed in ((2, False), (5, False), (10, False), (10, True)):
        for n in (50, 500, 5000):
            fair = alarms(World(groups, n, crossed=crossed), runs=arguments.runs, seed=seed)
            ratios = [w for i in range(few) for w in widths(judged(World(groups, n, crossed=crossed), seed + i))]
            # As many rows in the denominators of the gap: half of a group's labels are favourable.
            told = [
                power(World(groups, n if gap == "selection" else 2 * n, gap, crossed), runs=few, seed=seed)
                for gap in ("tpr", "fpr", "selection")
            ]
            label = f"{groups // 2} × 2" if crossed else f"{groups}"
            cells = [
                label,
                f"{n:,}",
                f"{100 * fair['any'] / arguments.runs:.1f} %",
                *(f"{100 * p:.0f} %" for p in told),
            ]
            print(f"| {' | '.join([*cells, f'{fmean(ratios):.2f}'])} |", flush=True)
            for reason, times in fair.most_common(4)[1:]:
                print(f"    {times} times {reason}", flush=True)


if __name__ == "__main__":
    main()
