"""Reason codes: the factors that lowered a score most, from a signed table, and no protected attribute among them."""

from __future__ import annotations

import functools
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import assay
from assay.core.errors import AssayError
from assay.explain.question import question
from assay.explain.shapley.explain import explain
from assay.explain.words.reasons import (
    Shaking,
    draft_codes,
    example_codes,
    read_codes,
    reasons,
    sign_codes,
    signed_codes,
)
from assay.explain.words.reasons.codes import PAYLOAD_TYPE
from assay.explain.words.reasons.stability import kept
from assay.seal.keys import SigningKey
from assay.seal.signatures import sign

COLUMNS = ["income", "debt", "late", "years", "cards", "inquiries"]
QUICK = Shaking(moves=4, seeds=2)


@functools.cache
def applicants() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    frame = pd.DataFrame(rng.normal(size=(600, len(COLUMNS))), columns=COLUMNS) + 5
    score = frame["income"] - frame["debt"] - 0.7 * frame["late"] + 0.5 * frame["years"] - 0.2 * frame["cards"]
    return frame.assign(paid=(score + rng.logistic(size=600) > score.mean()).astype(int))


@functools.cache
def fitted() -> LogisticRegression:
    return LogisticRegression().fit(applicants()[COLUMNS], applicants()["paid"])


def asked(rows=range(30), *, protected=(), background=600):
    given = {"protected": list(protected)} if protected else {}
    case = assay.Case.from_frame(
        applicants().assign(sex="f", age_band="old"),
        label="paid",
        favourable=1,
        features=COLUMNS,
        model=assay.wrap_model(fitted()),
        **given,
    )
    return question(case, list(rows), background=background)


def toml(entries, name="t") -> bytes:
    parts = [f'format = 1\nname = "{name}"\nversion = "1"']
    for code, columns, direction, text in entries:
        parts.append(
            f"[[reason]]\ncode = {json.dumps(code)}\ncolumns = {json.dumps(columns)}\n"
            f"direction = {json.dumps(direction)}\ntext = {json.dumps(text)}"
        )
    return "\n".join(parts).encode()


def one_each(*, without=(), **other) -> list:
    return [(f"R{i}", [name], "any", f"Factor {name}") for i, name in enumerate(COLUMNS) if name not in without]


def table(entries=None):
    return draft_codes(toml(entries or one_each()))


def given(*args, **keywords):
    return reasons(*args, **{"unsigned": True, "shaking": QUICK} | keywords)


@pytest.mark.parametrize("baseline", ["approved", "all"])
def test_in_an_additive_score_the_reasons_are_the_factors_furthest_below_their_mean(baseline):
    data, model = applicants()[COLUMNS], fitted()
    others = data[model.predict(data) == 1] if baseline == "approved" else data
    points = model.coef_[0] * (data.to_numpy()[:30] - others.to_numpy().mean(axis=0))
    found = given(asked(), table(), baseline=baseline)
    for row, notice in enumerate(found.notices):
        order = [j for j in np.argsort(points[row]) if points[row, j] < 0][:4]
        assert [reason.columns for reason in notice.reasons] == [(COLUMNS[j],) for j in order]
        np.testing.assert_allclose([r.lowered for r in notice.reasons], -points[row, order], rtol=1e-8)
        assert notice.adverse == (model.predict(data.iloc[[row]])[0] == 0)
    assert f"mean of {'the approved' if baseline == 'approved' else 'all'}" in found.described()
    assert found.rows_of_baseline == len(others)


def test_the_two_baselines_give_other_reasons():
    approved, everybody = given(asked(), table()), given(asked(), table(), baseline="all")
    assert [[r.code for r in n.reasons] for n in approved.notices] != [
        [r.code for r in n.reasons] for n in everybody.notices
    ]
    assert approved[0].base > everybody[0].base


def test_columns_of_one_code_are_one_factor():
    entries = [("M", ["debt", "late"], "any", "Obligations"), *one_each(without=("debt", "late"))]
    apart, together = given(asked(), table(), count=6), given(asked(), table(entries), count=6)
    for one, other in zip(apart.notices, together.notices, strict=True):
        found = {r.columns: r.lowered for r in one.reasons}
        sums = {r.code: r for r in other.reasons}
        if ("debt",) in found and ("late",) in found:
            assert sums["M"].lowered == pytest.approx(found["debt",] + found["late",])
            assert sums["M"].columns == ("debt", "late")
            return
    raise AssertionError("no row is lowered by both")


def test_a_batch_is_as_its_rows_and_the_model_is_asked_in_batches():
    whole = given(asked(), table())
    alone = [given(asked([row]), table())[0] for row in range(5)]
    assert [[r.code for r in n.reasons] for n in whole.notices[:5]] == [[r.code for r in n.reasons] for n in alone]
    calls = []
    for rows in (3, 30):
        about = asked(range(rows))
        given(about, table())
        calls.append(about.target.calls.batches)
    assert calls[0] == calls[1]


def test_directions_are_against_the_mean_of_the_baseline():
    entries = [*one_each(without=("income",)), ("L", ["income"], "low", "Income"), ("H", ["income"], "high", "Rich")]
    found = given(asked(), table(entries), count=6)
    codes = {r.code for n in found.notices for r in n.reasons if r.columns == ("income",)}
    assert codes == {"L"}
    wrong = [*one_each(without=("income",)), ("H", ["income"], "high", "High income")]
    with pytest.raises(AssayError, match=r"'income' is among .* where it is below the baseline"):
        given(asked(), table(wrong))


def test_a_missing_value_has_a_code_of_its_own():
    entries = [*one_each(), ("MISS", ["income"], "missing", "Income not given")]
    rng = np.random.default_rng(1)
    frame = applicants().assign(income=lambda f: f["income"].where(rng.random(len(f)) < 0.7))

    class Model:
        name, digest, task, features, classes = "m", "not digested", "binary", tuple(COLUMNS), ("0", "1")

        def scores(self, rows):
            income = np.nan_to_num(rows["income"].to_numpy(zero_copy_only=False), nan=0.0)
            p = 1 / (1 + np.exp(rows["debt"].to_numpy() - income))
            return np.column_stack([1 - p, p])

        def predict(self, rows):
            return np.where(self.scores(rows)[:, 1] >= 0.5, "1", "0")

    case = assay.Case.from_frame(frame, label="paid", favourable=1, features=COLUMNS, model=Model())
    missing = np.flatnonzero(frame["income"].isna())[:4]
    about = question(case, missing.tolist(), background=60)
    found = given(about, table(entries))
    assert [n.reasons[0].code for n in found.notices] == ["MISS"] * 4
    assert found.method == "exact-shap"


def test_a_column_without_a_code_is_named():
    with pytest.raises(AssayError, match="'debt', 'cards'"):
        given(asked(), table(one_each(without=("debt", "cards"))))


def test_a_signed_table_counts_and_a_changed_or_foreign_one_does_not(tmp_path):
    key, stranger = SigningKey.generate(), SigningKey.generate()
    data = toml(one_each())
    envelope = sign_codes(data, keys=[key])
    found = signed_codes(envelope, keys=[key.public])
    assert found.signers == (key.public.id,)
    assert found.codes == draft_codes(data).codes
    assert reasons(asked([0]), found, shaking=QUICK).table.signers == found.signers

    changed = json.loads(envelope)
    changed["payload"] = json.loads(sign_codes(toml(one_each(), name="other"), keys=[stranger]))["payload"]
    with pytest.raises(AssayError, match="does not hold"):
        signed_codes(json.dumps(changed).encode(), keys=[key.public])
    with pytest.raises(AssayError, match="known key"):
        signed_codes(envelope, keys=[stranger.public])
    with pytest.raises(AssayError, match="known key"):
        signed_codes(envelope, keys=[])
    other = sign(data, payload_type="text/plain", keys=[key])
    with pytest.raises(AssayError, match="type"):
        signed_codes(json.dumps(other.to_json()).encode(), keys=[key.public])
    assert other.payload_type != PAYLOAD_TYPE
    with pytest.raises(AssayError, match="not a signed table"):
        signed_codes(data, keys=[key.public])

    (tmp_path / "codes.json").write_bytes(envelope)
    (tmp_path / "codes.toml").write_bytes(data)
    assert read_codes(tmp_path / "codes.json", keys=[key.public]) == found
    assert read_codes(tmp_path / "codes.toml").signers == ()
    with pytest.raises(AssayError, match="cannot be read"):
        read_codes(tmp_path / "none.toml")


def test_a_draft_is_refused_unless_it_is_asked_for():
    with pytest.raises(AssayError, match="Nobody signed"):
        reasons(asked([0]), table())
    assert "signed by nobody: a draft" in given(asked([0]), table()).statement()


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([("A", ["x"], "any", "X"), ("A", ["y"], "any", "Y")], "given twice"),
        ([("A", ["x"], "any", "X"), ("B", ["x"], "any", "Y")], "two codes"),
        ([("A", [], "any", "X")], "names no columns"),
        ([("A", ["x"], "up", "X")], "Unknown direction"),
        ([("A", ["x"], "any", "two\nlines")], "no text that can be printed"),
        ([], r"no \[\[reason\]\]"),
    ],
)
def test_a_broken_table_is_neither_read_nor_signed(entries, words):
    with pytest.raises(AssayError, match=words):
        draft_codes(toml(entries))
    with pytest.raises(AssayError, match=words):
        sign_codes(toml(entries), keys=[SigningKey.generate()])


def test_other_files_are_no_tables():
    for data in (b"\xff", b"format = ", b"format = 2", b"format = 1\nnews = 3"):
        with pytest.raises(AssayError):
            draft_codes(data)


def test_a_protected_attribute_is_refused_with_words():
    about = asked(protected=["debt"])
    with pytest.raises(AssayError, match="fed 'debt', a protected attribute"):
        given(about, table())
    with pytest.raises(AssayError, match="fed 'debt'"):
        given(asked(), table(), protected=["debt"])
    allowed = given(about, table(), permitted=["debt"])
    assert "Permitted by name: debt" in allowed.described()
    sexist = [*one_each(), ("S", ["sex"], "any", "Other")]
    with pytest.raises(AssayError, match="S names the protected attribute 'sex'"):
        given(asked(), table(sexist))
    spoken = [*one_each(without=("cards",)), ("T", ["cards"], "any", "Cards at the age band of the applicant")]
    with pytest.raises(AssayError, match="T names the protected attribute 'age_band'"):
        given(asked(protected=["age_band"]), table(spoken))


def test_a_column_that_is_called_as_a_prohibited_basis_needs_permission():
    data = applicants().rename(columns={"years": "Age"})
    names = ["Age" if name == "years" else name for name in COLUMNS]
    model = LogisticRegression().fit(data[names], data["paid"])
    case = assay.Case.from_frame(data, label="paid", favourable=1, features=names, model=assay.wrap_model(model))
    entries = [(f"R{i}", [name], "any", "Factor") for i, name in enumerate(names)]
    with pytest.raises(AssayError, match="'Age'"):
        given(question(case, [0]), table(entries))
    assert given(question(case, [0]), table(entries), permitted=["Age"])[0].reasons


def test_a_close_call_is_unstable_and_a_clear_one_is_not():
    about = asked()
    mean, weights = about.background.mean(axis=0), fitted().coef_[0]
    lowered = {"income": -1.0, "debt": 3.0, "late": 3.0}
    row = mean.copy()
    for name, size in lowered.items():
        row[COLUMNS.index(name)] += size
    close = row.copy()
    years, cards = COLUMNS.index("years"), COLUMNS.index("cards")
    close[years] -= 0.2
    close[cards] -= 0.2 * weights[years] / weights[cards]
    found = given(about.of(np.array([row, close])), table(), baseline="all", shaking=Shaking(moves=60, seeds=10))
    assert all(reason.stable for reason in found[0].reasons[:3])
    fourth = found[1].reasons[3]
    assert fourth.columns[0] in ("years", "cards")
    assert not fourth.stable
    assert "unstable: kept in" in found.statement(1)
    assert fourth in found.unstable


def test_the_shares_are_those_of_a_plain_loop():
    about, codes, shaking = asked(range(3)), table(), Shaking(noise=0.05, moves=15, seeds=1)
    found = kept(about, codes, explain, count=2, shaking=shaking)
    rng = np.random.default_rng(about.seed)
    counts = np.zeros((3, len(COLUMNS)))
    for _ in range(15):
        moved = about.rows * (1 + rng.uniform(-0.05, 0.05, size=about.rows.shape))
        points = fitted().coef_[0] * (moved - about.background.mean(axis=0))
        for row in range(3):
            for place in [j for j in np.argsort(points[row]) if points[row, j] < 0][:2]:
                counts[row, place] += 1
    np.testing.assert_allclose(found.moves, counts / 15)


def test_the_same_request_gives_the_same_answer():
    first, again = (given(asked(), table()).to_json() for _ in range(2))
    assert first == again
    assert json.loads(json.dumps(first)) == json.loads(json.dumps(again))


def test_the_example_names_every_column_of_the_credit_demo():
    about = question(assay.demo("credit", with_model=True), list(range(40)), background=2000)
    found = given(about, example_codes())
    adverse = [i for i, notice in enumerate(found.notices) if notice.adverse]
    assert adverse
    for i in adverse:
        assert 1 <= len(found[i].reasons) <= 4
        amounts = [reason.lowered for reason in found[i].reasons]
        assert amounts == sorted(amounts, reverse=True)
        assert min(amounts) > 0
        said = found.statement(i)
        assert "Baseline: mean of the approved" in said
        assert found[i].reasons[0].text in said
    favourable = next(i for i, notice in enumerate(found.notices) if not notice.adverse)
    assert "no reasons are owed" in found.statement(favourable)


def test_what_cannot_be_asked_is_an_error():
    with pytest.raises(AssayError, match="Unknown baseline"):
        given(asked(), table(), baseline="best")
    with pytest.raises(AssayError, match="0 reasons"):
        given(asked(), table(), count=0)
    with pytest.raises(AssayError, match="cannot be tried"):
        Shaking(noise=0.0)
    credit = question(assay.demo("credit", with_model=True), [0])
    ordered = example_codes()
    low = [(c.code, [*c.columns], "low" if c.code == "A1" else c.direction, c.text) for c in ordered.codes]
    with pytest.raises(AssayError, match="whose values are categories"):
        given(credit, table(low))


def test_without_an_approved_row_there_is_no_mean_of_the_approved():
    about = asked(background=600)
    refused = about.background[~about.target.decides(about.background)]
    with pytest.raises(AssayError, match="approves none"):
        given(_against(about, refused), table())


def _against(about, background):
    from dataclasses import replace

    return replace(about, background=background)
