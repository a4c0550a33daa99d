"""Runs as the engine makes them, small enough to read: judged Findings on made-up groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from math import sqrt
from typing import Any

from assay.core.errors import Message
from assay.core.finding import Finding, Findings, Run
from assay.core.measure import Interval, Limit, Measure, Verdict
from assay.core.policy import Policy, PolicyLimit, Rules

Groups = Mapping[str, Mapping[str | None, tuple[int, float]]]
"""attribute -> group -> (rows, selection rate)"""

CREDIT: Groups = {
    "sex": {"female": (310, 0.66), "male": (690, 0.74)},
    "age_band": {"18–24": (149, 0.58), "25–34": (400, 0.70), "35–49": (310, 0.77), "50+": (138, 0.79), None: (3, 0.33)},
}

HOSTILE: Groups = {
    "<script>alert(1)</script>": {
        "<img src=x onerror=alert(1)>": (200, 0.5),
        '"><svg onload=alert(1)>': (180, 0.4),
        "missing": (90, 0.45),
        None: (80, 0.35),
        "abc\u202egnp.exe": (70, 0.5),
        "قيمة | `code` *x*": (60, 0.5),
        "👩‍👩‍👧 family": (50, 0.5),
        "x" * 200: (50, 0.5),
        "x" * 199 + "y": (40, 0.4),
        "": (40, 0.4),
        "A ": (40, 0.4),
        "A": (40, 0.4),
        "{0.__class__} {} {x}": (40, 0.4),
        "\x00\x1b[31m\ud800": (40, 0.4),
        "@everyone https://evil.example #1": (40, 0.4),
        "a\\|b": (40, 0.4),
    },
}


def many(n: int, attributes: Sequence[str] = ("country",)) -> Groups:
    """`n` groups in each attribute, of very different sizes."""
    return {a: {f"{a} {i:02d}": (40 + 37 * i, 0.3 + 0.4 * ((i * 7) % n) / n) for i in range(n)} for a in attributes}


def wilson(share: float, n: int, z: float = 1.96) -> Interval:
    """Wilson's interval, close enough for a page."""
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Interval(max(0.0, centre - half), min(1.0, centre + half), 0.95, "Wilson score")


def rates(groups: Groups, name: str, *, shift: float = 0.0, part: float = 1.0) -> Iterator[Measure]:
    """The rate over all rows, by group and by intersection of the first two attributes."""
    first = next(iter(groups.values()))
    total = sum(n for n, _ in first.values())
    overall = min(1.0, sum(n * r for n, r in first.values()) / total + shift)
    n = round(total * part)
    yield Measure(name, overall, n, interval=wilson(overall, n), method="share of rows")
    for attribute, found in groups.items():
        for group, (rows, rate) in found.items():
            yield _rate(name, {attribute: group}, round(rows * part), min(1.0, rate + shift))
    names = list(groups)[:2]
    if len(names) == 2:
        a, b = names
        for g, (n_g, r_g) in groups[a].items():
            for h, (n_h, r_h) in groups[b].items():
                yield _rate(name, {a: g, b: h}, round(n_g * n_h / total * part), min(1.0, (r_g + r_h) / 2 + shift))


def _rate(name: str, slice: Mapping[str, str | None], n: int, rate: float) -> Measure:
    if n == 0:
        reason = Message("empty-denominator", "no row of this group is in the denominator")
        return Measure(name, None, 0, slice=slice, reason=reason)
    return Measure(name, round(rate * n) / n, n, slice=slice, interval=wilson(round(rate * n) / n, n), method="share")


def gaps(groups: Groups, name: str, *, scale: float = 1.0, p: float | None = None) -> Iterator[Measure]:
    """The widest gap over each attribute, and over the first two together."""
    for attribute, found in groups.items():
        usable = {g: v for g, v in found.items() if v[0] >= 5}
        high, low = max(usable, key=lambda g: usable[g][1]), min(usable, key=lambda g: usable[g][1])
        (n_a, r_a), (n_b, r_b) = usable[high], usable[low]
        gap = scale * (r_a - r_b)
        half = 1.96 * sqrt(r_a * (1 - r_a) / n_a + r_b * (1 - r_b) / n_b)
        yield Measure(
            name,
            gap,
            (n_a, n_b),
            over=(attribute,),
            groups=({attribute: high}, {attribute: low}),
            interval=Interval(max(0.0, gap - half), gap + half, 0.95, "widest gap (studentised range)"),
            p_value=p,
            family="gaps" if p is not None else "",
            method="widest difference of two groups",
        )


def verdict_of(m: Measure, limit: Limit) -> tuple[Verdict, dict[str, Any]]:
    """The verdict the design gives, and the rule that gave it."""
    if m.value is None:
        return Verdict.UNMEASURED, {"rule": "no-value"}
    if min(m.rows) < 30 and not m.exact and not m.over:
        return Verdict.UNMEASURED, {"rule": "min-n", "min_n": 30, "n": min(m.rows)}
    low, high = (m.value, m.value) if m.interval is None else (m.interval.low, m.interval.high)
    warn, fail = limit.warn, limit.fail
    if limit.better == "higher":
        low, high, warn, fail = -high, -low, -warn, -fail
    verdict = (
        Verdict.PASS
        if high <= warn
        else Verdict.FAIL
        if low > fail
        else Verdict.WARN
        if high <= fail
        else Verdict.INCONCLUSIVE
    )
    return verdict, {"rule": "point" if m.exact else "interval"}


def made(check: str, m: Measure, limits: Sequence[Limit], policy: Policy) -> Finding:
    """A Finding on `m`, judged."""
    limit = policy.limit_for(check, m, tuple(limits))
    verdict, rule = verdict_of(m, limit) if limit else (Verdict.UNMEASURED if m.value is None else None, {})
    return Finding(
        check=check,
        check_version=1,
        subject="credit",
        measure=m,
        verdict=verdict,
        limit=limit,
        judged=rule | ({"multiplicity": "holm", "alpha": 0.05} if m.p_value is not None else {}),
        settles_at=sum(m.rows) * 8 if verdict is Verdict.INCONCLUSIVE else None,
        p_adjusted=min(1.0, 2 * m.p_value) if m.p_value is not None else None,
        family_size=2 if m.p_value is not None else None,
        params={"level": 0.95},
        inputs={"counts": "sha256:" + "ab" * 32},
        seed=7 if check == "quality.performance" else None,
        tool={"name": "assay", "version": "0.1.0"},
        attachments={"curve": "sha256:" + "cd" * 32} if check == "quality.performance" else {},
    )


POLICY = Policy(
    name="lending",
    version="3",
    rules=Rules(),
    limits=(
        PolicyLimit(
            "fairness.error_rates",
            Limit("tpr_gap", "lower", 0.03, 0.08),
            over=("sex",),
            set_by="R. Okafor",
            set_on="2026-01-31",
            why="agreed with the risk committee",
        ),
    ),
    required=("quality.performance", "fairness.selection_rates", "fairness.error_rates", "fairness.proxies"),
)

CHECKS: dict[str, tuple[str, str, list[Limit]]] = {
    "quality.performance": (
        "How often the model is right",
        "Quality",
        [Limit("accuracy", "higher", 0.7, 0.65), Limit("auc", "higher", 0.75, 0.7)],
    ),
    "quality.data": ("Gaps and doubles in the data", "Quality", [Limit("missing_share", "lower", 0.01, 0.05)]),
    "fairness.selection_rates": (
        "One group is approved more often than another",
        "Fairness",
        [Limit("selection_rate_gap", "lower", 0.05, 0.1), Limit("selection_rate_ratio", "higher", 0.9, 0.8)],
    ),
    "fairness.error_rates": (
        "Qualified people are missed more often in one group",
        "Fairness",
        [Limit("tpr_gap", "lower", 0.05, 0.1), Limit("fpr_gap", "lower", 0.05, 0.1)],
    ),
    "fairness.proxies": ("Columns that give away a protected attribute", "Fairness", []),
}


def _measures(check: str, groups: Groups) -> list[Measure]:
    n = sum(rows for rows, _ in next(iter(groups.values())).values())
    if check == "quality.performance":
        auc = Measure("auc", 0.781, n, interval=Interval(0.752, 0.811, 0.95, "DeLong on bins"), method="bins")
        loss = Measure("log_loss", 0.512, n, interval=Interval(0.49, 0.53, 0.95, "normal"), method="mean")
        return [*rates(groups, "accuracy", shift=0.06), auc, loss, *rates(groups, "precision", shift=0.1, part=0.6)]
    if check == "quality.data":
        return [
            Measure("missing_share", s, n, slice={"column": c}, exact=True)
            for c, s in (("income", 0.002), ("housing", 0.031), ("savings", 0.183))
        ] + [Measure("duplicate_share", 0.0, n, exact=True, notes=(Message("note", "Rows equal in every column."),))]
    if check == "fairness.selection_rates":
        ratio = Measure(
            "selection_rate_ratio",
            0.892,
            (690, 310),
            over=("sex",),
            groups=({"sex": "male"}, {"sex": "female"}),
            interval=Interval(0.813, 0.972, 0.95, "log ratio"),
        )
        return [*gaps(groups, "selection_rate_gap"), ratio, *rates(groups, "selection_rate")]
    if check == "fairness.error_rates":
        return [
            *gaps(groups, "tpr_gap", scale=1.4, p=0.002),
            *gaps(groups, "fpr_gap", scale=0.3, p=0.2),
            *rates(groups, "tpr", shift=0.1, part=0.5),
            *rates(groups, "fpr", shift=-0.25, part=0.3),
        ]
    return [Measure("unmeasured", None, 0, reason=Message("no-feature", "no feature columns are given"))]


def make_run(groups: Groups = CREDIT, *, policy: Policy = POLICY, subject: str = "German credit", **more: Any) -> Run:
    """A Run over `groups` with five checks, one of which could not run."""
    findings = [made(check, m, CHECKS[check][2], policy) for check in CHECKS for m in _measures(check, groups)]
    rows = sum(n for n, _ in next(iter(groups.values())).values())
    return Run(
        id="20260301T101500-0a1b2c3d",
        subject=subject,
        started=datetime(2026, 3, 1, 10, 15, tzinfo=UTC),
        seconds=3.21,
        findings=Findings(findings),
        sources=(
            {"source": "german_credit.parquet", "kind": "file", "sha256": "3f" * 32},
            {"source": "credit.onnx", "kind": "model", "sha256": "9c" * 32},
        ),
        policy=policy.to_json() | {"digest": policy.digest},
        host={"python": "3.11.7", "system": "Linux", "machine": "x86_64"},
        subject_facts={
            "rows": rows,
            "task": "binary",
            "favourable": "1",
            "columns": {"label": ["repaid"], "prediction": ["approved"], "protected": list(groups)},
            "groups": {a: [{"group": g, "n": n} for g, (n, _) in found.items()] for a, found in groups.items()},
        },
        checks={
            check: {
                "title": title,
                "version": 1,
                "area": check.partition(".")[0],
                "area_title": area,
                "clauses": ["eu-ai-act:10(2)(f)"],
                "clause_links": [
                    ["EU AI Act, Regulation (EU) 2024/1689, 10(2)(f)", "https://eur-lex.europa.eu/eli/reg/2024/1689/oj"]
                ],
                "doc": "True positive rate by group, and the widest gap.\n\nSource: Hardt, Price and Srebro (2016).",
                "limits": [limit.to_json() for limit in limits],
            }
            for check, (title, area, limits) in CHECKS.items()
        },
        **more,
    )
