"""`assay mitigate`: fit a fairer model, compare all methods, or search for equally accurate models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.core.errors import AssayError, unknown
from assay.core.finding import Finding, Run
from assay.core.house import House
from assay.core.part import Answer, Part, command
from assay.fairness.commands.forbidden import check_method, forbidden_by
from assay.fairness.frontier.compare import compare as compare_methods
from assay.fairness.frontier.plot import svg
from assay.fairness.frontier.record import Frontier
from assay.fairness.frontier.rows import Divided, divided
from assay.fairness.frontier.search import Search

if TYPE_CHECKING:
    from assay.data.case import Case
    from assay.fairness.mitigation.mitigation import Ints, Mitigation
    from assay.fairness.mitigation.saved.serving import Serving

KIND = "mitigation"
CHECKS = (
    *("fairness.selection_rates", "fairness.error_rates", "fairness.equalized_odds", "fairness.predictive_parity"),
    *("fairness.false_omission", "fairness.accuracy", "fairness.treatment_equality", "quality.performance"),
)
"""What is audited before and after: every check that decisions alone allow."""


@command(title="Fit a fairer model, compare the methods, or search for equally accurate alternatives")
def mitigate(
    house: House,
    case: Case,
    /,
    *,
    method: str | None = None,
    constraint: str | None = None,
    tolerance: float | None = None,
    out: str | None = None,
    compare: bool = False,
    alternatives: int = 0,
    rate: str = "selection_rate",
    over: tuple[str, ...] = (),
    sample: int | None = None,
    plot: str | None = None,
    seed: int = 0,
) -> Answer:
    """Exactly one of `--method ID`, `--compare` and `--alternatives N`. Nothing is judged on rows it was fitted on.

    `--method` fits a logistic regression with that mitigation on the training rows, audits plain and mitigated
    decisions on the held-out rows (two stored Runs), shows every measure that got worse, and with `--out` saves the
    model. `--compare` puts all methods on one accuracy-fairness frontier (`--plot FILE.svg` draws it).
    `--alternatives` trains N models of other settings and seeds and says how far the gap ranges among those within one
    per cent of the best accuracy, and whose decision flips. `--over` names the protected attributes (the first),
    `--sample` limits the rows. Where the policy forbids protected attributes at decision time, methods that need them
    are refused, or listed as forbidden.
    """
    if sum((method is not None, compare, alternatives > 0)) != 1:
        raise AssayError(
            "Give one of --method ID, --compare and --alternatives N.",
            code="usage",
            hint=f"Methods: {', '.join(house.parts(KIND))}.",
        )
    if compare:
        found = compare_methods(
            case,
            house.parts(KIND),
            rate=rate,
            attributes=over,
            limit=sample,
            seed=seed,
            forbidden=forbidden_by(house.policy),
            progress=house.progress,
        )
        if plot:
            Path(plot).write_text(svg(found), encoding="utf-8")
        return FrontierAnswer(found)
    if alternatives:
        from assay.fairness.frontier.alternatives import alternatives as search

        return SearchAnswer(
            search(case, n=alternatives, rate=rate, attributes=over, limit=sample, seed=seed, progress=house.progress)
        )
    rows = divided(case, attributes=over, limit=sample, seed=seed)
    return _one(house, case, rows, method or "", constraint=constraint, tolerance=tolerance, out=out)


@dataclass(frozen=True)
class FrontierAnswer:
    """All methods, with what each does to accuracy and to the gap."""

    found: Frontier

    def text(self) -> str:
        """One line a method, the best first."""
        table = self.found.table()
        shown = ["method", "accuracy", f"{self.found.rate} gap", "gap reduced by", "dominated by", "reason"]
        lines = [shown, *([row[name] for name in shown] for row in table)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(shown))]
        body = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines]
        return "\n".join([*body, f"Not dominated: {', '.join(entry.method for entry in self.found.best)}"])

    def to_json(self) -> dict[str, Any]:
        """The comparison as JSON types."""
        return self.found.to_json()


@dataclass(frozen=True)
class SearchAnswer:
    """The search for less discriminatory alternatives."""

    found: Search

    def text(self) -> str:
        """The range of the gap among models that are about as accurate, and whose decision flips."""
        s = self.found
        lines = [
            f"{len(s.kept)} of {len(s.models)} models are within the tolerance of the best accuracy.",
            f"Their {s.rate} gap ranges from {s.lowest:.3f} to {s.highest:.3f} on held-out rows.",
        ]
        if s.reduction.interval is not None:
            low, high = s.reduction.interval.low, s.reduction.interval.high
            lines.append(
                f"The alternative chosen beforehand reduces it by {s.reduction.value:.3f} [{low:.3f}, {high:.3f}]."
            )
        for flip in s.flips:
            where = ", ".join(f"{k} = {'(missing)' if v is None else v}" for k, v in flip.slice.items()) or "all rows"
            span = f"[{flip.interval.low:.3f}, {flip.interval.high:.3f}]"
            lines.append(
                f"  decisions that differ between these models: {flip.value:.3f} {span} of {flip.n:,}  {where}"
            )
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The whole search as JSON types, to be kept as a record."""
        return self.found.to_json()


@dataclass(frozen=True)
class BeforeAfter:
    """Two stored Runs on the same held-out rows, and the judged measures that got worse."""

    method: str
    before: Run
    after: Run
    facts: dict[str, Any]

    @property
    def moves(self) -> list[tuple[Finding, Finding]]:
        """Judged Findings of both Runs, joined by key."""
        old = {f.key: f for f in self.before.findings if f.limit and f.measure.value is not None}
        return [(old[f.key], f) for f in self.after.findings if f.key in old and f.measure.value is not None]

    @property
    def worse(self) -> list[tuple[Finding, Finding]]:
        """The pairs that moved away from their limit's good side."""
        return [(b, a) for b, a in self.moves if _badness(a) > _badness(b) + 1e-12]

    def text(self) -> str:
        """What got better, what got worse, and where the two Runs are."""
        better = [(b, a) for b, a in self.moves if _badness(a) < _badness(b) - 1e-12]
        lines = [f"{self.method}, on held-out rows: {len(better)} judged measures better, {len(self.worse)} worse."]
        for title, pairs in (("Better", better), ("Worse", self.worse)):
            lines += [f"{title}:", *(f"  {_line(b, a)}" for b, a in pairs)] if pairs else []
        if self.facts["saved"]:
            lines.append(
                f"Saved: assay audit … --model {self.facts['saved']}; held out at fitting: {self.facts['division']}."
            )
            if self.facts["drawn"]:
                lines.append(
                    "It draws decisions by the subject's id: name that column when it is used (--unit COLUMN)."
                )
        lines.append(f"Runs {self.before.id} (plain) and {self.after.id} ({self.method}): see assay run compare.")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Both Runs and the keys of what got worse."""
        worse = [{"before": b.to_json(), "after": a.to_json()} for b, a in self.worse]
        both = {"before": self.before.to_json(), "after": self.after.to_json()}
        return {"method": self.method, "facts": self.facts, "worse": worse, **both}


def _badness(finding: Finding) -> float:
    """The value on an axis on which higher is worse."""
    value, limit = finding.measure.value or 0.0, finding.limit
    better = limit.better if limit else "lower"
    return -value if better == "higher" else abs(value) if better == "zero" else value


def _line(before: Finding, after: Finding) -> str:
    m, n = before.measure, after.measure
    where = f"over {' × '.join(m.over)}" if m.over else ", ".join(f"{k} = {v}" for k, v in m.slice.items())
    verdicts = f"{before.verdict} → {after.verdict}" if before.verdict != after.verdict else f"{after.verdict}"
    return f"{before.check} {m.name} {where}: {m.value:.3f} → {n.value:.3f} ({verdicts})"


def _one(
    house: House,
    case: Case,
    rows: Divided,
    method: str,
    /,
    *,
    constraint: str | None,
    tolerance: float | None,
    out: str | None,
) -> BeforeAfter:
    from assay.fairness.mitigation.estimators import fit_clone, predictions
    from assay.fairness.mitigation.saved.folder import save

    if out and Path(out).exists():
        raise AssayError(f"{out!r} is there already.", code="model-file", hint="Choose a path where nothing is yet.")
    settings = {k: v for k, v in (("constraint", constraint), ("tolerance", tolerance)) if v is not None}
    plain = _plain_model(rows)
    fitted = _made(house.parts(KIND), method, settings, plain)
    check_method(fitted, forbidden_by(house.policy))
    train, test = rows.train, rows.test
    fitted.fit(train.x, train.y, protected=train.protected)
    before = predictions(fit_clone(plain, train.x, train.y, None), test.x)
    after = fitted.predict(test.x, protected=test.protected, ids=test.ids)
    if out:
        save(fitted, out, serving=_serving(case, rows))
    runs = [house.audit(_held_out(case, rows, decisions), checks=CHECKS) for decisions in (before, after)]
    drawn = fitted.randomised and not case.roles.unit
    facts = {"method": method, "settings": settings, "division": rows.how, "saved": out or "", "drawn": drawn}
    return BeforeAfter(method, runs[0], runs[1], facts)


def _serving(case: Case, rows: Divided) -> Serving:
    """The outcomes by the names they have in the case, and what the rows said of missing numbers."""
    from assay.fairness.mitigation.saved.serving import Serving

    favourable = str(case.roles.favourable)
    other = next((name for name in case.facts()["classes"] if name != favourable), f"not {favourable}")
    return Serving((other, favourable), rows.filling, case.roles.unit or "", rows.how)


def _made(parts: Mapping[str, Part[Any]], method: str, settings: Mapping[str, Any], plain: Any) -> Mitigation:
    """The mitigation around the plain model, unless it brings a model of its own."""
    if method not in parts:
        raise unknown("mitigation", method, parts, code="unknown-part")
    part = parts[method]
    for name in settings:
        if name not in part.parameters:
            raise unknown(f"setting of {method}", name, set(part.parameters) - {"estimator"}, code="parameter")
    inside = plain[-1:] if getattr(part.make, "gives_matrix", False) else plain
    made: Mitigation = part.make(estimator=None if getattr(part.make, "brings_model", False) else inside, **settings)
    return made


def _plain_model(rows: Divided) -> Any:
    """Logistic regression on standardised numbers and 0/1 columns; it can be saved without pickles."""
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    from assay.fairness.mitigation.columns.tables import nominal_columns

    names = list(nominal_columns(rows.train.x))
    numbers = [name for name in rows.train.x.columns if name not in set(names)]
    steps = [("names", OneHotEncoder(handle_unknown="ignore"), names), ("numbers", StandardScaler(), numbers)]
    return make_pipeline(ColumnTransformer(steps), LogisticRegression(max_iter=1000))


def _held_out(case: Case, rows: Divided, decisions: Ints) -> Case:
    """The held-out rows with some decisions, as a Case of the same name."""
    from assay.data.case import Case

    taken: Sequence[str] = list(rows.test.protected.columns)
    label, prediction = (_free(name, taken) for name in ("label", "prediction"))
    frame = rows.test.protected.assign(**{label: rows.test.y, prediction: decisions})
    return Case.from_frame(
        frame, name=case.name, label=label, prediction=prediction, protected=tuple(taken), features=(), favourable=1
    )


def _free(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "_"
    return name
