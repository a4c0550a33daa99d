"""What a regulator is told: method, baseline, data, versions, protected attributes and the limits of it all."""

from __future__ import annotations

from collections.abc import Iterator

from assay.explain.words.analyst import errors, method, residual, terms
from assay.explain.words.piece import Piece
from assay.explain.words.teller import Teller


def regulator(say: Teller, /) -> Iterator[Piece]:
    """The sentences for somebody who judges whether the decision can be accounted for."""
    yield say.say(
        "regulator.subject",
        model=say.quoted("model.name"),
        digest=say.text("model.digest"),
        row=say.row(),
        version=say.text("version"),
    )
    named = bool(say.sources["data"])
    yield say.say("regulator.data", data=say.quoted("data")) if named else say.say("regulator.no_data")
    yield _answer(say)
    yield _method(say)
    yield say.say("regulator.baseline", origin=say.text("origin"), base=say.number("base"))
    yield terms(say)
    yield residual(say)
    yield errors(say)
    yield _protected(say)
    yield _recourse(say)
    yield say.say("regulator.limits")


def _answer(say: Teller) -> Piece:
    if say.told.decision is None:
        return say.say("regulator.estimate", output=say.output())
    edge = say.told.question.target.threshold
    if "chance" not in say.sources:
        rule = say.say("regulator.rule_none")
    elif edge is None:
        rule = say.say("regulator.rule_chance", label=say.label(), chance=say.chance("chance"))
    else:
        rule = say.say(
            "regulator.rule_threshold",
            label=say.label(),
            chance=say.chance("chance", edge=edge),
            threshold=say.share("threshold"),
        )
    return say.say("regulator.decision", decision=say.label("decision"), rule=rule)


def _method(say: Teller) -> Piece:
    id = f"method.{method(say)}"
    return say.say(
        "regulator.method",
        method=say.say(id if say.catalogue.has(id) else "method.other"),
        id=say.text("method"),
        scale=say.scale(),
        count=say.given("columns"),
    )


def _protected(say: Teller) -> Piece:
    declared = say.told.protected
    if not declared:
        return say.say("regulator.protected_none")
    fed = [name for name in declared if name in say.told.attributions.columns.names]
    names = say.list(say.name(name, under="protected") for name in fed or declared)
    return say.say("regulator.protected_used" if fed else "regulator.protected_unused", names=names)


def _recourse(say: Teller) -> Piece:
    ways = say.told.ways
    if ways is None:
        return say.say("regulator.recourse_absent")
    if ways.already:
        return say.say("regulator.recourse_already")
    if ways.found:
        return say.say("regulator.recourse_found")
    proven = ways.proof is not None and ways.proof.status == "infeasible"
    return say.say("regulator.recourse_proven" if proven else "regulator.recourse_none")
