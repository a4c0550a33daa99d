"""`assay privacy attack extraction`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.core.house import House
from assay.core.part import command
from assay.privacy.checks.extraction import extraction as check
from assay.privacy.commands.attacks.answer import AttackAnswer, answered
from assay.privacy.inference.victim import MOST

if TYPE_CHECKING:
    from assay.data.case import Case


@command(title="Whether a model can be copied by asking it", needs_model=True)
def extraction(
    house: House,
    case: Case,
    /,
    *,
    nonmembers: str = "",
    queries: int = 1000,
    strategy: tuple[str, ...] = (),
    defence: str = "",
    defence_trainer: str = "",
    rows: int = MOST,
    seed: int = 0,
) -> AttackAnswer:
    """`--data members.parquet --nonmembers others.parquet --label y --model model.skops --queries 2000`: copies the
    model from its answers to rows of the second file, and says how often each copy agrees with it on other rows there.
    Without `--nonmembers` the role `--split` says which rows were trained on.

    `--strategy random-rows` asks in one way only, repeated for more. `--defence top-one` (or `round-outputs`,
    `noisy-outputs`, `regularise`) repeats the attack behind that defence, with the accuracy that it costs. The numbers
    are stored as Runs of `privacy.extraction`, with the agreement against the queries spent.
    """
    params = {
        "queries": queries,
        "strategies": strategy,
        "defence": defence,
        "defence_trainer": defence_trainer,
        "rows": rows,
        "seed": seed,
    }
    return answered(house, check, case, nonmembers=nonmembers, params=params)
