"""What an analyst is told: the numbers, their scale, the base, the residual and the errors."""

from __future__ import annotations

from collections.abc import Iterator

from assay.explain.recourse.counterfactual import Counterfactual
from assay.explain.words.piece import Piece
from assay.explain.words.teller import Teller
from assay.explain.words.told import LISTED

EXACT = ("tree-shap", "linear-shap", "exact-shap")
"""Methods without sampling."""


def analyst(say: Teller, /) -> Iterator[Piece]:
    """The sentences for somebody who checks the explanation."""
    yield _answer(say)
    if say.told.decision is not None:
        known = "threshold" in say.sources
        fields = {"label": say.label(), "threshold": say.share("threshold")} if known else {}
        yield say.say("analyst.threshold" if known else "analyst.no_threshold", **fields)
    yield say.say("analyst.method", method=say.text("method"), scale=say.scale(), origin=say.text("origin"))
    yield say.say("analyst.sum", base=say.number("base"), sum=say.number("sum"), output=say.output())
    yield terms(say)
    yield residual(say)
    yield from _errors(say)
    yield from _ways(say)
    yield say.say("analyst.association")


def _answer(say: Teller) -> Piece:
    row, target, output = say.row(), say.quoted("target"), say.output()
    if say.told.decision is None:
        return say.say("analyst.estimate", row=row, target=target, output=output)
    decision = say.label("decision")
    if "chance" not in say.sources:
        return say.say("analyst.decision", row=row, target=target, output=output, decision=decision)
    chance = say.chance("chance", edge=say.told.question.target.threshold)
    if say.told.attributions.scale == "probability":
        return say.say("analyst.decision_probability", row=row, label=say.label(), chance=chance, decision=decision)
    id = "analyst.decision_chance"
    return say.say(id, row=row, label=say.label(), chance=chance, target=target, output=output, decision=decision)


def terms(say: Teller, /) -> Piece:
    """The largest contributions, and the others together."""
    names, values = say.told.attributions.columns.names, say.told.values
    if not values.any():
        return say.say("analyst.no_terms")
    listed = [_term(say, names[i]) for i in say.told.order[:LISTED]]
    if say.sources["others.count"]:
        count, added = say.given("others.count"), say.number("others.added", digits=2, signed=True)
        id = say.catalogue.plural("analyst.others", len(names) - LISTED)
        listed.append(say.say(id, count=count, added=added))
    return say.say("analyst.terms", terms=say.list(listed))


def _term(say: Teller, name: str) -> Piece:
    fields = {"name": say.name(name), "value": say.value(name)}
    fields["added"] = say.number(f"added.{name}", digits=2, signed=True)
    if f"error.{name}" not in say.sources:
        return say.say("analyst.term", **fields)
    return say.say("analyst.term_error", **fields, error=say.number(f"error.{name}", digits=2))


def errors(say: Teller, /) -> Piece:
    """How far sampled contributions may be off, or why nothing is said of it."""
    if "largest_error" in say.sources:
        return say.say("analyst.errors", error=say.number("largest_error", digits=2))
    return say.say("analyst.exact" if method(say) in EXACT else "analyst.no_errors")


def method(say: Teller, /) -> str:
    """The name of the method without the game that it plays: "tree-shap" of "tree-shap (interventional)"."""
    return say.told.attributions.method.partition(" (")[0]


def residual(say: Teller, /) -> Piece:
    """What the explanation leaves unexplained."""
    if say.told.attributions.holds[0]:
        return say.say("analyst.residual_holds", residual=say.under("residual.size"))
    return say.say("analyst.residual_misses", residual=say.number("residual", digits=2))


def _errors(say: Teller) -> Iterator[Piece]:
    yield errors(say)
    facts = [key for key in say.sources if key.startswith("fact.") and key != "fact.probability"]
    if facts:
        names = [key.removeprefix("fact.").replace("_", " ") for key in facts]
        pairs = zip(names, facts, strict=True)
        listed = (say.say("analyst.fact", name=Piece(name), value=say.number(key)) for name, key in pairs)
        yield say.say("analyst.facts", facts=say.list(listed))


def _ways(say: Teller) -> Iterator[Piece]:
    ways = say.told.ways
    if ways is None:
        return
    if ways.already:
        yield say.say("analyst.already")
        return
    count = say.given("ways.count")
    yield say.say(
        say.catalogue.plural("analyst.ways", len(ways.found)),
        count=count,
        method=say.text("ways.method"),
        goal=say.quoted("ways.goal"),
    )
    if ways.found:
        yield _way(say, ways.found[0])
    elif ways.blocked is not None:
        broken = [say.quoted(f"blocked.violated.{k}") for k in range(len(ways.blocked.violated))]
        changes = _changes(say, ways.blocked, "blocked")
        yield say.say("analyst.blocked", violated=say.list(broken), changes=changes)
    else:
        yield say.say("analyst.none")


def _way(say: Teller, way: Counterfactual) -> Piece:
    return say.say(
        "analyst.way",
        changes=_changes(say, way, "way"),
        cost=say.number("way.cost"),
        target=say.quoted("ways.target"),
        output=say.number("way.output"),
        plausible=say.say("analyst.plausible" if way.plausible else "analyst.implausible"),
        robust=say.say("analyst.robust", share=say.chance("way.robust"))
        if "way.robust" in say.sources
        else say.say("analyst.not_robust"),
    )


def _changes(say: Teller, way: Counterfactual, under: str) -> Piece:
    return say.list(
        say.say("analyst.way_item", **say.change(change.column, under=under)._asdict()) for change in way.changes
    )
