"""`assay privacy tradeoff`: its trainings, tables, page and picture; whom small epsilons hurt; hostile names."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.core.errors import AssayError
from assay.engine.areas import registry
from assay.privacy.commands.tradeoff import tradeoff as command
from assay.privacy.tradeoffs.calls import tradeoff
from assay.privacy.tradeoffs.people import people_of
from assay.privacy.tradeoffs.report import Tradeoff, epsilons_of
from assay.privacy.tradeoffs.sweep import membership
from assay.privacy.tradeoffs.written import COLUMNS, FILES, page, table
from assay.privacy.training.fitting import Settings, accountant_of
from assay.privacy.training.tables.schema import Consent, schema_of
from assay.store import open_store
from assay.store.house import StoreHouse

SCRIPT, FORMULA = "<script>alert(1)</script>", "=1+1"
COLUMNS_OF = {
    "usual": {"bounds": [-3, 3]},
    "rare": {"bounds": [-3, 3]},
    "good": {"categories": ["no", "yes"]},
}
QUICK = Settings(accountant=accountant_of("rdp"), batch=400, epochs=15, learning_rate=0.02)
FAST = replace(QUICK, learning_rate=0.2)


class Heard:
    """A Progress that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    def started(self, task, /, *, total):
        self.told.append((task, total))

    def advanced(self, task, /, *, done, note=""):
        self.told.append((task, done))

    def found(self, finding, /): ...

    def ended(self, task, /, *, note=""): ...


def rows(n: int = 2000, *, names: tuple[str, str] = ("many", "few"), seed: int = 0) -> pa.Table:
    """A tenth of the rows need a feature that is 0 for all others, and which has to be learned from them alone."""
    rng = np.random.default_rng(seed)
    few = rng.random(n) < 0.1
    usual, rare = np.where(few, 0, rng.uniform(-3, 3, n)), np.where(few, rng.uniform(-3, 3, n), 0)
    good = np.where(few, rare, usual) + 0.2 * rng.standard_normal(n) > 0
    return pa.table(
        {"usual": usual, "rare": rare, "good": np.where(good, "yes", "no"), "group": np.take(names, few * 1)}
    )


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with open_store(f"sqlite:///{tmp_path_factory.mktemp('store')}/store.db") as store:
        yield StoreHouse(store, Heard(), lambda run, path: [], known=registry())


def made(house, data=None, **changes) -> Tradeoff:
    given = {"schema": {**COLUMNS_OF}, "label": "good", "protected": "group", "audit": house.audit, "favourable": "yes"}
    given |= {"epsilons": (0.15, 4.0), "settings": QUICK, "runs": 20}
    return tradeoff(rows() if data is None else data, **(given | changes))


@pytest.fixture(scope="module")
def found(house) -> Tradeoff:
    return made(house)


def test_a_small_group_that_small_epsilons_hurt_is_marked_and_no_other(found):
    assert found.marked
    assert {(epsilon, value) for epsilon, _, _, value in found.marked} == {("0.15", "few")}
    least, most, plain = found.levels
    assert plain.get("accuracy", slice={"group": "few"}).value > 0.9
    assert least.get("accuracy_lost", slice={"group": "few"}).value > 0.1
    assert least.get("accuracy_lost", slice={"group": "many"}).value < 0.1
    assert abs(most.get("accuracy_lost", slice={}).value) < 0.02
    assert "group = few" in found.text()
    assert "membership_tpr_at_fpr_1pct: members found at 1 % false positives need 1,000" in found.text()
    assert "more than all others." in found.text()
    assert " *" in found.text()


def test_the_numbers_are_those_of_the_rows_that_were_held_out(found):
    sizes = {tuple(g.slice.items()): (g.trained, g.held_out) for g in found.groups}
    whole = rows().column("group").to_pylist()
    for name in ("many", "few"):
        assert sum(sizes[(("group", name),)]) == whole.count(name)
    assert sum(n for _, n in sizes.values()) == found.facts["held_out"] == 600
    for level in found.levels:
        assert level.get("accuracy", slice={}).n == 600
        parts = [(level.get("accuracy", slice=g.slice), g.held_out) for g in found.groups]
        mean = sum(m.value * n for m, n in parts) / 600
        assert level.get("accuracy", slice={}).value == pytest.approx(mean)
        gap = level.get("accuracy_gap", over=("group",))
        assert gap.value >= abs(parts[0][0].value - parts[1][0].value) - 1e-12
        for m in level.measures:
            assert m.interval is None or m.interval.low <= m.value <= m.interval.high, m
    for level in found.private:
        lost = found.plain.get("accuracy", slice={}).value - level.get("accuracy", slice={}).value
        assert level.get("accuracy_lost", slice={}).value == pytest.approx(lost)


def test_more_epsilon_means_less_noise_and_no_more_is_promised_than_it_allows(found):
    noises = [level.noise for level in found.private]
    assert noises == sorted(noises, reverse=True)
    for level in found.private:
        assert 0.01 < level.most_found <= 0.01 * math.exp(level.epsilon) + 1e-5 + 1e-9
    assert found.plain.most_found == 1.0


def test_too_few_rows_for_one_per_cent_say_so_and_enough_are_counted():
    rng = np.random.default_rng(0)
    scores, train = rng.standard_normal(2500), np.arange(2500) < 1200
    scores[train] += 1.0
    area, rate = membership(scores, train, level=0.95)
    assert area.value == pytest.approx((scores[train][:, None] > scores[~train]).mean())
    assert rate.value == pytest.approx((scores[train] > np.sort(scores[~train])[-14]).mean())
    short = membership(scores[:1800], train[:1800], level=0.95)[1]
    assert short.value is None
    assert "1,000" in short.reason.text()


def test_the_same_seed_makes_the_same_report_and_it_is_not_private(house, found):
    again = made(house)
    assert json.dumps(again.to_json(), allow_nan=False) == json.dumps(found.to_json(), allow_nan=False)
    assert "not private" in found.to_json()["not_private"]
    assert "spends 4.15 in all, who releases every run 83" in found.text()


def test_the_command_writes_page_table_and_picture_and_hostile_names_stay_text(house, tmp_path):
    data = rows(names=(SCRIPT, FORMULA))
    pq.write_table(data.rename_columns(["usual", "rare", "good", "</td><b>sex"]), tmp_path / "rows.parquet")
    bounds = "\n".join(f"{name} = {{ bounds = [-3, 3] }}" for name in ("usual", "rare"))
    (tmp_path / "s.toml").write_text(f'[columns]\n{bounds}\ngood = {{ categories = ["no", "yes"] }}\n')
    given = {"data": f"{tmp_path}/rows.parquet", "schema": f"{tmp_path}/s.toml", "label": "good", "favourable": "yes"}
    given |= {
        "protected": ("</td><b>sex",),
        "out": f"{tmp_path}/out",
        "epsilon": "1",
        "accountant": "rdp",
        "epochs": 5.0,
    }
    answer = command.function(house, **given)
    assert [path.name for path in answer.files] == list(FILES)
    assert house.progress.told[-1] == ("trainings", 10)
    text = (tmp_path / "out/index.html").read_text()
    assert "<script" not in text
    assert "<b>sex" not in text
    assert "&lt;script&gt;" in text
    assert "http" not in text.replace("http-equiv", "")
    assert ElementTree.fromstring((tmp_path / "out/plot.svg").read_text()).tag.endswith("svg")
    lines = list(csv.reader(io.StringIO((tmp_path / "out/table.csv").read_text())))
    assert tuple(lines[0]) == COLUMNS
    assert {len(line) for line in lines} == {len(COLUMNS)}
    assert f"'{FORMULA}" in {line[3] for line in lines}
    assert json.loads((tmp_path / "out/tradeoff.json").read_text())["facts"]["runs"] == 5
    with pytest.raises(AssayError, match="there already"):
        command.function(house, **given)


def test_several_classes_have_accuracy_and_groups_too_small_are_left_out(house):
    data = rows(900)
    third = np.where(np.array(data.column("usual")) > 1.5, "best", data.column("good").to_numpy(zero_copy_only=False))
    group = np.array(data.column("group").to_pylist(), dtype=object)
    group[:3] = "three people"
    data = data.set_column(2, "good", pa.array(third)).set_column(3, "group", pa.array(group))
    schema = {**COLUMNS_OF, "good": {"categories": ["no", "yes", "best"]}}
    found = made(house, data, schema=schema, favourable=None, epsilons=(4.0,), runs=5, settings=FAST)
    assert found.suppressed == 1
    assert "three people" not in json.dumps(found.to_json()) + page_of(found) + table(found)
    assert found.plain.get("accuracy").value > 0.7
    assert found.private[0].get("balanced_accuracy_lost").value is not None
    assert found.plain.get("selection_rate_gap", over=("group",)) is None


def page_of(found: Tradeoff) -> str:
    from assay.privacy.tradeoffs.drawn import picture

    drawn = picture(found)
    return page(found, drawn) + drawn.svg()


def test_rows_without_the_consent_that_the_schema_asks_for_are_in_neither_part():
    agreed = np.arange(2000) % 4 > 0
    data = rows().append_column("agreed", pa.array(agreed))
    schema = replace(schema_of(COLUMNS_OF), consent=Consent("agreed"))
    given = {"label": "good", "protected": ("group",), "favourable": "yes", "held_out": 0.3, "seed": 0, "name": "x"}
    found, kept = people_of(data, schema, **given), rows().filter(pa.array(agreed))
    assert len(found.codes) == len(found.train) == agreed.sum()
    assert found.attributes.column("group").to_pylist() == kept.column("group").to_pylist()
    assert [found.classes[code] for code in found.codes] == kept.column("good").to_pylist()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"runs": 4}, "too few"),
        ({"protected": ()}, "Whose"),
        ({"protected": "nobody"}, "nobody"),
        ({"label": "usual"}, "needs classes"),
        ({"held_out": 1.0}, "held_out"),
        ({"held_out": 0.01}, "needed"),
        ({"favourable": None}, "avourable"),
        ({"settings": Settings(model="linear")}, "linear"),
    ],
)
def test_mistakes_are_found_before_any_training(house, changes, words, monkeypatch):
    monkeypatch.setattr("assay.privacy.tradeoffs.sweep.train", None)
    with pytest.raises(AssayError, match=words):
        made(house, **changes)


def test_epsilons_are_numbers_that_ascend():
    assert epsilons_of("4, 0.5,1,1") == (0.5, 1.0, 4.0)
    for text in ("", "a", "0,1", "-1", "nan", "inf"):
        with pytest.raises(AssayError):
            epsilons_of(text)
