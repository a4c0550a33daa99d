"""Rows with roles: what is judged. Counts are made where the rows are; models are fed in batches."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Unpack

import numpy as np

from assay.core.errors import AssayError, unknown
from assay.core.subject import Model, Request
from assay.data.coding import Codings
from assay.data.counts import Counts
from assay.data.inputs import Inputs, TableInputs
from assay.data.keys import Keys, frozen_codings
from assay.data.outputs import output_columns
from assay.data.plan import Available, Wanted, scans, serve
from assay.data.roles.amounts import outcomes
from assay.data.roles.consent import check_consent, consents, no_consent
from assay.data.roles.given import Given, Roles, check_roles, roles_of
from assay.data.roles.observed import with_observed_labels
from assay.data.roles.outcome import held_out_levels, resolve, tally
from assay.data.rows import digest
from assay.data.rows.protocol import Rows, Scan
from assay.data.rows.sources import open_rows, settle

BATCH = 1 << 16
DEFAULT_THRESHOLD = 0.5


class Case:
    """Rows with roles, and optionally the model that made or will make the predictions."""

    def __init__(
        self,
        rows: Rows,
        roles: Roles,
        /,
        *,
        name: str,
        task: str | None = None,
        favourable: Any = None,
        model: Model | None = None,
        inputs: Inputs | None = None,
        codings: Codings | None = None,
    ) -> None:
        check_roles(rows, roles)
        check_consent(roles)
        rows = with_observed_labels(rows, roles)
        for role, columns in (("protected", roles.protected), ("controls", roles.controls)):
            for column in columns:
                tally(rows, column, role)
        resolved = resolve(rows, roles, task=task, favourable=favourable, model=model)
        derived = resolved.task == "binary" and roles.prediction is None and resolved.score is not None
        threshold = (DEFAULT_THRESHOLD if roles.threshold is None else roles.threshold) if derived else roles.threshold
        self.name, self.model, self.task = name, model, resolved.task
        self.roles = replace(roles, favourable=resolved.favourable, threshold=threshold)
        self._rows, self._resolved = rows, resolved
        self._keys = Keys(rows, self.roles, resolved, codings or Codings())
        frozen = self._keys.frozen.exponents
        repeats = roles.unit is not None and rows.units(roles.unit) < rows.n
        self._outcomes = outcomes(rows, self.roles, resolved, frozen=frozen, repeats=repeats)
        self._inputs: Inputs = inputs or TableInputs(model.features if model and model.features else roles.features)
        if model is not None or inputs is not None:
            self._inputs.check(rows)
        self.held_out = held_out_levels(rows, roles.split)
        self._tables: dict[Wanted, Counts] = {}
        self._fingerprint: str | None = None
        self._lock = threading.Lock()

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        /,
        *,
        name: str = "data",
        task: str | None = None,
        model: Model | None = None,
        inputs: Inputs | None = None,
        bins: Codings | Mapping[str, Sequence[float]] | None = None,
        **roles: Unpack[Given],
    ) -> Case:
        """The Case of a frame (pandas, polars, pyarrow), a path or glob of Parquet or CSV, a DuckDB relation or an
        Ibis table.

        Roles name columns: `label`, `prediction`, `score` (the probability of the favourable label, or a column for
        each class), `protected`, `features` (all other columns where left out), `weight` with `weights` ("sampling",
        or "frequency" where a row stands for so many), `time`, `split`, `unit` (the person that several rows may
        belong to), `identifiers`, `quasi_identifiers`, `controls`. `favourable` names the good outcome; it can be left
        out for labels 0 and 1, true and false, -1 and 1. Without a prediction, a score of `threshold` (0.5) or more
        predicts it. `reference` names a group for an attribute, `population` gives shares of groups.

        `observed` is true (or 1) where the label was observed; elsewhere the label is ignored, whatever stands there.
        `randomised` is true in rows whose outcome was obtained whatever the decision would have been. `consent` is true
        where the row may be trained on, or lists the purposes that its person agreed to, one of which `purpose` names.

        `bins` are frozen codings, or bin edges by feature name and "score". `inputs` are what the model is fed where
        that is not the features. Every mistake in the roles or the data is an AssayError.
        """
        rows = open_rows(frame)
        given = roles_of(rows, roles)
        features = roles.get("features")
        if inputs is None and features is not None and not (model is not None and model.features):
            inputs = TableInputs((features,) if isinstance(features, str) else tuple(features))
        return cls(
            rows,
            given,
            name=name,
            task=task,
            favourable=roles.get("favourable"),
            model=model,
            inputs=inputs,
            codings=frozen_codings(bins, given.features),
        )

    def __repr__(self) -> str:
        return f"<Case {self.name!r}: {self.n:,} rows, {self.task}>"

    # -- looking -----------------------------------------------------------------------------------

    @property
    def n(self) -> int:
        """Number of rows."""
        return self._rows.n

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(self._rows.columns)

    def has(self, role: str, /) -> bool:
        """True when the role is filled; "rows" always is."""
        if role in ("rows", "model"):
            return role == "rows" or self.model is not None
        name = {"feature": "features", "control": "controls"}.get(role, role)
        if name == "prediction":
            return bool(self._keys.dims()["prediction"]) or self.roles.prediction is not None
        return name in self.roles.named() or bool(getattr(self.roles, name, None))

    def facts(self) -> dict[str, Any]:
        """What documents say of the data: rows, task, outcomes, groups with their rows, columns by role."""
        roles = self.roles
        groups = {
            name: [{"group": level, "n": n} for level, n in tally(self._rows, name, "protected").by_level.items()]
            for name in roles.protected
        }
        out: dict[str, Any] = {"rows": self.n, "task": self.task, "groups": groups, "classes": self._resolved.classes}
        out |= {"favourable": roles.favourable, "columns": {r: list(columns) for r, columns in roles.named().items()}}
        if roles.threshold is not None:
            out["prediction_rule"] = f"{self._resolved.score} ≥ {roles.threshold:g}"
        if roles.weight is not None:
            out["weights"] = roles.weights
        if self._outcomes.unit is not None:
            out["repeated_units"] = roles.unit
        if self.held_out:
            out["held_out"] = list(self.held_out)
        return {key: list(value) if isinstance(value, tuple) else value for key, value in out.items()} | {
            "notes": list(self._resolved.notes)
        }

    def identities(self) -> tuple[dict[str, Any], ...]:
        """What was read: files by SHA-256, tables by snapshot id or "not digested"; and the model by its digest."""
        model = self.model
        found = () if model is None else ({"source": model.name, "kind": "model", "digest": model.digest},)
        return (*(dict(source) for source in self._rows.identities()), *found)

    def fingerprint(self) -> str:
        """A digest of the rows' values in the columns of all roles, whatever their order, engine or frame library."""
        if self._fingerprint is None:
            used = dict.fromkeys(name for columns in self.roles.named().values() for name in columns)
            self._fingerprint = digest.fingerprint(self._rows, list(used))
        return self._fingerprint

    # -- counting ----------------------------------------------------------------------------------

    def codings(self) -> Codings:
        """The frozen codings of this Case, for `bins=` of another one that is to be counted into the same cells."""
        return Codings(self._keys.all(), self._outcomes.exponents)

    @property
    def _available(self) -> Available:
        outcomes, regression = self._outcomes, self.task == "regression"
        filled = {"label": outcomes.label, "prediction": outcomes.prediction, "score": outcomes.score}
        inputs = frozenset(role for role, column in filled.items() if column is not None)
        return Available(self.name, self._keys.dims(), inputs, regression)

    def count(self, requests: Sequence[Request], /) -> tuple[tuple[Counts, ...], ...]:
        """One tuple of Counts a request (of length 1 unless it has `each`), in as few passes over the rows as pay.

        Each has exactly the dimensions and sums that were asked for, whatever else was counted in the same pass. Where
        the model's answers are asked for and `split` names training rows, only the other rows are counted: a model is
        not judged on what it was fitted on.
        """
        available = self._available
        asked = [[(t, self._source(t, request)) for t in available.wanted(request)] for request in requests]
        with self._lock:
            lacking = [source for tables in asked for _, source in tables if serve(source, self._tables) is None]
            apart = self._outcomes.unit is not None
            for scan in scans(lacking, order=available.order, size=self._keys.size, apart=apart):
                self._tables[scan] = self._rows.count(self._scan(scan), self._outcomes)
            return tuple(tuple(self._served(table, source) for table, source in tables) for tables in asked)

    def _source(self, table: Wanted, request: Request) -> Wanted:
        """The table itself, or, where the model's answers are judged and training rows are known, the one by split."""
        if not self.held_out or "split" in request.roles or not {"prediction", "score"} & {*request.roles}:
            return table
        return table.joined(Wanted((("split", "split"),), (), table.complete), self._available.order)

    def _served(self, table: Wanted, source: Wanted) -> Counts:
        found = serve(source, self._tables)
        assert found is not None, source
        return found if source == table else found.where({"split": self.held_out}).marginal(*table.dims)

    def _scan(self, wanted: Wanted) -> Scan:
        columns = {"label": self.roles.label, "prediction": self.roles.prediction}
        complete = tuple(column for role in wanted.complete if (column := columns[role]) is not None)
        return Scan(tuple(self._keys.key(dim) for dim in wanted.dims), wanted.sums, complete)

    # -- rows and batches --------------------------------------------------------------------------

    def rows(self, columns: Sequence[str] = (), *, limit: int | None = None, seed: int = 0) -> Any:
        """The named columns (all, where none are) as a pyarrow Table, of a uniform sample where `limit` is below n.

        The same seed gives the same rows, up to a million rows on every engine. All rows come in their order, or, where
        the engine has none, in the order of a hash.
        """
        import pyarrow as pa

        for name in columns:
            if name not in self._rows.columns:
                raise unknown("column", name, self._rows.columns, code="column")
        names = list(columns or self._rows.columns)
        most = self.n if limit is None else min(limit, self.n)
        if most < 1:
            raise AssayError(f"{limit} rows are none.", code="limit", hint="Give a limit from 1.")
        if most == self.n and self._rows.ordered:
            return pa.concat_tables(self._rows.stream(names, size=BATCH))
        return digest.sample(self._rows, names, limit=most, seed=seed)

    def take(self, places: Sequence[int], columns: Sequence[str] = (), /) -> Any:
        """The rows at `places` (from 0, in the order of the data) as a pyarrow Table, in the order asked for."""
        import pyarrow as pa

        self._settle()
        outside = [place for place in places if not 0 <= place < self.n]
        if outside or not len(places):
            raise AssayError(
                f"There is no row {outside[0]}." if outside else "No row was asked for.",
                code="row",
                hint=f"Rows are numbered from 0 to {self.n - 1}, in the order of the data.",
            )
        wanted = np.unique(np.asarray(places, dtype=np.int64))
        parts, done = [], 0
        for table in self._rows.stream(list(columns or self._rows.columns), size=BATCH):
            here = wanted[(wanted >= done) & (wanted < done + table.num_rows)] - done
            parts.append(table.take(pa.array(here)))
            done += table.num_rows
            if done > wanted[-1]:
                break
        return pa.concat_tables(parts).take(pa.array(np.searchsorted(wanted, np.asarray(places))))

    def require_consent(self, use: str, /, *, held_out: bool = False) -> None:
        """Raise AssayError "consent" where `use` would train on rows whose people did not agree to it.

        Nothing without the role `consent`. Rows that `split` holds out need none, unless `held_out` says that they
        are trained on too.
        """
        if self.roles.consent is None:
            return
        split = self.roles.split if self.held_out and not held_out else None
        lacking = 0
        for table in self._rows.stream([self.roles.consent, *([split] if split else [])], size=BATCH):
            agreed = consents(table.column(0), purpose=self.roles.purpose)
            aside = [str(v) in self.held_out for v in table.column(1).to_pylist()] if split else [False] * len(agreed)
            lacking += sum(not yes and not out for yes, out in zip(agreed, aside, strict=True))
        if lacking:
            raise no_consent(self.roles, lacking, use)

    @property
    def model_columns(self) -> tuple[str, ...]:
        """Names of the columns that the model is fed, in order; empty where it is not fed a table."""
        return self._inputs.columns if isinstance(self._inputs, TableInputs) else ()

    def batches(self, size: int = BATCH) -> Iterator[Any]:
        """Batches for the model in the order of the rows: pyarrow Tables, lists of texts, or arrays."""
        self._settle()
        return self._inputs.batches(self._rows, size=size)

    def _settle(self) -> None:
        """Copy rows that come in no fixed order, so that outputs can be put beside them."""
        if not self._rows.ordered:
            self._rows = settle(self._rows, {})
            self._keys.rows = self._rows

    def with_outputs(self, *, prediction: Any = None, score: Any = None) -> Case:
        """This Case with outputs of the model, in the order of `batches`, as prediction and score.

        Binary: `score` is the probability of the favourable label. More classes: (rows, classes) in the order of the
        model's classes, or a mapping from class to (rows,).
        """
        self._settle()
        made = output_columns(prediction, score, n=self.n, taken=self.columns, task=self.task, model=self.model)
        roles = replace(
            self.roles,
            prediction=made.prediction or self.roles.prediction,
            score=made.score or self.roles.score,
            threshold=self.roles.threshold if made.prediction is None and self.roles.prediction is None else None,
        )
        return Case(
            settle(self._rows, made.columns),
            roles,
            name=self.name,
            task=self.task,
            favourable=self.roles.favourable,
            model=self.model,
            inputs=self._inputs,
            codings=self._keys.frozen,
        )
