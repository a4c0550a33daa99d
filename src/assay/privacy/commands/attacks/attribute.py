"""`assay privacy attack attribute`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.core.house import House
from assay.core.part import command
from assay.privacy.checks.attribute_inference import attribute_inference
from assay.privacy.commands.attacks.answer import AttackAnswer, answered
from assay.privacy.inference.victim import MOST

if TYPE_CHECKING:
    from assay.data.case import Case


@command(title="Whether a model tells an attribute of people it was trained on", needs_model=True)
def attribute(
    house: House,
    case: Case,
    /,
    *,
    nonmembers: str = "",
    attribute: tuple[str, ...] = (),
    defence: str = "",
    defence_trainer: str = "",
    rows: int = MOST,
    seed: int = 0,
) -> AttackAnswer:
    """`--data members.parquet --nonmembers others.parquet --label y --model model.skops --attribute religion`: how much
    more often an attribute is guessed with the model than without it, of rows that it was trained on and of others.
    Without `--nonmembers` the role `--split` says which rows were trained on.

    `--attribute` names a column that the model is fed or a protected attribute, repeated for more; without it the
    protected attributes are asked, and the quasi-identifiers that the model is fed. `--defence round-outputs` (or
    `noisy-outputs`, `top-one`, `regularise`) repeats the attack behind that defence, with the accuracy that it costs.
    The numbers are stored as Runs of `privacy.attribute_inference`.
    """
    params = {
        "attributes": attribute,
        "defence": defence,
        "defence_trainer": defence_trainer,
        "rows": rows,
        "seed": seed,
    }
    return answered(house, attribute_inference, case, nonmembers=nonmembers, params=params)
