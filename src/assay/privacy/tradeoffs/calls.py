"""The trade-off as one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.core.house import Progress
from assay.privacy.tradeoffs.people import people_of
from assay.privacy.tradeoffs.report import Tradeoff, report
from assay.privacy.tradeoffs.sweep import Audit, Sweep
from assay.privacy.training.fitting import Settings
from assay.privacy.training.tables.schema import Schema, read_schema, schema_of

EPSILONS = (0.5, 1.0, 2.0, 4.0, 8.0)
TASK = "trainings"


def tradeoff(
    data: Any,
    /,
    *,
    schema: str | Path | Schema | Mapping[str, Any],
    label: str,
    protected: str | Sequence[str],
    audit: Audit,
    epsilons: Sequence[float] = EPSILONS,
    delta: float = 1e-5,
    runs: int = 5,
    settings: Settings | None = None,
    favourable: str | None = None,
    held_out: float = 0.3,
    min_cell: int = 5,
    level: float = 0.95,
    seed: int = 0,
    progress: Progress | None = None,
) -> Tradeoff:
    """What privacy costs on `data` (a path, frame or relation): accuracy, gaps between groups and membership risk.

    `schema` is a file, or the public columns as `assay privacy train` takes them; `label` has categories there. At each
    of `epsilons`, and without privacy, `runs` models (five or more) are trained on the same rows and judged on the same
    share `held_out` of them by `audit`, which is `assay.audit`. Every row is taken to be a person: where people have
    several rows, the intervals are too narrow and the epsilons are of rows. The result is NOT private.
    """
    public = schema if isinstance(schema, Schema) else _schema(schema)
    columns = (protected,) if isinstance(protected, str) else tuple(dict.fromkeys(protected))
    name = Path(data).stem if isinstance(data, str | Path) else "data"
    people = people_of(
        data, public, label=label, protected=columns, favourable=favourable, held_out=held_out, seed=seed, name=name
    )
    sweep = Sweep(people, settings or Settings(), delta, runs, seed, level)
    ordered = sorted(set(epsilons))
    done = 0

    def told() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress.advanced(TASK, done=done)

    if progress is not None:
        progress.started(TASK, total=(len(ordered) + 1) * runs)
    found = report(sweep, ordered, audit=audit, min_cell=min_cell, told=told)
    if progress is not None:
        progress.ended(TASK)
    return found


def _schema(given: str | Path | Mapping[str, Any]) -> Schema:
    return schema_of(given) if isinstance(given, Mapping) else read_schema(given)
