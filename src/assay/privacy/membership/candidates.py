"""Rows of a Case that its model was trained on, and rows that it was not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.errors import AssayError, Message
from assay.core.subject import Model
from assay.data.roles.outcome import TRAINING
from assay.models.outputs import class_text
from assay.models.trainers import TrainingRows
from assay.privacy.anonymity.table import CodedColumn, check_columns, coded, read_table
from assay.privacy.membership.answers import Bools, Codes, Places
from assay.privacy.membership.attack import FEWEST

if TYPE_CHECKING:
    from assay.data.case import Case

MOST = 10_000
"""Members, and non-members, that are attacked: with so many others a true positive rate at 0.1 % can be given."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Labelled rows, (rows,) which of them are `member`, and their protected attributes; or none, and the `reason`."""

    rows: TrainingRows | None = None
    member: Bools = field(default_factory=lambda: np.empty(0, dtype=np.bool_))
    groups: Mapping[str, CodedColumn] = field(default_factory=dict)
    reason: Message | None = None
    notes: tuple[Message, ...] = ()

    @property
    def counts(self) -> tuple[int, int]:
        """Members and non-members."""
        return int(self.member.sum()), int((~self.member).sum())


def candidates(case: Case, /, *, most: int = MOST, seed: int = 0) -> Candidates:
    """At most `most` training rows and `most` others of a Case, each a random sample, as the role `split` says.

    Rows whose label is missing, or none of the classes of the model, are left out, and so are rows that split says
    nothing of.
    """
    model, label, split = case.model, case.roles.label, case.roles.split
    if model is None or label is None or split is None:
        return Candidates(reason=Message("no-training-rows", "nothing says which rows the model was trained on"))
    if not model.classes:
        return Candidates(reason=Message("no-classes-to-attack", "the model gives numbers; classifiers are attacked"))
    if not case.held_out:
        words = "the column {split} names no rows as train beside others: rows of both kinds are needed"
        return Candidates(reason=Message("one-split", words, {"split": split}))
    table = case.take(range(case.n), list(dict.fromkeys((split, label))))
    codes, sides = _codes(table, label, model), _sides(table, split, case.held_out)
    rng = np.random.default_rng([seed, 5])
    usable = [np.flatnonzero((sides == side) & (codes >= 0)) for side in (1, 0)]
    counts = [len(places) for places in usable]
    if min(counts) < FEWEST:
        words = "{members} training rows and {others} others are too few to attack: {needed} of each are needed"
        params = {"members": counts[0], "others": counts[1], "needed": FEWEST}
        return Candidates(reason=Message("too-few-to-attack", words, params))
    places = np.sort(np.concatenate([rng.permutation(side)[:most] for side in usable]))
    rows = TrainingRows(_inputs(case, places), codes[places])
    member = sides[places] == 1
    notes = (*_sampled(counts, most), *_twice(rows, member), *_repeated(case))
    return Candidates(rows, member, _groups(case, places), notes=notes)


def side_by_side(
    model: Model,
    members: Any,
    others: Any,
    /,
    *,
    label: str,
    features: Sequence[str] = (),
    protected: Sequence[str] = (),
    **about: Any,
) -> Case:
    """One Case of the rows of two sources (frames, paths, relations), with a column of the role `split`.

    `features` are what the model is fed: what it knows itself, or every other column of the members. `about` are other
    arguments of `Case.from_frame`, like name and favourable.
    """
    import pyarrow as pa

    from assay.data.case import Case as New

    whole = read_table(members)
    fed = list(features or model.features) or [c for c in whole.column_names if c not in (label, *protected)]
    kept = list(dict.fromkeys((*fed, label, *protected)))
    check_columns(kept, tuple(whole.column_names))
    split = "split"
    while split in kept:
        split += "_"
    sides = [(whole.select(kept), "train"), (read_table(others, columns=kept), "other")]
    named = [side.append_column(split, pa.array([word] * side.num_rows, pa.string())) for side, word in sides]
    try:
        table = pa.concat_tables(named, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise AssayError(
            f"The columns of the non-members are of other kinds than those of the members: {error}.",
            code="membership",
            hint="Write both in the same way.",
        ) from None
    roles: dict[str, Any] = {"label": label, "features": fed, "protected": list(protected), "split": split}
    return New.from_frame(table, model=model, **roles, **about)


def _codes(table: Any, label: str, model: Model) -> Codes:
    """(rows,) the label as a position in the classes of the model; −1 where it is none of them."""
    where = {name: code for code, name in enumerate(model.classes)}
    column = coded(table, label)
    known = [-1 if text is None else where.get(class_text(text), -1) for text in column.levels]
    return np.array(known, dtype=np.int64)[column.codes]


def _sides(table: Any, split: str, held_out: tuple[str, ...]) -> Codes:
    """(rows,) 1 for a training row, 0 for another, −1 where nothing is said."""
    column = coded(table, split)
    sides = [
        -1 if text is None else 1 if text.casefold() in TRAINING else 0 if text in held_out else -1
        for text in column.levels
    ]
    return np.array(sides, dtype=np.int64)[column.codes]


def _inputs(case: Case, places: Places) -> Any:
    """What the model is fed for the rows at `places`, sorted: a Table, texts, or an array."""
    if case.model_columns:
        return case.take(places.tolist(), case.model_columns).combine_chunks()
    parts: list[Any] = []
    start = 0
    for batch in case.batches():
        here = places[(places >= start) & (places < start + len(batch))] - start
        parts.append([batch[i] for i in here] if isinstance(batch, list) else batch[here])
        start += len(batch)
    return [text for part in parts for text in part] if isinstance(parts[0], list) else np.concatenate(parts)


def _groups(case: Case, places: Places) -> dict[str, CodedColumn]:
    names = case.roles.protected
    if not names:
        return {}
    table = case.take(places.tolist(), names)
    return {name: coded(table, name) for name in names}


def _sampled(counts: list[int], most: int) -> tuple[Message, ...]:
    if max(counts) <= most:
        return ()
    words = "of {members} training rows and {others} others at most {most} each are attacked, and train shadow models"
    params = {"members": f"{counts[0]:,}", "others": f"{counts[1]:,}", "most": f"{most:,}"}
    return (Message("members-sampled", words, params),)


def _twice(rows: TrainingRows, member: Bools) -> tuple[Message, ...]:
    """How many non-members are members too, word for word: their answers are those of members."""
    if not hasattr(rows.inputs, "column_names"):
        return ()
    import pandas as pd

    from assay.models.inputs import frame

    hashes = pd.util.hash_pandas_object(frame(rows.inputs).assign(**{"": rows.codes}), index=False).to_numpy()
    same = int(np.isin(hashes[~member], hashes[member]).sum())
    if not same:
        return ()
    words = "{rows} of {others} non-members are also among the members, word for word: no attack can tell these"
    return (Message("members-twice", words, {"rows": f"{same:,}", "others": f"{int((~member).sum()):,}"}),)


def _repeated(case: Case) -> tuple[Message, ...]:
    if "repeated_units" not in case.facts():
        return ()
    words = "rows of one {unit} are taken as independent, which makes the intervals too narrow"
    return (Message("units-independent", words, {"unit": str(case.roles.unit)}),)
