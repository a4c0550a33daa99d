"""`assay model`: look into a model file, and turn unsafe ones into safe ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.output import print_json, safe
from assay.core.errors import AssayError

if TYPE_CHECKING:
    import pyarrow as pa

    from assay.models.convert.convert import Conversion

_FORMATS = ["skops", "onnx", "lightgbm", "xgboost"]
_FORMS = ["logits", "probabilities", "values"]
_TASKS = ["binary", "multiclass", "regression"]


@click.group()
def model() -> None:
    """Look into model files; convert unsafe ones."""


@model.command()
@click.argument("source", metavar="PATH|URL")
@click.option("--task", type=click.Choice(_TASKS), help="What it predicts, where the file does not say.")
@click.option("--classes", metavar="A,B", help="Class names in the order of the model's output.")
@click.option("--trust", metavar="TYPE", multiple=True, help="Further type that a .skops file may hold.")
@click.option("--allow-pickle", is_flag=True, help="Open a pickle. It can run any program.")
@click.option("--timeout", type=float, default=30.0, show_default=True, help="Seconds that opening may take.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON envelope instead of text.")
def show(
    source: str,
    task: Any,
    classes: str | None,
    trust: tuple[str, ...],
    allow_pickle: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Open a model in its child process and say what it is: kind, digest, task, columns, classes."""
    from assay.engine.models import open_model

    found: Any = open_model(
        source, allow_pickle=allow_pickle, trust=trust, task=task, classes=_names(classes), timeout=timeout
    )
    facts = {
        "name": found.name,
        "digest": found.digest,
        "task": found.task,
        "features": list(found.features),
        "width": found.width,
        "classes": list(found.classes),
        "pickled": found.pickled,
        "enforced": list(getattr(found, "enforced", ())),
        "notes": list(found.notes),
    }
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        if value not in (None, [], ""):
            click.echo(f"{name:9} {safe(_words(value))}")


@model.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File to write.")
@click.option("--to", required=True, type=click.Choice(_FORMATS), help="Format to write.")
@click.option("--data", type=click.Path(path_type=Path), help="Parquet or CSV rows on which both must agree.")
@click.option("--allow-pickle", is_flag=True, help="Open a pickle, in a child process without network.")
@click.option("--trust", metavar="TYPE", multiple=True, help="Further type that a .skops file may hold.")
@click.option("--task", type=click.Choice(_TASKS), help="What it predicts, where the file does not say.")
@click.option("--classes", metavar="A,B", help="Class names in the order of the model's output.")
@click.option("--output", "form", type=click.Choice(_FORMS), default=None, help="What a network's last layer gives.")
@click.option("--tolerance", type=float, help="Largest difference of a probability called equal. Default 1e-5.")
@click.option("--accept-difference", is_flag=True, help="Write the file even where the predictions differ.")
@click.option("--timeout", type=float, default=300.0, show_default=True, help="Seconds for each step.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON envelope instead of text.")
def convert(source: Path, data: Path | None, classes: str | None, as_json: bool, **options: Any) -> None:
    """Write a pickle, joblib file, TorchScript or torch.export archive, or Keras SavedModel in a safe format.

    Both models predict at least 1,000 rows: those of --data, and generated ones where these are fewer.
    Nothing is written when the predictions differ, unless --accept-difference is given.
    """
    from assay.models.convert.convert import TOLERANCE
    from assay.models.convert.convert import convert as run

    if options["tolerance"] is None:
        options["tolerance"] = TOLERANCE
    options["form"] = options["form"] or ""
    done = run(source, data=_read(data) if data else None, classes=_names(classes), **options)
    if as_json and done.written:
        print_json(_facts(done))
    elif done.written:
        click.echo(f"{safe(done.target)} written ({done.format}, {done.target_digest}).")
        click.echo(_parity_words(done))
    else:
        raise AssayError(
            f"The conversion predicts differently, so nothing was written. {_parity_words(done)}",
            code="parity",
            hint="Choose another format, or say --tolerance or --accept-difference if that is near enough.",
        )


def _facts(done: Conversion) -> dict[str, Any]:
    return {
        "source": done.source,
        "source_digest": done.source_digest,
        "target": done.target,
        "target_digest": done.target_digest,
        "format": done.format,
        "enforced": list(done.enforced),
        "parity": {
            "rows": done.parity.rows,
            "generated": done.parity.generated,
            "max_difference": done.parity.max_difference,
            "equal_labels": done.parity.equal_labels,
            "tolerance": done.parity.tolerance,
            "holds": done.parity.holds,
        },
    }


def _parity_words(done: Conversion) -> str:
    parity = done.parity
    said = f"Parity on {parity.rows:,} rows ({parity.generated:,} generated): "
    parts = []
    if parity.max_difference is not None:
        parts.append(f"largest difference {parity.max_difference:.3g} (tolerance {parity.tolerance:g})")
    if parity.equal_labels is not None:
        parts.append(f"equal labels {parity.equal_labels:.4%}")
    return said + ", ".join(parts) + "."


def _read(path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    try:
        if path.suffix.lower() == ".csv":
            return pyarrow.csv.read_csv(path)
        return pyarrow.parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise AssayError(
            f"The rows in {str(path)!r} cannot be read: {error}.", code="data", hint="Give a Parquet or CSV file."
        ) from error


def _names(classes: str | None) -> list[str] | None:
    return classes.split(",") if classes else None


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
