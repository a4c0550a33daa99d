"""How the numbers of a check were made, as far as its Findings say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.core.finding import Finding
from assay.core.policy import Rules
from assay.documents.escape import Shown
from assay.documents.language import Language

_RUNNING = ("method", "interval", "judged", "params")


@dataclass(frozen=True)
class Fact:
    """A label and what is said under it, one line or more."""

    label: str
    lines: tuple[Shown, ...]


@dataclass(frozen=True)
class Link:
    """A title and, where it is a web address, where it leads."""

    title: str
    address: str = ""


def link(title: str, address: str, /) -> Link:
    """A Link; an address that is no web address is dropped, because a link can carry a script."""
    return Link(str(title), address if re.match(r"https?://[^\s]+\Z", str(address)) else "")


def made(
    id: str, findings: Sequence[Finding], facts: Mapping[str, Any], /, *, language: Language, rules: Rules
) -> tuple[Fact, ...]:
    """How the numbers were made, as far as the Findings say."""
    version = str(facts.get("version", ", ".join({str(f.check_version): None for f in findings})))
    params = (f"{k} = {v}" for f in findings for k, v in sorted(f.params.items()) if v not in (None, [], "", {}))
    judged = (str(f.judged["rule"]) for f in findings if f.judged.get("rule"))
    said: dict[str, Iterable[str]] = {
        "check": [f"{id}, {language.say('fact.version', version=version)}"],
        "method": (f.measure.method for f in findings if f.measure.method),
        "interval": _intervals(findings, language),
        "families": _families(findings, language, rules),
        "judged": (language.messages.get(f"rule.{rule}", rule) for rule in judged),
        "params": params,
        "seed": (str(f.seed) for f in findings if f.seed is not None),
        "inputs": (f"{k}: {v}" for f in findings for k, v in sorted(f.inputs.items())),
        "attachments": (f"{k}: {v}" for f in findings for k, v in sorted(f.attachments.items())),
        "tool": (" ".join(map(str, f.tool.values())) for f in findings),
    }
    distinct = {label: tuple(dict.fromkeys(lines)) for label, lines in said.items()}
    return tuple(
        Fact(language.word(f"fact.{label}"), ("; ".join(lines),) if label in _RUNNING else lines)
        for label, lines in distinct.items()
        if lines
    )


def _intervals(findings: Sequence[Finding], language: Language) -> Iterator[str]:
    for f in findings:
        if f.measure.interval is not None:
            level = language.level(f.measure.interval.level)
            yield language.say("fact.level", level=level, method=f.measure.interval.method)


def _families(findings: Sequence[Finding], language: Language, rules: Rules) -> Iterator[str]:
    for f in findings:
        if f.family_size:
            method = str(f.judged.get("multiplicity", rules.multiplicity))
            yield language.say("fact.family", family=f.measure.family, count=str(f.family_size), method=method)
