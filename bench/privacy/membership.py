"""LiRA with 16 shadow networks on the 1,797 digits: seconds, and members found, beside the loss alone.

The target is scikit-learn's MLPClassifier (128 units) on half of the digits, a fifth of the labels drawn anew. Its
shadow networks are trained as one batch, and by scikit-learn itself through a trainer; the peer is a plain loop over
scikit-learn's fits, on one thread as well. Prints seconds, ratios, and for each attack the AUC and the true positive
rate at 1 % false positives with their intervals. The budget is 30 s as one batch, 60 s by scikit-learn, on two cores.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from assay.models.live import wrap
from assay.models.trainers import TrainingRows
from assay.privacy.membership.attack import Membership, attack_membership, own_attacks
from assay.privacy.membership.scoring import tpr_at
from assay.privacy.membership.shadows import halves

warnings.simplefilter("ignore", ConvergenceWarning)


def network(seed: int | None = None) -> MLPClassifier:
    return MLPClassifier((128,), max_iter=120, learning_rate_init=0.01, n_iter_no_change=200, random_state=seed)


def by_scikit_learn(frame: Any, labels: Any) -> MLPClassifier:
    return network().fit(frame.to_numpy(), labels)


def shown(found: Membership) -> None:
    print(f"{'attack':<18}{'AUC':>8}{'TPR at 1 %':>12}   interval{'':<11}{'null AUC':>9}")
    for name, success in found.successes.items():
        rate = tpr_at(success.scores[success.own], success.scores[~success.own], fpr=0.01)
        ends = f"[{rate.interval.low:.3f}, {rate.interval.high:.3f}]"
        print(f"{name:<18}{success.auc.value:>8.3f}{rate.value:>12.3f}   {ends:<19}{success.null.value:>9.3f}")


def main(shadows: int, seed: int) -> None:
    numbers, labels = load_digits(return_X_y=True)
    numbers, rng = numbers / 16, np.random.default_rng(seed)
    labels = np.where(rng.random(len(labels)) < 0.2, rng.integers(0, 10, len(labels)), labels)
    member = rng.permutation(len(labels)) < len(labels) // 2
    rows = TrainingRows(pa.table({f"x{i}": numbers[:, i] for i in range(64)}), labels)
    with threadpool_limits(1):
        model = wrap(network(seed).fit(numbers[member], labels[member]))
        start = time.perf_counter()
        for mine in halves(len(labels), shadows, rng):
            network().fit(numbers[mine], labels[mine]).predict_proba(numbers)
        loop = time.perf_counter() - start
    print(f"a loop over {shadows} fits of scikit-learn: {loop:.1f} s")
    lira = {"lira-online": own_attacks()["lira-online"]}
    for name, trainer in (("one batch", None), ("scikit-learn", by_scikit_learn)):
        start = time.perf_counter()
        attack_membership(model, rows, member, attacks=lira, trainer=trainer, shadows=shadows, seed=seed, blind=False)
        seconds = time.perf_counter() - start
        print(f"LiRA with {shadows} shadow networks, {name}: {seconds:.1f} s, {loop / seconds:.1f} times as fast")
    shown(attack_membership(model, rows, member, shadows=shadows, seed=seed))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shadows", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    main(arguments.shadows, arguments.seed)
