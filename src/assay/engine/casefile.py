"""case.toml: data, roles, model, checks and policy of one audit, in one file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.core.errors import AssayError, unknown
from assay.core.policy import Policy
from assay.data.case import Case
from assay.engine.policies import read_policy

FORMAT = 1
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "": ("format", "name", "data", "roles", "model", "checks", "policy", "public"),
    "data": ("path", "population"),
    "roles": (
        "label",
        "prediction",
        "score",
        "protected",
        "features",
        "weight",
        "weights",
        "time",
        "split",
        "unit",
        "observed",
        "randomised",
        "consent",
        "purpose",
        "identifiers",
        "quasi_identifiers",
        "controls",
        "favourable",
        "threshold",
        "task",
        "reference",
    ),
    "model": ("path", "url", "trust", "classes", "allow_pickle", "timeout"),
    "checks": ("run", "params"),
    "policy": ("path",),
    "public": ("keys", "score_bins", "rows"),
}


@dataclass(frozen=True)
class ModelSource:
    """Where a model is and how it may be loaded. `allow_pickle` must be spelled out."""

    path: str
    trust: tuple[str, ...] = ()
    classes: tuple[str, ...] | None = None
    allow_pickle: bool = False
    timeout: float = 30.0
    isolate: bool = True


@dataclass(frozen=True)
class CaseFile:
    """What a case.toml (or the same flags on a command line) says, before anything is read."""

    name: str
    data: Any
    roles: Mapping[str, Any]
    model: ModelSource | None = None
    checks: tuple[str, ...] = ()
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    policy: str | None = None
    public: Mapping[str, Any] = field(default_factory=dict)

    def case(self) -> Case:
        """Open the data and the model; every mistake in roles or files is an AssayError."""
        model = None
        if self.model is not None:
            from assay.engine.models import open_model

            source = self.model
            model = open_model(
                source.path,
                unit=self.roles.get("unit"),
                allow_pickle=source.allow_pickle,
                trust=source.trust,
                classes=source.classes,
                timeout=source.timeout,
                isolate=source.isolate,
            )
        return Case.from_frame(self.data, name=self.name, model=model, **self.roles)

    def read_policy(self) -> Policy | None:
        """The policy named in the file, or None for the built-in one."""
        return read_policy(self.policy) if self.policy else None


def read(path: Path | str, /) -> CaseFile:
    """The CaseFile at `path`. Relative paths in it start at its folder; unknown keys list the known ones."""
    path = Path(path)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AssayError(
            f"There is no case file {str(path)!r}.",
            code="case-file",
            hint="Write one (docs/guide/case-file.md), use --data FILE with roles as flags, or try --demo credit.",
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AssayError(f"The case file {str(path)!r} cannot be read: {error}.", code="case-file") from None
    _check_keys(raw, path)
    base = path.resolve().parent
    data = raw.get("data", {})
    if "path" not in data:
        raise AssayError(f"{path} says no data.", code="case-file", hint='Add [data] with path = "file.parquet".')
    checks = raw.get("checks", {})
    policy = raw.get("policy", {}).get("path")
    return CaseFile(
        name=str(raw.get("name", path.stem)),
        data=_at(base, data["path"]),
        roles=_roles(raw.get("roles", {}), data, path),
        model=_model(raw.get("model"), base, path),
        checks=tuple(checks.get("run", ())),
        params=checks.get("params", {}),
        policy=_at(base, policy) if policy else None,
        public=_public(raw.get("public", {}), base),
    )


def of_demo(name: str, /, *, with_model: bool = False, model: ModelSource | None = None) -> CaseFile:
    """The CaseFile of a built-in case; `with_model` or another `model` takes the place of its recorded predictions."""
    from assay.data.demo import load as load_demo

    demo = load_demo(name)
    roles = dict(demo.roles)
    if with_model and model is None:
        if demo.model is None:
            raise AssayError(f"The demo {name!r} has no model; it judges recorded predictions.", code="demo")
        model = ModelSource(str(demo.model), classes=demo.classes, isolate=False)
    if model is not None:
        roles.pop("prediction", None)
        roles.pop("score", None)
    else:
        roles.pop("split", None)  # the recorded predictions are cross-fitted: every row is held out
    return CaseFile(name=demo.name, data=str(demo.path), roles=roles, model=model)


def _at(base: Path, path: str) -> str:
    return path if "://" in path or Path(path).is_absolute() else str(base / path)


def _check_keys(raw: Mapping[str, Any], path: Path) -> None:
    if raw.get("format", FORMAT) != FORMAT:
        raise AssayError(f"{path} has format {raw['format']!r}; this assay reads {FORMAT}.", code="case-file")
    for key in raw:
        if key not in SECTIONS[""]:
            raise unknown(f"key in {path}", key, SECTIONS[""], code="case-file")
    for section, known in SECTIONS.items():
        table = raw.get(section, {}) if section else {}
        if not isinstance(table, Mapping):
            raise AssayError(f"{path}: {section} must be a table, written [{section}].", code="case-file")
        for key in table:
            if key not in known:
                raise unknown(f"key in [{section}] of {path}", key, known, code="case-file")


def _roles(table: Mapping[str, Any], data: Mapping[str, Any], path: Path) -> dict[str, Any]:
    roles = dict(table)
    for name in ("protected", "features", "identifiers", "quasi_identifiers", "controls"):
        if name in roles:
            value = roles[name]
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise AssayError(f'{path}: {name} must be a list of column names, such as ["sex"].', code="case-file")
            roles[name] = tuple(value)
    if "population" in data:
        roles["population"] = data["population"]
    return roles


def _public(table: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """The table, paths of files that list values made to start at the folder of the case file."""
    keys = table.get("keys", {})
    if not isinstance(keys, Mapping):
        return dict(table)
    return {**table, "keys": {k: _at(base, value) if isinstance(value, str) else value for k, value in keys.items()}}


def _model(table: Mapping[str, Any] | None, base: Path, path: Path) -> ModelSource | None:
    if table is None:
        return None
    where = table.get("path", table.get("url"))
    if not isinstance(where, str):
        raise AssayError(f"{path}: [model] needs path or url.", code="case-file")
    classes = table.get("classes")
    return ModelSource(
        path=_at(base, where),
        trust=tuple(table.get("trust", ())),
        classes=tuple(str(c) for c in classes) if classes is not None else None,
        allow_pickle=table.get("allow_pickle") is True,
        timeout=float(table.get("timeout", 30.0)),
    )
