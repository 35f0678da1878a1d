"""The training loop: learns, stops early, keeps the best epoch, repeats to the bit."""

from __future__ import annotations

import copy
import math
import threading

import pytest
import torch
from conftest import TIME_LIMIT
from torch import nn

from attngru_bt.models.networks import AttentionRNN
from attngru_bt.models.training import (
    CHUNK,
    Samples,
    chunks,
    cross_entropy,
    one_thread,
    predict,
    squared_error,
    train,
)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def samples(n=400, steps=4, features=3, seed=0, noise=0.3):
    generator = seeded(seed)
    x = torch.randn(n, steps, features, generator=generator)
    signal = x[:, -1, 0] + noise * torch.randn(n, generator=generator)
    return Samples(x, None, (signal > 0).float(), torch.ones(n))


def network(seed=0, **options):
    made = AttentionRNN(3, **options)
    made.initialize(seeded(seed))
    return made


class Constant(nn.Module):
    """One logit for every row: its best loss is known in closed form."""

    def __init__(self):
        super().__init__()
        self.logit = nn.Parameter(torch.zeros(()))

    def forward(self, x, present=None, generator=None):
        return self.logit.expand(len(x))


class TestValues:
    def test_cross_entropy_by_hand(self):
        p = torch.tensor([0.8, 0.3])
        y, weight = torch.tensor([1.0, 0.0]), torch.tensor([0.5, 1.5])
        expected = -(0.5 * torch.log(p[0]) + 1.5 * torch.log(1 - p[1])) / 2
        torch.testing.assert_close(cross_entropy(torch.logit(p), y, weight), expected)

    def test_squared_error_by_hand(self):
        outputs, y = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 5.0])
        weight = torch.tensor([0.5, 1.5])
        assert float(squared_error(outputs, y, weight)) == (0.5 * 1 + 1.5 * 4) / 2

    def test_any_module_can_be_trained_and_finds_the_base_rate(self):
        data = samples()._replace(y=(torch.arange(400) % 4 == 0).float())
        module = Constant()
        history = train(module, data, generator=seeded(0), max_epochs=200, lr=0.03, batch_size=400)
        assert abs(float(torch.sigmoid(module.logit.detach())) - 0.25) < 1e-3
        entropy = -(0.25 * torch.log(torch.tensor(0.25)) + 0.75 * torch.log(torch.tensor(0.75)))
        assert abs(history[-1]["loss"] - float(entropy)) < 1e-4

    def test_one_epoch_of_one_batch_is_one_adamw_step(self):
        data, ours = samples(), network(attention="both")
        theirs = copy.deepcopy(ours)
        train(ours, data, generator=seeded(0), max_epochs=1, batch_size=400, lr=0.01, max_norm=1e9)
        optimizer = torch.optim.AdamW(theirs.parameters(), lr=0.01, weight_decay=0.0)
        order = torch.randperm(400, generator=seeded(0))
        cross_entropy(theirs(data.x[order]), data.y[order], data.weight).backward()
        optimizer.step()
        for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-6)

    def test_weight_decay_shrinks_matrices_and_leaves_vectors(self):
        # without gradients (all weights of the loss are 0) only the decay moves anything
        data = samples()._replace(weight=torch.zeros(400))
        module = network(attention="temporal")
        before = copy.deepcopy(module.state_dict())
        train(
            module,
            data,
            generator=seeded(0),
            max_epochs=1,
            batch_size=400,
            lr=0.1,
            weight_decay=0.5,
        )
        for name, value in module.state_dict().items():
            factor = 0.95 if value.ndim == 2 else 1.0
            torch.testing.assert_close(value, factor * before[name], rtol=0, atol=1e-6)

    def test_long_gradients_are_shortened(self):
        class Steep(Constant):
            def forward(self, x, present=None, generator=None):
                return 1e4 * self.logit.expand(len(x))

        module, seen = Steep(), []
        module.logit.register_hook(lambda g: seen.append(float(g)))
        clipped = []
        original = torch.optim.AdamW.step
        with pytest.MonkeyPatch.context() as patch:

            def step(optimizer, *args, **kwargs):
                clipped.append(float(module.logit.grad))
                return original(optimizer, *args, **kwargs)

            patch.setattr(torch.optim.AdamW, "step", step)
            data = samples()._replace(y=torch.ones(400))
            train(module, data, generator=seeded(0), max_epochs=1, batch_size=400, max_norm=2.0)
        assert abs(seen[0]) > 1000
        assert abs(abs(clipped[0]) - 2.0) < 1e-3


class TestSchedule:
    def rates(self, monkeypatch, validation=None, **options):
        seen = []
        original = torch.optim.AdamW.step

        def step(optimizer, *args, **kwargs):
            seen.append([group["lr"] for group in optimizer.param_groups])
            return original(optimizer, *args, **kwargs)

        monkeypatch.setattr(torch.optim.AdamW, "step", step)
        train(network(), samples(), validation, generator=seeded(0), lr=0.02, **options)
        assert all(len(set(rates)) == 1 for rates in seen)
        return [rates[0] for rates in seen]

    def test_constant(self, monkeypatch):
        assert set(self.rates(monkeypatch, max_epochs=2)) == {0.02}

    def test_cosine(self, monkeypatch):
        rates = self.rates(monkeypatch, max_epochs=3, batch_size=100, schedule="cosine")
        expected = [0.01 * (1 + math.cos(math.pi * i / 12)) for i in range(12)]
        assert rates == pytest.approx(expected)
        assert rates[0] == 0.02 and rates[6] == pytest.approx(0.01)

    def test_stopping_early_does_not_hurry_it(self, monkeypatch):
        noise = samples(100, seed=1)
        noise = noise._replace(y=1 - noise.y)  # gets worse from the first epoch on
        rates = self.rates(
            monkeypatch, noise, max_epochs=30, batch_size=400, schedule="cosine", patience=2
        )
        assert len(rates) < 30
        assert rates[2] == pytest.approx(0.01 * (1 + math.cos(math.pi * 2 / 30)))


class TestEarlyStopping:
    def test_the_best_epoch_is_restored(self):
        # labels without any signal: the validation loss must rise once noise is learnt by heart
        data = samples(120)._replace(y=(torch.rand(120, generator=seeded(9)) > 0.5).float())
        watch = samples(200, seed=1)._replace(
            y=(torch.rand(200, generator=seeded(8)) > 0.5).float()
        )
        module = network(hidden_size=32)
        history = train(
            module,
            data,
            watch,
            generator=seeded(0),
            max_epochs=60,
            lr=0.02,
            batch_size=32,
            patience=4,
        )
        losses = [record["val_loss"] for record in history]
        best = min(range(len(losses)), key=losses.__getitem__)
        assert len(history) == best + 1 + 4 < 60
        assert losses[-1] > losses[best] + 1e-3
        with torch.no_grad():
            now = cross_entropy(predict(module, watch.x), watch.y, watch.weight)
        assert float(now) == losses[best]

        replay = network(hidden_size=32)
        train(replay, data, generator=seeded(0), max_epochs=best + 1, lr=0.02, batch_size=32)
        for a, b in zip(module.parameters(), replay.parameters(), strict=True):
            assert torch.equal(a, b)

    def test_validation_does_not_change_what_is_trained(self):
        one, other = network(dropout=0.3), network(dropout=0.3)
        first = train(one, samples(), generator=seeded(2), max_epochs=4)
        second = train(other, samples(), samples(seed=5), generator=seeded(2), max_epochs=4)
        assert [r["loss"] for r in first] == [r["loss"] for r in second]
        assert [r["val_loss"] for r in first] == [None] * 4

    def test_all_epochs_without_validation(self):
        assert len(train(network(), samples(), generator=seeded(0), max_epochs=7, patience=1)) == 7


class TestProperties:
    @pytest.mark.slow
    def test_it_learns(self):
        data = samples(1500)
        history = train(network(), data, samples(500, seed=1), generator=seeded(0), lr=0.01)
        assert history[0]["loss"] > 0.5
        assert min(record["val_loss"] for record in history) < 0.3

    def test_every_row_is_used_once_per_epoch_in_even_batches(self):
        class Counting(Constant):
            def forward(self, x, present=None, generator=None):
                seen.append(x[:, 0, 0].long())
                return super().forward(x)

        seen: list[torch.Tensor] = []
        data = samples(301, steps=1)._replace(x=torch.arange(301.0).reshape(301, 1, 1))
        train(Counting(), data, generator=seeded(0), max_epochs=2, batch_size=100)
        assert [len(rows) for rows in seen] == [76, 75, 75, 75] * 2
        first, second = torch.cat(seen[:4]), torch.cat(seen[4:])
        assert torch.equal(first.sort().values, torch.arange(301))
        assert torch.equal(second.sort().values, torch.arange(301))
        assert not torch.equal(first, second)

    @pytest.mark.slow
    def test_same_generator_same_bits_and_global_generator_untouched(self):
        states = []
        for disturbance in (0, 12345):
            torch.manual_seed(disturbance)
            before = torch.random.get_rng_state()
            module = network(attention="both", dropout=0.4, n_layers=2)
            train(module, samples(), samples(seed=3), generator=seeded(7), max_epochs=3)
            assert torch.equal(before, torch.random.get_rng_state())
            states.append(module.state_dict())
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
        other = network(attention="both", dropout=0.4, n_layers=2)
        train(other, samples(), samples(seed=3), generator=seeded(8), max_epochs=3)
        assert not torch.equal(other.state_dict()["output_weight"], states[0]["output_weight"])

    def test_progress_sees_each_record_and_interrupts_pass_through(self):
        seen = []
        history = train(
            network(), samples(), generator=seeded(0), max_epochs=3, progress=seen.append
        )
        assert seen == history
        assert [record["epoch"] for record in history] == [1, 2, 3]
        assert all(record["seconds"] > 0 for record in history)

        def interrupt(record):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(network(), samples(), generator=seeded(0), max_epochs=3, progress=interrupt)

    def test_scores_do_not_depend_on_the_rows_beside(self):
        module, data = network(attention="both"), samples(2 * CHUNK + 40)
        whole = predict(module, data.x)
        assert torch.equal(predict(module, data.x[:CHUNK]), whole[:CHUNK])
        assert torch.equal(predict(module, data.x[: CHUNK + 3]), whole[: CHUNK + 3])
        for row in (0, 17, CHUNK + 39):
            alone = predict(module, data.x[row : row + 1])
            torch.testing.assert_close(alone, whole[row : row + 1], rtol=0, atol=1e-6)

    def test_chunks_are_filled_up_with_steps_that_are_present(self):
        data = samples(CHUNK + 10)
        mask = torch.zeros(CHUNK + 10, 4, dtype=torch.bool)
        mask[:, -1] = True
        pieces = list(chunks(data.x, mask))
        assert [(len(x), len(there), n) for x, there, n in pieces] == [
            (CHUNK, CHUNK, CHUNK),
            (CHUNK, CHUNK, 10),
        ]
        assert pieces[1][1][10:].all()  # a filler without any step makes softmax divide 0 by 0
        assert torch.isfinite(predict(network(attention="both"), data.x, mask)).all()


class TestOneThread:
    def test_the_count_comes_back_whatever_happens(self):
        before = torch.get_num_threads()
        try:
            torch.set_num_threads(2)
            with pytest.raises(KeyboardInterrupt), one_thread():
                assert torch.get_num_threads() == 1
                raise KeyboardInterrupt
            assert torch.get_num_threads() == 2
        finally:
            torch.set_num_threads(before)

    def test_blocks_in_other_threads_do_not_disturb(self):
        before = torch.get_num_threads()
        inside, leave = threading.Event(), threading.Event()

        def hold():
            with one_thread():
                inside.set()
                leave.wait(TIME_LIMIT)

        try:
            torch.set_num_threads(2)
            thread = threading.Thread(target=hold)
            thread.start()
            assert inside.wait(TIME_LIMIT)
            assert torch.get_num_threads() == 2
            leave.set()
            thread.join()
            assert torch.get_num_threads() == 2
        finally:
            leave.set()
            torch.set_num_threads(before)


class TestValidation:
    def test_divergence_names_epoch_and_remedy(self):
        data = samples()
        data.x[3, 0, 0] = float("inf")
        with pytest.raises(
            FloatingPointError, match=r"diverged: the loss is nan in epoch 1; lower `lr`"
        ):
            train(network(), data, generator=seeded(0), max_epochs=3)
