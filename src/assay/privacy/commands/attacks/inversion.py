"""`assay privacy attack inversion`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.core.house import House
from assay.core.part import command
from assay.privacy.checks.inversion import inversion as check
from assay.privacy.commands.attacks.answer import AttackAnswer, answered
from assay.privacy.inference.victim import MOST

if TYPE_CHECKING:
    from assay.data.case import Case


@command(title="Whether training rows can be rebuilt from what a model is sure of", needs_model=True)
def inversion(
    house: House,
    case: Case,
    /,
    *,
    nonmembers: str = "",
    defence: str = "",
    defence_trainer: str = "",
    rows: int = MOST,
    seed: int = 0,
) -> AttackAnswer:
    """`--data members.parquet --nonmembers others.parquet --label y --model model.skops`: rebuilds inputs that the
    model is most sure of, and says whether they lie nearer to rows that it was trained on than to others of a class.
    Without `--nonmembers` the role `--split` says which rows were trained on.

    `--defence round-outputs` (or `noisy-outputs`, `top-one`, `regularise`) repeats the attack behind that defence, with
    the accuracy that it costs. The numbers are stored as Runs of `privacy.inversion`; what was rebuilt is not kept, for
    it may be a person.
    """
    params = {"defence": defence, "defence_trainer": defence_trainer, "rows": rows, "seed": seed}
    return answered(house, check, case, nonmembers=nonmembers, params=params)
