"""Which rows each step sees: drawn as the plan counts on, or by the user's sampler held to what it counts on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import BatchSampler, ConcatDataset, DataLoader, RandomSampler, SequentialSampler, Subset

from assay.core.errors import AssayError
from assay.privacy.accounting.plan import Plan, Sampling
from assay.privacy.training.sampling import poisson_sample

Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of the data set that are seen at once; `last` ends a step.

    `groups` numbers, from 0, what each row's gradient is added to before it is clipped; None: each row alone.
    """

    rows: Places
    groups: Places | None
    last: bool


class Units:
    """The rows of each person; without ids, each row for itself."""

    def __init__(self, rows: int, ids: Sequence[Any] | None, /) -> None:
        self.rows = self.count = rows
        self.grouped = ids is not None
        if ids is None:
            return
        if len(ids) != rows:
            raise AssayError(
                f"There are {len(ids):,} units for {rows:,} rows.",
                code="units",
                hint="Give units= one id for each row of the data set, in its order.",
            )
        names, place = np.unique(np.asarray(ids), return_inverse=True)
        self.count = len(names)
        self._order = np.argsort(place, kind="stable")
        self._starts = np.searchsorted(place[self._order], np.arange(self.count + 1))

    def blocks(self, units: Places, /) -> list[Places]:
        """The rows of each of `units`."""
        if not self.grouped:
            return [units[i : i + 1] for i in range(len(units))]
        return [self._order[self._starts[unit] : self._starts[unit + 1]] for unit in units]


class Schedule:
    """The batches of a plan over a data set, step by step.

    What is drawn are places 0 … examples − 1, public in number; a place without a row stays empty. So the draw of a
    row does not depend on how many others there are. `custom` is the user's batch sampler, for a plan that counts on no
    chance.
    """

    def __init__(
        self, plan: Plan, units: Units, /, *, generator: np.random.Generator, most: int | None, custom: Any = None
    ) -> None:
        self.plan, self.units, self.generator, self.most, self.custom = plan, units, generator, most, custom
        if plan.sampling in (Sampling.EACH_ONCE, Sampling.FIXED) and units.count > plan.examples:
            raise AssayError(
                f"There are {units.count:,} {plan.unit}s, more than the {plan.examples:,} of the plan.",
                code="examples",
                hint="Give examples= a public number that is not exceeded.",
            )
        self.per_epoch = -(-plan.examples // plan.batch)
        self.steps = plan.total_steps
        if plan.sampling is Sampling.EACH_ONCE and plan.epochs is not None:
            self.steps = max(1, int(np.ceil(plan.epochs * self.per_epoch - 1e-9)))

    def start(self, done: int, /) -> int:
        """The step to go on with after `done`: an order of each-once that was interrupted is not known again."""
        rest = done % self.per_epoch
        whole = self.plan.sampling is not Sampling.EACH_ONCE or rest == 0
        return done if whole else min(done + self.per_epoch - rest, self.steps)

    def batches(self, done: int, until: int, /) -> Iterator[list[Part]]:
        """The parts of each step from `done` to `until`; an empty batch is one part without rows."""
        chosen = self._chosen(done)
        for _ in range(done, until):
            yield self._parts(next(chosen))

    def _chosen(self, done: int) -> Iterator[Places]:
        """The units of each batch."""
        plan = self.plan
        if plan.sampling is Sampling.CUSTOM:
            yield from self._held()
        while plan.sampling is Sampling.POISSON:
            yield poisson_sample(self.units.count, rate=plan.sampling_rate, generator=self.generator)
        while plan.sampling is Sampling.FIXED:
            drawn = self.generator.choice(plan.examples, plan.batch, replace=False)
            yield drawn[drawn < self.units.count]
        place = done
        while True:
            if place % self.per_epoch == 0 or place == done:
                order = self.generator.permutation(plan.examples)
            start = place % self.per_epoch * plan.batch
            drawn = order[start : start + plan.batch]
            yield drawn[drawn < self.units.count]
            place += 1

    def _held(self) -> Iterator[Places]:
        """The batches of the user's sampler, over and over; one that has a row too often is refused."""
        while True:
            seen = False
            for batch in self.custom:
                seen = True
                chosen = np.asarray(list(batch), dtype=np.intp)
                if len(chosen) and int(np.unique(chosen, return_counts=True)[1].max()) > self.plan.repeats:
                    raise AssayError(
                        f"The sampler put one row more than {self.plan.repeats} times into one batch.",
                        code="repeats",
                        hint="Give repeats= the most that it may be, which costs privacy, or use sampling='poisson'.",
                    )
                yield chosen
            if not seen:
                raise AssayError("The sampler of the loader gives no batches.", code="sampler")

    def _parts(self, chosen: Places) -> list[Part]:
        """One batch cut into parts of at most `most` rows; what is clipped as one stays together."""
        most = self.most or max(1, self.units.rows) * self.plan.repeats
        if not len(chosen):
            return [Part(chosen, None, True)]
        if self.plan.microbatched and self.plan.microbatches is not None:
            # By a coin of its own for each row: the place in the batch would depend on who else is there.
            mates = self.generator.integers(self.plan.microbatches, size=len(chosen))
            blocks = [chosen[mates == mate] for mate in np.unique(mates)]
        elif self.units.grouped:
            blocks = self.units.blocks(chosen)
        else:
            cuts = list(range(0, len(chosen), most))
            return [Part(chosen[cut : cut + most], None, cut == cuts[-1]) for cut in cuts]
        return _packed(blocks, most)


def _packed(blocks: list[Places], most: int) -> list[Part]:
    """Blocks in as few parts as their order allows; one larger than `most` is a part of its own."""
    packs: list[list[Places]] = [[]]
    for block in blocks:
        if packs[-1] and sum(map(len, packs[-1])) + len(block) > most:
            packs.append([])
        packs[-1].append(block)
    return [
        Part(np.concatenate(pack), np.repeat(np.arange(len(pack)), [len(b) for b in pack]), place == len(packs) - 1)
        for place, pack in enumerate(packs)
    ]


def is_custom(loader: DataLoader[Any], /) -> bool:
    """True where the loader's own sampling is more than a plain order or shuffle of the rows."""
    sampler = loader.sampler
    shuffled = type(sampler) is RandomSampler and not sampler.replacement
    return type(loader.batch_sampler) is not BatchSampler or not (shuffled or type(sampler) is SequentialSampler)


def draws_again(loader: DataLoader[Any], /) -> bool:
    """True where the loader's sampler may put one row into a batch twice."""
    return bool(getattr(loader.sampler, "replacement", False))


def repeats_rows(dataset: Any, /) -> bool:
    """True where the data set itself shows one row at several places: a subset or a chain with the same row twice."""
    if isinstance(dataset, Subset):
        places = list(dataset.indices)
        return len(set(places)) < len(places) or repeats_rows(dataset.dataset)
    if isinstance(dataset, ConcatDataset):
        parts = [(id(_root(part)), place) for part in dataset.datasets for place in _places(part)]
        return len(set(parts)) < len(parts) or any(repeats_rows(part) for part in dataset.datasets)
    return False


def _root(dataset: Any) -> Any:
    return _root(dataset.dataset) if isinstance(dataset, Subset) else dataset


def _places(dataset: Any) -> Sequence[int]:
    if not isinstance(dataset, Subset):
        return range(len(dataset))
    inner = _places(dataset.dataset)
    return [inner[place] for place in dataset.indices]
