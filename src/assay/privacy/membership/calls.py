"""The Python face of membership attacks: a model and two tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay.core.errors import AssayError
from assay.core.house import Progress
from assay.models.live import wrap
from assay.models.trainers import Trainer
from assay.privacy.membership.attack import Membership, chosen, own_attacks
from assay.privacy.membership.attack import attack_membership as attacked
from assay.privacy.membership.candidates import MOST, candidates, side_by_side
from assay.privacy.membership.shadows import USUAL


def attack_membership(
    model: Any,
    members: Any,
    nonmembers: Any,
    /,
    *,
    label: str,
    features: Sequence[str] = (),
    attacks: Sequence[str] = (),
    trainer: Trainer | None = None,
    shadows: int = USUAL,
    rows: int = MOST,
    level: float = 0.95,
    seed: int = 0,
    jobs: int = 2,
    progress: Progress | None = None,
) -> Membership:
    """How well attacks tell `members`, the rows that `model` was trained on, from `nonmembers`, which it was not.

    Both are frames, paths or relations with the column `label`; `features` are what the model is fed (what it knows
    itself, or all other columns). `model` is a classifier that `assay.wrap_model` takes. `attacks` are ids, all where
    none are named. LiRA and RMIA train `shadows` models, `jobs` at once: by `trainer`, which gets a frame and the
    labels; without one an estimator is cloned and a booster trained by its parameters. At most `rows` of each side.
    Raises AssayError where there are too few rows.
    """
    judged = wrap(model)
    favourable = judged.classes[-1] if len(judged.classes) == 2 else None
    case = side_by_side(judged, members, nonmembers, label=label, features=features, favourable=favourable)
    drawn = candidates(case, most=rows, seed=seed)
    if drawn.rows is None:
        raise AssayError(f"Nothing can be attacked: {drawn.reason.text() if drawn.reason else ''}.", code="membership")
    return attacked(
        judged,
        drawn.rows,
        drawn.member,
        attacks=chosen(own_attacks(), tuple(attacks)),
        trainer=trainer,
        shadows=shadows,
        level=level,
        seed=seed,
        jobs=jobs,
        progress=progress,
    )
