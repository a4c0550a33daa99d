"""Merkle tree hashing of an append-only log: one root stands for all entries, short proofs tie them to it.

Sources: RFC 6962, section 2.1 (hashes and proofs); RFC 9162, sections 2.1.3.2 and 2.1.4.2 (verification).
All hashes are SHA-256, 32 bytes. Proofs are lists of hashes, lowest level first.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from assay.core.errors import AssayError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""Root of the tree without entries."""


def leaf_hash(entry: bytes, /) -> bytes:
    """SHA-256 of 0x00 and the entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes, /) -> bytes:
    """SHA-256 of 0x01 and both children: no node can pass for a leaf."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes], /) -> bytes:
    """The root over `leaves` (leaf hashes, in log order)."""
    return _subtree(leaves, 0, len(leaves)) if leaves else EMPTY_ROOT


def inclusion_proof(leaves: Sequence[bytes], /, *, index: int) -> list[bytes]:
    """Proof that the leaf at `index` is under the root of `leaves` (RFC 6962, 2.1.1)."""
    if not 0 <= index < len(leaves):
        raise AssayError(f"No leaf {index} in a log of {len(leaves)}.", code="log")
    proof: list[bytes] = []
    start, stop = 0, len(leaves)
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            proof.append(_subtree(leaves, middle, stop))
            stop = middle
        else:
            proof.append(_subtree(leaves, start, middle))
            start = middle
    return proof[::-1]


def consistency_proof(leaves: Sequence[bytes], /, *, first_size: int) -> list[bytes]:
    """Proof that the log of the first `first_size` leaves is a beginning of `leaves` (RFC 6962, 2.1.2)."""
    if not 0 <= first_size <= len(leaves):
        raise AssayError(f"No log of {first_size} within a log of {len(leaves)}.", code="log")
    if first_size == 0:
        return []
    proof: list[bytes] = []
    start, stop = 0, len(leaves)
    while stop != first_size:
        middle = start + _split(stop - start)
        if first_size <= middle:
            proof.append(_subtree(leaves, middle, stop))
            stop = middle
        else:
            proof.append(_subtree(leaves, start, middle))
            start = middle
    if start > 0:
        proof.append(_subtree(leaves, start, stop))
    return proof[::-1]


def verify_inclusion(leaf: bytes, /, *, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """True when `proof` shows that `leaf` (a leaf hash) is entry `index` of the log of `size` entries under `root`."""
    if not 0 <= index < size or not _are_hashes(leaf, root, *proof):
        return False
    node, last, current = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            current = node_hash(sibling, current)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            current = node_hash(current, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and hmac.compare_digest(current, root)


def verify_consistency(
    first_root: bytes, second_root: bytes, /, *, first_size: int, second_size: int, proof: Sequence[bytes]
) -> bool:
    """True when `proof` shows that the first log is a beginning of the second: nothing was changed or cut out.

    An empty first log is a beginning of every log.
    """
    if not 0 <= first_size <= second_size or not _are_hashes(first_root, second_root, *proof):
        return False
    if first_size == 0:
        return not proof and first_root == EMPTY_ROOT
    if first_size == second_size:
        return not proof and first_root == second_root
    path = list(proof)
    if first_size & (first_size - 1) == 0:
        path.insert(0, first_root)
    return bool(path) and _climb(path, first_size - 1, second_size - 1) == (first_root, second_root)


def _climb(path: list[bytes], node: int, last: int) -> tuple[bytes, bytes] | None:
    """Both roots as the path gives them, or None where it has the wrong length (RFC 9162, 2.1.4.2)."""
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if node & 1 or node == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        node, last = node >> 1, last >> 1
    return (first, second) if last == 0 else None


def _split(size: int) -> int:
    """The largest power of two smaller than `size` (> 1)."""
    return 1 << (size - 1).bit_length() - 1


def _subtree(leaves: Sequence[bytes], start: int, stop: int) -> bytes:
    if stop - start == 1:
        return leaves[start]
    middle = start + _split(stop - start)
    return node_hash(_subtree(leaves, start, middle), _subtree(leaves, middle, stop))


def _are_hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
