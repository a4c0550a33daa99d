"""Plan, sampler, clipping and noise of a private training are one: what is accounted is what is done."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from assay.core.budget.accounting import Accounting, Budget
from assay.core.budget.terms import Bounds, Terms
from assay.core.errors import AssayError
from assay.privacy.deep import training
from assay.privacy.deep.adaptive import AdaptiveClipping
from assay.privacy.deep.promise import weights_digest
from assay.privacy.deep.start import dp_training
from assay.privacy.loss.adjacency import Adjacency
from assay.store import open_store

torch.set_num_threads(1)
N = 200
NOISE = {"noise_multiplier": 1.0, "delta": 1e-4, "accountant": "rdp"}


def table(n=N, width=5):
    x = torch.randn(n, width, generator=torch.Generator().manual_seed(1))
    return TensorDataset(x, (x[:, 0] + x[:, 1] > 0).long())


def network(width=5):
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(width, 8), nn.ReLU(inplace=True), nn.Linear(8, 2))


def begun(model=None, *, data=None, optimizer=None, lr=0.5, loader=None, **settings):
    model = network() if model is None else model
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=lr)
    loader = loader or DataLoader(table() if data is None else data, batch_size=20, shuffle=True)
    settings = {"epochs": 2} | NOISE | settings
    if "steps" in settings:
        settings.pop("epochs")
    return dp_training(model, optimizer, loader, **settings)


def loop(dp, batches=None):
    """An ordinary loop."""
    seen = []
    for x, y in dp.loader if batches is None else batches:
        dp.optimizer.zero_grad()
        nn.functional.cross_entropy(dp.model(x), y).backward()
        dp.optimizer.step()
        seen.append(len(x))
    return seen


def trained(**settings):
    with begun(**settings) as dp:
        loop(dp)
    return dp


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.fixture
def noiseless(monkeypatch):
    """What is noised, before it is: for the tests of sensitivity."""
    monkeypatch.setattr(training, "normal_like", lambda tensor, _, sd: torch.zeros_like(tensor))


# What is accounted.


@pytest.mark.parametrize(
    ("accountant", "sampling", "epsilon"),
    [("rdp-old", "poisson", 4.600), ("rdp", "poisson", 3.800), ("rdp", "each-once", 10.726)],
)
def test_the_statement_has_the_known_answers_of_the_course_lab(accountant, sampling, epsilon):
    """60,000 examples, batch 32, noise 0.5, one epoch, delta 1e-5."""
    data = TensorDataset(torch.zeros(60_000, 1), torch.zeros(60_000))
    model = nn.Linear(1, 2)
    dp = dp_training(
        model,
        torch.optim.SGD(model.parameters(), lr=0.1),
        DataLoader(data, batch_size=32),
        noise_multiplier=0.5,
        delta=1e-5,
        epochs=1,
        sampling=sampling,
        accountant=accountant,
    )
    assert dp.epsilon == pytest.approx(epsilon, abs=1e-3)
    assert dp.steps == 1875


def test_microbatches_have_the_known_answer_of_twice_the_sensitivity():
    """TensorFlow Privacy: 10,000 examples, batch 64, noise 2, five epochs, delta 1e-6: 1.616 by RDP, 0.433 without."""
    data = TensorDataset(torch.zeros(10_000, 1), torch.zeros(10_000))

    def epsilon(**more):
        model = nn.Linear(1, 2)
        return dp_training(
            model,
            torch.optim.SGD(model.parameters(), lr=0.1),
            DataLoader(data, batch_size=64),
            noise_multiplier=2.0,
            delta=1e-6,
            epochs=5,
            accountant="rdp",
            **more,
        )

    assert epsilon(microbatches=32).epsilon == pytest.approx(1.616, abs=1e-3)
    assert epsilon().epsilon == pytest.approx(0.43336, abs=1e-5)
    assert "twice the clipping norm" in epsilon(microbatches=32).statement.text()


def test_a_target_is_never_overshot_and_an_impossible_one_is_said():
    dp = begun(noise_multiplier=None, target_epsilon=2.0)
    assert 1.99 < dp.epsilon <= 2.0
    with pytest.raises(AssayError, match="No noise gives") as error:
        begun(noise_multiplier=None, target_epsilon=0.05, epochs=50, adaptive=AdaptiveClipping(count_noise=0.5))
    assert error.value.code == "target"
    with pytest.raises(AssayError, match="either a target"):
        begun(noise_multiplier=None)
    with pytest.raises(AssayError, match="delta") as error:
        begun(delta=1 / N)
    assert error.value.code == "delta"


def test_a_custom_sampler_loses_the_gain_of_chance_in_words():
    data = table()
    sampler = WeightedRandomSampler([1.0] * N, num_samples=100, replacement=False)
    dp = begun(loader=DataLoader(data, batch_size=20, sampler=sampler))
    assert dp.epsilon > 3 * begun().epsilon
    assert "a custom sampler: no gain from sampling" in dp.statement.text()
    assert dp.steps == 10
    with dp:
        assert loop(dp) == [20] * 10


def test_a_shuffle_of_some_rows_is_sampled_among_these():
    chosen = SubsetRandomSampler(range(50, 90))
    dp = begun(loader=DataLoader(table(), batch_size=20, sampler=chosen), delta=1e-3)
    assert dp.plan.sampling == "poisson"
    assert (dp.plan.examples, len(dp.loader)) == (40, 4)
    rows = table().tensors[0][50:90]
    with dp:
        for x, y in dp.loader:
            assert all(bool((row == rows).all(1).any()) for row in x)
            nn.functional.cross_entropy(dp.model(x), y).backward()
            dp.optimizer.step()
    assert len(dp.loader) == 0


def test_rows_that_are_drawn_again_are_refused_or_counted():
    data = table()
    again = WeightedRandomSampler([1.0] * N, num_samples=N, replacement=True)
    with pytest.raises(AssayError, match="draws rows again") as error:
        begun(loader=DataLoader(data, batch_size=20, sampler=again))
    assert error.value.code == "repeats"
    counted = begun(loader=DataLoader(data, batch_size=20, sampler=again), repeats=3)
    once = begun(loader=DataLoader(data, batch_size=20, sampler=again, shuffle=False), repeats=1, sampling="poisson")
    assert counted.epsilon > once.epsilon
    assert "3 times in one batch" in counted.statement.text()

    class Same(torch.utils.data.Sampler):
        def __iter__(self):
            return iter([0, 1, 1, 2] * 5)

        def __len__(self):
            return 20

    with begun(loader=DataLoader(data, batch_size=4, sampler=Same())) as dp, pytest.raises(AssayError, match="one row"):
        loop(dp)


def test_a_data_set_that_shows_a_row_twice_is_refused():
    with pytest.raises(AssayError, match="same row"):
        begun(data=Subset(table(), [0, 1, 1, 2] * 10))
    rows = table()
    with pytest.raises(AssayError, match="same row"):
        begun(data=ConcatDataset([rows, Subset(rows, [3])]))
    begun(data=ConcatDataset([Subset(rows, [1, 2]), Subset(rows, [3])]), examples=50, delta=1e-3)


# What is drawn.


def test_rows_are_drawn_by_poisson_sampling_at_the_public_rate():
    """Sizes of batches are binomial: mean n q, variance n q (1 − q); each row is drawn alike."""
    dp = begun(steps=4000, data=TensorDataset(torch.arange(50)), examples=100)
    drawn = [part.rows for parts in dp.schedule.batches(0, 4000) for part in parts]
    sizes = np.array([len(rows) for rows in drawn])
    assert sizes.mean() == pytest.approx(10, abs=4 * np.sqrt(8 / 4000))
    assert sizes.var() == pytest.approx(8, rel=0.12)
    counts = np.bincount(np.concatenate(drawn), minlength=50)
    assert abs(counts - 800).max() < 5 * np.sqrt(4000 * 0.2 * 0.8)
    assert all(len(set(rows)) == len(rows) for rows in drawn)


@pytest.mark.parametrize("sampling", ["each-once", "fixed"])
def test_other_samplings_do_what_they_say(sampling):
    dp = begun(sampling=sampling, epochs=3, examples=N + 10)
    drawn = [part.rows for parts in dp.schedule.batches(0, dp.steps) for part in parts]
    if sampling == "each-once":
        assert dp.steps == 33
        for epoch in range(3):
            assert sorted(np.concatenate(drawn[11 * epoch : 11 * epoch + 11])) == list(range(N))
    else:
        assert all(len(rows) <= 20 == dp.plan.batch and len(set(rows)) == len(rows) for rows in drawn)
    with pytest.raises(AssayError, match="more than the 150"):
        begun(sampling=sampling, examples=150)


def test_neither_rate_nor_divisor_nor_steps_know_how_many_rows_there_are():
    """opacus#571: the divisor leaked n. Neighbours of 2 to 5 rows, with one public number of examples."""
    plans = {begun(data=table(n), examples=40, steps=7, delta=1e-3).plan for n in (2, 3, 4, 5)}
    assert len(plans) == 1
    assert begun(data=table(3), examples=40, steps=7, delta=1e-3).schedule.steps == 7


def test_the_sum_is_divided_by_the_public_batch(noiseless):
    """Twice the rows, alike and at the same rate, give twice the gradient: nothing divides by what was drawn."""
    moves = []
    for n in (1, 2):
        model = nn.Linear(2, 1, bias=False)
        nn.init.zeros_(model.weight)
        data = TensorDataset(torch.ones(n, 2))
        dp = begun(model, data=data, examples=20, batch=20, steps=1, lr=1.0, delta=1e-3)
        with dp:
            for (x,) in dp.loader:
                model(x).mean().backward()
                dp.optimizer.step()
        moves.append(float(weights(model).norm()))
    assert moves[1] == pytest.approx(2 * moves[0], rel=1e-5)
    assert moves[0] == pytest.approx(1 / 20, rel=1e-4)


def test_empty_batches_are_steps_of_noise_alone():
    """0.02 rows expected a step: most steps have none; each still moves the weights."""
    model = network()
    before = weights(model)
    dp = begun(model, data=table(1), examples=1000, batch=20, steps=60)
    with dp:
        seen = loop(dp)
    assert len(seen) < 20
    assert dp.done == dp.steps == 60
    assert float((weights(model) - before).abs().max()) > 0.1


# What is clipped and noised.


def test_ghost_and_plain_clipping_and_virtual_batches_give_the_same_weights():
    plain = weights(trained(insecure_seed=5).model)
    for more in ({"clipping": "ghost"}, {"max_rows_at_once": 7}, {"clipping": "ghost", "max_rows_at_once": 1}):
        assert torch.allclose(weights(trained(insecure_seed=5, **more).model), plain, atol=1e-5)
    assert not torch.allclose(weights(trained(insecure_seed=6).model), plain, atol=1e-2)


def test_virtual_batches_are_one_step():
    dp = begun(max_rows_at_once=6)
    with dp:
        seen = loop(dp)
    assert max(seen) <= 6
    assert len(seen) > 2 * dp.steps == 40
    assert dp.done == 20


@pytest.mark.parametrize("more", [{}, {"clipping": "ghost"}, {"max_rows_at_once": 3}], ids=["rows", "ghost", "virtual"])
def test_one_row_moves_a_step_by_at_most_the_norm_over_the_batch(noiseless, more):
    rows = table(20)
    assert largest_move(rows, [[i] for i in range(20)], norm=0.1, **more) == pytest.approx(0.1 / 20, rel=1e-3)


def test_one_whole_unit_moves_a_step_by_at_most_the_norm_over_the_batch(noiseless):
    """Units of one to five rows; with a unit goes all that it has."""
    rows = table(20)
    people = np.repeat([0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 5])
    gone = [list(np.flatnonzero(people == person)) for person in range(6)]
    assert largest_move(rows, gone, norm=0.1, people=people) == pytest.approx(0.1 / 6, rel=1e-3)


def largest_move(rows, gone, *, norm, people=None, **more):
    """The most that one step of everybody (each drawn for certain) changes as one of `gone` is left out."""
    count = 20 if people is None else 6

    def after(kept):
        model = network()
        dp = begun(
            model,
            data=Subset(rows, kept),
            examples=count,
            batch=count,
            steps=1,
            lr=1.0,
            max_grad_norm=norm,
            delta=1e-3,
            units=None if people is None else people[kept],
            **more,
        )
        with dp:
            loop(dp)
        return weights(model)

    whole = after(list(range(20)))
    return max(float((whole - after([i for i in range(20) if i not in out])).norm()) for out in gone)


def test_the_views_of_a_row_are_clipped_as_one(noiseless):
    """Alike views change nothing; of unlike ones, a row still moves a step by at most the norm over the batch."""
    rows = table(20)

    def after(kept, views, noise=0.0):
        model = network()
        plan = {"examples": 20, "batch": 20, "steps": 1, "lr": 1.0, "max_grad_norm": 0.1, "delta": 1e-3}
        dp = begun(model, data=Subset(rows, kept), views=views, **plan)
        with dp:
            for x, y in dp.loader:
                wide = x.repeat_interleave(views, 0)
                wide = wide + noise * torch.arange(views).repeat(len(x))[:, None]
                nn.functional.cross_entropy(model(wide), y.repeat_interleave(views)).backward()
                dp.optimizer.step()
        return weights(model)

    everybody = list(range(20))
    assert torch.allclose(after(everybody, 1), after(everybody, 3), atol=1e-6)
    whole = after(everybody, 3, 0.5)
    moves = [float((whole - after(everybody[:i] + everybody[i + 1 :], 3, 0.5)).norm()) for i in range(20)]
    assert 0.5 * 0.1 / 20 < max(moves) <= 0.1 / 20 * (1 + 1e-3)
    with pytest.raises(AssayError, match="views"):
        begun(views=2, clipping="ghost")


def test_units_are_drawn_whole():
    people = np.arange(N) // 4
    dp = begun(units=people, unit="patient", batch=10, delta=1e-3, steps=300)
    assert (dp.plan.examples, dp.plan.unit) == (50, "patient")
    sizes = []
    for parts in dp.schedule.batches(0, 300):
        rows = np.concatenate([part.rows for part in parts])
        assert all(len(rows[people[rows] == person]) == 4 for person in set(people[rows]))
        sizes.append(len(rows))
    assert np.mean(sizes) == pytest.approx(40, abs=4 * np.sqrt(16 * 8 / 300))
    assert "each value of 'patient' with all its rows" in dp.statement.text()
    row = begun(batch=10, steps=300, examples=50, delta=1e-3)
    assert dp.epsilon == row.epsilon
    with dp:
        next(iter(dp.loader))
    with pytest.raises(AssayError, match="3 units for 200 rows"):
        begun(units=[1, 2, 3])


def test_the_noise_has_the_scale_of_the_plan():
    """Steps without anybody: each of the 66 weights moves by lr σ C / batch, 300 times over."""
    model = network()
    before = weights(model)
    plan = {"examples": 10**7, "batch": 1, "steps": 300, "delta": 1e-8}
    dp = begun(model, data=table(1), noise_multiplier=1.5, max_grad_norm=0.4, lr=1.0, **plan)
    with dp:
        loop(dp)
    sd = float((weights(model) - before).std()) / np.sqrt(300)
    assert sd == pytest.approx(0.6, rel=4 / np.sqrt(2 * 66))


def test_the_noise_does_not_follow_the_seeds_of_torch_and_numpy():
    """torch's generator on a CPU keeps 32 bits of a seed: seeds 1 and 2³² + 1 are one."""
    same = [torch.randn(3, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2**32 + 1)]
    assert torch.equal(*same)
    found = []
    for _ in range(2):
        torch.manual_seed(1)
        np.random.seed(1)
        found.append(weights(trained(data=table(1), examples=10**6, batch=1, steps=1, delta=1e-7).model))
    assert not torch.allclose(found[0], found[1], atol=1e-3)


def test_adaptive_clipping_is_paid_for_and_finds_the_norms(noiseless):
    fixed, moving = begun(), begun(adaptive=AdaptiveClipping(count_noise=2.0))
    assert moving.epsilon > fixed.epsilon
    assert moving.plan.released_multiplier == pytest.approx((1 + 4.0**-2) ** -0.5)
    assert "clipping norm follows a count" in moving.statement.text()
    dp = begun(adaptive=AdaptiveClipping(count_noise=0.5, rate=0.5), steps=60, max_grad_norm=100.0, lr=1e-6,
               diagnostics="not private")  # fmt: skip
    with dp:
        loop(dp)
    share = sum(dp.diagnostics["clipped"][-20:]) / sum(dp.diagnostics["rows"][-20:])
    assert 0.1 < dp.norm < 5
    assert share == pytest.approx(0.5, abs=0.15)


def test_bad_gradients_are_zero_and_counted_only_where_asked():
    x, y = table().tensors
    x = x.clone()
    x[::2] = float("nan")
    dp = trained(data=TensorDataset(x, y), diagnostics="not private")
    assert torch.isfinite(weights(dp.model)).all()
    assert sum(dp.diagnostics["bad"]) > 50
    assert dp.not_private
    assert "Nothing is promised" in dp.statement.text()
    quiet = trained()
    assert quiet.diagnostics == {}
    assert quiet.not_private == ()


# The loop.


def test_epochs_come_one_by_one_and_any_optimizer_and_schedule_will_do():
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    with begun(model, optimizer=optimizer, epochs=3) as dp:
        counts = []
        for epoch in dp.epochs():
            counts.append(len(loop(dp, epoch)))
            schedule.step()
    assert counts == [10, 10, 10]
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.05 / 8)
    assert "step" not in {name for name in vars(optimizer) if "lambda" in str(vars(optimizer)[name])}


def test_an_epoch_loop_around_the_plan_does_no_harm_and_a_step_beyond_is_refused():
    dp = begun()
    with dp:
        for _ in range(5):
            loop(dp)
        assert dp.done == 20
        dp.model(table().tensors[0]).mean().backward()
        with pytest.raises(AssayError, match="All 20 steps") as error:
            dp.optimizer.step()
        assert error.value.code == "plan"


def step_without_batch(dp):
    dp.optimizer.step()


def batch_without_step(dp):
    for x, _ in dp.loader:
        dp.model(x).mean().backward()


def two_steps(dp):
    for x, _ in dp.loader:
        dp.model(x).mean().backward()
        dp.optimizer.step()
        dp.optimizer.step()


def evaluation_mode(dp):
    dp.model.eval()
    loop(dp)


def begun_again(dp):
    for _ in dp.loader:
        break
    loop(dp)


def half_a_step(dp):
    for x, _ in dp.loader:
        dp.model(x).mean().backward()
        dp.optimizer.step()
        break
    loop(dp)


def two_loops(dp):
    for (x, _), _ in zip(dp.loader, dp.loader, strict=False):
        dp.model(x).mean().backward()
        dp.optimizer.step()


def two_loops_in_turn(dp):
    first, second = iter(dp.loader), iter(dp.loader)
    for batches in [first, second] * 30:
        loop(dp, [next(batches)])


def thawed(dp):
    dp.model[0].requires_grad_(True)
    loop(dp)


def added(dp):
    dp.optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(1))]})
    loop(dp)


def half_a_batch(dp):
    for x, _ in dp.loader:
        dp.model(x[1:]).mean().backward()
        dp.optimizer.step()


@pytest.mark.parametrize(
    "wrong",
    [
        step_without_batch,
        batch_without_step,
        two_steps,
        evaluation_mode,
        half_a_batch,
        begun_again,
        half_a_step,
        two_loops,
        two_loops_in_turn,
        thawed,
        added,
    ],
)
def test_loops_that_break_the_plan_are_refused(wrong):
    model = network()
    model[0].requires_grad_(wrong is not thawed)
    dp = begun(model, max_rows_at_once=5 if wrong is half_a_step else None)
    with dp, pytest.raises(AssayError) as error:
        wrong(dp)
    assert error.value.code in ("training-loop", "per-example")


def test_the_model_and_the_optimizer_are_as_before_afterwards():
    dp = trained()
    assert not [p for p in dp.model.parameters() if p.grad is not None or hasattr(p, "grad_sample")]
    x, y = table().tensors
    before = weights(dp.model)
    nn.functional.cross_entropy(dp.model(x), y).backward()
    dp.optimizer.step()
    assert not torch.equal(weights(dp.model), before)


class Pictures(Dataset):
    """Rows as dicts, collated by the loader."""

    def __len__(self):
        return 40

    def __getitem__(self, place):
        return {"pixels": torch.full((1, 4, 4), float(place)), "label": place % 2}


def test_any_data_set_and_collation_will_do():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 2))
    loader = DataLoader(Pictures(), batch_size=4)
    with begun(model, loader=loader, delta=1e-3, epochs=1) as dp:
        for batch in dp.loader:
            nn.functional.cross_entropy(model(batch["pixels"]), batch["label"]).backward()
            dp.optimizer.step()
    assert dp.finished


# Resuming.


def test_a_resumed_training_goes_on_with_its_account_and_no_further(noiseless):
    """Without noise and with everybody in each batch, interrupted and whole trainings are one."""
    every = {"examples": N, "batch": N, "steps": 6}
    whole = trained(**every)
    first = begun(**every)
    with first:
        for (x, y), _ in zip(first.loader, range(4), strict=False):
            nn.functional.cross_entropy(first.model(x), y).backward()
            first.optimizer.step()
    state = json.loads(json.dumps(first.state()))
    assert state["done"] == 4
    model = network()
    model.load_state_dict(first.model.state_dict())
    second = begun(model, state=state, **every)
    assert second.epsilon == whole.epsilon
    with second:
        assert len(loop(second)) == 2
    assert torch.allclose(weights(model), weights(whole.model), atol=1e-6)
    with begun(state=second.state(), **every) as third:
        assert loop(third) == []
        with pytest.raises(AssayError, match="All 6 steps"):
            third.optimizer.step()
    with pytest.raises(AssayError, match="another plan"):
        begun(state=state, **(every | {"steps": 7}))


def test_an_order_of_each_once_is_not_gone_on_with_after_an_interruption():
    """Who was seen is not known any more: the rest of the epoch is left out, so nobody is in it twice."""
    first = begun(sampling="each-once", epochs=3)
    with first:
        for (x, y), _ in zip(first.loader, range(4), strict=False):
            nn.functional.cross_entropy(first.model(x), y).backward()
            first.optimizer.step()
    assert first.done == 4
    second = begun(sampling="each-once", epochs=3, state=first.state())
    with second:
        assert loop(second) == [20] * 20
    assert second.finished


def test_a_resumed_training_keeps_the_noise_it_was_calibrated_to():
    first = begun(noise_multiplier=None, target_epsilon=2.0)
    again = begun(noise_multiplier=None, target_epsilon=2.0, state=first.state())
    assert again.plan == first.plan
    assert "seed" not in json.dumps(first.state())
    with pytest.raises(AssayError, match="more than the target of 1"):
        begun(noise_multiplier=None, target_epsilon=1.0, state=first.state())


# The ledger.


@pytest.fixture
def ledgers(tmp_path):
    return open_store(f"sqlite:///{tmp_path / 'store.db'}").ledgers


def terms(accounting=Accounting.SUMS, adjacency=Adjacency.ADD_REMOVE, bounds=None, **limit):
    limit = limit or {"epsilon": "5", "delta": "1e-3"}
    budget = Budget(accounting, {unit: Fraction(text) for unit, text in limit.items()})
    return Terms(budget, ("sha256:" + "a" * 64,), adjacency.value, bounds or Bounds())


def test_a_ledger_is_charged_before_and_holds_the_digest_after(ledgers):
    ledger = ledgers.create("train", terms(), who="ann")
    dp = begun(ledger=ledger, who="ann", what="a net")
    with dp:
        (entry,) = ledger.history()
        assert (entry.state, entry.who, entry.what) == ("reserved", "ann", "a net")
        assert 0 <= entry.amount["epsilon"] - Fraction(dp.epsilon) < Fraction(1, 10**5)
        loop(dp)
    (entry,) = ledger.history()
    assert (entry.state, entry.release) == ("committed", weights_digest(dp.model))


def test_a_ledger_that_is_empty_or_of_another_measure_refuses(ledgers):
    spent = ledgers.create("small", terms(epsilon="0.1", delta="1e-3"), who="ann")
    with pytest.raises(AssayError), begun(ledger=spent):
        pass
    assert spent.history() == []
    for more in ({"insecure_seed": 1}, {"diagnostics": "not private"}):
        with pytest.raises(AssayError, match="no place in a ledger"):
            begun(ledger=spent, **more)
    others = {
        "zcdp": Terms(Budget(Accounting.ZCDP, {"rho": Fraction(9), "delta": Fraction(1, 10)}), ("sha256:" + "b" * 64,),
                      Adjacency.ADD_REMOVE.value),
        "unit": Terms(terms().budget, ("sha256:" + "c" * 64,), Adjacency.ADD_REMOVE.value, Bounds("patient")),
        "replace": Terms(terms().budget, ("sha256:" + "d" * 64,), Adjacency.REPLACE.value),
    }  # fmt: skip
    for name, code in (("zcdp", "measure"), ("unit", "unit"), ("replace", "adjacency")):
        ledger = ledgers.create(name, others[name], who="ann")
        with pytest.raises(AssayError) as error, begun(ledger=ledger):
            pass
        assert error.value.code == code
        assert ledger.history() == []


def test_a_broken_training_is_spent_and_a_state_leads_to_one_release(ledgers):
    ledger = ledgers.create("train", terms(), who="ann")
    crashed = begun(ledger=ledger)
    with pytest.raises(AssayError), crashed:
        step_without_batch(crashed)
    state = crashed.state()
    assert [entry.state for entry in ledger.history()] == ["reserved"]
    with begun(ledger=ledger, state=state) as again:
        loop(again)
    assert [entry.state for entry in ledger.history()] == ["committed"]
    with pytest.raises(AssayError, match="not open on this ledger"), begun(ledger=ledger, state=state):
        pass
    with pytest.raises(AssayError, match="paid for from a ledger"), begun(state=state):
        pass
