"""The check that asks which columns hold identifiers nobody declared: planted ones are found, values never shown."""

import random

import numpy as np
import pandas as pd
import pytest

from assay.data import demo
from assay.data.case import Case
from assay.engine.run import run
from assay.privacy.checks.pii import pii

N = 400
CHANCE = random.Random(3)


def frame():
    numbers = [f"{CHANCE.randrange(10**9):09d}" for _ in range(N)]
    secret = [f"person{n}@example.com" for n in range(N)]
    return pd.DataFrame(
        {
            "y": np.arange(N) % 2,
            "income": np.linspace(1000.5, 90000.25, N),
            "code": [int("9" + number[1:]) for number in numbers],
            "mobile": [f"0{number}" for number in numbers],
            "socialSecurity": [f"{100 + n % 500:03d}{10 + n % 80:02d}{1000 + n:04d}" for n in range(N)],
            "remark": [f"write to {mail}" if n % 10 == 0 else "nothing" for n, mail in enumerate(secret)],
            "rare": ["card 4111 1111 1111 1111" if n == 7 else "paid" for n in range(N)],
            "surname": ["Lovelace", "Babbage"] * (N // 2),
            "visit": pd.date_range("2021-01-01", periods=N),
            "age": np.arange(N) % 90,
            "mail": secret,
        }
    )


def measures(**roles):
    case = Case.from_frame(frame(), label="y", features=["income", "code"], **roles)
    return {(m.name, m.slice.get("column", "")): m for m in pii(case)}


def test_planted_identifiers_are_found_by_column_and_kind():
    found = measures(identifiers=["mail"])
    count = found["identifying_columns", ""]
    assert count.value == 4
    assert "mobile, socialSecurity, remark, surname" in count.notes[0].text()
    assert found["identifying_rows", "remark"].value == 0.1
    assert found["identifying_rows", "rare"].value == 1 / N
    assert found["indirect_rows", "age"].value == found["indirect_rows", "visit"].value == 1.0
    assert "US_SSN 400" in found["identifying_rows", "socialSecurity"].notes[0].text()
    assert not {"y", "income", "code", "mail"} & {column for _, column in found}
    assert "names of people" in count.notes[1].text()


def test_what_is_declared_is_not_asked():
    names = ["mobile", "socialSecurity", "remark", "surname", "mail"]
    assert measures(identifiers=names)["identifying_columns", ""].value == 0
    assert measures(identifiers=names[:-1], unit="mail")["identifying_columns", ""].value == 0
    assert measures(identifiers=names[:-1], quasi_identifiers=["mail", "age"])["identifying_columns", ""].value == 0
    assert measures(identifiers=names[1:])["identifying_columns", ""].value == 1


def test_no_value_is_in_any_record():
    text = str([m.to_json() for m in measures().values()])
    for value in ("person", "example.com", "4111", "Lovelace", "2021"):
        assert value not in text


def test_a_sample_has_an_interval_and_all_rows_are_exact():
    case = Case.from_frame(frame(), label="y", features=["income"])
    sampled = {(m.name, m.slice.get("column")): m for m in pii(case, rows=100, seed=5)}
    share = sampled["identifying_rows", "remark"]
    assert share.n == 100
    assert share.interval.low < 0.1 < share.interval.high
    assert not sampled["identifying_columns", None].exact
    assert measures()["identifying_rows", "remark"].exact
    assert [m.to_json() for m in pii(case, rows=100, seed=5)] == [m.to_json() for m in sampled.values()]


def test_intervals_hold_the_share_of_all_rows_as_often_as_they_say():
    case = Case.from_frame(frame()[["y", "remark"]], label="y", features=["remark"])
    held = 0
    for seed in range(60):
        (share,) = (m for m in pii(case, rows=80, seed=seed) if m.name == "identifying_rows")
        held += share.interval.low <= 0.1 <= share.interval.high
    assert held >= 54


@pytest.mark.parametrize("name", ["credit", "income", "recidivism"])
def test_the_columns_of_the_demos_are_not_taken_for_identifiers(name):
    built = demo.load(name)
    case = Case.from_frame(built.path, name=name, **built.roles)
    found = {(m.name, m.slice.get("column")): m for m in pii(case)}
    assert found["identifying_columns", None].value == 0
    assert found["indirect_rows", "age"].value == 1.0


def test_undeclared_identifiers_fail_and_declared_ones_pass():
    def verdict(**roles):
        case = Case.from_frame(frame(), label="y", features=["income"], **roles)
        done = run(case, checks=["privacy.pii"])
        return next(f.verdict.value for f in done.findings if f.measure.name == "identifying_columns")

    assert verdict() == "fail"
    assert verdict(identifiers=["mobile", "socialSecurity", "remark", "surname", "mail"]) == "pass"
