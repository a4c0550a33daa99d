"""One number about one slice, with its n and its error bar; or no number and a reason."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from assay.core.canonical import canonical_json, digest_bytes
from assay.core.errors import AssayError, Message

Slice = Mapping[str, str | None]
"""Attribute -> group. `None` is the group of missing values; a group called "missing" is another."""


NOT_RUN = "unmeasured"
"""Name of the one Measure of a check that could not be asked, or that failed."""

LARGEST_ATTACHMENT = 5_000_000
"""Most bytes that one attachment may have."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval [low, high] at `level`, and the name of the method that made it."""

    low: float
    high: float
    level: float
    method: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise ValueError(f"interval [{self.low}, {self.high}] is not finite: use no interval")
        if self.low > self.high:
            raise ValueError(f"interval [{self.low}, {self.high}] is reversed")
        if not 0 < self.level < 1:
            raise ValueError(f"level {self.level} is not between 0 and 1")

    def to_json(self) -> dict[str, Any]:
        """`{"low", "high", "level", "method"}`."""
        return {"low": self.low, "high": self.high, "level": self.level, "method": self.method}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], /) -> Interval:
        """The Interval that `to_json` wrote."""
        return cls(data["low"], data["high"], data["level"], data["method"])


@dataclass(frozen=True, slots=True)
class Blur:
    """Noise of known variance that was added to counts before a Share was made of them.

    `hits` and `misses` are the variances of that noise over the square of the Share's total; `independent` is the
    number of independent rows behind the Share, without regard to the noise.
    """

    hits: float
    misses: float
    independent: float


@dataclass(frozen=True, slots=True)
class Share:
    """A numerator and its denominator, ready for an interval.

    `hits` and `total` are sums (of weights, where rows are weighted); `rows` is the number of rows
    in the denominator; `effective` is the number of independent rows that would carry the same
    information (equal to `rows` without weights, repeated units and noise). `blur` is None where the counts are exact.
    """

    hits: float
    total: float
    rows: int
    effective: float
    blur: Blur | None = None

    @property
    def value(self) -> float | None:
        """hits / total, or None where the denominator is empty."""
        return self.hits / self.total if self.total > 0 else None


@dataclass(frozen=True, slots=True)
class Attachment:
    """The bytes of a curve, table or picture that goes with a Measure, what they are, and what to call them.

    A picture is `image/svg+xml` (made by assay, without scripts) or `image/png`. A table is `application/json`:
    `{"kind": "table", "columns": [text, ...], "rows": [[text, number or null, ...], ...], "caption": text}`, see
    `attached_table`. Bytes that differ in their last bits have another digest: round what is drawn or listed.
    """

    data: bytes
    media_type: str
    title: str = ""

    def __post_init__(self) -> None:
        if len(self.data) > LARGEST_ATTACHMENT:
            raise AssayError(
                f"An attachment ({self.title or self.media_type}) has {len(self.data):,} bytes; "
                f"{LARGEST_ATTACHMENT:,} are allowed.",
                code="attachment",
                hint="Draw fewer points, or list fewer rows.",
            )

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes: what a Finding and a store know it by."""
        return digest_bytes(self.data)


def attached_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], /, *, caption: str = "") -> Attachment:
    """A table as an Attachment: canonical JSON, floats rounded to ten digits, NaN refused (None is what is missing).

    Raises AssayError where a row has another length than `columns`.
    """
    listed = [list(row) for row in rows]
    if any(len(row) != len(columns) for row in listed):
        raise AssayError(
            f"Every row of a table needs the {len(columns)} cells that its columns say.", code="attachment"
        )
    table = {"kind": "table", "columns": list(columns), "rows": listed, "caption": caption}
    return Attachment(canonical_json(table), "application/json", caption)


@dataclass(frozen=True, slots=True)
class Measure:
    """One number about one slice. More numbers are more Measures.

    `n` is the number of rows in the denominator; a gap's n is both denominators. `over` names the
    attributes a comparison runs over, `groups` the slices compared. `family` names the set of tests that
    `p_value` belongs to; the family is controlled when the Measure is judged. `exact=True` says the number has no
    sampling error (a share of missing cells in this very file), so its point is judged. `attachments` (by name) are
    kept beside the record: its JSON has none of them, the Finding has their digests.
    """

    name: str
    value: float | None
    n: int | tuple[int, int]
    slice: Slice = field(default_factory=dict)
    over: tuple[str, ...] = ()
    groups: tuple[Slice, ...] = ()
    interval: Interval | None = None
    p_value: float | None = None
    family: str = ""
    method: str = ""
    reason: Message | None = None
    notes: tuple[Message, ...] = ()
    exact: bool = False
    attachments: Mapping[str, Attachment] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        for what, number in (("value", self.value), ("p_value", self.p_value)):
            if number is not None and not math.isfinite(number):
                raise ValueError(f"{self.name}: {what} {number} is refused; give a reason instead")
        if self.value is None and self.reason is None:
            raise ValueError(f"{self.name}: a Measure without a value needs a reason")
        if self.p_value is not None and not 0 <= self.p_value <= 1:
            raise ValueError(f"{self.name}: p_value {self.p_value} is not a probability")
        if min(self.rows) < 0:
            raise ValueError(f"{self.name}: n {self.n} is negative")

    @property
    def rows(self) -> tuple[int, ...]:
        """The denominators, always as a tuple."""
        return self.n if isinstance(self.n, tuple) else (self.n,)

    def to_json(self) -> dict[str, Any]:
        """The Measure as JSON types; empty optional fields are left out."""
        out: dict[str, Any] = {
            "name": self.name,
            "value": self.value,
            "n": list(self.n) if isinstance(self.n, tuple) else self.n,
            "slice": dict(self.slice),
            "interval": self.interval.to_json() if self.interval else None,
            "reason": self.reason.text() if self.reason else None,
        }
        optional = {
            "reason_id": self.reason.id if self.reason else None,
            "reason_params": dict(self.reason.params) if self.reason else None,
            "over": list(self.over),
            "groups": [dict(group) for group in self.groups],
            "p_value": self.p_value,
            "family": self.family,
            "method": self.method,
            "notes": [_message(note) for note in self.notes],
            "exact": self.exact,
        }
        return out | {key: value for key, value in optional.items() if value not in (None, [], {}, "", False)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], /) -> Measure:
        """The Measure that `to_json` wrote (format 1)."""
        n = data["n"]
        reason = None
        if data["reason"] is not None:
            reason = _read_message(data.get("reason_id", ""), data["reason"], data.get("reason_params", {}))
        return cls(
            name=data["name"],
            value=data["value"],
            n=(n[0], n[1]) if isinstance(n, list) else n,
            slice=data["slice"],
            over=tuple(data.get("over", ())),
            groups=tuple(data.get("groups", ())),
            interval=Interval.from_json(data["interval"]) if data["interval"] else None,
            p_value=data.get("p_value"),
            family=data.get("family", ""),
            method=data.get("method", ""),
            reason=reason,
            notes=tuple(_read_message(n["id"], n["text"], n["params"]) for n in data.get("notes", ())),
            exact=data.get("exact", False),
        )


def _read_message(id: str, text: str, params: Mapping[str, Any]) -> Message:
    return Message(id, text.replace("{", "{{").replace("}", "}}"), params)


def _message(message: Message) -> dict[str, Any]:
    return {"id": message.id, "text": message.text(), "params": dict(message.params)}


class Verdict(StrEnum):
    """What a Limit says of a Measure, best first."""

    PASS = "pass"
    WARN = "warn"
    INCONCLUSIVE = "inconclusive"
    UNMEASURED = "unmeasured"
    FAIL = "fail"


Better = Literal["lower", "higher", "zero"]


@dataclass(frozen=True, slots=True)
class Limit:
    """Where a Measure stops being good.

    `better="lower"`: good up to `warn`, bad beyond `fail` (warn <= fail). `"higher"`: the mirror
    image. `"zero"`: the distance from zero is limited on both sides.
    """

    measure: str
    better: Better
    warn: float
    fail: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.warn) and math.isfinite(self.fail)):
            raise ValueError(f"limit on {self.measure}: warn and fail must be finite")
        if (self.warn < self.fail) if self.better == "higher" else (self.warn > self.fail):
            raise ValueError(f"limit on {self.measure}: fail {self.fail} is stricter than warn {self.warn}")
        if self.better == "zero" and self.warn < 0:
            raise ValueError(f"limit on {self.measure}: a distance from zero is not negative")

    def to_json(self) -> dict[str, Any]:
        """`{"measure", "better", "warn", "fail"}`."""
        return {"measure": self.measure, "better": self.better, "warn": self.warn, "fail": self.fail}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], /) -> Limit:
        """The Limit that `to_json` wrote."""
        return cls(data["measure"], data["better"], data["warn"], data["fail"])
