"""The search for the rule of most coverage among those that are precise enough, one row at a time.

Each search is a generator: it yields the samples that it wants judged and is sent back how many kept the decision, so
that the searches of many rows go on together and their samples reach the model in one batch.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import numpy as np

from assay.explain.columns import Floats
from assay.explain.local.rules.bandit import divergence, exploration, kl_bounds
from assay.explain.local.rules.predicates import World

Rule = frozenset[int]
Asking = Generator[list[Floats], list[int], "Arm | None"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: `precision`, wrong about a rule with probability `delta`, the best `beam` within `epsilon`.

    Rules have at most `longest` predicates. At least `pull` samples are drawn at a time, at most `most` for one rule.
    """

    precision: float = 0.95
    delta: float = 0.05
    epsilon: float = 0.1
    beam: int = 4
    longest: int = 5
    pull: int = 100
    most: int = 5000


@dataclass(slots=True, eq=False)
class Arm:
    """A rule, and how many of its samples kept the decision."""

    rule: Rule
    coverage: int
    hits: int = 0
    draws: int = 0


@dataclass(eq=False)
class Search:
    """The search for one row."""

    world: World
    wanted: Wanted
    rng: np.random.Generator
    known: dict[Rule, Arm] = field(default_factory=dict)

    def run(self) -> Asking:
        """The precise Arm of most coverage; None where none was found.

        Source: Ribeiro, Singh & Guestrin (2018), Anchors, AAAI, algorithm 2.
        """
        empty = self._arm(frozenset())
        if (yield from self._is_precise(empty)):
            return empty
        best, beam = None, [empty]
        for _ in range(self.wanted.longest):
            arms = self._longer(beam, best)
            if not arms:
                break
            beam = yield from self._best(arms)
            for arm in sorted(beam, key=lambda one: (-one.coverage, sorted(one.rule))):
                wider = best is None or arm.coverage > best.coverage
                if wider and (yield from self._is_precise(arm)):
                    best = arm
        return best

    def nearest(self) -> Arm:
        """The known Arm whose precision is highest for sure: what to show where none is precise enough."""
        arms = list(self.known.values())
        low, _ = _bounds(arms, math.log(1 / self.wanted.delta))
        return arms[int(low.argmax())]

    def _arm(self, rule: Rule) -> Arm:
        if rule not in self.known:
            self.known[rule] = Arm(rule, self.world.coverage(rule))
        return self.known[rule]

    def _longer(self, beam: Sequence[Arm], best: Arm | None) -> list[Arm]:
        """The extensions of the beam that cover more than the best so far, and less than what they extend."""
        floor = 0 if best is None else best.coverage
        longer = {
            rule: self._arm(rule)
            for arm in beam
            for rule in self.world.extends(arm.rule)
            if floor < self.world.coverage(rule) < arm.coverage
        }
        return sorted(longer.values(), key=lambda one: sorted(one.rule))

    def _pull(self, arms: Sequence[Arm]) -> Generator[list[Floats], list[int], None]:
        if not arms:
            return
        # half as many again as are known: a rule that is hard to tell costs the model few calls, not one in a hundred
        counts = [max(1, min(max(self.wanted.pull, arm.draws // 2), self.wanted.most - arm.draws)) for arm in arms]
        hits = yield [self.world.draw(arm.rule, n, self.rng) for arm, n in zip(arms, counts, strict=True)]
        for arm, n, more in zip(arms, counts, hits, strict=True):
            arm.hits += more
            arm.draws += n

    def _best(self, arms: list[Arm]) -> Generator[list[Floats], list[int], list[Arm]]:
        """The `beam` most precise arms within epsilon, by KL-LUCB; as they stand where `most` draws do not tell."""
        yield from self._pull([arm for arm in arms if not arm.draws])
        step, size = 1, self.wanted.beam
        while len(arms) > size:
            low, high = _bounds(arms, exploration(step, len(arms), self.wanted.delta))
            order = np.lexsort(np.array([(-arm.coverage, -arm.hits / arm.draws) for arm in arms]).T)
            weakest = order[:size][low[order[:size]].argmin()]
            rival = order[size:][high[order[size:]].argmax()]
            if high[rival] - low[weakest] < self.wanted.epsilon:
                break
            pulled = [arm for arm in (arms[weakest], arms[rival]) if arm.draws < self.wanted.most]
            if not pulled:
                break
            yield from self._pull(pulled)
            step += 1
        return sorted(arms, key=lambda arm: (-arm.hits / arm.draws, -arm.coverage, sorted(arm.rule)))[:size]

    def _is_precise(self, arm: Arm) -> Generator[list[Floats], list[int], bool]:
        """Whether the arm's precision is at least the wanted one, drawn until it is clear or `most` are drawn."""
        aim, rate = self.wanted.precision, math.log(1 / self.wanted.delta)
        while True:
            seen = arm.hits / arm.draws if arm.draws else aim
            if arm.draws * divergence(seen, aim) >= rate:
                return seen > aim
            if arm.draws >= self.wanted.most:
                return False
            yield from self._pull([arm])


def _bounds(arms: Sequence[Arm], rate: float) -> Floats:
    hits, draws = np.array([(arm.hits, arm.draws) for arm in arms], dtype=np.float64).T
    return kl_bounds(hits, draws, rate)
