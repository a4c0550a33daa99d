"""Attacks on membership: their formulas by brute force, known answers, nulls, and models that give little away."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import entropy, norm
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from assay.core.errors import AssayError
from assay.models.live import wrap
from assay.models.trainers import TrainingRows
from assay.privacy.attacks.label_only import Noise
from assay.privacy.attacks.lira import lira_offline, lira_online
from assay.privacy.attacks.rmia import rmia, rmia_offline
from assay.privacy.membership.answers import Answers, answers_of, logit
from assay.privacy.membership.attack import Membership, attack_membership, chosen, own_attacks
from assay.privacy.membership.scoring import tpr_at
from assay.privacy.membership.setting import Setting
from assay.privacy.membership.shadows import Shadows, halves, train_shadows

SHADOWED = ("lira-online", "lira-offline", "rmia", "rmia-offline")
FEATURES = [f"x{i}" for i in range(5)]
FAST = ("loss-threshold", "trained")
PLAIN = ("loss-threshold", "entropy", "modified-entropy", "trained", "label-only")


def table_of(numbers: np.ndarray) -> pa.Table:
    return pa.table({f"x{i}": numbers[:, i] for i in range(numbers.shape[1])})


def attacked(model, numbers, codes, member, *names: str, seed: int = 0, **settings) -> Membership:
    rows = TrainingRows(table_of(numbers), codes)
    return attack_membership(model, rows, member, attacks=chosen(own_attacks(), names), seed=seed, **settings)


def random_rows(seed: int, n: int = 800, classes: int = 20):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 5)), rng.integers(0, classes, n), rng.permutation(n) < n // 2


# -- what is read from an answer ------------------------------------------------------------------


def test_the_logit_keeps_its_digits_where_a_probability_is_next_to_one():
    tiny = np.array([[1 - 3e-12, 1e-12, 2e-12], [0.2, 0.5, 0.3]])
    labels = np.array([0, 1])
    np.testing.assert_allclose(logit(tiny, labels), [math.log(1 / 3e-12), 0.0], rtol=1e-9)
    rare = np.full((400, 2), 0.5)
    rare[:2] = [[1.0, 0.0], [1.0, 0.0]]
    sure = logit(rare, np.arange(400) % 2)
    assert sure[0] == -sure[1] > 30


def test_votes_that_nobody_cast_are_no_farther_away_than_the_fewest_that_were():
    votes = np.array([0, 0, 1, 2, 3, 5, 8, 10, 10, 10]) / 10
    found = logit(np.column_stack([votes, 1 - votes]), np.zeros(10, np.int64))
    assert (np.diff(found) >= 0).all()
    assert math.log(0.1) <= found[0] == found[1] <= found[2] < -1
    assert found[5] == 0.0
    only = logit(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 0]))
    np.testing.assert_allclose(only, [math.log(2), -math.log(2)])


def test_a_forest_is_found_out_by_its_shadows():
    numbers, _, member = random_rows(4, n=600)
    codes = (numbers[:, 0] + np.random.default_rng(4).normal(size=600) > 0).astype(int)
    forest = wrap(RandomForestClassifier(25, random_state=0, n_jobs=1).fit(numbers[member], codes[member]))
    found = attacked(forest, numbers, codes, member, "loss-threshold", "lira-online", "rmia", shadows=8)
    assert at_one_percent(found, "loss-threshold") < 0.03
    for attack in ("lira-online", "rmia"):
        assert found.successes[attack].auc.interval.low > 0.8
        assert at_one_percent(found, attack) > 0.15


def test_entropies_are_those_of_the_definitions():
    rng = np.random.default_rng(0)
    p, labels = rng.dirichlet(np.ones(4), 50), rng.integers(0, 4, 50)
    answers = Answers(labels, p.argmax(axis=1), p)
    np.testing.assert_allclose(answers.entropy, entropy(p, axis=1))
    by_hand = [
        -(1 - row[y]) * math.log(row[y]) - sum(row[c] * math.log(1 - row[c]) for c in range(4) if c != y)
        for row, y in zip(p, labels, strict=True)
    ]
    np.testing.assert_allclose(answers.modified_entropy, by_hand)


# -- LiRA and RMIA by brute force -----------------------------------------------------------------


def a_setting(models: int = 8, rows: int = 30) -> tuple[Setting, Shadows, np.ndarray]:
    rng = np.random.default_rng(3)
    inside = halves(rows, models, rng)
    shadows = Shadows(inside, rng.normal(size=(models, rows)) + 2 * inside, "made up")
    chance = 1 / (1 + np.exp(-rng.normal(size=rows)))
    answers = Answers(np.ones(rows, np.int64), np.ones(rows, np.int64), np.column_stack([1 - chance, chance]))
    told = np.arange(0, rows, 2)
    rows_ = TrainingRows(table_of(rng.normal(size=(rows, 2))), answers.labels)
    setting = Setting(wrap(lambda f: f, classes=["0", "1"]), rows_, answers, told, told % 4 == 0, lambda: shadows)
    return setting, shadows, np.log(chance / (1 - chance))


def test_each_model_of_a_pair_is_trained_on_the_rows_that_the_other_is_not():
    inside = halves(31, 10, np.random.default_rng(0))
    assert (inside.sum(axis=0) == 5).all()
    assert set(inside.sum(axis=1)) == {15, 16}


def test_lira_is_the_ratio_of_two_normal_densities():
    setting, shadows, phi = a_setting()
    online, offline = (attack(setting, variance="row").scores for attack in (lira_online.make, lira_offline.make))
    for row in range(30):
        ins, outs = (shadows.logit[which[:, row], row] for which in (shadows.inside, ~shadows.inside))
        ratio = norm.logpdf(phi[row], ins.mean(), ins.std(ddof=1)) - norm.logpdf(
            phi[row], outs.mean(), outs.std(ddof=1)
        )
        assert online[row] == pytest.approx(ratio)
        beyond = 1 - norm.sf(phi[row], outs.mean(), outs.std(ddof=1))
        assert norm.cdf(offline[row]) == pytest.approx(beyond)


def test_with_few_models_one_variance_within_rows_serves_all():
    setting, shadows, phi = a_setting()
    outs = np.where(shadows.inside, np.nan, shadows.logit)
    pooled = math.sqrt(np.nanvar(outs, axis=0, ddof=1).mean())
    expected = (phi - np.nanmean(outs, axis=0)) / pooled
    np.testing.assert_allclose(lira_offline.make(setting).scores, expected)
    many, _, _ = a_setting(models=64)
    np.testing.assert_array_equal(lira_offline.make(many).scores, lira_offline.make(many, variance="row").scores)


@pytest.mark.parametrize("gamma", [1.0, 2.0])
def test_rmia_is_the_share_of_rows_that_a_row_dominates(gamma):
    setting, shadows, phi = a_setting()
    chance, target = 1 / (1 + np.exp(-shadows.logit)), 1 / (1 + np.exp(-phi))
    ins = [chance[shadows.inside[:, row], row].mean() for row in range(30)]
    outs = [chance[~shadows.inside[:, row], row].mean() for row in range(30)]
    online = [(i + o) / 2 for i, o in zip(ins, outs, strict=True)]
    offline = [((1 + 0.33) * o + 1 - 0.33) / 2 for o in outs]
    for attack, marginal in ((rmia, online), (rmia_offline, offline)):
        ratio = [target[row] / marginal[row] for row in range(30)]
        share = [np.mean([ratio[x] / ratio[z] >= gamma * (1 - 1e-12) for z in range(30)]) for x in range(30)]
        np.testing.assert_allclose(attack.make(setting, gamma=gamma).scores, share)


# -- known answers --------------------------------------------------------------------------------


@cache
def digits() -> tuple[Membership, np.ndarray, MLPClassifier]:
    """The network of the reference: digits with 20 % of the labels drawn anew, trained on half of them."""
    numbers, labels = load_digits(return_X_y=True)
    rng = np.random.default_rng(1)
    labels = np.where(rng.random(len(labels)) < 0.2, rng.integers(0, 10, len(labels)), labels)
    member = rng.permutation(len(labels)) < len(labels) // 2
    net = MLPClassifier((128,), max_iter=100, learning_rate_init=0.01, n_iter_no_change=100, random_state=1)
    with threadpool_limits(1), pytest.warns(match="Maximum iterations"):
        net.fit(numbers[member] / 16, labels[member])
    return attacked(wrap(net), numbers / 16, labels, member, *FAST, *SHADOWED, seed=1, shadows=16), member, net


def at_one_percent(found: Membership, attack: str) -> float:
    success = found.successes[attack]
    return tpr_at(success.scores[success.own], success.scores[~success.own], fpr=0.01).value


def test_shadow_models_find_what_the_loss_does_not():
    found, _, _ = digits()
    assert found.right[0] - found.right[1] > 0.15
    loss = at_one_percent(found, "loss-threshold")
    assert 0.6 < found.successes["loss-threshold"].auc.value < 0.75
    assert loss < 0.03
    for attack, area, rate in (("lira-online", 0.76, 0.15), ("lira-offline", 0.69, 0.1), ("rmia-offline", 0.75, 0.12)):
        assert found.successes[attack].auc.interval.low > area - 0.02
        assert at_one_percent(found, attack) > max(rate, 5 * loss)
    assert "trained as one batch" in found.successes["lira-online"].method


def test_every_attack_is_a_guess_where_neither_side_was_trained_on():
    found, _, _ = digits()
    for success in found.successes.values():
        assert success.null.interval.low - 0.02 < 0.5 < success.null.interval.high + 0.02
    assert found.blind.interval.low < 0.5 < found.blind.interval.high


def test_rates_that_the_non_members_cannot_carry_are_not_given():
    assert all(success.tpr == {} for success in digits()[0].successes.values())


@pytest.mark.parametrize("seed", range(3))
def test_a_memoriser_is_told_at_once(seed):
    numbers, codes, member = random_rows(seed)
    nearest = wrap(KNeighborsClassifier(1).fit(numbers[member], codes[member]))
    found = attacked(nearest, numbers, codes, member, *PLAIN)
    for attack in ("loss-threshold", "modified-entropy", "trained", "label-only"):
        assert found.successes[attack].auc.value > 0.95
        assert found.successes[attack].accuracy.interval.low > 0.9
    assert found.successes["entropy"].auc.value == 0.5  # always sure, right or wrong
    assert found.right[0] == 1.0


def test_a_constant_model_tells_nothing():
    numbers, codes, member = random_rows(0, classes=2)
    constant = wrap(lambda frame: np.full((len(frame), 2), 0.5), classes=["0", "1"], features=FEATURES)
    found = attacked(constant, numbers, codes, member, *PLAIN)
    assert {found.successes[attack].auc.value for attack in ("loss-threshold", "entropy")} == {0.5}
    assert all(success.auc.interval.low <= 0.5 <= success.auc.interval.high for success in found.successes.values())


def test_with_random_membership_the_intervals_hold_a_guess():
    """Neither side was trained on, so that every attack must be a guess; the trained one too, which learns its rows."""
    held = []
    for seed in range(10):
        numbers, codes, member = random_rows(seed, n=400, classes=3)
        rng = np.random.default_rng(seed)
        elsewhere = wrap(LogisticRegression().fit(rng.normal(size=(90, 5)), np.arange(90) % 3))
        found = attacked(elsewhere, numbers, codes, member, "loss-threshold", "trained", "rmia", seed=seed, shadows=4)
        for success in found.successes.values():
            held.append(success.auc.interval.low <= 0.5 <= success.auc.interval.high)
            held.append(success.accuracy.interval.low <= 0.5 <= success.accuracy.interval.high)
    assert np.mean(held) >= 0.88


# -- what cannot be attacked ----------------------------------------------------------------------


def test_without_probabilities_labels_are_all_there_is():
    numbers, codes, member = random_rows(0, classes=2)
    found = attacked(wrap(LinearSVC().fit(numbers[member], codes[member])), numbers, codes, member, shadows=4)
    for attack, success in found.successes.items():
        assert (success.auc is None) == (attack != "label-only")
        assert success.auc is not None or "no probabilities" in success.reason.text()


def test_without_a_trainer_shadow_attacks_say_why():
    numbers, codes, member = random_rows(0, classes=2)
    model = wrap(lambda frame: np.full(len(frame), 0.3), classes=["0", "1"], features=FEATURES)
    unknown = attacked(model, numbers, codes, member, *SHADOWED)
    none = attacked(model, numbers, codes, member, *SHADOWED, shadows=0)
    assert all("give a trainer" in success.reason.text() for success in unknown.successes.values())
    assert all("shadows" in success.reason.text() for success in none.successes.values())


def test_a_trainer_gets_half_of_the_rows_for_each_model():
    numbers, codes, member = random_rows(0, n=201, classes=2)
    given = []

    def train(frame, labels):
        given.append(set(frame["x0"]))
        return LogisticRegression().fit(frame, labels)

    model = wrap(lambda frame: np.full(len(frame), 0.3), classes=["0", "1"], features=FEATURES)
    found = attacked(model, numbers, codes, member, *SHADOWED, trainer=train, shadows=5, jobs=1)
    assert sorted(map(len, given)) == [100, 100, 100, 101, 101, 101]
    assert all(one | other == set(numbers[:, 0]) for one, other in zip(given[::2], given[1::2], strict=True))
    assert "6 models trained by the trainer" in found.successes["lira-online"].method


def test_a_shadow_without_a_rare_class_gives_it_no_chance():
    numbers, codes, _ = random_rows(0, n=60, classes=2)
    codes[0] = 2
    model = wrap(LogisticRegression().fit(numbers, codes))
    made = train_shadows(model, TrainingRows(table_of(numbers), codes), count=4)
    assert (made.logit[~made.inside[:, 0], 0] < -2).all()
    assert (made.logit[made.inside[:, 0], 0].min() > made.logit[~made.inside[:, 0], 0].max()).all()


@pytest.mark.parametrize(("members", "shadows", "match"), [(20, 4, "too few"), (100, 3, "shadow models are too few")])
def test_too_little_is_an_error_that_says_how_much_is_needed(members, shadows, match):
    numbers, codes, _ = random_rows(0, n=300, classes=2)
    member = np.arange(300) < members
    with pytest.raises(AssayError, match=match):
        attacked(wrap(LogisticRegression().fit(numbers, codes)), numbers, codes, member, "lira-online", shadows=shadows)


def test_an_unknown_attack_lists_the_known_ones():
    with pytest.raises(AssayError, match="lira-online"):
        chosen(own_attacks(), ("lira",))


# -- noise, other inputs --------------------------------------------------------------------------


def test_noise_keeps_types_missing_values_and_ranges():
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "whole": pa.array([1, None, 3, 4], pa.int32()),
            "real": [0.5, 1.5, None, float("nan")],
            "word": pa.array(["a", None, "b", "a"]).dictionary_encode(),
            "flag": [True, False, None, True],
            "none": pa.array([None] * 4, pa.float64()),
        }
    )
    made = Noise(table).copies(np.array([3, 1, 1, 0]), scale=0.5, rng=rng)
    assert made.schema == table.schema
    assert made["whole"].to_pylist()[1:3] == [None, None]
    assert set(made["whole"].drop_null().to_pylist()) <= {1, 2, 3, 4}
    assert made["real"].drop_null().to_numpy()[1:].min() >= 0.5
    assert set(made["word"].to_pylist()) <= {"a", "b", None}
    assert made["none"].null_count == 4
    assert np.isnan(Noise(table).copies(np.array([3]), scale=0.5, rng=rng)["real"].to_numpy()[0])
    still = Noise(table).copies(np.arange(4), scale=0.0, rng=rng)
    assert still["word"].to_pylist() == table["word"].to_pylist()
    images = rng.integers(0, 256, (6, 4, 4, 1)).astype(np.uint8)
    shaken = Noise(images).copies(np.array([2, 2, 5]), scale=0.2, rng=rng)
    assert (shaken.shape, shaken.dtype) == ((3, 4, 4, 1), np.uint8)
    assert (shaken != images[[2, 2, 5]]).any()


def test_a_torch_network_of_arrays_is_attacked_alike():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    numbers, codes, member = random_rows(0, n=300, classes=3)
    images = numbers.astype(np.float32)[:, :4].reshape(-1, 2, 2)

    def train(batch, labels):
        net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 64), torch.nn.ReLU(), torch.nn.Linear(64, 3))
        steps = torch.optim.Adam(net.parameters(), lr=0.03)
        x, y = torch.from_numpy(batch), torch.from_numpy(labels)
        for _ in range(150):
            steps.zero_grad()
            torch.nn.functional.cross_entropy(net(x), y).backward()
            steps.step()
        return net

    model = wrap(train(images[member], codes[member]), classes=[0, 1, 2], output="logits")
    rows = TrainingRows(images, codes)
    attacks = chosen(own_attacks(), ("loss-threshold", "label-only", "lira-offline"))
    found = attack_membership(model, rows, member, attacks=attacks, trainer=train, shadows=4)
    assert found.successes["lira-offline"].auc.interval.low > 0.6
    assert found.successes["label-only"].auc.interval.low > 0.5
    assert found.blind is not None


def test_texts_are_attacked_by_their_answers_and_not_by_noise():
    texts = [f"text {i}" for i in range(200)]
    codes, member = np.arange(200) % 2, np.arange(200) < 100
    known = dict(zip(texts[:100], codes[:100], strict=True))
    model = wrap(lambda batch: np.array([known.get(text, 0.5) for text in batch]), classes=["0", "1"])
    found = attack_membership(model, TrainingRows(texts, codes), member, attacks=own_attacks())
    assert found.successes["loss-threshold"].auc.value == 1.0
    assert "texts" in found.successes["label-only"].reason.text()
    assert found.blind is None


def test_answers_are_asked_for_in_batches(monkeypatch):
    sizes = []
    monkeypatch.setattr("assay.privacy.membership.answers.BATCH", 64)
    numbers, codes, _ = random_rows(0, n=150, classes=2)
    model = wrap(lambda f: sizes.append(len(f)) or np.full(len(f), 0.3), classes=["0", "1"], features=FEATURES)
    assert len(answers_of(model, TrainingRows(table_of(numbers), codes)).predicted) == 150
    assert sizes == [64, 64, 22]
