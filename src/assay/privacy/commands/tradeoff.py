"""`assay privacy tradeoff`: what privacy costs, and whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from assay.core.house import House
from assay.core.part import command
from assay.privacy.commands.train import settings_of

if TYPE_CHECKING:
    from assay.privacy.tradeoffs.report import Tradeoff


@dataclass(frozen=True)
class TradeoffAnswer:
    """The report and its files."""

    found: Tradeoff
    files: Sequence[Path]

    def text(self) -> str:
        """The tables, how to read them, and where the picture is."""
        return "\n".join([self.found.text(), f"Written: {', '.join(map(str, self.files))}"])

    def to_json(self) -> dict[str, Any]:
        """The report, and the names of its files."""
        return {**self.found.to_json(), "files": [str(file) for file in self.files]}


@command(title="Accuracy, fairness and membership risk against epsilon", needs_case=False)
def tradeoff(
    house: House,
    /,
    *,
    data: str,
    schema: str,
    label: str,
    protected: tuple[str, ...],
    out: str,
    model: Literal["logistic", "mlp"] = "logistic",
    epsilon: str = "0.5,1,2,4,8",
    delta: float = 1e-5,
    seeds: int = 5,
    favourable: str | None = None,
    held_out: float = 0.3,
    batch: int | None = None,
    epochs: float | None = None,
    clip: float = 1.0,
    optimizer: Literal["adam", "sgd"] = "adam",
    rate: float | None = None,
    hidden: str = "64",
    activation: Literal["tanh", "relu"] = "tanh",
    accountant: Literal["pld", "rdp"] = "pld",
    seed: int = 0,
) -> TradeoffAnswer:
    """Train `--seeds 5` models on DATA at each `--epsilon 0.5,1,2,4,8` and as many without privacy, judge each on the
    rows held out of training, and write a page with picture and tables to the new folder OUT.

    `--protected sex` (repeated for more) names the groups: their accuracy with its interval and n, what privacy takes
    from each of them, and the gaps of the fairness checks over them; the label's `--favourable` value is needed where
    it is not 0 and 1. Membership risk is a threshold on the loss, members against held-out rows, beside the most that
    any attack can find. SCHEMA and the settings of the training are those of `assay privacy train`.

    The report is NOT private: it is for the people who hold the data. One Run of audit a model is stored. Every row is
    taken to be a person of its own.
    """
    given = {name: value for name, value in locals().items() if name != "house"}
    from assay.privacy.tradeoffs.calls import tradeoff as made
    from assay.privacy.tradeoffs.report import epsilons_of
    from assay.privacy.training.saved import check_new

    check_new(Path(out))
    found = made(
        data,
        schema=schema,
        label=label,
        protected=protected,
        audit=house.audit,
        epsilons=epsilons_of(epsilon),
        delta=delta,
        runs=seeds,
        settings=settings_of(given | {"max_rows": 1}),
        favourable=favourable,
        held_out=held_out,
        min_cell=house.policy.rules.min_cell,
        level=house.policy.rules.level,
        seed=seed,
        progress=house.progress,
    )
    return TradeoffAnswer(found, found.write(out))
