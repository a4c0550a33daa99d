"""Merkle hashing against the published vectors, a definition-level recount, and forged proofs."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.seal.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

# Leaves, roots and proofs published with the Certificate Transparency reference implementation
# (github.com/transparency-dev/merkle, testonly/constants.go and proof/verify_test.go).
ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
CONSISTENCY = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
LEAVES = [leaf_hash(bytes.fromhex(entry)) for entry in ENTRIES]
MANY = [leaf_hash(n.to_bytes(4, "big")) for n in range(70)]


def recounted(leaves):
    """MTH as RFC 6962, 2.1 writes it, on lists."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + recounted(leaves[:k]) + recounted(leaves[k:])).digest()


def test_roots_are_the_published_ones():
    assert [root(LEAVES[:n]).hex() for n in range(9)] == ROOTS
    assert EMPTY_ROOT.hex() == ROOTS[0]
    assert node_hash(LEAVES[0], LEAVES[1]).hex() == ROOTS[2]


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSION)
def test_inclusion_proofs_are_the_published_ones(index, size, proof):
    assert [h.hex() for h in inclusion_proof(LEAVES[:size], index=index)] == proof
    assert verify_inclusion(
        LEAVES[index],
        index=index,
        size=size,
        proof=[bytes.fromhex(h) for h in proof],
        root=bytes.fromhex(ROOTS[size]),
    )


@pytest.mark.parametrize(("first", "second", "proof"), CONSISTENCY)
def test_consistency_proofs_are_the_published_ones(first, second, proof):
    assert [h.hex() for h in consistency_proof(LEAVES[:second], first_size=first)] == proof
    assert verify_consistency(
        bytes.fromhex(ROOTS[first]),
        bytes.fromhex(ROOTS[second]),
        first_size=first,
        second_size=second,
        proof=[bytes.fromhex(h) for h in proof],
    )


def test_every_proof_of_every_small_tree_holds_for_its_own_place_alone():
    for size in range(1, len(MANY) + 1):
        top = root(MANY[:size])
        assert top == recounted(MANY[:size])
        for index in range(size):
            proof = inclusion_proof(MANY[:size], index=index)
            assert verify_inclusion(MANY[index], index=index, size=size, proof=proof, root=top)
            other = (index + 1) % size
            if other != index:
                assert not verify_inclusion(MANY[index], index=other, size=size, proof=proof, root=top)
                assert not verify_inclusion(MANY[other], index=index, size=size, proof=proof, root=top)


def test_every_small_log_is_consistent_with_its_own_beginnings_alone():
    roots = [root(MANY[:n]) for n in range(41)]
    for second in range(41):
        for first in range(second + 1):
            proof = consistency_proof(MANY[:second], first_size=first)
            sizes = {"first_size": first, "second_size": second, "proof": proof}
            assert verify_consistency(roots[first], roots[second], **sizes)
            assert not verify_consistency(MANY[-1], roots[second], **sizes)
            if first > 0:
                assert not verify_consistency(roots[first], MANY[-1], **sizes)
            if 0 < first < second:
                assert not verify_consistency(roots[second], roots[first], **sizes)


def test_a_rewritten_entry_is_found():
    old = MANY[:11]
    rewritten = [*MANY[:3], leaf_hash(b"rewritten"), *MANY[4:20]]
    proof = consistency_proof(rewritten, first_size=11)
    assert not verify_consistency(root(old), root(rewritten), first_size=11, second_size=20, proof=proof)


@given(data=st.data())
def test_no_changed_proof_verifies(data):
    size = data.draw(st.integers(2, 40))
    index = data.draw(st.integers(0, size - 1))
    first = data.draw(st.integers(1, size - 1))
    change = data.draw(st.sampled_from(["flip", "drop", "append", "prepend", "short"]))
    top = root(MANY[:size])

    def changed(proof):
        at = data.draw(st.integers(0, len(proof) - 1))
        flipped = bytes([proof[at][0] ^ 1]) + proof[at][1:]
        return {
            "flip": [*proof[:at], flipped, *proof[at + 1 :]],
            "drop": proof[:at] + proof[at + 1 :],
            "append": [*proof, top],
            "prepend": [top, *proof],
            "short": [*proof[:at], proof[at][:-1], *proof[at + 1 :]],
        }[change]

    inclusion = changed(inclusion_proof(MANY[:size], index=index))
    assert not verify_inclusion(MANY[index], index=index, size=size, proof=inclusion, root=top)
    consistency = changed(consistency_proof(MANY[:size], first_size=first))
    assert not verify_consistency(root(MANY[:first]), top, first_size=first, second_size=size, proof=consistency)


def test_sizes_that_cannot_be_are_refused():
    assert not verify_inclusion(MANY[0], index=0, size=0, proof=[], root=EMPTY_ROOT)
    assert not verify_inclusion(MANY[0], index=-1, size=1, proof=[], root=MANY[0])
    assert not verify_consistency(MANY[0], MANY[0], first_size=2, second_size=1, proof=[])
    assert not verify_consistency(MANY[0], MANY[0], first_size=0, second_size=1, proof=[])
    assert not verify_consistency(EMPTY_ROOT, MANY[0], first_size=0, second_size=1, proof=[MANY[1]])
    assert not verify_consistency(MANY[0], root(MANY[:2]), first_size=1, second_size=2, proof=[])
    assert not verify_consistency(root(MANY[:3]), root(MANY[:5]), first_size=3, second_size=5, proof=[])
    with pytest.raises(AssayError, match="No leaf 3 in a log of 3"):
        inclusion_proof(MANY[:3], index=3)
    with pytest.raises(AssayError, match="No log of 4 within a log of 3"):
        consistency_proof(MANY[:3], first_size=4)
