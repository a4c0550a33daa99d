"""The loader of a private training: the user's data set and collation, the batches of the plan."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    default_collate,
)

from assay.core.errors import AssayError
from assay.privacy.deep.sampling import Part, Schedule

KEPT = ("collate_fn", "num_workers", "pin_memory", "timeout", "worker_init_fn", "multiprocessing_context",
        "prefetch_factor", "pin_memory_device")  # fmt: skip
"""Settings of a loader that have nothing to do with which rows are drawn."""


class Steps(Protocol):
    """What the loader tells of its batches."""

    @property
    def done(self) -> int:
        """Steps taken."""

    def fresh(self, turn: object, /) -> int:
        """The iteration `turn` starts, and any other ends; the number of steps taken.

        No batch may be waiting for its step, nor a step for the rest of its batch.
        """

    def begin(self, part: Part, turn: object, /) -> None:
        """A batch of these rows goes out; the one before must have had its step."""

    def noise_alone(self, turn: object, /) -> None:
        """Nobody was drawn: the step is noise."""

    def settle(self) -> None:
        """The batch that went out must have had its step."""


class PrivateLoader:
    """One iteration gives the batches of all steps that are left of the plan, or up to the step `until`.

    Each batch is what the user's collation makes of the rows; where a step's rows are more than fit at once, it comes
    in parts. A step that draws nobody never reaches the loop: the loader takes it, as a step of noise alone.
    """

    def __init__(self, loader: DataLoader[Any], schedule: Schedule, steps: Steps, /, *, until: int) -> None:
        self.loader, self.schedule, self.steps, self.until = loader, schedule, steps, until

    def __len__(self) -> int:
        """Steps up to the end; batches may be fewer, where nobody was drawn, or more, in parts."""
        return max(0, self.until - self.steps.done)

    def __iter__(self) -> Iterator[Any]:
        turn = object()
        feed = _Feed(self.schedule, self.steps.fresh(turn), self.until)
        for batch in _fetched(self.loader, feed):
            while not len((part := feed.waiting.popleft()).rows):
                self.steps.noise_alone(turn)
            self.steps.begin(part, turn)
            yield batch
            self.steps.settle()
        while feed.waiting:
            feed.waiting.popleft()
            self.steps.noise_alone(turn)


class _Feed:
    """Rows for the loader, batch by batch; `waiting` are the parts that it has taken, and the empty steps between."""

    def __init__(self, schedule: Schedule, done: int, until: int, /) -> None:
        self.schedule, self.done, self.until = schedule, done, until
        self.waiting: deque[Part] = deque()

    def __iter__(self) -> Iterator[list[int]]:
        for parts in self.schedule.batches(self.done, self.until):
            for part in parts:
                self.waiting.append(part)
                if len(part.rows):
                    yield part.rows.tolist()


def _fetched(loader: DataLoader[Any], feed: _Feed) -> Iterator[Any]:
    dataset = loader.dataset
    part = dataset if type(dataset) is Subset else None
    whole = dataset if part is None else part.dataset
    if type(whole) is TensorDataset and loader.collate_fn is default_collate and not loader.num_workers:
        # What collating row after row makes, at once: a loop over rows costs more than a small network.
        places = torch.arange(len(whole)) if part is None else torch.as_tensor(list(part.indices))
        for rows in feed:
            chosen = places[torch.as_tensor(rows)]
            yield [tensor[chosen] for tensor in whole.tensors]
        return
    yield from DataLoader(dataset, batch_sampler=feed, **_kept(loader))


def _kept(loader: DataLoader[Any]) -> dict[str, Any]:
    settings = {name: getattr(loader, name, None) for name in KEPT}
    return {name: value for name, value in settings.items() if value is not None and value != ""}


def checked(loader: object, /) -> DataLoader[Any]:
    """The loader, where rows can be drawn from it one by one; else AssayError "loader".

    A plain shuffle of some of the rows becomes one of a Subset that has those rows and no others.
    """
    if not isinstance(loader, DataLoader):
        raise AssayError(
            f"A {type(loader).__name__} is no torch.utils.data.DataLoader.",
            code="loader",
            hint="Give the loader of the training rows.",
        )
    if isinstance(loader.dataset, IterableDataset) or not hasattr(loader.dataset, "__len__"):
        raise AssayError(
            "The rows of this loader come as a stream: they cannot be sampled.",
            code="loader",
            hint="Use a data set with a length and rows by number.",
        )
    if loader.batch_sampler is None:
        raise AssayError(
            "This loader gives rows without making batches of them.", code="loader", hint="Give it a batch_size."
        )
    if type(loader.sampler) is SubsetRandomSampler and type(loader.batch_sampler) is BatchSampler:
        rows: Subset[Any] = Subset(loader.dataset, list(loader.sampler.indices))
        return DataLoader(rows, batch_size=loader.batch_size, shuffle=True, **_kept(loader))
    return loader
