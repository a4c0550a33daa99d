"""Checks, parts, requests and policies are declared once, and mistakes in them are found at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assay.core.check import check
from assay.core.errors import AssayError
from assay.core.measure import Limit, Measure
from assay.core.part import part
from assay.core.policy import Policy, PolicyLimit
from assay.core.subject import by, each


@check(
    "demo.rates",
    version=3,
    title="Rates {differ}",
    counts=by("protected", "label?"),
    limit=Limit("gap", "lower", 0.1, 0.2),
)
def rates(counts: object, /, *, level: float = 0.95, groups: tuple[str, ...]) -> Iterator[Measure]:
    """Rates by group."""
    yield Measure("gap", level, 10)


def test_a_check_knows_its_parameters_and_can_be_called() -> None:
    assert rates.area == "demo"
    assert rates.requires == {"protected"}
    assert rates.defaults() == {"level": 0.95}
    assert rates.params({"groups": ("a",)}) == {"level": 0.95, "groups": ("a",)}
    assert next(rates(None, level=0.5, groups=())).value == 0.5
    assert rates.message.text() == "Rates {differ}"


def test_unknown_and_missing_parameters_are_errors() -> None:
    with pytest.raises(AssayError, match="levl"):
        rates.params({"levl": 0.9, "groups": ()})
    with pytest.raises(AssayError, match="needs the parameter 'groups'"):
        rates.params({})


@pytest.mark.parametrize("id", ["rates", "Demo.rates", "demo.rates.more", "demo."])
def test_an_id_is_area_dot_name(id: str) -> None:
    with pytest.raises(AssayError, match=r"area\.name"):
        check(id, version=1, title="t", needs={"rows"})


def test_a_check_counts_or_reads_and_has_a_docstring() -> None:
    with pytest.raises(AssayError, match="either"):
        check("demo.both", version=1, title="t", counts=by("label"), needs={"rows"})
    with pytest.raises(AssayError, match="docstring"):

        @check("demo.silent", version=1, title="t", needs={"rows"})
        def silent(case: object, /) -> Iterator[Measure]:
            yield Measure("x", 1.0, 1)


def test_a_part_keeps_its_maker() -> None:
    @part("reweigh", kind="mitigation", title="Reweighing", statement="Kamiran & Calders 2012")
    def reweigh(*, strength: float = 1.0) -> float:
        return strength

    assert reweigh.make(strength=0.5) == 0.5
    assert reweigh.parameters["strength"].default == 1.0


def test_requests_name_only_roles_that_can_be_counted() -> None:
    assert by("protected", "score?").required == ("protected",)
    assert each("feature", "label").required == ("feature", "label")
    with pytest.raises(AssayError, match="protected"):
        by("protecte")


TOML = """
format = 1
name = "house"
version = "2"
required = ["demo.rates:gap"]
sign_offs = ["A. Person"]
[rules]
judge = "point"
min_n = 50
[[limit]]
check = "demo.rates"
measure = "gap"
warn = 0.03
fail = 0.08
over = ["sex"]
set_by = "A. Person"
set_on = 2026-01-31
why = "agreed"
[[limit]]
check = "demo.rates"
measure = "rate"
better = "higher"
fail = 0.5
slice = { sex = "F" }
"""


def test_a_policy_reads_and_round_trips() -> None:
    policy = Policy.from_toml(TOML)
    assert policy.rules.judge == "point"
    assert policy.limits[0].set_on == "2026-01-31"
    assert policy.limits[1].limit.warn == 0.5
    assert Policy.from_json(policy.to_json()) == policy
    assert Policy.from_json(policy.to_json()).digest == policy.digest


def test_the_most_specific_limit_wins_and_the_declared_one_is_the_fallback() -> None:
    policy = Policy.from_toml(TOML)
    declared = (Limit("gap", "lower", 0.1, 0.2),)
    assert policy.limit_for("demo.rates", Measure("gap", 0.1, 9, over=("sex",)), declared) == Limit(
        "gap", "lower", 0.03, 0.08
    )
    assert policy.limit_for("demo.rates", Measure("gap", 0.1, 9, over=("age",)), declared) == declared[0]
    assert policy.limit_for("demo.rates", Measure("rate", 0.1, 9, {"sex": "M"}), declared) is None
    general = PolicyLimit("demo.rates", Limit("rate", "higher", 0.2, 0.1))
    both = Policy(limits=(*policy.limits, general))
    found = both.limit_for("demo.rates", Measure("rate", 0.1, 9, {"sex": "F"}), ())
    assert found is not None
    assert found.fail == 0.5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("format = 2", "format 2"),
        ("colour = 1", "Unknown key"),
        ("[rules]\nmin_nn = 3", "min_nn"),
        ("[rules]\nmin_n = -1", "min_n"),
        ("[rules]\nlevel = 95", "between 0 and 1"),
        ('[rules]\njudge = "gut"', "gut"),
        ("[rules]\nallow_pickle = 1", "true or false"),
        ('[[limit]]\ncheck = "a.b"', "measure"),
        ('[[limit]]\ncheck = "a.b"\nmeasure = "m"', "fail"),
        ('[[limit]]\ncheck = "a.b"\nmeasure = "m"\nfail = 0.1\nwarn = 0.2', "stricter"),
        ('[[limit]]\ncheck = "a.b"\nmeasure = "m"\nfail = 0.1\nbetter = "up"', "up"),
        ('required = "x"', "list"),
        ("name = ", "TOML"),
        ("rules = 3", "table"),
    ],
)
def test_mistakes_in_a_policy_are_named(text: str, words: str) -> None:
    with pytest.raises(AssayError, match=words):
        Policy.from_toml(text)
