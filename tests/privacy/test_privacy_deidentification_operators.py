"""What is written in place of identifiers: what it hides, what it keeps, what comes back, what is refused."""

import hashlib
import importlib
import pkgutil
import re
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import assay.privacy.operators as catalogue
from assay.core.errors import AssayError
from assay.core.part import Part
from assay.privacy.deidentification.deidentify import deidentify_cells, deidentify_texts, reidentify_texts
from assay.privacy.deidentification.operator import Identifier
from assay.privacy.operators.format_preserving import restore
from assay.privacy.recognizers.date import date as date_part
from assay.privacy.recognizers.email import email
from assay.privacy.recognizers.phone import phone
from assay.seal.key_sources import LocalKeys
from assay.seal.tokens import TokenKey

PARTS = {
    thing.id: thing
    for info in pkgutil.iter_modules(catalogue.__path__)
    for thing in vars(importlib.import_module(f"{catalogue.__name__}.{info.name}")).values()
    if isinstance(thing, Part)
}
KEY, OTHER = TokenKey(bytes(range(32))), TokenKey(bytes(range(1, 33)))
KEYS = LocalKeys([bytes(range(32))])
SEEN = [email.make(), phone.make(), date_part.make()]
TEXTS = ["Mail ada@example.com or ring 415-555-2671.", None, "", "ADA@example.com came on 2021-03-04.", "Nothing here."]
SUBJECTS = ["ada", "x", "x", "ada", "x"]


def made(name, **settings):
    return PARTS[name].make(**settings)


def run(*operators, texts=TEXTS, field="note", subjects=SUBJECTS):
    return deidentify_texts(texts, field=field, recognizers=SEEN, operators=operators, subjects=subjects)


def cells(operator, *values, entity="PHONE", field="phone", subjects=None):
    return deidentify_cells(values, field=field, entity=entity, operator=operator, subjects=subjects).texts


KEYED = {"tokenize": {"key": KEY}, "reversible": {"key": KEY}, "surrogate": {"key": KEY}, "encrypt": {"keys": KEYS}}
EVERYWHERE = {"redact": {}, "replace": {}, "mask": {}} | KEYED


@pytest.mark.parametrize("name", EVERYWHERE)
def test_nothing_identifying_stays_and_all_else_does(name):
    done = run(made(name, **EVERYWHERE[name]))
    assert done.replaced == {"DATE": 1, "EMAIL": 2, "PHONE": 1}
    first, none, empty, second, nothing = done.texts
    assert (none, empty, nothing) == (None, "", "Nothing here.")
    assert re.fullmatch(r"Mail .+ or ring .+\.", first)
    assert re.fullmatch(r".+ came on .+\.", second)
    for secret in ("ada", "example.com", "415", "2671", "2021", "03-04"):
        assert secret not in re.sub(r":(?:hmac|siv|sealed):[\w.=-]+", "", first + second).lower()


def test_plain_operators_write_what_they_say():
    assert run(made("replace")).texts[0] == "Mail <EMAIL> or ring <PHONE>."
    assert run(made("redact", written="…")).texts[0] == "Mail … or ring …."
    assert cells(made("mask", keep_last=4), "415-555-2671", "12-3") == ("***-***-**71", "**-*")
    assert cells(made("mask", keep_last=4, character="#"), "4111 1111 1111 1234") == ("#### #### #### 1234",)


@pytest.mark.parametrize("name", ["reversible", "encrypt"])
def test_what_is_reversible_comes_back_and_only_with_the_key_and_column(name):
    operator = made(name, **KEYED[name])
    done = run(operator)
    assert reidentify_texts(done.texts, field="note", operators=[operator]) == tuple(TEXTS)
    with pytest.raises(AssayError, match=r"^Row 0 of 'other'.*(another field|another record)"):
        reidentify_texts(done.texts, field="other", operators=[operator])
    wrong = made(name, **({"key": OTHER} if name == "reversible" else {"keys": LocalKeys([bytes(32)])}))
    with pytest.raises(AssayError):
        reidentify_texts(done.texts, field="note", operators=[wrong])
    cut = [text and re.sub(r"..>", ">", text) for text in done.texts]
    with pytest.raises(AssayError):
        reidentify_texts(cut, field="note", operators=[operator])


def test_an_older_key_still_reads():
    done = run(made("reversible", key=OTHER))
    newer = made("reversible", key=KEY, older=[OTHER])
    assert reidentify_texts(done.texts, field="note", operators=[newer]) == tuple(TEXTS)


@pytest.mark.parametrize("name", ["redact", "replace", "mask", "tokenize", "surrogate"])
def test_what_cannot_be_undone_says_so(name):
    with pytest.raises(AssayError, match="cannot be read again"):
        reidentify_texts([], field="note", operators=[made(name, **EVERYWHERE[name])])


@pytest.mark.parametrize("name", ["tokenize", "surrogate"])
def test_the_same_identifier_gets_the_same_and_others_do_not(name):
    operator = made(name, key=KEY)
    one, same, other = cells(operator, "415-555-2671", "(415) 555 2671", "415-555-2672")
    digits = [re.sub(r"[^0-9a-f]", "", text) for text in (one, same, other)]
    assert digits[0] == digits[1] != digits[2]
    assert cells(operator, "415-555-2671", field="fax")[0] != one
    assert cells(made(name, key=OTHER), "415-555-2671")[0] != one


def test_encrypted_equal_values_are_not_seen_to_be_equal():
    one, two = cells(made("encrypt", keys=KEYS), "415-555-2671", "415-555-2671")
    assert one != two


def test_a_dictionary_of_telephone_numbers_breaks_a_plain_hash_and_no_token():
    """Why plain hashes are not offered: all 10,000 numbers of an exchange are hashed in a moment."""
    secret = "4155552671"
    listed = [f"415555{last:04d}" for last in range(10_000)]
    table = {hashlib.sha256(number.encode()).hexdigest(): number for number in listed}
    assert table[hashlib.sha256(secret.encode()).hexdigest()] == secret
    token = cells(made("tokenize", key=KEY), secret)[0]
    assert not any(digest in token for digest in table)
    guessed = cells(made("tokenize", key=TokenKey.generate()), *listed)
    assert token not in guessed
    assert not {"hash", "md5", "sha256"} & set(PARTS)


def test_surrogates_are_of_documentation_networks_or_keep_their_form():
    operator = made("surrogate", key=KEY)
    assert re.fullmatch(r"[a-z]{6}\.[a-z]{6}@example\.org", cells(operator, "a@b.com", entity="EMAIL")[0])
    assert cells(operator, "10.1.2.3", entity="IP_ADDRESS")[0].rpartition(".")[0] in (
        *("192.0.2", "198.51.100", "203.0.113"),
    )
    assert cells(operator, "fe80::1", entity="IP_ADDRESS")[0].startswith("2001:db8::")
    assert re.fullmatch(r"[A-Z]{2}[0-9]{2} [0-9]{4}", cells(operator, "DE89 3704", entity="IBAN")[0])
    assert date.fromisoformat(cells(operator, "2021-03-04", entity="DATE")[0]).year < 2000
    assert re.fullmatch(r"[A-Z][a-z]{7}", cells(operator, "New York", entity="LOCATION")[0])
    assert re.fullmatch(r"[A-Z][a-z]{7} Company", cells(operator, "Acme Ltd", entity="ORGANIZATION")[0])
    names = cells(operator, *(f"Person {n}" for n in range(2000)), "PERSON  0", entity="PERSON")
    assert len(set(names)) == 2000
    assert names[-1] == names[0]


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.dates(date(1900, 1, 1), date(2100, 1, 1)))
def test_the_time_between_the_dates_of_a_subject_stays(one, two):
    operator = made("shift-dates", key=KEY, most_days=30)
    shifted = cells(operator, one.isoformat(), two.isoformat(), entity="DATE", subjects=["ada", "ada"])
    new_one, new_two = (date.fromisoformat(text) for text in shifted)
    assert new_two - new_one == two - one
    assert 1 <= abs((new_one - one).days) <= 30


def test_subjects_are_moved_by_different_days_that_the_key_decides():
    operator = made("shift-dates", key=KEY)
    values = ["2021-03-04"] * 400
    moved = cells(operator, *values, entity="DATE", subjects=[f"s{n}" for n in range(400)])
    days = {(date.fromisoformat(text) - date(2021, 3, 4)).days for text in moved}
    assert len(days) > 250
    assert min(days) >= -365
    assert max(days) <= 365
    assert 0 not in days
    assert cells(made("shift-dates", key=OTHER), *values, entity="DATE", subjects=["s0"] * 400)[0] != moved[0]


def test_dates_without_a_subject_and_at_the_end_of_the_calendar_are_refused():
    operator = made("shift-dates", key=KEY)
    with pytest.raises(AssayError, match="has none"):
        cells(operator, "2021-03-04", entity="DATE")
    with pytest.raises(AssayError, match="end of the calendar"):
        cells(operator, "9999-12-31", "0001-01-01", entity="DATE", subjects=["a", "a"])


def test_operators_for_some_entities_need_one_for_the_rest():
    operator = made("shift-dates", key=KEY)
    with pytest.raises(AssayError, match="does not take every entity"):
        run(operator)
    with pytest.raises(AssayError, match="does not take PHONE"):
        cells(operator, "415-555-2671")
    done = run(operator, made("replace"))
    assert re.fullmatch(r"<EMAIL> came on 202[0-2]-\d\d-\d\d\.", done.texts[3])


def test_parts_of_dates_and_buckets():
    parts = [
        cells(made("date-parts", keep=keep), "4.5.2021", entity="DATE")[0] for keep in ("year", "quarter", "month")
    ]
    assert parts == ["2021", "2021-Q2", "2021-05"]
    ages = cells(made("bucket", width="10"), "47", "50", "-1", "0.1", entity="NUMBER")
    assert ages == ("[40, 50)", "[50, 60)", "[-10, 0)", "[0, 10)")
    assert cells(made("bucket", width="0.1"), "0.3", entity="NUMBER") == ("[0.3, 0.4)",)
    with pytest.raises(AssayError, match="not a number"):
        cells(made("bucket", width="10"), "nan", entity="NUMBER")
    with pytest.raises(AssayError, match="width above 0"):
        made("bucket", width="0")


def test_format_preserving_keeps_the_form_and_is_restored():
    operator = made("format-preserving", key=KEY)
    values = ("(415) 555-2671", "4111 1111 1111 1111")
    written = cells(operator, *values)
    assert all(re.sub(r"\d", "0", new) == re.sub(r"\d", "0", old) for new, old in zip(written, values, strict=True))
    assert set(written).isdisjoint(values)
    assert tuple(restore(text, field="phone", key=KEY) for text in written) == values
    assert restore(written[0], field="fax", key=KEY) != values[0]
    both = made("format-preserving", key=KEY, characters="letters-and-digits")
    new = cells(both, "DE89-3704")[0]
    assert restore(new, field="phone", key=KEY, characters="letters-and-digits") == "DE89-3704"


@pytest.mark.parametrize(("value", "why"), [("12345", "takes 6"), ("GB82 1234", "does not know"), ("١٢٣٤٥٦٧", "know")])
def test_what_does_not_fit_the_form_is_refused_without_showing_it(value, why):
    with pytest.raises(AssayError, match=why) as error:
        cells(made("format-preserving", key=KEY), value)
    assert value not in str(error.value)


def test_the_result_is_called_pseudonymous_and_nothing_in_the_area_calls_it_anonymous():
    text = run(made("replace")).statement.text()
    assert "pseudonymous" in text
    assert "still personal data" in text
    assert "names of people" in text
    for part in PARTS.values():
        assert not re.search(r"anonym", f"{part.title} {part.statement} {part.make.__doc__}", re.IGNORECASE)


def test_batches_make_no_difference():
    many = [f"ring 415-555-{n:04d}, or not" for n in range(2_345)]
    whole = run(made("tokenize", key=KEY), texts=many, subjects=None).texts
    assert len(set(whole)) == 2_345
    assert whole[1_999] == run(made("tokenize", key=KEY), texts=[many[1_999]], subjects=None).texts[0]


def test_subjects_are_one_for_each_text():
    with pytest.raises(AssayError, match="1 texts and 5 subjects"):
        run(made("replace"), texts=["x"])


def test_an_identifier_is_the_same_however_it_is_written():
    forms = [Identifier("IBAN", text, "f").canonical for text in ("DE89 3704", "de89-3704", "ＤＥ８９３７０４")]
    assert len(set(forms)) == 1
    assert Identifier("EMAIL", "A.b@x.org", "f").canonical == "a.b@x.org"


@pytest.mark.parametrize("name", ["reversible", "encrypt"])
def test_forged_marks_in_a_text_come_back_as_they_stood(name):
    forged = "<EMAIL:siv:0123456789abcdef.AAAA> <PHONE:sealed:AAAA> <PHONE:hmac:x.y> ada@example.com"
    operators = [made("reversible", key=KEY), made("encrypt", keys=KEYS)]
    done = run(made(name, **KEYED[name]), texts=[forged], subjects=None)
    assert done.replaced == {"EMAIL": 1, "MARK": 3}
    assert reidentify_texts(done.texts, field="note", operators=operators) == (forged,)
    assert run(made("replace"), texts=[forged], subjects=None).replaced == {"EMAIL": 1}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["<EMAIL:siv:", "<A:sealed:", "ada@example.com", "4111111111111111", ">", "<", "Ab", " "]))
)
def test_texts_with_halves_of_marks_come_back_as_they_stood(pieces):
    text = "".join(pieces)
    operators = [made("reversible", key=KEY), made("encrypt", keys=KEYS)]
    done = run(operators[0], texts=[text], subjects=None)
    assert reidentify_texts(done.texts, field="note", operators=operators) == (text,)


@pytest.mark.parametrize("name", ["reversible", "encrypt"])
def test_a_mark_that_was_cut_off_is_an_error(name):
    """It came back as it was, without a word."""
    operators = [made("reversible", key=KEY), made("encrypt", keys=KEYS)]
    (whole,) = run(made(name, **KEYED[name]), texts=["ada@example.com"], subjects=None).texts
    for end in (-1, -3, -20):
        with pytest.raises(AssayError, match=r"Row 0 of 'note': .* cut off"):
            reidentify_texts([whole[:end]], field="note", operators=operators)
