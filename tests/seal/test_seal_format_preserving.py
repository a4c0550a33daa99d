"""FF1 against the sample vectors of NIST SP 800-38G."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.seal.format_preserving import DIGITS, FF1

KEY = bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94")
BASE36 = string.digits + string.ascii_lowercase
SAMPLES = [
    (16, DIGITS, "", "0123456789", "2433477484"),
    (16, DIGITS, "39383736353433323130", "0123456789", "6124200773"),
    (16, BASE36, "3737373770717273373737", "0123456789abcdefghi", "a9tv40mll9kdu509eum"),
    (24, DIGITS, "", "0123456789", "2830668132"),
    (24, DIGITS, "39383736353433323130", "0123456789", "2496655549"),
    (24, BASE36, "3737373770717273373737", "0123456789abcdefghi", "xbj3kv35jrawxv32ysr"),
    (32, DIGITS, "", "0123456789", "6657667009"),
    (32, DIGITS, "39383736353433323130", "0123456789", "1001623463"),
    (32, BASE36, "3737373770717273373737", "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"),
]


@pytest.mark.parametrize(("size", "alphabet", "tweak", "plain", "cipher"), SAMPLES)
def test_the_sample_vectors_of_nist(size, alphabet, tweak, plain, cipher):
    ff1 = FF1(KEY[:size], alphabet=alphabet)
    assert ff1.encrypt(plain, tweak=bytes.fromhex(tweak)) == cipher
    assert ff1.decrypt(cipher, tweak=bytes.fromhex(tweak)) == plain


@given(text=st.text(st.sampled_from(BASE36), min_size=4, max_size=120), tweak=st.binary(max_size=40))
def test_form_is_kept_and_decryption_undoes_encryption(text, tweak):
    ff1 = FF1(KEY, alphabet=BASE36)
    cipher = ff1.encrypt(text, tweak=tweak)
    assert len(cipher) == len(text)
    assert set(cipher) <= set(BASE36)
    assert ff1.decrypt(cipher, tweak=tweak) == text


def test_it_is_a_permutation_of_the_smallest_domain():
    ff1 = FF1(KEY[:16])
    found = {ff1.encrypt(f"{n:06d}") for n in range(3000)}
    assert len(found) == 3000


def test_domains_under_a_million_are_refused():
    assert FF1(KEY).shortest == 6
    assert FF1(KEY, alphabet="01").shortest == 20
    assert FF1(KEY, alphabet=BASE36).shortest == 4
    with pytest.raises(AssayError, match="takes 6 to"):
        FF1(KEY).encrypt("12345")
    with pytest.raises(AssayError, match="takes 6 to"):
        FF1(KEY).decrypt("12345")


@pytest.mark.parametrize("text", ["12345a", "12345٣", "123 456"])
def test_foreign_characters_are_refused(text):
    with pytest.raises(AssayError, match="not in the alphabet"):
        FF1(KEY).encrypt(text)


def test_wrong_keys_and_alphabets_are_refused():
    with pytest.raises(AssayError, match="not 5"):
        FF1(b"short")
    for alphabet in ("", "1", "112"):
        with pytest.raises(AssayError, match="each once"):
            FF1(KEY, alphabet=alphabet)
