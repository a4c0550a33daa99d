"""A model that can be read, as it is: the rules of its tree, its coefficients, its additive terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.core.errors import Message
from assay.explain.overall.asked import asked
from assay.explain.overall.inside.coefficients import Coefficient, coefficients
from assay.explain.overall.inside.meaning import meanings
from assay.explain.overall.inside.rules import rules
from assay.explain.overall.inside.terms import Term, terms
from assay.explain.question import Question

if TYPE_CHECKING:
    from assay.data.case import Case

MOST_RULES = 64
ROWS = 2000


@dataclass(frozen=True, slots=True)
class LeafRule:
    """One leaf in words: tree number `tree` adds `adds` on `n` of the rows, a `share` of them."""

    tree: int
    rule: str
    adds: float
    n: int
    share: float


@dataclass(frozen=True, slots=True)
class Intrinsic:
    """What can be read of a model: `rules`, `coefficients` or `terms`, on top of `base`, on `scale`; or the `reason`
    why nothing can.

    The sum is that of the class that is explained (`target`); several classes' scores are compared with each other.
    """

    target: str
    n: int
    scale: str = ""
    base: float = 0.0
    rules: tuple[LeafRule, ...] = ()
    coefficients: tuple[Coefficient, ...] = ()
    terms: tuple[Term, ...] = ()
    reason: Message | None = None

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON types."""
        return {
            "target": self.target,
            "rows": self.n,
            "scale": self.scale,
            "base": self.base,
            "rules": [[each.tree, each.rule, each.adds, each.n, each.share] for each in self.rules],
            "coefficients": [each.to_json() for each in self.coefficients],
            "terms": [[each.name, each.importance, each.low, each.high] for each in self.terms],
            "reason": self.reason.text() if self.reason else None,
        }


def intrinsic(about: Question | Case, /, *, most: int = MOST_RULES, limit: int = ROWS, seed: int = 0) -> Intrinsic:
    """The Intrinsic view of the model: its own numbers, nothing fitted and nothing approximated.

    Sums of trees with at most `most` leaves together become rules; linear models coefficients per unit of a column, per
    standard deviation over the rows, and of each level against the most frequent one; estimators in this process with
    `term_names_` and `term_scores_` (explainable boosting machines) their terms. Of any other model the reason why it
    cannot be read.
    """
    question = asked(about, limit=limit, seed=seed)
    target, model = question.target, question.target.model
    additive = terms(getattr(model, "estimator", None), target.output)
    empty = Intrinsic(target.name, len(question.rows))
    if additive is not None:
        return Intrinsic(target.name, len(question.rows), additive.scale, additive.intercept, terms=additive.terms)
    inside = model.inside() if hasattr(model, "inside") else None
    if inside is None or inside.form is None:
        unread = Message("answers-only", "the model gives answers only; what is inside cannot be read")
        return Intrinsic(target.name, empty.n, reason=inside.reason if inside is not None and inside.reason else unread)
    return _coefficients(question) if inside.linear is not None else _rules(question, most)


def _coefficients(question: Question) -> Intrinsic:
    form = question.target.model.linear()  # type: ignore[attr-defined]
    found = coefficients(question, form, sign=_sign(question, form.outputs))
    return Intrinsic(
        question.target.name, len(question.rows), form.scale, found.intercept, coefficients=found.coefficients
    )


def _rules(question: Question, most: int) -> Intrinsic:
    target, rows = question.target, question.rows
    model: Any = target.model
    ensemble = model.ensemble()
    leaves = int((ensemble.left < 0).sum())
    if leaves > most:
        text = "the model sums {trees} trees with {leaves} leaves; {most} rules can be read"
        params = {"trees": ensemble.trees, "leaves": leaves, "most": most}
        return Intrinsic(target.name, len(rows), reason=Message("too-many-rules", text, params))
    reached = ensemble.leaves(model.encode(question.columns.decode(rows)).matrix)
    sign = _sign(question, ensemble.outputs)
    place = target.output if ensemble.outputs > 1 and target.output is not None else 0
    base = sign * float(ensemble.base[place])
    listed = []
    for rule in rules(ensemble, meanings(model, question.columns, rows), question.columns, rows):
        n = int((reached[:, rule.tree] == rule.leaf).sum())
        adds = sign * float(rule.values[place])
        listed.append(LeafRule(rule.tree, rule.text(), adds, n, n / len(rows)))
    if sign < 0 and ensemble.scale == "probability":
        base += 1.0  # the other class's probability is one less this one's
    return Intrinsic(target.name, len(rows), ensemble.scale, base, rules=tuple(listed))


def _sign(question: Question, outputs: int) -> float:
    """−1 where the form's one output is of the second of two classes, and the first is explained."""
    return -1.0 if outputs == 1 and question.target.output == 0 else 1.0
