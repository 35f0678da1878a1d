"""Networks trained side by side: the plain loop's losses, autograd's gradients, alone or not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from attngru_bt.models import training
from attngru_bt.models.estimators import AttentionGRUClassifier, AttentionGRURegressor
from attngru_bt.models.networks import AttentionRNN
from attngru_bt.models.stacked import Job, can_stack, fit_many, paying_width, train
from attngru_bt.models.stacked.losses import SLOPED
from attngru_bt.models.stacked.memory import Memory
from attngru_bt.models.stacked.optimise import AdamW
from attngru_bt.models.stacked.parameters import Shape
from attngru_bt.models.stacked.stack import Stack
from attngru_bt.models.stacked.support import shape_of
from attngru_bt.models.stacked.trainee import Batches, Table
from attngru_bt.models.training import Samples, cross_entropy, squared_error

CPU = torch.device("cpu")


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def samples(n, steps=5, features=4, seed=0, missing=False, dtype=torch.float32):
    """Rows with a signal, unequal weights and, if asked for, steps missing in front."""
    generator = seeded(seed)
    x = torch.randn(n, steps, features, generator=generator, dtype=dtype)
    present = None
    if missing:
        first = torch.randint(0, steps, (n,), generator=generator)
        present = torch.arange(steps) >= first[:, None]
        x = x * present[..., None]
    y = (x[:, -1, 0] + torch.randn(n, generator=generator, dtype=dtype) > 0).to(dtype)
    weight = torch.rand(n, generator=generator, dtype=dtype) + 0.5
    return Samples(x, present, y, weight / weight.mean())


def network(seed, features=4, hidden=12, **options):
    """A network and the generator it was filled from, which goes on to draw the batches."""
    made, generator = AttentionRNN(features, hidden_size=hidden, **options), seeded(seed)
    made.initialize(generator, log_odds=-0.3)
    return made, generator


def disturbed(seed, dtype, **options):
    """A network none of whose parameters is 0."""
    made, generator = network(seed, **options)
    made.to(dtype)
    with torch.no_grad():
        for p in made.parameters():
            p += 0.3 * torch.randn(p.shape, generator=generator, dtype=dtype)
    return made


VARIANTS = [
    pytest.param({"attention": attention, "reset": reset, "skip": skip}, id=f"{attention}-{reset}")
    for attention, reset, skip in [
        ("factor", "before", False),
        ("factor", "after", True),
        (None, "before", True),
        (None, "after", False),
    ]
]


class TestGradients:
    @pytest.mark.slow
    @pytest.mark.parametrize("loss", [cross_entropy, squared_error])
    @pytest.mark.parametrize("missing", [False, True])
    @pytest.mark.parametrize("options", VARIANTS)
    def test_autograd_agrees_in_float64(self, options, missing, loss):
        nets = [disturbed(seed, torch.float64, **options) for seed in range(3)]
        data = [samples(20 + n, seed=n, missing=missing, dtype=torch.float64) for n in range(3)]
        shape = shape_of(nets[0])
        memory = Memory(torch.float64, CPU)
        Stack(shape, memory, 5, 5, 64).prepare()  # a larger one has used the memory before
        stack = Stack(shape, memory, 3, 5, 32)
        stack.prepare()
        rows = torch.stack([shape.pack(net.state_dict()) for net in nets])
        for m, part in enumerate(data):
            Batches(Table(part), 1, 32).load(0, stack, m, missing)
        with torch.no_grad():
            outputs = stack.forward(rows, missing)
            losses, slopes = SLOPED[loss](outputs, *stack.y_weight)
            gradients = stack.backward(slopes)
        for m, (net, part) in enumerate(zip(nets, data, strict=True)):
            value = loss(net(part.x, part.present), part.y, part.weight)
            value.backward()
            expected = shape.pack({name: p.grad for name, p in net.named_parameters()})
            torch.testing.assert_close(losses[m].sum(), value.detach(), rtol=0, atol=1e-12)
            torch.testing.assert_close(gradients[m], expected, rtol=1e-9, atol=1e-12)
            assert expected.count_nonzero() == shape.n_parameters  # every one has something to say

    @pytest.mark.slow
    @pytest.mark.parametrize("options", VARIANTS)
    def test_steps_missing_anywhere(self, options):
        net, n = disturbed(1, torch.float64, **options), 30
        data = samples(n, seed=2, dtype=torch.float64)
        present = torch.rand(n, 5, generator=seeded(3)) < 0.6
        present[:, 2] = True
        data = data._replace(x=data.x * present[..., None], present=present)
        shape = shape_of(net)
        stack = Stack(shape, Memory(torch.float64, CPU), 1, 5, 32)
        stack.prepare()
        Batches(Table(data), 1, 32).load(0, stack, 0, True)
        with torch.no_grad():
            outputs = stack.forward(shape.pack(net.state_dict())[None], True)
            _, slopes = SLOPED[cross_entropy](outputs, *stack.y_weight)
            gradients = stack.backward(slopes)
        expected = net(data.x, present)
        cross_entropy(expected, data.y, data.weight).backward()
        torch.testing.assert_close(outputs[0, :n], expected.detach(), rtol=0, atol=1e-12)
        theirs = shape.pack({name: p.grad for name, p in net.named_parameters()})
        torch.testing.assert_close(gradients[0], theirs, rtol=1e-9, atol=1e-12)

    @pytest.mark.slow
    @given(
        steps=st.integers(1, 4),
        features=st.integers(1, 5),
        hidden=st.integers(1, 6),
        n=st.integers(1, 40),
        reset=st.sampled_from(["before", "after"]),
        attention=st.sampled_from(["factor", None]),
    )
    @settings(max_examples=25)
    def test_any_size(self, steps, features, hidden, n, reset, attention):
        options = {"reset": reset, "attention": attention, "features": features, "hidden": hidden}
        net = disturbed(n, torch.float64, **options)
        data = samples(n, steps, features, seed=steps, dtype=torch.float64)
        shape = shape_of(net)
        stack = Stack(shape, Memory(torch.float64, CPU), 1, steps, 64)
        stack.prepare()
        Batches(Table(data), 1, 64).load(0, stack, 0, False)
        rows = shape.pack(net.state_dict())[None]
        with torch.no_grad():
            outputs = stack.forward(rows, False)
            _, slopes = SLOPED[cross_entropy](outputs, *stack.y_weight)
            gradients = stack.backward(slopes)
        expected = net(data.x)
        cross_entropy(expected, data.y, data.weight).backward()
        torch.testing.assert_close(outputs[0, :n], expected.detach(), rtol=0, atol=1e-12)
        theirs = shape.pack({name: p.grad for name, p in net.named_parameters()})
        torch.testing.assert_close(gradients[0], theirs, rtol=1e-9, atol=1e-12)


class TestParts:
    @pytest.mark.parametrize("options", VARIANTS)
    def test_parameters_come_back_as_they_went(self, options):
        net = disturbed(1, torch.float32, **options)
        shape, state = shape_of(net), net.state_dict()
        row = shape.pack(state)
        assert row.shape == (shape.size,)
        assert shape.n_parameters == sum(p.numel() for p in net.parameters())
        assert not row[shape.n_parameters :].any()
        back = shape.unpack(row)
        assert back.keys() == state.keys()
        assert all(torch.equal(back[name], state[name]) for name in state)
        fresh, _ = network(2, **options)
        fresh.load_state_dict(back)
        assert shape.decayed().sum() == sum(p.numel() for p in net.parameters() if p.ndim > 1)

    @pytest.mark.slow
    def test_adamw_is_that_of_torch_row_by_row(self):
        generator, decayed = seeded(0), torch.tensor([1.0, 1.0, 0.0, 0.0])
        rows = torch.randn(3, 4, generator=generator)
        theirs = [nn.Parameter(row.clone()) for row in rows]
        optimizers = [
            torch.optim.AdamW([p], lr=lr, weight_decay=0.0)
            for p, lr in zip(theirs, (0.1, 0.2, 0.3), strict=True)
        ]
        ours = AdamW(decayed, 3, weight_decay=0.5, max_norm=1.0)
        for step in range(6):
            if step == 3:  # another network begins in the middle
                ours.restart(1)
                optimizers[1] = torch.optim.AdamW([theirs[1]], lr=0.2, weight_decay=0.0)
            gradient = 3 * torch.randn(3, 4, generator=generator)
            for p, optimizer, g in zip(theirs, optimizers, gradient, strict=True):
                p.grad = g.clone()
                nn.utils.clip_grad_norm_([p], 1.0)
                with torch.no_grad():
                    p.mul_(1 - optimizer.param_groups[0]["lr"] * 0.5 * decayed)
                optimizer.step()
            ours.step(rows, gradient, [0.1, 0.2, 0.3])
            torch.testing.assert_close(rows, torch.stack([p.detach() for p in theirs]))

    def test_wide_layers_are_stacked_less(self):
        assert [paying_width(h) for h in (8, 16, 64, 1000)] == [22, 22, 8, 1]


OPTIONS = {"max_epochs": 8, "batch_size": 64, "lr": 0.02, "weight_decay": 0.5, "patience": 2}


def jobs_of(data, shares=1, **options):
    """One job per samples and seed."""
    jobs = []
    for number, (early, late) in enumerate(data):
        for seed in range(shares):
            made, generator = network(10 * number + seed, features=early.x.shape[2], **options)
            jobs.append(Job(made, early, late, generator))
    return jobs


def plain(jobs, **course):
    return [
        training.train(j.network, j.samples, j.validation, generator=j.generator, **course)
        for j in jobs
    ]


def differences(ours, theirs):
    """Largest difference of any loss, once the histories are of one length."""
    assert [len(h) for h in ours] == [len(h) for h in theirs]
    pairs = [
        (a[name], b[name])
        for mine, other in zip(ours, theirs, strict=True)
        for a, b in zip(mine, other, strict=True)
        for name in ("loss", "val_loss")
    ]
    assert all((a is None) == (b is None) for a, b in pairs)
    return max(abs(a - b) for a, b in pairs if a is not None)


class TestAgainstThePlainLoop:
    @pytest.mark.slow
    @pytest.mark.parametrize("schedule", ["constant", "cosine"])
    @pytest.mark.parametrize("options", VARIANTS)
    def test_the_same_losses_epochs_and_networks(self, options, schedule):
        # unequal rows, some with steps missing, one without validation, more jobs than room
        data = [
            (samples(n, seed=i, missing=i % 2 == 1), samples(90, seed=50 + i, missing=i > 2))
            for i, n in enumerate((200, 333, 150, 64, 300))
        ]
        data[3] = data[3][0], None
        data[0] = data[0][0], data[0][1]._replace(y=1 - data[0][1].y)  # ever worse: stops early
        course = OPTIONS | {"max_norm": 0.05, "schedule": schedule}
        mine, other = jobs_of(data, **options), jobs_of(data, **options)
        ours = dict(train(mine, width=3, **course))
        theirs = plain(other, **course)
        assert differences([ours[i] for i in range(5)], theirs) < 1e-6
        assert {len(h) for h in theirs} > {8}  # some stopped early, some did not
        for a, b in zip(mine, other, strict=True):
            for name, value in b.network.state_dict().items():
                torch.testing.assert_close(a.network.state_dict()[name], value, rtol=0, atol=2e-5)

    @pytest.mark.slow
    def test_the_same_top_ten_in_every_month(self):
        data = [
            (samples(300 + 25 * m, 6, 8, seed=m), samples(80, 6, 8, seed=90 + m)) for m in range(6)
        ]
        course = OPTIONS | {"max_epochs": 30, "patience": 5}
        mine, other = jobs_of(data, shares=2, hidden=16), jobs_of(data, shares=2, hidden=16)
        ours, theirs = dict(train(mine, **course)), plain(other, **course)
        assert differences([ours[i] for i in range(12)], theirs) < 1e-6
        for month in range(6):
            stocks = samples(50, 6, 8, seed=200 + month).x
            tops = []
            for jobs in (mine, other):
                nets = [job.network for job in jobs[2 * month : 2 * month + 2]]
                scores = sum(torch.sigmoid(training.predict(net, stocks)) for net in nets)
                tops.append(scores.topk(10).indices.tolist())
            assert tops[0] == tops[1]

    @pytest.mark.slow
    def test_squared_error(self):
        data = [(samples(200, seed=1)._replace(y=torch.randn(200, generator=seeded(3))), None)]
        mine, other = jobs_of(data), jobs_of(data)
        ours = dict(train(mine, loss=squared_error, **OPTIONS))
        assert differences([ours[0]], plain(other, loss=squared_error, **OPTIONS)) < 1e-6

    def test_clipping_and_decay_matter_here(self):
        # or the tests above would pass without them
        data = [(samples(200, seed=1), None)]
        runs = [
            dict(train(jobs_of(data), **(OPTIONS | extra)))[0][-1]["loss"]
            for extra in ({"max_norm": 0.05}, {"max_norm": 1e9}, {"weight_decay": 0.0})
        ]
        assert len({round(loss, 4) for loss in runs}) == 3


class TestCompany:
    @pytest.mark.slow
    @pytest.mark.parametrize("options", VARIANTS)
    def test_bits_do_not_depend_on_who_is_trained_beside(self, options):
        sizes = (200, 333, 290, 120, 260)
        data = [(samples(n, seed=n, missing=n == 290), samples(70, seed=n + 1)) for n in sizes]

        def run(numbers, width):
            jobs = [jobs_of(data, hidden=10, **options)[i] for i in numbers]
            histories = dict(train(jobs, width=width, **OPTIONS))
            losses = [[(r["loss"], r["val_loss"]) for r in histories[i]] for i in range(len(jobs))]
            return {
                n: (job.network.state_dict(), loss)
                for n, job, loss in zip(numbers, jobs, losses, strict=True)
            }

        with training.one_thread():
            together = run([0, 1, 2, 3, 4], 5)
            for numbers, width in (([0], 1), ([2], 3), ([3, 1], 2), ([4, 3, 2, 1, 0], 3)):
                for n, (state, losses) in run(numbers, width).items():
                    assert losses == together[n][1]
                    assert all(torch.equal(together[n][0][k], v) for k, v in state.items())

    def test_jobs_are_taken_as_there_is_room(self):
        taken, finished = [], []

        def jobs():
            for number, job in enumerate(jobs_of([(samples(130, seed=s), None) for s in range(6)])):
                taken.append(number)
                yield job

        for number, history in train(jobs(), width=2, **OPTIONS):
            finished.append(number)
            assert len(history) == 8
            assert len(taken) <= len(finished) + 3  # two in training, one that waits
        assert sorted(finished) == list(range(6))

    def test_progress_and_records(self):
        seen = []
        (job,) = jobs_of([(samples(130), samples(70, seed=1))])
        ((_, history),) = train([job._replace(progress=seen.append)], **OPTIONS)
        assert seen == history
        assert [record["epoch"] for record in history] == list(range(1, len(history) + 1))
        assert all(record["seconds"] > 0 for record in history)

    def test_nothing_to_train(self):
        assert list(train([])) == []

    def test_divergence_names_epoch_and_remedy(self):
        data = samples(130)
        data.x[3, 0, 0] = float("inf")
        with pytest.raises(FloatingPointError, match="the loss is nan in epoch 1; lower `lr`"):
            list(train(jobs_of([(data, None)]), **OPTIONS))


class TestWhatCannotBeStacked:
    @pytest.mark.parametrize(
        "options",
        [
            {"attention": "temporal"},
            {"attention": "both"},
            {"cell": "lstm"},
            {"cell": "rnn"},
            {"n_layers": 2},
            {"dropout": 0.1},
        ],
        ids=str,
    )
    def test_it_goes_to_the_plain_loop(self, options):
        data = [(samples(130), None)]
        assert not can_stack(jobs_of(data, **options)[0].network, cross_entropy)
        mixed, other = jobs_of(data, **options) + jobs_of(data), jobs_of(data, **options)
        ours = dict(train(mixed, **OPTIONS))
        assert sorted(ours) == [0, 1]
        assert differences([ours[0]], plain(other, **OPTIONS)) == 0.0

    def test_what_else_it_looks_at(self):
        net, _ = network(0)
        assert can_stack(net, cross_entropy)
        assert can_stack(net, squared_error)
        assert not can_stack(net, lambda logits, y, weight: logits.mean())
        assert not can_stack(nn.Linear(2, 1), cross_entropy)
        net.extra = nn.Parameter(torch.zeros(2))  # something this module knows nothing of
        assert not can_stack(net, cross_entropy)
        net, _ = network(0)
        net.output_weight.requires_grad_(False)
        assert not can_stack(net, cross_entropy)

    def test_shapes_that_differ_are_trained_after_each_other(self):
        wide = jobs_of([(samples(130, 3, 6, seed=2), None)])
        mine = jobs_of([(samples(130), None)]) + wide + jobs_of([(samples(40), None)], hidden=5)
        again = jobs_of([(samples(130, 3, 6, seed=2), None)])
        ours = dict(train(mine, **OPTIONS))
        assert differences([ours[1]], plain(again, **OPTIONS)) < 1e-6


def estimator_data(n, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 4, 3))
    X[: n // 5, :2] = np.nan  # listed lately
    y = X[:, -1, 0] + rng.standard_normal(n)
    return X, y, rng.random(n) + 0.5, np.arange(n) // 20


class TestFitMany:
    @pytest.mark.slow
    def test_what_each_own_fit_would_set(self, monkeypatch):
        settings = {"n_networks": 2, "max_epochs": 6, "batch_size": 64}
        data = [estimator_data(n, n) for n in (300, 260, 340)]
        data = [(X, (y > 0).astype(int), weight, dates) for X, y, weight, dates in data]
        models = [AttentionGRUClassifier(random_state=s, **settings) for s in range(3)]
        assert fit_many(models, iter(data)) == models
        monkeypatch.setattr("attngru_bt.models.stacked.loop.can_stack", lambda network, loss: False)
        for s, (model, (X, y, weight, dates)) in enumerate(zip(models, data, strict=True)):
            alone = AttentionGRUClassifier(random_state=s, **settings)
            alone.fit(X, y, sample_weight=weight, groups=dates)
            assert differences(model.history_, alone.history_) < 1e-6
            assert model.architecture_ == alone.architecture_
            assert model.n_iter_.tolist() == alone.n_iter_.tolist()
            assert model.best_epoch_.tolist() == alone.best_epoch_.tolist()
            np.testing.assert_allclose(model.predict_proba(X), alone.predict_proba(X), atol=1e-5)

    def test_regressors_and_other_kinds_and_settings_mix(self):
        X, y, _, _ = estimator_data(200, 1)
        models = [
            AttentionGRURegressor(random_state=0, max_epochs=3),
            AttentionGRUClassifier(random_state=0, max_epochs=3),
            AttentionGRUClassifier(random_state=0, max_epochs=3, cell="lstm"),
            AttentionGRUClassifier(random_state=0, max_epochs=2),
        ]
        data = [(X, y), (X, y > 0), (X, y > 0), (X, y > 0)]
        seen = []
        fit_many(models, data, lambda model, network, record: seen.append((model, network)))
        assert [len(model.history_[0]) for model in models] == [3, 3, 3, 2]
        assert {n: seen.count((n, 0)) for n in range(4)} == {0: 3, 1: 3, 2: 3, 3: 2}
        alone = AttentionGRURegressor(random_state=0, max_epochs=3).fit(X, y)
        np.testing.assert_allclose(models[0].predict(X), alone.predict(X), atol=1e-5)

    def test_a_month_of_one_class_goes_through(self, caplog):
        X, y, _, _ = estimator_data(200, 1)
        models = [AttentionGRUClassifier(random_state=0, max_epochs=2) for _ in range(2)]
        fit_many(models, [(X, np.ones(200)), (X, y > 0)])
        assert models[0].networks_ == []
        assert len(models[1].networks_) == 1
        assert "one class only" in caplog.text

    def test_every_model_needs_its_rows(self):
        with pytest.raises(ValueError, match="zip"):
            fit_many([AttentionGRUClassifier()], [])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_the_gpu_agrees():
    def on(device, part):
        return Samples(*(None if t is None else t.to(device) for t in part))

    data = [(samples(200, seed=1, missing=True), samples(90, seed=2))]
    (mine,), (other,) = jobs_of(data), jobs_of(data)
    cuda = mine._replace(
        network=mine.network.cuda(),
        samples=on("cuda", mine.samples),
        validation=on("cuda", mine.validation),
    )
    ours, theirs = dict(train([cuda], **OPTIONS)), plain([other], **OPTIONS)
    assert differences([ours[0]], theirs) < 1e-4


@pytest.mark.parametrize("reset", ["before", "after"])
@pytest.mark.parametrize("missing", [False, True])
def test_nothing_of_a_step_is_left_on_the_cpu(reset, missing):
    """Elsewhere than on the CPU, arithmetic with what lies there fails; "meta" needs no GPU."""
    meta = torch.device("meta")
    data = Samples(*(None if t is None else t.to(meta) for t in samples(100, missing=missing)))
    shape = Shape(n_factors=4, n_hidden=3, attention=True, reset=reset, skip=True)
    stack = Stack(shape, Memory(torch.float32, meta), 2, n_steps=5, n_rows=32)
    stack.prepare()
    batches = Batches(Table(data), 4, 32)
    batches.order(torch.randperm(100, generator=seeded(0)))
    rows = torch.zeros(2, shape.size, device=meta)
    optimizer = AdamW(shape.decayed().to(rows), 2, weight_decay=0.1, max_norm=1.0)
    for m in range(2):
        batches.load(0, stack, m, missing)
    outputs = stack.forward(rows, missing)
    for loss in SLOPED.values():
        losses, slopes = loss(outputs, *stack.y_weight)
        gradient = stack.backward(slopes)
        optimizer.step(rows, gradient, [0.1, 0.2])
        assert {t.device for t in (outputs, losses, gradient, rows)} == {meta}
    with pytest.raises(RuntimeError):
        rows + torch.zeros(2, shape.size)


def test_shape_has_a_size_per_block():
    shape = Shape(n_factors=3, n_hidden=5, attention=True, reset="before", skip=True)
    assert shape.n_parameters == 4 * 3 + 9 * 10 + 9 * 5 + 6 + 3
    assert shape.size == 160  # filled up to whole vectors
