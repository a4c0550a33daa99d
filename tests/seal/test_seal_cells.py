"""Sealed cells: bound to table, column, row and subject, so that no change, exchange or missing row goes unseen."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import AssayError
from assay.seal.atrest.cells import CellCipher, SealedColumn, new_table, table_of

SUBJECTS = ["ann", "bob", "ann", "eve"]
CELLS = [b"one", None, b"", b"one"]
KEYS = {"ann": bytes(32), "bob": bytes([1]) * 32, "eve": bytes([2]) * 32}
VOUCHING = bytes([7]) * 32
COLUMN = SealedColumn(bytes(16), "note", b"string", 4)


def cipher_of(column=COLUMN, keys=KEYS, vouching=VOUCHING):
    return CellCipher(column, keys, vouching=vouching)


SEALED = cipher_of().seal(CELLS, SUBJECTS)


def opened(sealed, *, column=COLUMN, subjects=SUBJECTS, keys=KEYS):
    return cipher_of(column, keys).open(sealed, subjects)


@given(cells=st.lists(st.none() | st.binary(max_size=40), max_size=6), start=st.integers(0, 10**9))
def test_cells_come_back(cells, start):
    column = SealedColumn(new_table(), "c", b"binary", 10**9 + 6)
    subjects = ["s"] * len(cells)
    cipher = cipher_of(column, {"s": bytes(32)})
    assert cipher.open(cipher.seal(cells, subjects, start=start), subjects, start=start) == cells


def test_batches_make_the_column_that_one_call_makes():
    cipher = cipher_of()
    assert cipher.seal(CELLS[:2], SUBJECTS[:2]) + cipher.seal(CELLS[2:], SUBJECTS[2:], start=2) == SEALED


def test_a_missing_value_and_equal_values_do_not_show():
    assert len(SEALED[1]) == len(SEALED[2])
    assert SEALED[0] != SEALED[3]


def test_every_byte_every_bit_and_every_cut_is_found():
    for row, cell in enumerate(SEALED):
        for at in range(len(cell)):
            flipped = [cell[:at] + bytes([cell[at] ^ 1 << bit]) + cell[at + 1 :] for bit in range(8)]
            for broken in (*flipped, cell[:at], cell[:at] + cell[at + 1 :], cell + b"\0"):
                with pytest.raises(AssayError, match="was changed"):
                    opened([*SEALED[:row], broken, *SEALED[row + 1 :]])


@pytest.mark.parametrize("order", [[1, 0, 2, 3], [2, 1, 0, 3], [0, 1, 2, 2], [3, 1, 2, 0]])
def test_cells_in_another_order_are_found_even_those_of_one_subject(order):
    with pytest.raises(AssayError, match="not in its place"):
        opened([SEALED[k] for k in order])


def test_rows_in_another_order_dropped_or_added_are_found():
    with pytest.raises(AssayError, match="was changed"):
        opened([SEALED[1], SEALED[0], *SEALED[2:]], subjects=["bob", "ann", *SUBJECTS[2:]])
    for rows in (SEALED[:3], SEALED[1:], [*SEALED, SEALED[3]]):
        column = dataclasses.replace(COLUMN, rows=len(rows))
        with pytest.raises(AssayError, match="was changed"):
            opened(rows, column=column, subjects=(SUBJECTS * 2)[: len(rows)])


@pytest.mark.parametrize("other", [{"table": bytes([9]) * 16}, {"name": "other"}, {"kind": b"int64"}, {"rows": 5}])
def test_a_cell_cannot_pass_for_one_of_another_column(other):
    with pytest.raises(AssayError, match="was changed"):
        opened(SEALED, column=dataclasses.replace(COLUMN, **other))


def test_a_row_cannot_be_given_to_another_subject():
    with pytest.raises(AssayError, match="was changed"):
        opened(SEALED, subjects=["bob", *SUBJECTS[1:]])


def test_shredded_subjects_have_no_value_and_nothing_is_sealed_for_them():
    gone = KEYS | {"ann": None}
    assert opened(SEALED, keys=gone) == [None, None, None, b"one"]
    with pytest.raises(AssayError, match="was shredded"):
        cipher_of(keys=gone).seal([b"x"], ["ann"])


def test_no_cell_can_be_passed_for_one_of_a_shredded_subject():
    """Whoever edits the table cannot clear a cell by giving its row to a subject whose key is gone."""
    gone = KEYS | {"ann": None}
    with pytest.raises(AssayError, match="was changed"):
        opened(SEALED, subjects=["ann", "ann", "ann", "eve"], keys=gone)
    for at in range(len(SEALED[0])):
        broken = SEALED[0][:at] + bytes([SEALED[0][at] ^ 1]) + SEALED[0][at + 1 :]
        with pytest.raises(AssayError, match="was changed"):
            opened([broken, *SEALED[1:]], keys=gone)
    with pytest.raises(AssayError, match="was changed"):
        opened([SEALED[2], SEALED[1], SEALED[0], SEALED[3]], keys=gone)
    with pytest.raises(AssayError, match="was changed"):
        cipher_of(keys=gone, vouching=bytes(32)).open(SEALED, SUBJECTS)


def test_no_two_cells_share_key_and_nonce():
    """Under one key of a subject, two tables and two columns give unlike bytes for the same value in the same row."""
    columns = [SealedColumn(bytes([t]) * 16, name, b"string", 1) for t in (1, 2) for name in ("a", "b")]
    bodies = {cipher_of(column).seal([b"same value"], ["ann"])[0][17:-16] for column in columns}
    assert len(bodies) == 4


def test_what_is_no_sealed_cell_is_said():
    assert table_of(SEALED[0], name="note") == bytes(16)
    with pytest.raises(AssayError, match="was changed"):
        table_of(b"short", name="note")
    with pytest.raises(AssayError, match="never sealed"):
        table_of(b"x" * 60, name="note")
