"""Attacks made on one model, and how well each tells its members from others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from assay.core.errors import AssayError, Message, unknown
from assay.core.house import Progress
from assay.core.part import Part
from assay.core.subject import Model
from assay.models.trainers import Trainer, TrainingRows
from assay.privacy.membership.answers import Bools, Floats, Places, answers_of
from assay.privacy.membership.learned import without_the_model
from assay.privacy.membership.scoring import Rate, area, balanced_accuracy, best_threshold, needed, tpr_at
from assay.privacy.membership.setting import Scored, Setting
from assay.privacy.membership.shadows import NO_SHADOWS, USUAL, Shadows, train_shadows
from assay.stats.auc import AUC

Attack = Callable[[Setting], Scored]
FEWEST = 50
"""Members, and non-members, below which nothing is attacked: half of them choose the threshold."""
FALSE_POSITIVE_RATES = (0.01, 0.001)


@dataclass(frozen=True, eq=False)
class Success:
    """How one attack told members from others, or the `reason` why it could not be made.

    `scores` are larger for who looks like a member, of the rows at `places`; `own` says which of these are members and
    `judged` which did not choose the threshold. `auc` and `tpr` (by false positive rate, only those that the
    non-members can carry) are over all rows scored, `accuracy` over those judged; `null` is the AUC of the same attack
    where random non-members are called members.
    """

    attack: str
    method: str = ""
    reason: Message | None = None
    scores: Floats = field(default_factory=lambda: np.empty(0))
    places: Places = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    own: Bools = field(default_factory=lambda: np.empty(0, dtype=np.bool_))
    judged: Bools = field(default_factory=lambda: np.empty(0, dtype=np.bool_))
    threshold: float = 0.0
    auc: AUC | None = None
    accuracy: Rate | None = None
    tpr: Mapping[float, Rate] = field(default_factory=dict)
    null: AUC | None = None

    @property
    def sides(self) -> tuple[int, int]:
        """Members and non-members scored."""
        return int(self.own.sum()), int((~self.own).sum())

    @property
    def judged_sides(self) -> tuple[int, int]:
        """Members and non-members by which the threshold was judged."""
        return int((self.own & self.judged).sum()), int((~self.own & self.judged).sum())


@dataclass(frozen=True, eq=False)
class Membership:
    """What attacks found: their Successes by id; `blind`, the AUC of a classifier that never asks the model.

    `member` (rows,) says who was trained on; `right` is the model's accuracy on members and on others.
    """

    successes: Mapping[str, Success]
    member: Bools
    right: tuple[float, float]
    blind: AUC | None


def attack_membership(
    model: Model,
    rows: TrainingRows,
    member: Bools,
    /,
    *,
    attacks: Mapping[str, Part[Attack]] | None = None,
    trainer: Trainer | None = None,
    shadows: int = USUAL,
    seed: int = 0,
    level: float = 0.95,
    blind: bool = True,
    jobs: int = 2,
    progress: Progress | None = None,
) -> Membership:
    """How well each attack tells the rows that `model` was trained on (`member`) from the others.

    `rows` hold the inputs and the labels, as positions in the classes of the model; `attacks` are parts by id, those of
    this area where none are given. Half of the members and half of the others, at random, are told to the attacker:
    fitted attacks are fitted on these, and thresholds chosen. `shadows` models are trained where an attack asks for
    them; 0 for none. `blind` also asks a classifier that never asks the model. Raises AssayError "too-few" under 50
    members or non-members, and "task" for a regression.
    """
    if not model.classes:
        raise AssayError("Membership attacks are for classifiers.", code="task", hint="Give a model with classes.")
    counts = int(member.sum()), int((~member).sum())
    if min(counts) < FEWEST:
        raise AssayError(
            f"{counts[0]} members and {counts[1]} non-members are too few to attack.",
            code="too-few",
            hint=f"Give {FEWEST} of each or more; for a true positive rate at 1 %, {needed(0.01):,} non-members.",
        )
    todo = own_attacks() if attacks is None else attacks

    @cache
    def trained() -> Shadows:
        if not shadows:
            return Shadows(reason=NO_SHADOWS)
        return train_shadows(model, rows, count=shadows, trainer=trainer, seed=seed, jobs=jobs, progress=progress)

    told = _half(member, np.random.default_rng([seed, 0]))
    answers = answers_of(model, rows)
    setting = Setting(model, rows, answers, told, member[told], trained, seed, progress)
    found = {id: _success(id, attack.make, setting, member, level=level) for id, attack in todo.items()}
    right = (float(answers.correct[member].mean()), float(answers.correct[~member].mean()))
    return Membership(found, member, right, _blind(setting, member, level=level) if blind else None)


def _blind(setting: Setting, member: Bools, *, level: float) -> AUC | None:
    """The AUC on the rows untold of a classifier fitted on the inputs and labels of those told; None for texts."""
    untold = setting.untold
    guesses = without_the_model(setting.rows, setting.told, setting.told_member, untold, seed=setting.seed)
    own = member[untold]
    return None if guesses is None else area(guesses[own], guesses[~own], level=level)


def chosen(attacks: Mapping[str, Part[Attack]], names: tuple[str, ...], /) -> dict[str, Part[Attack]]:
    """The attacks called `names`, all where none are named; an unknown one is an error."""
    for name in names:
        if name not in attacks:
            raise unknown("attack", name, attacks, code="attack")
    return {name: attacks[name] for name in (names or attacks)}


def own_attacks() -> dict[str, Part[Attack]]:
    """The attacks of this area by id."""
    from assay.privacy.attacks import entropy, label_only, lira, loss_threshold, rmia, trained

    modules: list[Any] = [loss_threshold, entropy, trained, label_only, lira, rmia]
    return {thing.id: thing for module in modules for thing in vars(module).values() if isinstance(thing, Part)}


def _half(member: Bools, rng: np.random.Generator) -> Places:
    """Places of a random half of the members and a random half of the others, sorted."""
    sides = [rng.permutation(np.flatnonzero(side)) for side in (member, ~member)]
    return np.sort(np.concatenate([side[: len(side) // 2] for side in sides]))


def _success(id: str, attack: Attack, setting: Setting, member: Bools, /, *, level: float) -> Success:
    scored = attack(setting)
    if scored.scores is None:
        return Success(id, reason=scored.reason)
    places = np.arange(len(member)) if scored.places is None else scored.places
    own, scores = member[places], scored.scores
    told = np.isin(places, setting.told)
    threshold = scored.threshold
    if threshold is None:
        if not (told & own).any() or not (told & ~own).any():
            raise AssayError(f"The attack {id!r} scores no rows told, and names no threshold.", code="attack")
        threshold = best_threshold(scores[told & own], scores[told & ~own])
    judged = ~told
    members, others = scores[own], scores[~own]
    return Success(
        id,
        scored.method,
        scores=scores,
        places=places,
        own=own,
        judged=judged,
        threshold=threshold,
        auc=area(members, others, level=level),
        accuracy=balanced_accuracy(scores[judged & own], scores[judged & ~own], threshold=threshold, level=level),
        tpr={
            rate: tpr_at(members, others, fpr=rate, level=level)
            for rate in FALSE_POSITIVE_RATES
            if len(others) >= needed(rate)
        },
        null=_null(attack, setting, scored, member, level=level),
    )


def _null(attack: Attack, setting: Setting, scored: Scored, member: Bools, *, level: float) -> AUC | None:
    """The AUC of the attack among non-members of which a random half is called members: 0.5 but for chance.

    An attack that was fitted is fitted anew, on half of these rows; the scores of another do not know of membership.
    """
    rng = np.random.default_rng([setting.seed, 4])
    if scored.threshold is None and scored.scores is not None:
        places = np.arange(len(member)) if scored.places is None else scored.places
        scores = rng.permutation(scored.scores[~member[places]])
        return area(scores[::2], scores[1::2], level=level) if len(scores) > 1 else None
    others = np.flatnonzero(~member)
    called = rng.permutation(len(others)) < len(others) // 2
    told = _half(called, rng)
    again = attack(setting.only(others, told, called[told]))
    if again.scores is None or again.places is None:
        return None
    own = called[again.places]
    return area(again.scores[own], again.scores[~own], level=level) if own.any() and not own.all() else None
