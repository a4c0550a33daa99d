"""One row from every side: what counted, what would change the decision, and who was decided otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.core.errors import unknown
from assay.core.house import Progress
from assay.explain.attribution import Attributions
from assay.explain.commands.page import page
from assay.explain.drawing.recourse import recourse as drawn_recourse
from assay.explain.drawing.terminal import terminal
from assay.explain.drawing.waterfall import waterfall
from assay.explain.recourse.counterfactual import Change, Counterfactual, Recourse, Value, Ways
from assay.explain.recourse.neighbours import Neighbours
from assay.pictures.wording import clean

if TYPE_CHECKING:
    from assay.data.case import Case
    from assay.explain.question import Question
    from assay.explain.words.paragraph import Audience, Paragraph
    from assay.explain.words.vocabulary import Vocabulary

LONGEST = 120
"""Letters of a name or value that are shown."""


@dataclass(frozen=True, eq=False)
class Local:
    """Everything about one row; `recourse` and `neighbours` are None for a regression without a target."""

    place: int
    decision: str
    attributions: Attributions
    recourse: Recourse | None
    neighbours: Neighbours | None
    paragraph: Paragraph | None = None

    def text(self) -> str:
        """The row as a table with bars, the ways to another answer, and the nearest rows that have it; for an audience
        its paragraph alone."""
        if self.paragraph is not None:
            return self.paragraph.text
        parts = [self.decision, "", terminal(self.attributions, 0), *self._additivity()]
        if self.recourse is not None:
            parts += ["", *_ways(self.recourse, self.recourse[0])]
        if self.neighbours is not None:
            parts += ["", *_nearest(self.neighbours)]
        return "\n".join(parts)

    def _additivity(self) -> list[str]:
        found = self.attributions
        if not found.additive or found.holds.all():
            return []
        return [
            f"The parts miss the answer by {found.residual[0]:+.3g}: more than the arithmetic of the model explains."
        ]

    def to_json(self) -> dict[str, Any]:
        """Every part as JSON types."""
        return {
            "row": self.place,
            "decision": self.decision,
            "attributions": self.attributions.to_json(),
            "counterfactuals": None if self.recourse is None else self.recourse.to_json(),
            "nearest_unlike": None if self.neighbours is None else self.neighbours.to_json(),
        } | ({} if self.paragraph is None else {"paragraph": self.paragraph.to_json()})

    def html(self) -> str:
        """One page with the pictures; it needs nothing from outside, and every text in it is escaped."""
        pictures = [waterfall(self.attributions, 0)]
        if self.recourse is not None and self.recourse[0].found:
            pictures.append(drawn_recourse(self.recourse, 0))
        after = _nearest(self.neighbours) if self.neighbours is not None else []
        if self.recourse is not None and not self.recourse[0].found:
            after = [*_ways(self.recourse, self.recourse[0]), "", *after]
        said = self.decision if self.paragraph is None else self.paragraph.text
        return page(f"Row {self.place}", said.split("\n"), pictures, after)


def explain_row(
    case: Case,
    place: int,
    /,
    *,
    method: str,
    explainers: Mapping[str, Any],
    output: str | None,
    target: str | Sequence[float | None] | None,
    exact: bool,
    count: int,
    background: int,
    constraints: Mapping[str, Any],
    audience: Audience | None,
    vocabulary: Vocabulary,
    seed: int,
    progress: Progress | None,
) -> Local:
    """The Local of the row at `place` of a Case; with an `audience` it has a Paragraph in the words of `vocabulary`."""
    from assay.explain import face
    from assay.explain.question import question
    from assay.explain.recourse.neighbours import nearest_unlike

    found = _attributions(case, place, method, explainers, output=output, background=background, seed=seed)
    wide = question(case, [place], output=output, background=face.RECOURSE_BACKGROUND, seed=seed)
    number = float(wide.target(wide.rows)[0])
    if wide.target.output is None:
        said = f"Row {place}: the prediction is {number:.6g}."
    else:
        is_so = "" if bool(wide.target.decides(wide.rows)[0]) else "not "
        label = clean(str(wide.target.label), longest=LONGEST)
        said = f"Row {place}: decided {is_so}{label}; {clean(wide.target.name, longest=LONGEST)} is {number:.4g}."
        said += "" if wide.target.threshold is None else f" The threshold is {wide.target.threshold:g}."
    if wide.target.output is None and target is None:
        return Local(place, said, found, None, None, _paragraph(case, wide, found, None, audience, vocabulary))
    shared: dict[str, Any] = {"target": target, "seed": seed, "progress": progress, **constraints}
    if exact:
        ways = face.cheapest_counterfactuals(case, [place], **shared)
    else:
        ways = face.counterfactuals(case, [place], count=count, **shared)
    told = _paragraph(case, wide, found, ways, audience, vocabulary)
    return Local(place, said, found, ways, nearest_unlike(wide, target=target), told)


def _attributions(
    case: Case,
    place: int,
    method: str,
    explainers: Mapping[str, Any],
    *,
    output: str | None,
    background: int,
    seed: int,
) -> Attributions:
    """By the explainer of that name, or for "auto" by the SHAP method that fits the model."""
    from assay.explain import face
    from assay.explain.question import question

    if method == "auto":
        return face.shap(case, [place], output=output, background=background, seed=seed)
    if method not in explainers:
        raise unknown("explainer", method, ("auto", *explainers), code="method")
    rows = max(background, face.LIME_BACKGROUND) if method == "lime" else background
    made: Attributions = explainers[method].make(question(case, [place], output=output, background=rows, seed=seed))
    return made


def _paragraph(
    case: Case,
    asked: Question,
    found: Attributions,
    ways: Recourse | None,
    audience: Audience | None,
    vocabulary: Vocabulary,
) -> Paragraph | None:
    if audience is None:
        return None
    from assay.explain.words.paragraph import paragraph

    return paragraph(
        asked,
        found,
        audience=audience,
        recourse=ways,
        vocabulary=vocabulary,
        protected=case.roles.protected,
        data=case.name,
    )


def _ways(found: Recourse, ways: Ways) -> Iterator[str]:
    yield f"What would have to be different for {clean(found.goal, longest=LONGEST)}:"
    if ways.already:
        yield "  Nothing: the row has that answer."
    for i, one in enumerate(ways.found, 1):
        yield f"  {i}. {_changes(one.changes)}"
        yield f"     {_said(one, found.target)}"
    if not ways.found and not ways.already:
        if ways.proof is not None and ways.proof.status == "infeasible":
            yield "  Nothing within the constraints; that is proven."
        else:
            yield "  Nothing was found within the constraints."
        if ways.blocked is not None:
            broken = ", ".join(clean(name, longest=LONGEST) for name in ways.blocked.violated)
            yield f"  The nearest that breaks some ({broken}): {_changes(ways.blocked.changes)}"
    if ways.proof is not None and ways.found:
        yield "  Proven to be the cheapest." if ways.proof.status == "optimal" else "  The time ended before a proof."


def _said(one: Counterfactual, target: str) -> str:
    plain = "like rows there are" if one.plausible else "unlike the rows there are"
    robust = "" if one.robust_share is None else f"; {one.robust_share:.0%} of retrained models agree"
    return f"cost {one.cost:.3g}; {clean(target, longest=LONGEST)} becomes {one.output_after:.3g}; {plain}{robust}"


def _changes(changes: Sequence[Change]) -> str:
    named = (f"{clean(c.column, longest=LONGEST)}: {_shown(c.before)} → {_shown(c.after)}" for c in changes)
    return "; ".join(named)


def _shown(value: Value) -> str:
    if value is None:
        return "missing"
    return f"{value:.6g}" if isinstance(value, float) else clean(str(value), longest=LONGEST)


def _nearest(found: Neighbours) -> Iterator[str]:
    yield f"The nearest rows of the background ({found.origin}) with another answer:"
    if not found.found[0]:
        yield "  None."
    for one in found.found[0]:
        yield f"  at distance {one.distance:.3g}, answer {one.output:.3g}: {_changes(one.changes)}"
