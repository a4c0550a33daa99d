"""Transformers, convolutions and the ways of clipping, each trained from end to end."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

from assay import privacy
from assay.core.errors import AssayError
from assay.privacy.accounting.accountants import epsilon
from assay.privacy.accounting.plan import Plan
from assay.privacy.deep import training

torch.set_num_threads(1)
N = 24


class Texts(Dataset):
    """Rows of ids with a mask, as tokenizers give them."""

    def __init__(self, n=N):
        generator = torch.Generator().manual_seed(1)
        self.ids = torch.randint(1, 13, (n, 6), generator=generator)
        self.lengths = torch.randint(2, 7, (n,), generator=generator)
        self.labels = self.ids[:, 0] % 2

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, place):
        mask = (torch.arange(6) < self.lengths[place]).long()
        return {"input_ids": self.ids[place] * mask, "attention_mask": mask, "labels": self.labels[place]}


def bert():
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=13, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, num_labels=2
    )
    return BertForSequenceClassification(config).train()


def tuned(way, data, **settings):
    """The trained parameters of a transformer after a training, as one vector."""
    model = bert()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    if way == "lora":
        parameters = privacy.lora(model, layers=("query", "value"), rank=2, also=("classifier",))
        for place, parameter in enumerate(parameters):
            nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(place))
    else:
        parameters = privacy.head_only(model, "classifier")
    optimizer = torch.optim.SGD(parameters, lr=1.0)
    plan = {"noise_multiplier": 1.0, "delta": 1e-3, "steps": 3, "batch": 8} | settings
    with privacy.dp_training(model, optimizer, DataLoader(data, batch_size=8), **plan) as dp:
        for batch in dp.loader:
            optimizer.zero_grad()
            model(**batch).loss.backward()
            optimizer.step()
    return torch.cat([p.detach().flatten() for p in parameters])


@pytest.mark.parametrize("way", ["lora", "head"])
def test_transformers_are_tuned_alike_plain_by_ghost_and_in_parts(way):
    plain = tuned(way, Texts(), insecure_seed=3)
    for more in ({"clipping": "ghost"}, {"max_rows_at_once": 3}):
        assert torch.allclose(tuned(way, Texts(), insecure_seed=3, **more), plain, atol=1e-5)


@pytest.mark.parametrize("way", ["lora", "head"])
def test_one_text_moves_a_tuned_transformer_by_at_most_the_norm(way, monkeypatch):
    monkeypatch.setattr(training, "normal_like", lambda tensor, _, sd: torch.zeros_like(tensor))
    one = {"examples": N, "batch": N, "steps": 1, "max_grad_norm": 0.05, "clipping": "ghost"}
    whole = tuned(way, Texts(), **one)
    moves = [
        float((whole - tuned(way, Subset(Texts(), [i for i in range(N) if i != out]), **one)).norm())
        for out in range(0, N, 4)
    ]
    assert 0.5 * 0.05 / N < max(moves) <= 0.05 / N * (1 + 1e-3)


def test_a_whole_transformer_is_refused_for_its_positions_with_a_way_out():
    """Its position embeddings are looked up once for all rows: nobody knows whose gradient is whose."""
    model = bert()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loader = DataLoader(Texts(), batch_size=8)
    dp = privacy.dp_training(model, optimizer, loader, noise_multiplier=1.0, delta=1e-3, steps=1)

    def loop():
        with dp:
            for batch in dp.loader:
                model(**batch).loss.backward()

    with pytest.raises(AssayError, match="position_embeddings") as error:
        loop()
    assert "privacy.lora" in error.value.hint


@pytest.mark.parametrize("clipping", ["per-example", "ghost"])
def test_a_whole_transformer_is_trained_with_positions_for_each_row(clipping):
    model = bert()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    loader = DataLoader(Texts(), batch_size=8)
    with privacy.dp_training(
        model, optimizer, loader, noise_multiplier=1.0, delta=1e-3, steps=3, clipping=clipping
    ) as dp:
        for batch in dp.loader:
            model(**batch, position_ids=torch.arange(6).repeat(len(batch["labels"]), 1)).loss.backward()
            optimizer.step()
    assert dp.finished


def pictures(seed=3, **settings):
    """Weights of a small convolutional network after a training."""
    torch.manual_seed(1)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(64, 3)
    )
    generator = torch.Generator().manual_seed(2)
    data = TensorDataset(torch.randn(N, 1, 4, 4, generator=generator), torch.arange(N) % 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    plan = {"noise_multiplier": 1.0, "delta": 1e-3, "epochs": 2, "insecure_seed": seed} | settings
    with privacy.dp_training(model, optimizer, DataLoader(data, batch_size=8), **plan) as dp:
        for x, y in dp.loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y, reduction=settings.get("loss", "mean")).backward()
            optimizer.step()
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_convolutions_are_trained_alike_plain_by_ghost_and_in_parts():
    plain = pictures()
    for more in ({"clipping": "ghost"}, {"max_rows_at_once": 3}, {"microbatches": 8}):
        assert torch.allclose(pictures(**more), plain, atol=1e-5)
    # Adam does not see the divisor: a sum is the mean, but for the numerical constant in its root.
    assert torch.allclose(pictures(loss="sum"), plain, atol=1e-4)


def dense(**settings):
    """A training of one dense layer, without its loop."""
    data = TensorDataset(torch.linspace(-3, 3, N)[:, None] ** 2, torch.zeros(N))
    data = Subset(data, settings.pop("rows", range(N)))
    model = nn.Linear(1, 1)
    nn.init.zeros_(model.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    plan = {"noise_multiplier": 1.0, "delta": 1e-3, "examples": N, "batch": N, "steps": 1} | settings
    return privacy.dp_training(model, optimizer, DataLoader(data, batch_size=N), **plan)


def run(dp):
    with dp:
        for x, _ in dp.loader:
            dp.model(x).sum(1).mean().backward()
            dp.optimizer.step()
    return dp


def test_one_row_changes_the_count_of_adaptive_clipping_by_one_half():
    """Theorem 1 of arXiv 1905.03871 needs it; a plain count would change by 1, for twice the loss."""
    adaptive = privacy.AdaptiveClipping(count_noise=1e-6, rate=1.0, quantile=0.5)

    def count(rows):
        dp = run(dense(adaptive=adaptive, max_grad_norm=4.0, rows=rows))
        return -math.log(dp.norm / 4.0) * N

    whole = count(range(N))
    assert whole == pytest.approx(4.0)  # 16 of 24 within the norm: √(x⁴ + 1) ≤ 4
    changes = {round(count([i for i in range(N) if i != out]) - whole, 4) for out in range(N)}
    assert changes == {-0.5, 0.5}


def test_adaptive_clipping_has_the_epsilon_of_the_two_answers_together():
    dp = dense(
        adaptive=privacy.AdaptiveClipping(count_noise=1.5), accountant="rdp", noise_multiplier=2.0, batch=4, steps=50
    )
    together = Plan(examples=N, batch=4, noise_multiplier=(1 / 4 + 1 / 9) ** -0.5, steps=50)
    assert dp.epsilon == pytest.approx(epsilon(together, delta=1e-3, accountant="rdp"), rel=1e-6)


def test_the_norm_is_the_same_in_parts_and_after_an_interruption():
    adaptive = privacy.AdaptiveClipping(count_noise=1e-6)
    whole = run(dense(adaptive=adaptive, steps=4))
    parts = run(dense(adaptive=adaptive, steps=4, max_rows_at_once=5))
    assert parts.norm == pytest.approx(whole.norm, rel=1e-6)
    first = dense(adaptive=adaptive, steps=4)
    with first:
        for x, _ in first.loader:
            first.model(x).sum(1).mean().backward()
            first.optimizer.step()
            if first.done == 2:
                break
    second = run(dense(adaptive=adaptive, steps=4, state=first.state()))
    assert second.norm == pytest.approx(whole.norm, rel=1e-6)


def test_units_in_parts_are_units():
    people = np.arange(N) // 5
    found = [
        run(
            dense(
                units=people, examples=5, batch=5, max_rows_at_once=most, diagnostics="not private", max_grad_norm=9.0
            )
        )
        for most in (None, 1, 7)
    ]
    assert [dp.diagnostics for dp in found] == [{"rows": [N], "clipped": [4], "bad": [0]}] * 3
