"""`assay privacy attack membership`: attacks on a model with its training rows and others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.core.errors import AssayError
from assay.core.finding import Finding, Run
from assay.core.house import House
from assay.core.part import command
from assay.privacy.membership.attack import Membership, attack_membership, chosen
from assay.privacy.membership.candidates import MOST, candidates, side_by_side
from assay.privacy.membership.measures import measures
from assay.privacy.membership.setting import KIND
from assay.privacy.membership.shadows import USUAL

if TYPE_CHECKING:
    from assay.data.case import Case

CHECK = "privacy.membership"
SHOWN = ("auc", "balanced_accuracy", "tpr_at_fpr_1pct", "tpr_at_fpr_0_1pct", "null_auc")
HEADS = ("AUC", "accuracy", "TPR at 1 %", "TPR at 0.1 %", "null AUC")


@dataclass(frozen=True)
class MembershipAnswer:
    """The stored Run of the check, and what the attacks found."""

    run: Run
    found: Membership

    def text(self) -> str:
        """A line for each attack, why the others were not made, and what follows."""
        sides = int(self.found.member.sum()), int((~self.found.member).sum())
        lines = [f"{sides[0]:,} members and {sides[1]:,} non-members.", ""]
        by_attack: dict[str, dict[str, Finding]] = {}
        for finding in self.run.findings:
            by_attack.setdefault(finding.measure.slice.get("attack") or "", {})[finding.measure.name] = finding
        overall = by_attack.pop("", {})
        rows = [_row(attack, numbers) for attack, numbers in by_attack.items() if "auc" in numbers]
        lines += _aligned([["attack", *HEADS, "verdict"], *rows]) if rows else []
        lines += _reasons(by_attack)
        lines += [""] + [f"{name}: {_number(finding)}" for name, finding in overall.items()]
        notes = {note.text(): None for f in self.run.findings for note in f.measure.notes}
        lines += [f"- {note}" for note in notes]
        lines.append(f"Run {self.run.id}. See it again, with all numbers: assay run show {self.run.id} --all")
        return "\n".join(line.rstrip() for line in lines)

    def to_json(self) -> Any:
        """The Run."""
        return self.run.to_json()


@command(title="Whether a model tells who was in its training data", needs_model=True)
def membership(
    house: House,
    case: Case,
    /,
    *,
    nonmembers: str = "",
    attack: tuple[str, ...] = (),
    trainer: str = "",
    shadows: int = USUAL,
    rows: int = MOST,
    seed: int = 0,
) -> MembershipAnswer:
    """`--data members.parquet --nonmembers others.parquet --label y --model model.skops`: how well each attack tells
    the rows of the first file, which the model was trained on, from those of the second, which it was not. Without
    `--nonmembers` the role `--split` says which rows were trained on.

    LiRA and RMIA train `--shadows 16` models on halves of the rows: `--trainer module:function` names a function of the
    installed code that gets a pandas frame and the labels and gives a fitted model; it runs in this process. LightGBM
    and XGBoost boosters that are opened in this process are trained by their parameters. `--attack lira-online` asks
    for one attack, repeated for more; at most `--rows` members and as many others are attacked.

    The numbers are stored as a Run of `privacy.membership`. A true positive rate at 1 % false positives needs 1,000
    non-members, at 0.1 % it needs 10,000.
    """
    from assay.models.trainers import trainer_named

    train = trainer_named(trainer)
    asked = chosen(house.parts(KIND), attack)
    whole = with_nonmembers(case, nonmembers) if nonmembers else case
    drawn = candidates(whole, most=rows, seed=seed)
    if drawn.rows is None or whole.model is None:
        raise AssayError(
            f"Nothing can be attacked: {drawn.reason.text() if drawn.reason else 'there is no model'}.",
            code="membership",
            hint="Give --model, --label, and --nonmembers FILE or --split COLUMN.",
        )
    level = house.policy.rules.level
    found = attack_membership(
        whole.model,
        drawn.rows,
        drawn.member,
        attacks=asked,
        trainer=train,
        shadows=shadows,
        seed=seed,
        level=level,
        progress=house.progress,
    )
    params: dict[str, Any] = {"trainer": trainer, "shadows": shadows, "rows": rows, "level": level, "seed": seed}
    params |= {"attack": list(attack)} if attack else {}
    made = tuple(measures(found, level=level, notes=drawn.notes))
    return MembershipAnswer(house.judge(CHECK, whole, made, params=params), found)


def with_nonmembers(case: Case, path: str, /) -> Case:
    """The rows of `case` as training rows and those of the file at `path` as others, with a column that says which."""
    label = case.roles.label
    if label is None or case.model is None or not case.model_columns:
        raise AssayError(
            "Members and non-members need a label, and a model of a table.", code="membership", hint="Give --label."
        )
    return side_by_side(
        case.model,
        case.rows(list(dict.fromkeys((*case.model_columns, label, *case.roles.protected)))),
        path,
        label=label,
        features=case.model_columns,
        protected=case.roles.protected,
        name=case.name,
        task=case.task,
        favourable=case.roles.favourable,
    )


def _row(attack: str, numbers: dict[str, Finding]) -> list[str]:
    verdicts = [f.verdict.value for f in numbers.values() if f.verdict is not None and f.measure.value is not None]
    worst = next((v for v in ("fail", "inconclusive", "warn", "pass") if v in verdicts), "")
    return [attack, *(_number(numbers.get(name)) for name in SHOWN), worst]


def _number(finding: Finding | None) -> str:
    if finding is None or finding.measure.value is None:
        return "–"
    m = finding.measure
    return f"{m.value:.3f}" + (f" [{m.interval.low:.3f}, {m.interval.high:.3f}]" if m.interval else "")


def _reasons(by_attack: dict[str, dict[str, Finding]]) -> list[str]:
    """Why numbers are missing, each reason once, with the attacks that lack them."""
    found: dict[str, list[str]] = {}
    for attack, numbers in by_attack.items():
        for finding in numbers.values():
            if finding.measure.reason is not None:
                attacks = found.setdefault(finding.measure.reason.text(), [])
                attacks += [] if attack in attacks else [attack]
    return ["", *(f"– {', '.join(attacks)}: {reason}" for reason, attacks in found.items())] if found else []


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
