"""What a trade-off says in words: what it came to, what is missing, and how to read it."""

from __future__ import annotations

from assay.core.measure import Measure
from assay.privacy.tradeoffs.report import NOT_PRIVATE, Level, Tradeoff
from assay.privacy.tradeoffs.runs import LOST


def summed_up(found: Tradeoff, /) -> list[str]:
    """What the least epsilon does to accuracy, to the group that loses most, and to the gaps."""
    least, plain = found.private[0], found.plain
    before, after = plain.get("accuracy"), least.get("accuracy")
    if before is None or after is None or before.value is None or after.value is None:
        return []
    out = [f"At epsilon {least.text} accuracy is {after.value:.3f}; without privacy it is {before.value:.3f}."]
    for name, said in zip(LOST, ("accuracy", "balanced accuracy"), strict=True):
        losses = [(m.value, m) for g in found.groups if (m := least.get(name, slice=g.slice)) and m.value is not None]
        if losses and max(value for value, _ in losses) < 0.0005:
            out.append(f"No group loses {said} there.")
        elif losses:
            out.append(_most_hurt(found, max(losses, key=lambda pair: pair[0])[1], least, said, groups=len(losses)))
    for attribute in found.attributes:
        gaps = [level.get("equalized_odds_difference", over=(attribute,)) for level in (plain, least)]
        values = [gap.value for gap in gaps if gap is not None and gap.value is not None]
        if len(values) == len(gaps):
            out.append(f"The gap of equalized odds over {attribute} goes from {values[0]:.3f} to {values[1]:.3f}.")
    return out


def unmeasured(found: Tradeoff, /) -> list[str]:
    """Why numbers are missing, each reason once."""
    lacking = [(m.name, m.reason.text()) for level in found.levels for m in level.measures if m.reason is not None]
    names: dict[str, list[str]] = {}
    for name, reason in dict.fromkeys(lacking):
        names.setdefault(reason, []).append(name)
    return [f"No number for {', '.join(listed)}: {reason}." for reason, listed in names.items()]


def _most_hurt(found: Tradeoff, most: Measure, least: Level, said: str, /, *, groups: int) -> str:
    ((attribute, group),) = most.slice.items()
    ends = f" [{most.interval.low:.3f}, {most.interval.high:.3f}]" if most.interval else ""
    starred = (least.text, most.name, attribute, group) in found.marked
    words = "more than all others" if starred else "not shown to be more than all others (it may be chance)"
    who = f"{attribute} = {'(missing)' if group is None else group} ({most.rows[0]:,} held out)"
    return f"Of {groups} groups {who} loses most {said} there: {most.value or 0.0:.3f}{ends}, {words}."


def explained(found: Tradeoff, /) -> list[str]:
    """How to read the report, a sentence or two each."""
    facts, level = found.facts, f"{found.facts['level']:.0%}"
    total = sum(each.epsilon or 0.0 for each in found.private)
    return [
        NOT_PRIVATE,
        f"Each model on its own keeps to its epsilon at delta {facts['delta']:g}, for one row more or less. The models "
        f"were thrown away, and their noise came from a seed. Epsilons add up: who trains and releases one model at "
        f"each spends {total:g} in all, who releases every run {total * facts['runs']:g}. Choosing one by this report "
        f"looks at the data once more, which nobody accounts for (assay privacy tune does).",
        f"{facts['runs']} runs at each epsilon and without privacy, all trained on the same {facts['trained']:,} rows "
        f"and judged on the same {facts['held_out']:,} others. Intervals ({level}) hold for the mean over runs: they "
        f"add the spread of the runs (Student's t) and the chance of who was held out. Other rows to train on are not "
        f"in them.",
        "Membership is the weakest attack, a threshold on the loss: what it does not find, another may (assay privacy "
        "attack membership). “at most” is what no attack at all can exceed at that epsilon, in expectation.",
        "What is lost is counted on the same rows with and without privacy; balanced accuracy is the mean of the "
        "shares right in each class, so that a model that gives up on a rare outcome is seen. A star: privacy takes "
        "more from this group than from all others (Holm over all groups, measures and epsilons, 5 %).",
    ]
