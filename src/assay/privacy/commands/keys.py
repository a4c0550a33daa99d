"""`assay privacy keys`: a key-encryption key, a key for each subject under it, rotation and crypto-shredding."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from assay.core.errors import AssayError, unknown
from assay.core.house import House
from assay.core.part import Answer, Lines, command
from assay.privacy.deidentification.tables.treatment import open_keys
from assay.seal.atrest.files import new_file
from assay.seal.atrest.history import KeysCheckpoint
from assay.seal.atrest.subject_keys import SubjectKeys
from assay.seal.key_sources import LocalKeys, create_key_file, drop_older_keys, rotate_key_file

KEYS, SUBJECTS = "assay.keys", "assay-subjects.db"
"""Where the key-encryption keys and the subject keys are unless another place is named."""

ACTIONS = {
    "create": (),
    "rotate": ("drop_older",),
    "shred": (),
    "list": (),
    "history": (),
    "verify": ("checkpoint", "save"),
}
"""What may be asked, and the flags that belong to it."""

LARGEST = 100_000
"""Bytes that a checkpoint may have."""


@command(title="Keys of subjects: create, rotate, shred, list, history, verify", needs_case=False, positional="words")
def keys(
    house: House,
    /,
    *,
    words: tuple[str, ...] = (),
    keys: str = KEYS,
    subjects: str = SUBJECTS,
    drop_older: bool = False,
    checkpoint: str | None = None,
    save: str | None = None,
) -> Answer:
    """`create` makes a key file (`--keys FILE`, or env:NAME of a variable that holds one) and a store of subject keys
    (`--subjects FILE`); `create ann bob` also a key for each of these subjects. The two belong in different places:
    whoever has both reads everything.

    `rotate` puts a new key in front of the key file and rewrites the wraps of all subject keys; nothing that is sealed
    changes. `shred ann` destroys the key of a subject: what was sealed under it is unreadable wherever copies lie. A
    backup of the store still has the old wrap, so rotate afterwards with `--drop-older`, which also drops the old keys
    from the key file, and destroy other copies of those. What other stores, or `deidentify`, made with an older key
    cannot be opened once it is dropped.

    `list` says how many keys there are, `list ann` what became of one. `verify` finds a store that was changed by
    hand; `--save FILE` keeps a checkpoint elsewhere, and `--checkpoint FILE` finds a store that was put back to an
    older copy, in which shredded keys are back.
    """
    action, names = (words[0], words[1:]) if words else ("", ())
    if action not in ACTIONS:
        raise unknown("keys command", action, ACTIONS, code="usage")
    for flag, value in (("drop_older", drop_older), ("checkpoint", checkpoint), ("save", save)):
        if value and flag not in ACTIONS[action]:
            raise AssayError(f"--{flag.replace('_', '-')} does not belong to `keys {action}`.", code="usage")
    if names and action not in ("create", "shred", "list"):
        raise AssayError(f"`keys {action}` takes no subject.", code="usage")
    if action == "create":
        return _create(keys, Path(subjects), names)
    if action == "rotate":
        return _rotate(keys, Path(subjects), drop=drop_older)
    store = open_subject_keys(keys, subjects)
    if action == "shred":
        return _shred(store, names)
    if action == "list":
        return _list(store, names)
    return _history(store) if action == "history" else _verify(store, checkpoint, save)


def open_subject_keys(keys: str, subjects: str, /) -> SubjectKeys:
    """The store of subject keys at `subjects`, read with the key file (or variable) `keys`."""
    return SubjectKeys(Path(subjects), open_keys(keys))


def _create(keys: str, path: Path, names: Sequence[str]) -> Lines:
    made, there = [], path.exists()
    if not (keys.startswith("env:") or Path(keys).exists()):
        if there:
            raise AssayError(
                f"{path} is there, but not its key file {keys}; a new key would not open it.",
                code="key",
                hint="Name the key file: --keys FILE",
            )
        create_key_file(Path(keys))
        made.append(f"Created the key file {keys}. Keep a copy where only you can read it: without it all is lost.")
    source = open_keys(keys)
    if there and not made and not names:
        raise AssayError(
            f"{keys} and {path} exist already.",
            code="key",
            hint="Make keys for subjects: assay privacy keys create NAME",
        )
    store = SubjectKeys(path, source) if there else SubjectKeys.create(path, source)
    if not there:
        made.append(f"Created the subject keys {path}, wrapped by {source.current}.")
    fresh = store.add(names)
    if names:
        made.append(f"Made {fresh} keys; {len(set(names)) - fresh} were there.")
    return Lines(made, {"keys": keys, "subjects": str(path), "current": source.current, "made": fresh})


def _rotate(keys: str, path: Path, *, drop: bool) -> Lines:
    in_file, there = not keys.startswith("env:"), path.exists()
    if drop and not (in_file and there):
        raise AssayError(
            "Older keys are dropped from a key file, once the subject keys are rewrapped.",
            code="usage",
            hint="Name both: --keys FILE --subjects FILE",
        )
    if there:
        open_subject_keys(keys, str(path))
    elif not in_file:
        raise AssayError(f"There are no subject keys at {path}.", code="key", hint="Name them: --subjects FILE")
    found: LocalKeys = rotate_key_file(Path(keys)) if in_file else open_keys(keys)
    rewritten = SubjectKeys(path, found).rotate() if there else 0
    lines = [f"The current key is {found.current}.", f"Rewrote the wraps of {rewritten} subject keys."]
    if not there:
        lines[1] = f"There are no subject keys at {path}: nothing else was rewritten."
    if drop:
        drop_older_keys(Path(keys))
        lines.append(f"{keys} holds no older key any more. Destroy other copies of those: they open old backups.")
    return Lines(lines, {"current": found.current, "rewritten": rewritten, "dropped_older": drop})


def _shred(store: SubjectKeys, names: Sequence[str]) -> Lines:
    if not names:
        raise AssayError("Nobody was named.", code="usage", hint="assay privacy keys shred SUBJECT")
    gone = store.shred(names)
    entry = store.history()[-1]
    lines = [f"Shredded {gone} keys; {len(set(names)) - gone} were shredded before."]
    if gone:
        lines.append(f"It is entry {entry.number} of the history, {entry.at}.")
    lines.append(
        "Backups of the subject keys still hold the wrap: run `assay privacy keys rotate --drop-older` and destroy "
        "other copies of the old key."
    )
    return Lines(lines, {"shredded": gone, "entry": entry.to_json() if gone else None})


def _list(store: SubjectKeys, names: Sequence[str]) -> Lines:
    if not names:
        found = store.holdings()
        lines = [f"{n:,} keys wrapped by {key_id}" for key_id, n in sorted(found.held.items())]
        lines += [f"{found.shredded:,} shredded"]
        return Lines(lines, {"held": dict(found.held), "shredded": found.shredded})
    lines, facts = [], []
    for name in names:
        state = store.state(name)
        if state is None:
            raise AssayError(f"There never was a key for {name!r}.", code="subject")
        since = f"shredded {state.shredded}" if state.shredded else "held"
        lines.append(f"{name}  {state.handle}  made {state.created}  {since}")
        facts.append({"subject": name, "handle": state.handle, "made": state.created, "shredded": state.shredded})
    return Lines(lines, facts)


def _history(store: SubjectKeys) -> Lines:
    entries = store.history()
    lines = [
        f"{entry.number:>6}  {entry.at}  {entry.what:<9}  {entry.count:,} keys  {entry.about}" for entry in entries
    ]
    return Lines(lines, [entry.to_json() for entry in entries])


def _verify(store: SubjectKeys, checkpoint: str | None, save: str | None) -> Lines:
    kept = _read_checkpoint(Path(checkpoint)) if checkpoint else None
    now = store.verify(checkpoint=kept)
    lines = [f"The history holds: {now.count} entries, head {now.head}."]
    if kept is None:
        lines.append("Only a checkpoint kept elsewhere can tell whether the store was put back to an older copy.")
    else:
        lines.append(f"The checkpoint is in it, {now.count - kept.count} entries ago.")
    if save:
        with new_file(Path(save), over=save == checkpoint) as made:
            made.write_text(json.dumps(now.to_json(), indent=2) + "\n", encoding="utf-8")
        lines.append(f"Kept the checkpoint in {save}. Store it where the subject keys are not.")
    return Lines(lines, {"checkpoint": now.to_json(), "compared": kept.to_json() if kept else None})


def _read_checkpoint(path: Path) -> KeysCheckpoint:
    try:
        with path.open("rb") as stream:
            return KeysCheckpoint.from_json(json.loads(stream.read(LARGEST)))
    except OSError as error:
        raise AssayError(f"The checkpoint {path} cannot be read: {error.strerror}.", code="checkpoint") from None
    except (ValueError, RecursionError):
        raise AssayError(
            f"The file {path} is no checkpoint.", code="checkpoint", hint="Give what --save wrote."
        ) from None
