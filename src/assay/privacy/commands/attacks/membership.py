"""`assay privacy attack membership`: attacks on a model with its training rows and others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.core.errors import AssayError
from assay.core.finding import Finding, Run
from assay.core.house import House
from assay.core.part import Part, command
from assay.core.subject import Model
from assay.models.trainers import Trainer
from assay.privacy.commands.attacks.sides import with_nonmembers
from assay.privacy.inference.guarded import Undefended, defended, trained_alike
from assay.privacy.inference.victim import training_rows
from assay.privacy.membership.attack import Attack, Membership, attack_membership, chosen
from assay.privacy.membership.candidates import MOST, Candidates, candidates
from assay.privacy.membership.measures import measures
from assay.privacy.membership.setting import KIND
from assay.privacy.membership.shadows import SHADOWS, USUAL

if TYPE_CHECKING:
    from assay.data.case import Case

CHECK = "privacy.membership"
SHOWN = ("auc", "balanced_accuracy", "tpr_at_fpr_1pct", "tpr_at_fpr_0_1pct", "null_auc")
HEADS = ("AUC", "accuracy", "TPR at 1 %", "TPR at 0.1 %", "null AUC")


@dataclass(frozen=True)
class MembershipAnswer:
    """The stored Run of the check and what the attacks found; with a `defence` also what they found behind it."""

    run: Run
    found: Membership
    defence: str = ""
    after: MembershipAnswer | None = None

    def text(self) -> str:
        """A line for each attack, why the others were not made, and what follows; then the same behind the defence."""
        sides = int(self.found.member.sum()), int((~self.found.member).sum())
        lines = [f"{sides[0]:,} members and {sides[1]:,} non-members.", ""]
        by_attack = _by_attack(self.run)
        overall = by_attack.pop("", {})
        rows = [_row(attack, numbers) for attack, numbers in by_attack.items() if "auc" in numbers]
        lines += _aligned([["attack", *HEADS, "verdict"], *rows]) if rows else []
        lines += _reasons(by_attack)
        lines += ["", f"accuracy: {self.found.right[0]:.3f} on members, {self.found.right[1]:.3f} on non-members"]
        lines += [f"{name}: {_number(finding)}" for name, finding in overall.items()]
        notes = {note.text(): None for f in self.run.findings for note in f.measure.notes}
        lines += [f"- {note}" for note in notes]
        lines.append(f"Run {self.run.id}. See it again, with all numbers: assay run show {self.run.id} --all")
        if self.after is not None:
            lines += ["", *_compared(self, self.after)]
        return "\n".join(line.rstrip() for line in lines)

    def to_json(self) -> Any:
        """The Run; with a defence `{"before", "after", "defence"}`."""
        if self.after is None:
            return self.run.to_json()
        return {"before": self.run.to_json(), "after": self.after.run.to_json(), "defence": self.defence}


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
    defence: str = "",
    defence_trainer: str = "",
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

    `--defence round-outputs` (or `noisy-outputs`, `top-one`, `regularise`) repeats the attacks behind that defence,
    with the accuracy that it costs; the shadow models then stand behind it too. `--defence-trainer` trains with
    stronger regularisation where that is not known here.

    The numbers are stored as a Run of `privacy.membership`. A true positive rate at 1 % false positives needs 1,000
    non-members, at 0.1 % it needs 10,000.
    """
    from assay.models.trainers import trainer_named

    train, stronger = trainer_named(trainer), trainer_named(defence_trainer)
    asked = chosen(house.parts(KIND), attack)
    whole = with_nonmembers(case, nonmembers) if nonmembers else case
    drawn = candidates(whole, most=rows, seed=seed)
    model = whole.model
    if drawn.rows is None or model is None:
        raise AssayError(
            f"Nothing can be attacked: {drawn.reason.text() if drawn.reason else 'there is no model'}.",
            code="membership",
            hint="Give --model, --label, and --nonmembers FILE or --split COLUMN.",
        )
    params: dict[str, Any] = {"trainer": trainer, "shadows": shadows, "rows": rows, "seed": seed}
    params |= {"attack": list(attack)} if attack else {}
    before = _answered(house, whole, drawn, model, asked, train, params)
    if not defence:
        return before
    safer = defended(defence, Undefended(model, lambda: training_rows(whole, seed=seed), stronger))
    alike = trained_alike(safer, stronger or train)
    after = _answered(house, whole, drawn, safer, asked, alike, params | {"defence": defence})
    return MembershipAnswer(before.run, before.found, defence, after)


def _answered(
    house: House,
    case: Case,
    drawn: Candidates,
    model: Model,
    asked: dict[str, Part[Attack]],
    trainer: Trainer | None,
    params: dict[str, Any],
) -> MembershipAnswer:
    """The attacks on `model`, and their stored Run."""
    assert drawn.rows is not None
    level, seed = house.policy.rules.level, int(params["seed"])
    if params["shadows"]:
        case.require_consent(SHADOWS, held_out=True)
    found = attack_membership(
        *(model, drawn.rows, drawn.member),
        attacks=asked,
        trainer=trainer,
        shadows=int(params["shadows"]),
        seed=seed,
        level=level,
        progress=house.progress,
    )
    made = tuple(measures(found, level=level, notes=drawn.notes))
    return MembershipAnswer(house.judge(CHECK, case, made, params={**params, "level": level}), found)


def _by_attack(run: Run) -> dict[str, dict[str, Finding]]:
    """Findings by attack ("" for those of none) and by the name of the measure."""
    found: dict[str, dict[str, Finding]] = {}
    for finding in run.findings:
        found.setdefault(finding.measure.slice.get("attack") or "", {})[finding.measure.name] = finding
    return found


def _compared(bare: MembershipAnswer, safer: MembershipAnswer) -> list[str]:
    """AUC and true positive rate of each attack before and behind the defence, and the accuracy that it costs."""
    behind = f"behind {bare.defence}"
    before, after = _by_attack(bare.run), _by_attack(safer.run)
    rows = [["", "", "before", behind]]
    for attack in (name for name in before if name):
        for measure, head in (("auc", "AUC"), ("tpr_at_fpr_1pct", "TPR at 1 %")):
            cells = [_number(one.get(attack, {}).get(measure)) for one in (before, after)]
            rows += [[attack, head, *cells]] if set(cells) != {"–"} else []
    rights = [(one.found.right[0], one.found.right[1]) for one in (bare, safer)]
    for place, side in enumerate(("members", "non-members")):
        rows.append(["accuracy", f"on {side}", *(f"{right[place]:.3f}" for right in rights)])
    known = _reasons({name: numbers for name, numbers in before.items() if name})
    new = [line for line in _reasons({name: found for name, found in after.items() if name}) if line not in known]
    lines = [*_aligned(rows), "", *(f"{behind} {line}" for line in new if line)]
    return [*lines, f"Run {safer.run.id}. See it again, with all numbers: assay run show {safer.run.id} --all"]


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
