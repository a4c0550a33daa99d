"""What a person asks of a private training with torch, and the plan that follows from it and the loader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch.utils.data import DataLoader

from assay.core.errors import AssayError, unknown
from assay.core.house import Ledger
from assay.privacy.accounting.accountants import Accountant
from assay.privacy.accounting.plan import ROW, Plan, Sampling
from assay.privacy.deep.adaptive import AdaptiveClipping
from assay.privacy.deep.sampling import draws_again, is_custom, repeats_rows
from assay.privacy.loss.adjacency import Adjacency


@dataclass(frozen=True, kw_only=True, eq=False)
class Settings:
    """The keywords of `dp_training`.

    How much noise, for how long: `target_epsilon` or `noise_multiplier`, at `delta`, by `accountant`; `epochs` or
    `steps`; `max_grad_norm`, the most that one gradient counts.

    What is sampled: `examples`, the number of rows (or units), public: that of the data set, or, where that may not be
    known, the public number given. It and `batch` (the loader's) make the sampling rate, and the sum of the gradients
    is divided by `batch`, never by what was drawn. `sampling`: "poisson" whatever order the loader has, "each-once",
    "fixed", or "custom": a sampler of the user's own stays, loses the gain of chance, and is accounted so; it must not
    look at the data, nor have a row more than `repeats` times in a batch. Without it, "custom" for a loader with such a
    sampler, else "poisson".

    What is protected: `units`, one id for each row, protects all rows of an id (`unit` names the column). Units are
    drawn whole, their gradients added, then clipped, and `batch` counts units; collation must keep the rows in their
    order. `adjacency` is what neighbours differ by.

    How gradients are clipped: `clipping="ghost"` makes no gradients per row for linear layers and embeddings: the same
    weights, less memory. `microbatches` clips the mean gradients of as many parts of a batch, which doubles the
    sensitivity. `views` is how many versions of each row, one after the other, the loop puts through the model: the
    mean of their gradients is clipped as the row's, so that augmentation costs no privacy (De and others 2022, arXiv
    2204.13650). `adaptive` lets the norm follow the gradients from `max_grad_norm` on, and is accounted.
    `max_rows_at_once` cuts batches to fit in memory; the optimizer steps once all parts are through. `loss` says how
    the loss adds rows up.

    What is kept: with `ledger` the whole (epsilon, delta) is reserved at the start and committed with the digest of the
    weights once all steps are taken (or `Training.conclude()` was called), for `who` and `what`. `state` goes on from
    `Training.state()`, with fresh noise. `diagnostics="not private"` keeps sizes of batches and counts of clipped and
    bad gradients; it and `insecure_seed`, for tests, take the promise away.
    """

    delta: float
    target_epsilon: float | None = None
    noise_multiplier: float | None = None
    accountant: str = "pld"
    epochs: float | None = None
    steps: int | None = None
    max_grad_norm: float = 1.0
    examples: int | None = None
    batch: int | None = None
    sampling: str | None = None
    repeats: int = 1
    units: Sequence[Any] | None = None
    unit: str = "unit"
    adjacency: Adjacency = Adjacency.ADD_REMOVE
    clipping: Literal["per-example", "ghost"] = "per-example"
    microbatches: int | None = None
    views: int = 1
    adaptive: AdaptiveClipping | None = None
    max_rows_at_once: int | None = None
    loss: Literal["mean", "sum"] = "mean"
    ledger: Ledger | None = None
    who: str = "dp_training"
    what: str = "a model trained with dp_training"
    state: Mapping[str, Any] | None = None
    diagnostics: Literal["off", "not private"] = "off"
    insecure_seed: int | None = None

    def __post_init__(self) -> None:
        _known("clipping", self.clipping, ("per-example", "ghost"))
        _known("accountant", self.accountant, tuple(Accountant))
        _known("loss", self.loss, ("mean", "sum"))
        _known("diagnostics", self.diagnostics, ("off", "not private"))
        if self.sampling is not None:
            _known("sampling", self.sampling, tuple(Sampling))
        if self.max_rows_at_once is not None and self.max_rows_at_once < 1:
            raise AssayError("max_rows_at_once must be 1 or more.", code="plan", hint="Leave it out for whole batches.")
        if self.views < 1 or (self.views > 1 and (self.units is not None or self.microbatches is not None)):
            raise AssayError(
                "views must be 1 or more, and are of rows.", code="plan", hint="Leave units out, or views."
            )
        if self.ledger is not None and (self.diagnostics != "off" or self.insecure_seed is not None):
            raise AssayError(
                "A training that is not private has no place in a ledger.",
                code="plan",
                hint="Leave diagnostics and insecure_seed out, or the ledger.",
            )
        if self.units is not None and self.microbatches is not None:
            raise AssayError("Units are clipped whole.", code="plan", hint="Leave microbatches out.")
        summed = self.units is not None or self.microbatches is not None or self.views > 1
        if self.clipping == "ghost" and summed:
            raise AssayError(
                "Ghost clipping knows the norms of rows, not those of sums over units, views or microbatches.",
                code="plan",
                hint='Use clipping="per-example".',
            )

    def plan(self, loader: DataLoader[Any], /, *, count: int) -> Plan:
        """The Plan over `count` rows or units; its noise multiplier stands for one that is still to be found."""
        sampling = self._sampling(loader)
        batch: int | None = self.batch or loader.batch_size or getattr(loader.batch_sampler, "batch_size", None)
        if batch is None:
            raise AssayError("The loader has no batch size.", code="loader", hint="Give batch=, the expected number.")
        epochs, steps = self.epochs, self.steps
        if sampling is Sampling.CUSTOM and epochs is not None and steps is None:
            steps, epochs = max(1, round(epochs * len(loader))), None
        return Plan(
            examples=count if self.examples is None else self.examples,
            batch=batch,
            noise_multiplier=1.0 if self.noise_multiplier is None else self.noise_multiplier,
            epochs=epochs,
            steps=steps,
            max_grad_norm=self.max_grad_norm,
            sampling=sampling,
            adjacency=self.adjacency,
            unit=ROW if self.units is None else self.unit,
            microbatches=self.microbatches,
            clip_count_noise=None
            if self.adaptive is None
            else self.adaptive.noise_on_count(self.microbatches or batch),
            repeats=self.repeats,
        )

    def _sampling(self, loader: DataLoader[Any]) -> Sampling:
        """How rows are drawn; a loader that repeats rows is refused where that would not be counted."""
        custom = is_custom(loader)
        default = Sampling.CUSTOM if custom else Sampling.POISSON
        found = default if self.sampling is None else Sampling(self.sampling)
        if self.units is None and repeats_rows(loader.dataset):
            raise AssayError(
                "The data set of this loader has the same row at several places: it would count as several people.",
                code="repeats",
                hint="Give each row once, or name whose rows they are with units=.",
            )
        if found is not Sampling.CUSTOM:
            return found
        if self.units is not None:
            raise AssayError(
                "Units are drawn whole, which a sampler of rows cannot do.",
                code="sampler",
                hint="Use sampling='poisson'.",
            )
        if draws_again(loader) and self.repeats == 1:
            raise AssayError(
                f"The loader's {type(loader.sampler).__name__} draws rows again: one may be in a batch several times.",
                code="repeats",
                hint="Use sampling='poisson' (and weights in the loss), or give repeats=, the most times.",
            )
        return found


def _known(what: str, given: str, names: tuple[str, ...]) -> None:
    if given not in names:
        raise unknown(what, given, names)
