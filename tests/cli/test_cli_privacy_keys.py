"""`assay privacy keys`, `encrypt` and `decrypt` through the real command line: a whole journey, and bad input."""

from __future__ import annotations

import base64
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

Call = Callable[..., Any]
COLUMNS = ("--column", "name", "--column", "income", "--subject-column", "person")


@pytest.fixture
def people(assay: Call) -> pd.DataFrame:
    """people.parquet and new keys in the folder."""
    frame = pd.DataFrame({"person": ["p1", "p2", "p1"], "name": ["Ann", "Bob", "Ann"], "income": [1.5, 2.5, 3.5]})
    frame.to_parquet("people.parquet")
    assert assay("privacy", "keys", "create").code == 0
    return frame


def refused(said: Any, *words: str) -> None:
    assert said.code == 2, said.out
    assert all(word in said.err for word in words), said.err
    assert "Traceback" not in said.err


def test_columns_are_encrypted_read_rotated_and_one_person_is_erased(assay: Call, people: pd.DataFrame) -> None:
    made = assay("privacy", "encrypt", "--in", "people.parquet", "--out", "sealed.parquet", *COLUMNS)
    assert made.code == 0, made.err
    assert "3 rows of 2 subjects: sealed name, income; wrote sealed.parquet" in made.out
    assert b"Ann" not in Path("sealed.parquet").read_bytes()
    before = Path("sealed.parquet").read_bytes()
    rotated = assay("privacy", "keys", "rotate")
    assert "Rewrote the wraps of 2 subject keys." in rotated.out
    assert Path("sealed.parquet").read_bytes() == before
    assert assay("privacy", "decrypt", "--in", "sealed.parquet", "--out", "back.parquet", *COLUMNS).code == 0
    pd.testing.assert_frame_equal(pd.read_parquet("back.parquet"), people)
    shred = assay("privacy", "keys", "shred", "p1")
    assert "Shredded 1 keys" in shred.out
    assert "rotate --drop-older" in shred.out
    said = assay("privacy", "decrypt", "--in", "sealed.parquet", "--out", "after.parquet", *COLUMNS, "--json")
    assert said.json["data"]["table"] == {"rows": 3, "subjects": 2, "made": 0, "shredded": 4}
    after = pd.read_parquet("after.parquet")
    assert after["name"].isna().tolist() == [True, False, True]
    assert after["income"].tolist()[1] == 2.5


def test_a_whole_file_of_a_subject(assay: Call, people: pd.DataFrame) -> None:
    Path("scan.bin").write_bytes(os.urandom(200_000))
    flags = ("--subject", "ann", "--record", "scan 1")
    assert assay("privacy", "encrypt", "--in", "scan.bin", "--out", "scan.sealed", *flags).code == 0
    assert assay("privacy", "decrypt", "--in", "scan.sealed", "--out", "scan.back", "--record", "scan 1").code == 0
    assert Path("scan.back").read_bytes() == Path("scan.bin").read_bytes()
    for wrong in (("--record", "scan 2"), ()):
        refused(assay("privacy", "decrypt", "--in", "scan.sealed", "--out", "x", *wrong), "another record id")
    cut = Path("scan.sealed").read_bytes()[:150_000]
    Path("cut.sealed").write_bytes(cut)
    refused(assay("privacy", "decrypt", "--in", "cut.sealed", "--out", "x", "--record", "scan 1"), "is cut off")
    assert assay("privacy", "keys", "shred", "ann").code == 0
    gone = assay("privacy", "decrypt", "--in", "scan.sealed", "--out", "x", "--record", "scan 1")
    refused(gone, "cannot be read again")
    assert not Path("x").exists()


def test_a_file_under_the_key_file_alone(assay: Call) -> None:
    Path("f").write_text("words", encoding="utf-8")
    assert assay("privacy", "keys", "create").code == 0
    shutil.copy("assay.keys", "other.keys")
    assert assay("privacy", "encrypt", "--in", "f", "--out", "g").code == 0
    assert assay("privacy", "keys", "rotate").code == 0
    assert assay("privacy", "decrypt", "--in", "g", "--out", "h").code == 0
    assert Path("h").read_text(encoding="utf-8") == "words"
    assert assay("privacy", "keys", "rotate", "--drop-older").code == 0
    refused(assay("privacy", "decrypt", "--in", "g", "--out", "i"), "which is not here")
    assert assay("privacy", "decrypt", "--in", "g", "--out", "i", "--keys", "other.keys").code == 0


def test_after_shredding_and_dropping_the_old_key_a_backup_is_dead(assay: Call) -> None:
    assert assay("privacy", "keys", "create", "ann", "bob").code == 0
    Path("f").write_text("words", encoding="utf-8")
    assert assay("privacy", "encrypt", "--in", "f", "--out", "g", "--subject", "ann").code == 0
    shutil.copy("assay-subjects.db", "backup.db")
    assert assay("privacy", "keys", "shred", "ann").code == 0
    assert assay("privacy", "decrypt", "--in", "g", "--out", "h", "--subjects", "backup.db").code == 0
    dropped = assay("privacy", "keys", "rotate", "--drop-older")
    assert "holds no older key" in dropped.out
    refused(assay("privacy", "decrypt", "--in", "g", "--out", "i", "--subjects", "backup.db"), "which is not here")
    assert assay("privacy", "keys", "list", "--json").json["data"]["shredded"] == 1


def test_the_history_is_told_verified_and_kept(assay: Call) -> None:
    assert assay("privacy", "keys", "create", "ann").code == 0
    shutil.copy("assay-subjects.db", "older.db")
    assert assay("privacy", "keys", "shred", "ann").code == 0
    told = assay("privacy", "keys", "history", "--json").json["data"]
    assert [entry["what"] for entry in told] == ["opened", "created", "shredded"]
    assert assay("privacy", "keys", "verify", "--save", "kept.json").code == 0
    refused(assay("privacy", "keys", "verify", "--save", "kept.json"), "is there already")
    assert assay("privacy", "keys", "verify", "--checkpoint", "kept.json", "--save", "kept.json").code == 0
    shutil.copy("older.db", "assay-subjects.db")
    assert assay("privacy", "keys", "verify").code == 0
    refused(assay("privacy", "keys", "verify", "--checkpoint", "kept.json"), "restored from an older copy")
    for text in ("{}", "[", '{"format": 1, "store": 2}'):
        Path("wrong.json").write_text(text, encoding="utf-8")
        refused(assay("privacy", "keys", "verify", "--checkpoint", "wrong.json"), "no checkpoint")
    refused(assay("privacy", "keys", "verify", "--checkpoint", "absent.json"), "cannot be read")


def test_what_became_of_a_subject(assay: Call) -> None:
    assert assay("privacy", "keys", "create", "ann", "bob").code == 0
    assert assay("privacy", "keys", "shred", "bob").code == 0
    found = assay("privacy", "keys", "list", "ann", "bob", "--json").json["data"]
    assert [state["shredded"] is None for state in found] == [True, False]
    refused(assay("privacy", "keys", "list", "eve"), "never was a key for 'eve'")
    assert "1 keys wrapped by kek:" in assay("privacy", "keys", "list").out


def test_keys_from_the_environment(assay: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [base64.b64encode(bytes([k]) * 32).decode() for k in (1, 2)]
    monkeypatch.setenv("MY_KEYS", words[0])
    assert assay("privacy", "keys", "create", "ann", "--keys", "env:MY_KEYS").code == 0
    assert sorted(path.name for path in Path().glob("assay*")) == ["assay-subjects.db"]
    monkeypatch.setenv("MY_KEYS", " ".join(reversed(words)))
    refused(assay("privacy", "keys", "create", "bob", "--keys", "env:MY_KEYS"), "assay privacy keys rotate")
    assert "wraps of 1 subject keys" in assay("privacy", "keys", "rotate", "--keys", "env:MY_KEYS").out
    refused(assay("privacy", "keys", "rotate", "--drop-older", "--keys", "env:MY_KEYS"), "from a key file")
    monkeypatch.setenv("MY_KEYS", words[1])
    assert assay("privacy", "keys", "list", "ann", "--keys", "env:MY_KEYS").code == 0
    refused(assay("privacy", "keys", "list", "--keys", "env:NOT_SET"), "NOT_SET is not set")


def test_bad_use_is_one_clear_error_and_changes_nothing(assay: Call, people: pd.DataFrame) -> None:
    if os.name == "posix":
        assert stat.S_IMODE(Path("assay.keys").stat().st_mode) == 0o600
        assert stat.S_IMODE(Path("assay-subjects.db").stat().st_mode) == 0o600
    refused(assay("privacy", "keys", "create"), "exist already")
    refused(assay("privacy", "keys", "mend"), "Unknown keys command 'mend'", "rotate")
    refused(assay("privacy", "keys"), "Unknown keys command")
    refused(assay("privacy", "keys", "shred"), "Nobody was named")
    refused(assay("privacy", "keys", "rotate", "ann"), "takes no subject")
    refused(assay("privacy", "keys", "shred", "p1", "--drop-older"), "does not belong to `keys shred`")
    refused(assay("privacy", "keys", "list", "--subjects", "absent.db"), "There are no subject keys")
    Path("assay.keys").rename("moved.keys")
    refused(assay("privacy", "keys", "create", "ann"), "a new key would not open it")
    assert not Path("assay.keys").exists()
    Path("moved.keys").rename("assay.keys")
    seal = ("privacy", "encrypt", "--in", "people.parquet", "--out", "x.parquet")
    refused(assay(*seal, "--column", "name"), "need one subject")
    refused(assay(*seal, "--subject-column", "person"), "Give --column NAME too")
    refused(assay(*seal, *COLUMNS, "--record", "r"), "--record is for whole files")
    refused(assay(*seal, "--column", "nam", "--subject-column", "person"), "Did you mean 'name'")
    refused(assay("privacy", "encrypt", "--in", "absent", "--out", "x.parquet", "--subject", "ann"), "There is no file")
    refused(assay("privacy", "decrypt", "--in", "people.parquet", "--out", "x.parquet"), "no sealed file")
    refused(assay(*seal, *COLUMNS, "--keys", "people.parquet"), "expected one or more keys")
    assert not Path("x.parquet").exists()
    assert assay("privacy", "keys", "list", "--json").json["data"] == {"held": {}, "shredded": 0}
