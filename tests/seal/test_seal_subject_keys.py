"""Keys of subjects: made once, rotated without touching what is sealed, shredded for good; tampering is found."""

import itertools
import multiprocessing
import os
import shutil
import sqlite3
import stat

import pytest

from assay.core.errors import AssayError
from assay.seal.atrest import database
from assay.seal.atrest.history import KeysCheckpoint
from assay.seal.atrest.subject_keys import SubjectKeys
from assay.seal.envelopes import Sealed, decrypt, encrypt
from assay.seal.key_sources import LocalKeys, WrappedKey, create_key_file, drop_older_keys, rotate_key_file

OLD, NEW = bytes([1]) * 32, bytes([2]) * 32
NAMES = ["ann", "bob", "eve"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "subjects.db"


@pytest.fixture
def store(path):
    made = SubjectKeys.create(path, LocalKeys([OLD]))
    assert made.add(NAMES) == 3
    return made


def change(path, statement, *values):
    with sqlite3.connect(path) as rows:
        assert rows.execute(statement, values).rowcount
    rows.close()


def test_a_record_of_a_subject_comes_back_and_only_for_that_subject(store):
    sealed = Sealed.from_bytes(encrypt(b"diagnosis", record_id="r1", keys=store.source("ann")).to_bytes())
    assert decrypt(sealed, record_id="r1", keys=store.source("ann")) == b"diagnosis"
    assert decrypt(sealed, record_id="r1", keys=store.source_of(sealed.wrapped.key_id)) == b"diagnosis"
    with pytest.raises(AssayError, match="not that of this subject"):
        decrypt(sealed, record_id="r1", keys=store.source("bob"))
    forged = Sealed(WrappedKey(store.source("bob").current, sealed.wrapped.data), sealed.body)
    with pytest.raises(AssayError, match="was changed"):
        decrypt(forged, record_id="r1", keys=store.source("bob"))


def test_keys_differ_are_made_once_and_stay(store, path):
    before = store.keys_of(NAMES)
    assert len(set(before.values())) == 3
    assert all(len(key) == 32 for key in before.values())
    assert store.add([*NAMES, "new", "new"]) == 1
    again = SubjectKeys(path, LocalKeys([OLD]))
    assert again.keys_of(NAMES) == before
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_rotation_rewrites_wraps_and_nothing_that_is_sealed(store, path):
    sealed = encrypt(b"diagnosis", record_id="r1", keys=store.source("ann"))
    keys = store.keys_of(NAMES)
    both = SubjectKeys(path, LocalKeys([NEW, OLD]))
    assert both.rotate() == 3
    assert both.rotate() == 0
    rotated = SubjectKeys(path, LocalKeys([NEW]))
    assert rotated.keys_of(NAMES) == keys
    assert decrypt(sealed, record_id="r1", keys=rotated.source("ann")) == b"diagnosis"
    assert rotated.holdings().held == {LocalKeys([NEW]).current: 3}
    assert rotated.holdings().shredded == 0
    with pytest.raises(AssayError, match="which is not here"):
        SubjectKeys(path, LocalKeys([OLD]))


def test_no_key_is_made_under_a_key_that_rotation_left_behind(store, path):
    """`store` still holds the old key in memory: what it would add now would die with that key."""
    SubjectKeys(path, LocalKeys([NEW, OLD])).rotate()
    with pytest.raises(AssayError, match="the current key is"):
        store.add(["late"])
    assert SubjectKeys(path, LocalKeys([NEW])).state("late") is None


def test_a_shredded_subject_is_unreadable_everywhere_and_others_are_not(store, path):
    ann, bob = (encrypt(b"x", record_id="r", keys=store.source(name)) for name in ("ann", "bob"))
    key = store.keys_of(["ann"])["ann"]
    assert store.shred(["ann"]) == 1
    again = SubjectKeys(path, LocalKeys([OLD]))
    for opening in (lambda: again.source("ann"), lambda: again.source_of(ann.wrapped.key_id)):
        with pytest.raises(AssayError, match="was shredded"):
            opening()
    assert again.keys_of(["ann", "bob"])["ann"] is None
    assert decrypt(bob, record_id="r", keys=again.source("bob")) == b"x"
    with pytest.raises(AssayError, match="was shredded"):
        again.add(["ann"])
    assert again.shred(["ann"]) == 0
    assert again.state("ann").shredded is not None
    assert again.state("bob").shredded is None
    assert key not in path.read_bytes()


def test_the_wrap_of_a_shredded_subject_is_overwritten_in_the_file(store, path):
    with sqlite3.connect(path) as rows:
        wrapped = rows.execute("SELECT wrapped FROM subjects WHERE handle = ?", (store.handle("ann"),)).fetchone()[0]
    rows.close()
    assert wrapped in path.read_bytes()
    store.shred(["ann"])
    assert wrapped not in path.read_bytes()


def test_a_backup_is_dead_once_the_old_key_is_gone(tmp_path, path):
    """The reason to rotate after a shredding: the wrap in an old copy opens with the old key alone."""
    keyfile, copy = tmp_path / "keys", tmp_path / "backup.db"
    store = SubjectKeys.create(path, create_key_file(keyfile))
    store.add(NAMES)
    sealed = encrypt(b"x", record_id="r", keys=store.source("ann"))
    shutil.copy(path, copy)
    store.shred(["ann"])
    assert decrypt(sealed, record_id="r", keys=SubjectKeys(copy, LocalKeys.from_file(keyfile)).source("ann")) == b"x"
    both = rotate_key_file(keyfile)
    SubjectKeys(path, both).rotate()
    current = drop_older_keys(keyfile)
    assert current.current == both.current
    assert len(SubjectKeys(path, current).keys_of(["bob"])["bob"]) == 32
    with pytest.raises(AssayError, match="which is not here"):
        SubjectKeys(copy, current)
    if os.name == "posix":
        assert stat.S_IMODE(keyfile.stat().st_mode) == 0o600


def test_a_restored_copy_is_found_by_a_checkpoint(store, path, tmp_path):
    shutil.copy(path, tmp_path / "copy")
    store.shred(["ann"])
    kept = KeysCheckpoint.from_json(store.verify().to_json())
    store.shred(["bob"])
    assert store.verify(checkpoint=kept).count == kept.count + 1
    shutil.copy(tmp_path / "copy", path)
    restored = SubjectKeys(path, LocalKeys([OLD]))
    assert restored.verify().count == kept.count - 1
    with pytest.raises(AssayError, match="restored from an older copy"):
        restored.verify(checkpoint=kept)
    restored.shred(["eve"])
    with pytest.raises(AssayError, match="restored from an older copy"):
        restored.verify(checkpoint=kept)
    with pytest.raises(AssayError, match="another store"):
        SubjectKeys.create(tmp_path / "new", LocalKeys([OLD])).verify(checkpoint=kept)


TAMPERINGS = {
    "a subject removed": "DELETE FROM subjects WHERE handle = (SELECT MIN(handle) FROM subjects)",
    "a shredding undone": "UPDATE subjects SET shredded = NULL WHERE shredded IS NOT NULL",
    "a shredding claimed": "UPDATE subjects SET shredded = 3 WHERE shredded IS NULL",
    "an entry removed": "DELETE FROM history WHERE number = 2",
    "the last entry removed": "DELETE FROM history WHERE number = 3",
    "the first entry removed": "DELETE FROM history WHERE number = 1",
    "an entry changed": "UPDATE history SET at = '2020' WHERE number = 2",
    "an entry added": "INSERT INTO history SELECT 4, at, what, count, about, head FROM history WHERE number = 3",
    "a handle changed": f"UPDATE subjects SET handle = '{'0' * 32}' WHERE shredded IS NULL "
    "AND handle = (SELECT MIN(handle) FROM subjects WHERE shredded IS NULL)",
}


@pytest.mark.parametrize("statement", TAMPERINGS.values(), ids=TAMPERINGS)
def test_the_history_finds_every_change(store, path, statement):
    store.shred(["ann"])
    assert store.verify().count == 3
    change(path, statement)
    with pytest.raises(AssayError, match="changed by other hands"):
        SubjectKeys(path, LocalKeys([OLD])).verify()


def test_keys_cannot_be_exchanged_so_that_shredding_one_destroys_another(store, path):
    one, two = store.handle("ann"), store.handle("bob")
    with sqlite3.connect(path) as rows:
        wraps = dict(rows.execute("SELECT handle, wrapped FROM subjects").fetchall())
    rows.close()
    for mine, other in ((one, two), (two, one)):
        change(path, "UPDATE subjects SET wrapped = ? WHERE handle = ?", wraps[other], mine)
    for use in (store.source, lambda name: store.shred([name]), lambda name: store.keys_of([name])):
        with pytest.raises(AssayError, match="has the key of another"):
            use("ann")


def test_a_subject_cannot_be_made_to_look_shredded(store, path):
    store.shred(["eve"])
    change(path, "UPDATE subjects SET wrapped = NULL, shredded = 3 WHERE handle = ?", store.handle("ann"))
    with pytest.raises(AssayError, match="called shredded and was not"):
        store.keys_of(["ann"])


def test_every_byte_of_a_wrapped_key_counts(store, path):
    handle = store.handle("ann")
    with sqlite3.connect(path) as rows:
        wrapped = rows.execute("SELECT wrapped FROM subjects WHERE handle = ?", (handle,)).fetchone()[0]
    rows.close()
    for at in range(len(wrapped)):
        broken = wrapped[:at] + bytes([wrapped[at] ^ 1]) + wrapped[at + 1 :]
        change(path, "UPDATE subjects SET wrapped = ? WHERE handle = ?", broken, handle)
        with pytest.raises(AssayError):
            store.source("ann")


def test_names_of_subjects_are_not_in_the_file(store, path):
    store.add(["Wilhelmina Featherstonehaugh"])
    store.shred(["Wilhelmina Featherstonehaugh"])
    assert b"Featherstonehaugh" not in path.read_bytes()
    other = SubjectKeys.create(path.with_name("other"), LocalKeys([OLD]))
    assert other.handle("ann") != store.handle("ann")


def test_all_or_none_are_made_or_shredded(store):
    store.shred(["ann"])
    with pytest.raises(AssayError, match="was shredded"):
        store.add(["new", "ann"])
    assert store.state("new") is None
    with pytest.raises(AssayError, match="There is no key for this subject"):
        store.shred(["bob", "nobody"])
    assert store.state("bob").shredded is None
    with pytest.raises(AssayError, match="this one is empty"):
        store.add([""])


def _add_many(path, first):
    store = SubjectKeys(path, LocalKeys([OLD]))
    for k in range(first, first + 20):
        store.add([f"subject {k // 2}"])


def test_processes_at_once_make_each_key_once(store, path):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_add_many, args=(path, first)) for first in (0, 10)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert sum(store.holdings().held.values()) == 3 + 15
    assert store.verify().count == len(store.history())
    assert [entry.number for entry in store.history()] == list(range(1, 18))


class Dying(LocalKeys):
    """Keys of a process that ends without a word when it has wrapped two keys."""

    wraps = 0

    def wrap(self, data_key):
        self.wraps += 1
        if self.wraps > 2:
            os._exit(9)
        return super().wrap(data_key)


def _rotate_and_die(path):
    SubjectKeys(path, Dying([NEW, OLD])).rotate()


def _add_and_die(path):
    SubjectKeys(path, Dying([OLD])).add(["four", "five", "six"])


@pytest.mark.parametrize("work", [_rotate_and_die, _add_and_die])
def test_work_that_is_cut_off_has_not_happened(store, path, work):
    before, kept = store.keys_of(NAMES), store.verify()
    worker = multiprocessing.get_context("spawn").Process(target=work, args=(path,))
    worker.start()
    worker.join()
    assert worker.exitcode == 9
    again = SubjectKeys(path, LocalKeys([OLD]))
    assert again.keys_of(NAMES) == before
    assert again.verify(checkpoint=kept) == kept
    assert again.holdings() == store.holdings()


def test_a_held_database_is_one_clear_error(store, path, monkeypatch):
    monkeypatch.setattr(database, "WAIT_SECONDS", 0.05)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(AssayError, match="held by another program"):
        store.add(["late"])
    holder.execute("ROLLBACK")
    holder.close()
    assert store.add(["late"]) == 1


def test_what_is_no_store_is_said(tmp_path, path, store):
    keys = LocalKeys([OLD])
    with pytest.raises(AssayError, match="There are no subject keys at"):
        SubjectKeys(tmp_path / "absent", keys)
    (tmp_path / "text").write_bytes(b"no database " * 100)
    with pytest.raises(AssayError, match="is no store of subject keys"):
        SubjectKeys(tmp_path / "text", keys)
    sqlite3.connect(tmp_path / "other").execute("CREATE TABLE t (x)").connection.close()
    with pytest.raises(AssayError, match="is no store of subject keys"):
        SubjectKeys(tmp_path / "other", keys)
    with pytest.raises(AssayError, match="exists already"):
        SubjectKeys.create(path, keys)
    change_version = sqlite3.connect(path)
    change_version.execute("PRAGMA user_version = 2")
    change_version.close()
    with pytest.raises(AssayError, match="have format 2; this assay reads 1"):
        SubjectKeys(path, keys)


def test_a_cut_file_is_said(store, path):
    data = path.read_bytes()
    for size in (100, 4096, len(data) - 4096):
        path.write_bytes(data[:size])
        with pytest.raises(AssayError):
            SubjectKeys(path, LocalKeys([OLD])).verify()


def test_a_key_service_wraps_subject_keys_without_showing_its_own(path):
    class Service:
        current = "service/1"

        def __init__(self):
            self.held = {}
            self.handles = itertools.count()

        def wrap(self, data_key):
            handle = b"%d" % next(self.handles)
            self.held[handle] = data_key
            return WrappedKey(self.current, handle)

        def unwrap(self, wrapped):
            return self.held[wrapped.data]

    service = Service()
    store = SubjectKeys.create(path, service)
    store.add(["ann"])
    sealed = encrypt(b"x", record_id="r", keys=store.source("ann"))
    service.current = "service/2"
    assert store.rotate() == 1
    assert decrypt(sealed, record_id="r", keys=SubjectKeys(path, service).source("ann")) == b"x"
    service.held = dict.fromkeys(service.held, bytes(32))
    with pytest.raises(AssayError, match="has the key of another"):
        store.source("ann")


def test_a_key_file_that_is_rotated_still_opens_what_was_sealed(tmp_path):
    path = tmp_path / "keys"
    first = create_key_file(path)
    sealed = encrypt(b"x", record_id="r", keys=first)
    second = rotate_key_file(path)
    assert second.current != first.current
    assert decrypt(sealed, record_id="r", keys=second) == b"x"
    rotate_key_file(path)
    assert len(path.read_text().split()) == 3
    last = drop_older_keys(path)
    assert len(path.read_text().split()) == 1
    with pytest.raises(AssayError, match="which is not here"):
        decrypt(sealed, record_id="r", keys=last)
    assert [entry.name for entry in tmp_path.iterdir()] == ["keys"]


def test_keys_do_not_show_themselves(store):
    source = store.source("ann")
    assert repr(source) == f"SubjectSource({source.current})"
    with pytest.raises(AssayError, match="not that of a subject"):
        store.source_of("kek:1")
