"""Encrypted scoring: right to 1e-3, no key at the server, decrypted scores that do not travel, hostile messages."""

import copy
import dataclasses
import hashlib
import json
import math
import os
import pickle
import stat
import struct

import numpy as np
import pytest
import tenseal

from assay.core.errors import AssayError, MissingExtra
from assay.models.internals.forms import LinearForm
from assay.privacy.encrypted import scheme, wire
from assay.privacy.encrypted.client import ScoringClient, ScoringRequest
from assay.privacy.encrypted.scheme import SLOTS, ScoringTerms
from assay.privacy.encrypted.scores import Scores, Sharing
from assay.privacy.encrypted.server import ScoringServer

WEIGHTS = np.array([[0.5, -2.0, 0.0, 1e-25, 3.25], [0.0, 0.0, 0.0, 0.0, -1.0]])
FORM = LinearForm(WEIGHTS, np.array([-0.75, 0.0]), "log-odds")
ROWS = np.random.default_rng(0).normal(size=(7, 5)) * 10


@pytest.fixture(scope="module")
def server():
    return ScoringServer(FORM, largest=100)


@pytest.fixture(scope="module")
def client(server):
    return ScoringClient(server.terms)


@pytest.fixture(scope="module")
def asked(client):
    return client.encrypt(ROWS)


@pytest.fixture(scope="module")
def reply(server, asked):
    return server.score(asked.data)


def test_scores_are_those_of_the_plain_model(client, asked, reply):
    scores = client.decrypt(reply, request=asked).for_holder()
    assert scores.shape == (7, 2)
    assert np.abs(scores - FORM.margin(ROWS)).max() < 1e-9


def test_a_fitted_model_on_real_data_in_several_blocks():
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    data, label = load_breast_cancer(return_X_y=True)
    rows = StandardScaler().fit_transform(data)
    model = LogisticRegression(max_iter=1000).fit(rows, label)
    many = np.tile(rows, (8, 1))[: SLOTS + 3, :6]
    form = LinearForm(model.coef_[:, :6], model.intercept_, "log-odds")
    server = ScoringServer(form, largest=20)
    client = ScoringClient(ScoringTerms.from_json(json.loads(json.dumps(server.terms.to_json()))))
    request = client.encrypt(many)
    scores = client.decrypt(server.score(request.data), request=request).for_holder()
    assert np.abs(scores[:, 0] - (many @ model.coef_[0, :6] + model.intercept_[0])).max() < 1e-3


@pytest.mark.parametrize(("size", "weight"), [(1e-3, 1e-3), (1e5, 1e3), (2.0**18, 2.0**16), (2.0**35, 0.5)])
def test_small_and_large_numbers_neither_drown_nor_wrap_around(size, weight):
    form = LinearForm(np.array([[weight, -weight / 2]]), np.array([weight / 3]), "value")
    server = ScoringServer(form, largest=size)
    client = ScoringClient(server.terms)
    rows = np.array([[size, -size], [-size, size], [size / 3, 0.0]])
    request = client.encrypt(rows)
    scores = client.decrypt(server.score(request.data), request=request).for_holder()
    assert np.abs(scores - form.margin(rows)).max() < 1e-3


def test_the_server_holds_no_key_and_can_neither_encrypt_nor_decrypt(server, asked):
    context = server._context
    assert not context.has_secret_key()
    assert not context.is_private()
    assert not context.has_galois_keys()
    assert not context.has_relin_keys()
    vector = wire.vector_of(
        context, wire.read_message(asked.data, kind="request", columns=6).ciphertexts[0], kind="request"
    )
    with pytest.raises(ValueError, match="secret_key"):
        vector.decrypt()
    with pytest.raises(ValueError, match="doesn't support encryption"):
        tenseal.ckks_vector(context, [1.0])


def test_what_is_sent_holds_no_key_and_no_feature(client, asked, reply):
    secret = scheme.context_bytes(client._context, secret=True)
    assert len(secret) > 100_000
    for sent in (asked.data, reply):
        for at in range(1_000, len(secret) - 64, 10_000):
            assert secret[at : at + 64] not in sent
    assert struct.pack("<d", ROWS[0, 0]) not in asked.data


def test_equal_rows_look_different_and_row_counts_are_hidden_within_a_block(client, asked):
    again = client.encrypt(ROWS)
    one = wire.read_message(again.data, kind="request", columns=6)
    two = wire.read_message(asked.data, kind="request", columns=6)
    assert all(a != b for a, b in zip(one.ciphertexts, two.ciphertexts, strict=True))
    many = wire.read_message(client.encrypt(np.zeros((SLOTS, 5))).data, kind="request", columns=6)
    assert len(many.ciphertexts) == len(one.ciphertexts) == 6
    assert max(map(len, many.ciphertexts)) < wire.LARGEST_CIPHERTEXT


def test_another_key_reads_noise_and_not_scores(server, asked, reply):
    other = ScoringClient(server.terms).decrypt(reply, request=asked).for_holder()
    assert np.abs(other - FORM.margin(ROWS)).min() > 1e3


def test_scores_do_not_travel(client, asked, reply):
    scores = client.decrypt(reply, request=asked)
    assert repr(scores) == "<Scores: 7 rows, 2 outputs>"
    for carry in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(AssayError, match="do not travel"):
            carry(scores)
    with pytest.raises(TypeError):
        json.dumps(scores)
    assert np.asarray(scores).dtype == object
    with pytest.raises(AssayError, match="for its holder alone"):
        scores.shared()
    with pytest.raises(AssayError, match="no request of encrypted scoring"):
        ScoringServer(FORM, largest=100).score(scores.for_holder().tobytes())


def test_shared_scores_are_flooded_and_counted(server):
    client = ScoringClient(server.terms, shares=2, bits=20)
    request = client.encrypt(ROWS)
    scores = client.decrypt(server.score(request.data), request=request)
    exact = scores.for_holder()
    first, second = scores.shared(), scores.shared()
    assert not np.array_equal(first, second)
    for shared in (first, second):
        assert 0 < np.abs(shared - exact).max() < 6 * scores.noise
    with pytest.raises(AssayError, match="All 2 shares of this key are used up"):
        scores.shared()


def test_the_noise_of_shared_scores_is_as_large_as_stated():
    terms = ScoringTerms(3, 1, "value", 1.0, 2.0)
    scores = Scores(np.zeros((4000, 1)), terms=terms, blocks=1, sharing=Sharing(shares=1, bits=30))
    noise = scores.shared()[:, 0] / scores.noise
    assert abs(noise.std() - 1) < 0.05
    assert abs(noise.mean()) < 0.08
    assert abs((np.abs(noise) < 1).mean() - 0.6827) < 0.03


def test_the_noise_is_what_the_statement_needs():
    """σ = 2^(b−1) · t · √shares with t twice the bound on errors: Pinsker then gives a distance of 2^-b."""
    terms = ScoringTerms(3, 2, "value", 5.0, 2.0)
    for bits, shares in ((10, 1), (30, 9)):
        sharing = Sharing(shares=shares, bits=bits)
        scores = Scores(np.zeros((6, 2)), terms=terms, blocks=1, sharing=sharing)
        t = 2 * sharing.error_bound(terms, 6, 1)
        divergence = shares * t**2 / (2 * scores.noise**2)
        assert math.sqrt(divergence / 2) <= 2.0**-bits * (1 + 1e-9)


def test_errors_of_decryption_stay_under_the_bound_that_the_noise_is_made_for():
    """Rows of zeros: what is decrypted is the key-dependent error alone."""
    form = LinearForm(np.full((1, 8), 3.0), np.array([0.5]), "value")
    server = ScoringServer(form, largest=1)
    client = ScoringClient(server.terms)
    request = client.encrypt(np.zeros((SLOTS, 8)))
    scores = client.decrypt(server.score(request.data), request=request)
    error = np.linalg.norm(scores.for_holder() - 0.5)
    assert 0 < error < client._sharing.error_bound(server.terms, SLOTS, 1)


def test_two_keys_differ_in_their_errors_by_less_than_the_bounds_together():
    """Features and scores as large as the terms allow, so that the read-out errs most."""
    rng = np.random.default_rng(3)
    form = LinearForm(rng.normal(size=(2, 4)) * 5, rng.normal(size=2), "value")
    server, rows, found = ScoringServer(form, largest=1e4), rng.choice([-1e4, 1e4], size=(500, 4)), []
    for _ in range(2):
        client = ScoringClient(server.terms)
        request = client.encrypt(rows)
        found.append(client.decrypt(server.score(request.data), request=request).for_holder())
    bound = Sharing(shares=1, bits=30).error_bound(server.terms, len(rows), 1)
    assert 0 < np.linalg.norm(found[0] - found[1]) < 2 * bound < 1e-3


def test_a_key_is_kept_in_a_file(server, client, asked, reply, tmp_path):
    path = tmp_path / "key"
    client.save(path)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    loaded = ScoringClient.load(path)
    assert loaded.terms == server.terms
    exact = client.decrypt(reply, request=asked).for_holder()
    assert np.array_equal(loaded.decrypt(reply, request=asked).for_holder(), exact)
    request = loaded.encrypt(ROWS)
    assert np.abs(loaded.decrypt(server.score(request.data), request=request).for_holder() - exact).max() < 1e-9
    with pytest.raises(AssayError, match="for its holder alone"):
        loaded.decrypt(reply, request=asked).shared()
    with pytest.raises(AssayError, match="never overwritten"):
        client.save(path)
    with pytest.raises(AssayError, match="is not saved"):
        ScoringClient(server.terms, shares=1).save(tmp_path / "other")
    data = path.read_bytes()
    public = data[: -len(scheme.context_bytes(client._context, secret=True))]
    broken = [
        b"",
        b"text",
        data[:40],
        data[: len(data) // 2],
        public,
        public + scheme.context_bytes(client._context, secret=False),
    ]
    for at, wrong in enumerate(broken):
        (tmp_path / f"broken{at}").write_bytes(wrong)
        with pytest.raises(AssayError, match="no key of encrypted scoring"):
            ScoringClient.load(tmp_path / f"broken{at}")


def test_rows_that_do_not_fit_the_terms_are_refused(client):
    good = np.zeros((2, 5))
    for wrong in (good[:, :4], good[0], good[:0], np.zeros((2, 5, 1))):
        with pytest.raises(AssayError, match=r"expected \(rows, 5\)"):
            client.encrypt(wrong)
    for value in (np.nan, np.inf, 100.1, -101):
        with pytest.raises(AssayError, match="is missing, or larger than 100") as caught:
            client.encrypt([[0, 0, value, 0, 0]])
        assert "100.1" not in str(caught.value)
    with pytest.raises(AssayError, match="not numbers"):
        client.encrypt([["a", "b", "c", "d", "e"]])
    with pytest.raises(AssayError, match="at most 1,8"):
        wire.request_bytes(5, 2_000_000)


def test_models_and_terms_that_cannot_be_scored_are_refused():
    with pytest.raises(AssayError, match="has no weights"):
        ScoringServer(LinearForm(np.array([[1.0], [0.0]]), np.zeros(2), "value"), largest=1)
    with pytest.raises(AssayError, match="would wrap around"):
        ScoringServer(LinearForm(np.array([[2.0**20]]), np.zeros(1), "value"), largest=2.0**20)
    fine = ScoringTerms(5, 2, "log-odds", 100.0, 6.5)
    assert ScoringTerms.from_json(fine.to_json()) == fine
    changes = [("features", 0), ("features", 5000), ("outputs", 0), ("largest", math.nan), ("largest", -1.0)]
    for name, value in [*changes, ("weight_sum", math.inf), ("scale", "miles")]:
        with pytest.raises(AssayError):
            dataclasses.replace(fine, **{name: value})
    for wrong in ({}, fine.to_json() | {"format": 2}, fine.to_json() | {"features": "5"}):
        with pytest.raises(AssayError, match="no terms"):
            ScoringTerms.from_json(wrong)
    for shares, bits in ((-1, 30), (1, 7), (1, 65)):
        with pytest.raises(AssayError, match="8 to 64"):
            Sharing(shares=shares, bits=bits)


def test_a_reply_belongs_to_one_request(client, server, asked, reply):
    with pytest.raises(AssayError, match="another request"):
        client.decrypt(reply, request=client.encrypt(ROWS))
    with pytest.raises(AssayError, match="another request"):
        client.decrypt(reply, request=ScoringRequest(asked.data, SLOTS + 1))
    with pytest.raises(AssayError, match="no reply of encrypted scoring"):
        client.decrypt(asked.data, request=asked)
    with pytest.raises(AssayError, match="no request of encrypted scoring"):
        server.score(reply)


def with_checksum(body):
    return body + hashlib.sha256(body).digest()


def flipped(data, at, bit):
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def test_what_was_damaged_on_the_way_is_found(client, server, asked, reply):
    draw = np.random.default_rng(1)
    for data, read in ((asked.data, server.score), (reply, lambda data: client.decrypt(data, request=asked))):
        places = [*range(wire._HEADER.size), *draw.integers(0, len(data), 60).tolist(), len(data) - 1]
        for at in places:
            with pytest.raises(AssayError):
                read(flipped(data, at, int(draw.integers(8))))
        for size in (0, 5, wire._HEADER.size, wire._HEADER.size + 40, len(data) - 1):
            with pytest.raises(AssayError, match="damaged, cut off"):
                read(data[:size])
        with pytest.raises(AssayError, match="damaged, cut off"):
            read(data + b"\0")


def test_hostile_messages_are_one_error_and_never_a_crash(server, asked):
    """With a right checksum, so that the library itself must judge the ciphertexts."""
    body, draw, outcomes = asked.data[:-32], np.random.default_rng(1), set()
    head = wire._HEADER.size
    for size in (head, head + 2, head + 4, head + 100, len(body) - 1):
        with pytest.raises(AssayError, match="damaged, cut off"):
            server.score(with_checksum(body[:size]))
    for _ in range(120):
        at = head + int(draw.integers(0, 400) if draw.random() < 0.5 else draw.integers(0, len(body) - head))
        try:
            server.score(with_checksum(flipped(body, at, int(draw.integers(8)))))
            outcomes.add("scored")
        except AssayError as error:
            outcomes.add(error.code)
    assert outcomes == {"message", "scored"}


def with_head(data, **changes):
    names = ("magic", "format", "kind", "blocks", "columns", "about")
    fields = dict(zip(names, wire._HEADER.unpack_from(data), strict=True)) | changes
    return with_checksum(wire._HEADER.pack(*fields.values()) + data[wire._HEADER.size : -32])


def test_headers_that_lie_are_refused_before_anything_is_read(server, asked):
    with pytest.raises(AssayError, match="has format 2; this assay reads 1"):
        server.score(with_head(asked.data, format=2))
    with pytest.raises(AssayError, match="expected 6"):
        server.score(with_head(asked.data, columns=7))
    for wrong in ({"blocks": 0}, {"blocks": 2**32 - 1}, {"blocks": 2}, {"kind": 3}, {"magic": b"something"}):
        with pytest.raises(AssayError, match="damaged, cut off"):
            server.score(with_head(asked.data, **wrong))


def test_messages_beyond_the_limit_are_refused_unread(server, asked, monkeypatch):
    monkeypatch.setattr(wire, "LARGEST_MESSAGE", 1000)
    with pytest.raises(AssayError, match="at most 1,000 bytes"):
        server.score(asked.data)


def test_ciphertexts_of_other_parameters_are_refused(server, client):
    def request(context, numbers):
        ciphertexts = [tenseal.ckks_vector(context, numbers).serialize()] * 6
        return wire.CipherMessage("request", 1, 6, bytes(32), ciphertexts).to_bytes()

    other = tenseal.context(tenseal.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[60, 40, 60], n_threads=1)
    other.global_scale = 2.0**40
    short, scaled = scheme.secret_context(), scheme.secret_context()
    scaled.global_scale = 2.0**40
    for context, numbers in ((other, [1.0] * SLOTS), (short, [1.0] * 10), (scaled, [1.0] * SLOTS)):
        with pytest.raises(AssayError, match="no request of encrypted scoring"):
            server.score(request(context, numbers))
    assert server.score(request(client._context, [1.0] * SLOTS))


def test_columns_that_claim_different_scales_are_refused(server, asked):
    ciphertexts = list(wire.read_message(asked.data, kind="request", columns=6).ciphertexts)
    assert struct.unpack("<d", ciphertexts[1][-8:]) == (2.0**60,)
    ciphertexts[1] = ciphertexts[1][:-8] + struct.pack("<d", 2.0**40)
    with pytest.raises(AssayError, match="no request of encrypted scoring"):
        server.score(wire.CipherMessage("request", 1, 6, bytes(32), ciphertexts).to_bytes())


def test_without_the_library_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "tenseal", None)
    with pytest.raises(MissingExtra, match=r"assay\[he\]"):
        ScoringServer(FORM, largest=1)
