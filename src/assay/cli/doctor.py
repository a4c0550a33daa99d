"""`assay doctor`: what is installed here, in plain words."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import click

from assay.cli.options import json_option, store_option
from assay.cli.output import print_json, safe
from assay.core.errors import AssayError

PACKAGES: tuple[tuple[str, str, str], ...] = (
    ("duckdb", "", "counts Parquet and CSV files of any size"),
    ("ibis-framework", "", "counts warehouse tables and Spark"),
    ("scikit-learn", "", "scikit-learn models and cross-validation"),
    ("skops", "", "scikit-learn models from safe .skops files"),
    ("onnxruntime", "", "ONNX models"),
    ("lightgbm", "", "LightGBM models"),
    ("xgboost-cpu", "", "XGBoost models"),
    ("pyspark", "spark", "counting on a Spark cluster"),
    ("psycopg", "postgres", "the PostgreSQL store and PostgreSQL tables"),
    ("torch", "deep", "PyTorch models"),
    ("opacus", "deep", "private training of PyTorch networks"),
    ("dp-accounting", "privacy", "the epsilon of private training"),
    ("presidio-analyzer", "text", "names, places and organisations in texts"),
    ("tenseal", "he", "scoring of encrypted rows"),
    ("fairlearn", "fairness", "mitigation by reductions (exponentiated gradient, grid search)"),
    ("skl2onnx", "convert", "conversion of scikit-learn models to ONNX"),
)
"""Package, the extra that brings it ("" for the base install), what it is for."""


@dataclass(frozen=True)
class Item:
    """One line of the doctor: `ok`, what it is about, words, and what to do if not ok."""

    ok: bool
    name: str
    text: str
    hint: str = ""


@click.command()
@store_option
@json_option
def doctor(store: str | None, as_json: bool) -> None:
    """Say which extras, stores, engines and areas are there, and what to install for the rest."""
    items = [Item(True, "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")]
    items += [_package(*row) for row in PACKAGES]
    items += [_areas(), _store(store)]
    if as_json:
        print_json([item.__dict__ for item in items])
        return
    for item in items:
        mark = click.style("✓", fg="green") if item.ok else click.style("–", fg="yellow")
        click.echo(f"{mark} {item.name:<16} {safe(item.text)}")
        if item.hint and not item.ok:
            click.echo(f"  {'':<16} {safe(item.hint)}")


def _package(name: str, extra: str, purpose: str) -> Item:
    found = next((v for n in (name, name.removesuffix("-cpu")) if (v := _version(n))), "")
    if found:
        return Item(True, name, f"{found}: {purpose}")
    wanted = f"pip install 'assay[{extra}]'" if extra else f"pip install {name}"
    return Item(False, name, f"not installed: {purpose}", f"To have it: {wanted}")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _areas() -> Item:
    from assay.engine.areas import registry

    try:
        found = registry()
        return Item(True, "areas", f"{', '.join(found.areas)}: {len(found.checks)} checks")
    except AssayError as error:
        return Item(False, "areas", error.message, error.hint)


def _store(url: str | None) -> Item:
    from assay.store import open_store

    try:
        opened = open_store(url)
        return Item(True, "store", f"{opened.label}: {len(opened.runs(limit=1000))} runs")
    except AssayError as error:
        return Item(False, "store", error.message, error.hint)
