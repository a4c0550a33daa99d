"""The Python face: one call each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.core.house import Ledger
    from assay.core.measure import Measure
    from assay.privacy.anonymity.anonymize import Anonymized
    from assay.privacy.anonymity.measures.summary import Anonymity
    from assay.privacy.deidentification.tables.whole import Deidentified
    from assay.privacy.inference.gradients.leakage import Leak
    from assay.privacy.membership.attack import Membership
    from assay.privacy.queries.answer import PrivateAnswer
    from assay.privacy.tradeoffs.report import Tradeoff


def anonymize(source: Any, /, *, quasi: Sequence[str], **settings: Any) -> Anonymized:
    """A table in which nobody is told apart by what others may know of them; see `anonymity.anonymize.anonymize`.

    `source` is a frame, a path or a relation, `quasi` the columns that others may know. Settings: sensitive, k, l, t,
    method, hierarchies, suppression, identifiers.
    """
    from assay.privacy.anonymity.anonymize import anonymize as made

    return made(source, quasi=quasi, **settings)


def measure_anonymity(source: Any, /, *, quasi: Sequence[str], sensitive: Sequence[str] = ()) -> Anonymity:
    """k-anonymity, l-diversity, t-closeness and their kin of a table as it is; see `anonymity.measures.summary`."""
    from assay.privacy.anonymity.measures.summary import anonymity as measured

    return measured(source, quasi=quasi, sensitive=sensitive)


def attack_membership(model: Any, members: Any, nonmembers: Any, /, *, label: str, **settings: Any) -> Membership:
    """How well attacks tell the rows that `model` was trained on from others; see `membership.calls`.

    `members` and `nonmembers` are frames, paths or relations. Settings: features, attacks, trainer, shadows, rows,
    level, seed, jobs, progress.
    """
    from assay.privacy.membership.calls import attack_membership as attacked

    return attacked(model, members, nonmembers, label=label, **settings)


def attack(
    kind: str, model: Any, members: Any, nonmembers: Any, /, *, label: str, **settings: Any
) -> tuple[Measure, ...]:
    """What an attack on attributes, by inversion or by extraction measures ("attribute", "inversion", "extraction").

    `members` were trained on, `nonmembers` not: frames, paths or relations. Settings: features, protected and the
    parameters of the check, like attributes, queries, defence, rows, level, seed; see `inference.calls`.
    """
    from assay.privacy.inference.calls import attack as attacked

    return attacked(kind, model, members, nonmembers, label=label, **settings)


def gradient_leakage(model: Any, inputs: Any, labels: Any, /, **settings: Any) -> tuple[Leak, ...]:
    """What shared gradients give away of their examples, by the size of the batch; see `inference.calls`.

    Settings: attack ("dense-layer", "deep-leakage"), batches, clip, noise, examples, seed, level.
    """
    from assay.privacy.inference.calls import gradient_leakage as leaked

    return leaked(model, inputs, labels, **settings)


def query(source: Any, ask: str, /, *, ledger: Ledger | None, **settings: Any) -> PrivateAnswer:
    """A private answer to a question such as "mean(income) by region"; see `queries.query.query`.

    `source` is a path, a frame, a relation or a table; `ledger` is charged first, and None says that nobody counts.
    Settings: epsilon, delta, rho, noise, bounds, keys, size, missing, level, cells, who, and, without a ledger,
    adjacency, unit_column, max_rows, max_keys, max_rows_per_key.
    """
    from assay.privacy.queries.query import query as answered

    return answered(source, ask, ledger=ledger, **settings)


def deidentify(source: Any, /, *, columns: Sequence[str] = (), **settings: Any) -> Deidentified:
    """A pseudonymous table: the identifiers in its texts and cells replaced; see `deidentification.tables.calls`.

    `source` is a frame, a path or a relation, `columns` its free texts. Settings: cells, operator, keys, key_ids,
    subject, engine, recognizers, domains, settings, threshold, progress.
    """
    from assay.privacy.deidentification.tables.calls import deidentify as made

    return made(source, columns=columns, **settings)


def reidentify(source: Any, /, *, columns: Sequence[str] = (), **settings: Any) -> Any:
    """The pyarrow Table in which what `deidentify` wrote with a key is read again; see `deidentification.tables.calls`.

    Settings: keys, format_preserved, key_ids, domains, characters, progress.
    """
    from assay.privacy.deidentification.tables.calls import reidentify as made

    return made(source, columns=columns, **settings)


def tradeoff(data: Any, /, *, schema: Any, label: str, protected: str | Sequence[str], **settings: Any) -> Tradeoff:
    """Accuracy, fairness gaps and membership risk against epsilon, on rows held out; see `tradeoffs.calls`.

    `data` is a frame, a path or a relation, `schema` a file or what is publicly known of the columns. The setting
    audit=assay.audit is needed; others: epsilons, delta, runs, settings, favourable, held_out, min_cell, level, seed,
    progress. The result is not private; its `write(folder)` makes a page, a picture and tables.
    """
    from assay.privacy.tradeoffs.calls import tradeoff as made

    return made(data, schema=schema, label=label, protected=protected, **settings)
