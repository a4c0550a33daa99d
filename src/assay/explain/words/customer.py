"""What the person is told whom a decision is about: plain words, few reasons, and what could change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assay.explain.words.piece import Piece
from assay.explain.words.teller import Teller

OTHER = 2
"""Reasons on the other side that are kept a place, of the most that are told."""


def customer(say: Teller, /, *, most: int) -> Iterator[Piece]:
    """The sentences for the person concerned: at most `most` reasons, none of them a cause."""
    yield from _answer(say)
    yield from _reasons(say, most)
    yield say.say("customer.association")
    yield from _change(say)


def _answer(say: Teller) -> Iterator[Piece]:
    if say.told.decision is None:
        yield say.say("customer.estimate", output=say.output())
        return
    yield say.say("customer.decision", decision=say.label("decision"))
    edge = say.told.question.target.threshold
    if "chance" not in say.sources:
        return
    chance = say.chance("chance", edge=edge)
    if edge is None:
        yield say.say("customer.chance", label=say.label(), chance=chance)
    else:
        yield say.say("customer.chance_threshold", label=say.label(), chance=chance, threshold=say.share("threshold"))


def _reasons(say: Teller, most: int) -> Iterator[Piece]:
    values, names = say.told.values, say.told.attributions.columns.names
    up = [names[i] for i in say.told.telling if values[i] > 0]
    down = [names[i] for i in say.told.telling if values[i] < 0]
    if not up and not down:
        yield say.say("customer.nothing")
        return
    first, second = (up, down) if say.told.decided is not False else (down, up)
    room = most - min(OTHER, len(second)) if first and most > OTHER else most
    kept = first[:room]
    rest = second[: most - len(kept)]
    if say.told.decision is None:
        sides = {"customer.higher": kept, "customer.lower": rest}
        yield from (say.say(id, reasons=_list(say, side)) for id, side in sides.items() if side)
        return
    ahead, behind = ("for", "against") if say.told.decided else ("against", "for")
    if kept:
        yield say.say(f"customer.{ahead}", label=say.label(), reasons=_list(say, kept))
    if rest and kept:
        yield say.say(f"customer.also_{behind}", reasons=_list(say, rest))
    elif rest:
        yield say.say(f"customer.{behind}", label=say.label(), reasons=_list(say, rest))


def _list(say: Teller, names: Sequence[str]) -> Piece:
    return say.list(say.say("customer.reason", name=say.name(name), value=say.value(name)) for name in names)


def _change(say: Teller) -> Iterator[Piece]:
    ways = say.told.ways
    if ways is None or ways.already:
        return
    if not ways.found:
        yield say.say("customer.change_none")
        return
    way = ways.found[0]
    changes = say.list(
        say.say("customer.change_item", **say.change(change.column, under="way")._asdict()) for change in way.changes
    )
    if say.told.decision is None:
        yield say.say("customer.change_estimate", changes=changes, output=say.output("way.output"))
    else:
        yield say.say("customer.change", changes=changes, chance=_then(say))
    yield say.say("customer.change_limits")
    if not way.plausible:
        yield say.say("customer.change_unusual")


def _then(say: Teller) -> Piece:
    recourse, target = say.told.recourse, say.told.question.target
    if recourse is None or recourse.scale != "probability" or recourse.target != target.name:
        return Piece("")
    chance = say.chance("way.output", edge=target.threshold)
    return say.say("customer.change_chance", label=say.label(), chance=chance)
