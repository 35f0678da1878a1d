"""The training loop: that of plain torch, for one network or many, alone or not to the bit."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
import torch
from conftest import TIME_LIMIT
from plain_loop import plain_loop
from rows_first import sampled
from torch import nn

from attngru_bt.models.networks import build
from attngru_bt.models.training import (
    Job,
    Samples,
    attention,
    chunks,
    cross_entropy,
    max_batch_networks,
    one_thread,
    predict,
    squared_error,
    train,
)
from attngru_bt.models.training.optimizer import AdamW
from attngru_bt.models.training.scoring import CHUNK
from attngru_bt.models.training.trainee import Batches, Course, Trainee


@pytest.fixture(autouse=True)
def _one_thread(request):
    """As the estimators do; more threads only get into each other's way on small networks."""
    if request.cls is TestOneThread:
        yield
        return
    with one_thread():
        yield


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def samples(n, steps=5, features=4, seed=0, missing=False):
    """Rows with a signal, unequal weights and, if asked for, steps missing in front."""
    generator = seeded(seed)
    x = torch.randn(n, steps, features, generator=generator)
    present = None
    if missing:
        first = torch.randint(0, steps, (n,), generator=generator)
        present = torch.arange(steps) >= first[:, None]
        x = x * present[..., None]
    y = (x[:, -1, 0] + torch.randn(n, generator=generator) > 0).float()
    weight = torch.rand(n, generator=generator) + 0.5
    return sampled(x, present, y, weight / weight.mean())


def job(number, early, late=None, progress=None, **options):
    """A network and the generator it was filled from, which goes on to draw the batches."""
    architecture = {"n_features": early.x.shape[1], "hidden_size": 12} | options
    network, generator = build(architecture), seeded(number)
    network.initialize([generator], log_odds=-0.3)
    return Job(network, early, late, generator, progress)


def trained(jobs, **course):
    """Train and return the losses of each epoch of each job."""
    histories = dict(train(jobs, **course))
    return [[(r["loss"], r["val_loss"]) for r in histories[i]] for i in range(len(histories))]


def plain(jobs, loss=cross_entropy, **course):
    return [
        plain_loop(j.network, j.samples, j.validation, j.generator, loss=loss, **course)
        for j in jobs
    ]


def state(job):
    return job.network.member(0)


def assert_close(ours, theirs, atol):
    """Compare histories epoch by epoch."""
    assert [len(h) for h in ours] == [len(h) for h in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        found, expected = np.array(mine, dtype=float), np.array(other, dtype=float)  # None is NaN
        np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


OPTIONS = {"max_epochs": 5, "batch_size": 64, "lr": 0.02, "weight_decay": 0.5, "patience": 2}
NETWORKS = [
    {"reset": "before"},
    {"reset": "after", "skip": True},
    {"attention": None, "skip": True},
    {"attention": "both", "n_layers": 2},
    {"cell": "lstm", "attention": None},
    {"cell": "rnn", "attention": "temporal"},
    {"network": "convolution"},
    {"network": "feedforward", "n_layers": 2},
]


class TestAgainstPlainTorch:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("options", "schedule"),
        [(NETWORKS[0], "cosine"), *zip(NETWORKS, ["constant", "cosine"] * 4, strict=True)],
        ids=str,
    )
    def test_the_same_losses_epochs_and_networks(self, options, schedule):
        # unequal rows, some with steps missing, one without validation, more jobs than room
        data = [
            [samples(n, seed=i, missing=i % 2 == 1), samples(90, seed=50 + i, missing=i > 2)]
            for i, n in enumerate((200, 150, 64, 300))
        ]
        data[3][1] = None
        data[0][1] = data[0][1]._replace(y=1 - data[0][1].y)  # ever worse: stops early
        course = OPTIONS | {"max_norm": 0.05, "schedule": schedule}
        mine, other = ([job(i, *d, **options) for i, d in enumerate(data)] for _ in range(2))
        ours, theirs = trained(mine, width=3, **course), plain(other, **course)
        assert_close(ours, theirs, 1e-6)
        assert {len(h) for h in theirs} > {5}  # some stopped early, some did not
        for a, b in zip(mine, other, strict=True):
            for name, value in state(b).items():
                torch.testing.assert_close(state(a)[name], value, rtol=0, atol=3e-5)

    @pytest.mark.slow
    def test_squared_error(self):
        data = samples(200, seed=1)._replace(y=torch.randn(200, generator=seeded(3)))
        course = OPTIONS | {"loss": squared_error}
        assert_close(trained([job(0, data)], **course), plain([job(0, data)], **course), 1e-6)

    @pytest.mark.slow
    def test_dropout_where_no_row_is_filled_up(self):
        # noise is drawn for the rows of weight 0 too, so batches must be full to be comparable
        data, course = samples(256), OPTIONS | {"max_epochs": 3}
        for options in ({"n_layers": 2}, {"network": "convolution"}, {"network": "feedforward"}):
            mine, other = (job(0, data, dropout=0.4, **options) for _ in range(2))
            assert_close(trained([mine], **course), plain([other], **course), 1e-6)
            without = job(0, data, **options)
            assert trained([without], **course)[0][0] != trained([mine], **course)[0][0]

    @pytest.mark.slow
    def test_clipping_and_decay_matter_here(self):
        # or the tests above would pass without them
        losses = {
            round(trained([job(0, samples(200, seed=1))], **(OPTIONS | extra))[0][-1][0], 4)
            for extra in ({"max_norm": 0.05}, {"max_norm": 1e9}, {"weight_decay": 0.0})
        }
        assert len(losses) == 3

    def test_weight_decay_shrinks_matrices_and_leaves_vectors(self):
        # without gradients (all weights of the loss are 0) only the decay moves anything
        data = samples(400)._replace(weight=torch.zeros(400))
        one = job(0, data, attention="temporal", skip=True)
        before = {name: value.clone() for name, value in state(one).items()}
        trained([one], max_epochs=1, batch_size=400, lr=0.1, weight_decay=0.5)
        for name, value in state(one).items():
            factor = 0.95 if value.ndim == 2 else 1.0
            torch.testing.assert_close(value, factor * before[name], rtol=0, atol=1e-6)

    @pytest.mark.slow
    def test_it_learns(self):
        data = samples(1500), samples(500, seed=1)
        (history,) = trained([job(0, *data)], lr=0.01)
        assert min(val_loss for _, val_loss in history) < history[0][1] - 0.01


class TestAdamW:
    def test_it_is_that_of_torch_row_by_row(self):
        generator, decayed = seeded(0), torch.tensor([1.0, 1.0, 0.0, 0.0])
        rows, gradients = torch.randn(3, 4, generator=generator), torch.zeros(3, 4)
        theirs = [nn.Parameter(row.clone()) for row in rows]
        rates = (0.1, 0.2, 0.3)
        optimizers = [
            torch.optim.AdamW([p], lr=lr, weight_decay=0.0)
            for p, lr in zip(theirs, rates, strict=True)
        ]
        ours = AdamW(rows, gradients, decayed, weight_decay=0.5, max_norm=1.0)
        for step in range(6):
            if step == 3:  # another network begins in the middle
                ours.restart(1)
                optimizers[1] = torch.optim.AdamW([theirs[1]], lr=0.2, weight_decay=0.0)
            gradients.copy_(3 * torch.randn(3, 4, generator=generator))
            for p, optimizer, g in zip(theirs, optimizers, gradients, strict=True):
                p.grad = g.clone()
                nn.utils.clip_grad_norm_([p], 1.0)
                with torch.no_grad():
                    p.mul_(1 - optimizer.param_groups[0]["lr"] * 0.5 * decayed)
                optimizer.step()
            ours.step(rates)
            torch.testing.assert_close(rows, torch.stack([p.detach() for p in theirs]))


class TestTrainee:
    def trainee(self, n=400, lr=0.02, max_epochs=3, batch_size=100, schedule="cosine"):
        return Trainee(0, job(0, samples(n)), Course(max_epochs, batch_size, lr, 5, schedule))

    def rates(self, trainee):
        rates = []
        while True:
            rates.append(trainee.rate)
            if trainee.advance(0.5, 0.0) and trainee.end_epoch(torch.zeros(1), None):
                return rates

    def test_constant(self):
        assert set(self.rates(self.trainee(schedule="constant"))) == {0.02}

    def test_cosine(self):
        rates = self.rates(self.trainee())
        expected = [0.01 * (1 + math.cos(math.pi * i / 12)) for i in range(12)]
        assert rates == pytest.approx(expected)
        assert rates[0] == 0.02 and rates[6] == pytest.approx(0.01)

    def test_every_row_is_used_once_per_epoch_in_even_batches(self):
        x = torch.arange(301.0).reshape(301, 1, 1)
        data = Samples(x, None, x[:, 0, 0], torch.ones(301))
        batches, n_rows = Batches(data, 4, 128), 128
        place = torch.zeros(1, n_rows), torch.zeros(1, n_rows), torch.zeros(2, n_rows)
        for order in (torch.arange(301), torch.randperm(301, generator=seeded(0))):
            batches.order(order)
            rows = []
            for batch, size in enumerate((76, 75, 75, 75)):
                batches.load(batch, place, some_missing=False)
                x, _, (y, weight) = place
                assert torch.equal(x[0], y)
                assert torch.equal(weight > 0, torch.arange(n_rows) < size)
                assert float(weight.sum()) == pytest.approx(1.0)
                rows.append(y[:size].clone())
            assert torch.equal(torch.cat(rows), order.float())


class TestCompany:
    @pytest.mark.slow
    @pytest.mark.parametrize("options", [*NETWORKS, {"dropout": 0.3, "n_layers": 2}], ids=str)
    def test_bits_do_not_depend_on_who_is_trained_beside(self, options):
        sizes = (130, 233, 190, 70, 160)
        data = [(samples(n, seed=n, missing=n == 190), samples(70, seed=n + 1)) for n in sizes]

        def run(numbers, width):
            jobs = [job(n, *data[n], **(options | {"hidden_size": 10})) for n in numbers]
            losses = trained(jobs, width=width, **OPTIONS | {"max_epochs": 2})
            return {n: (state(j), h) for n, j, h in zip(numbers, jobs, losses, strict=True)}

        with one_thread():
            together = run([0, 1, 2, 3, 4], 5)
            for numbers, width in (([0], 1), ([2], 3), ([3, 1], 2), ([4, 3, 2, 1, 0], 3)):
                for n, (weights, losses) in run(numbers, width).items():
                    assert losses == together[n][1]
                    assert all(torch.equal(together[n][0][k], v) for k, v in weights.items())

    @pytest.mark.slow
    @pytest.mark.parametrize("options", NETWORKS, ids=str)
    def test_bits_of_scores_do_not_either(self, options):
        jobs = [job(n, samples(64, seed=n), **options) for n in range(5)]
        data = samples(300, seed=9, missing=True)
        members = [{k: v + 0.1 for k, v in state(j).items()} for j in jobs]
        together = build(jobs[0].network.architecture).load_members(members)
        with one_thread():
            whole = predict(together, data.x, data.present)
            for n in (0, 3):
                alone = build(jobs[0].network.architecture).load_members([members[n]])
                assert torch.equal(predict(alone, data.x, data.present)[0], whole[n])
                for name, alpha in attention(alone, data.x, data.present).items():
                    assert torch.equal(alpha[0], attention(together, data.x, data.present)[name][n])

    @pytest.mark.slow
    def test_jobs_are_taken_as_there_is_room(self):
        taken, finished = [], []

        def jobs():
            for number in range(6):
                taken.append(number)
                yield job(number, samples(130, seed=number))

        for number, history in train(jobs(), width=2, **OPTIONS):
            finished.append(number)
            assert len(history) == 5
            assert len(taken) <= len(finished) + 3  # two in training, one that waits
        assert sorted(finished) == list(range(6))

    @pytest.mark.slow
    def test_shapes_that_differ_are_trained_after_each_other(self):
        def jobs():
            return [
                job(0, samples(130)),
                job(1, samples(130, 3, 6, seed=2)),
                job(2, samples(130), cell="lstm"),
                job(3, samples(40), hidden_size=5),
            ]

        assert_close(trained(jobs(), **OPTIONS), plain(jobs(), **OPTIONS), 1e-6)

    @pytest.mark.slow
    def test_the_global_generator_is_not_touched(self):
        weights = []
        for disturbance in (0, 12345):
            torch.manual_seed(disturbance)
            before = torch.random.get_rng_state()
            one = job(7, samples(200), samples(90, seed=3), dropout=0.4, n_layers=2)
            trained([one], max_epochs=3)
            assert torch.equal(before, torch.random.get_rng_state())
            weights.append(state(one))
        assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])

    def test_wide_layers_are_stacked_less(self):
        assert [max_batch_networks(h) for h in (8, 16, 64, 1000)] == [22, 22, 8, 1]

    def test_nothing_to_train(self):
        assert list(train([])) == []


class TestEarlyStopping:
    @pytest.mark.slow
    def test_the_best_epoch_is_restored(self):
        # labels without any signal: the validation loss must rise once noise is learnt by heart
        noise = {n: (torch.rand(n, generator=seeded(n)) > 0.5).float() for n in (120, 200)}
        data, watch = (samples(n, seed=n)._replace(y=y) for n, y in noise.items())
        course = {"lr": 0.02, "batch_size": 32}
        one = job(0, data, watch, hidden_size=32)
        (history,) = trained([one], max_epochs=60, patience=4, **course)
        losses = [val_loss for _, val_loss in history]
        best = int(np.argmin(losses))
        assert len(history) == best + 1 + 4 < 60
        assert losses[-1] > losses[best] + 1e-3
        now = cross_entropy(predict(one.network, watch.x)[0], watch.y, watch.weight).mean()
        assert float(now) == pytest.approx(losses[best], abs=1e-6)

        replay = job(0, data, hidden_size=32)
        trained([replay], max_epochs=best + 1, **course)
        assert all(torch.equal(state(one)[name], value) for name, value in state(replay).items())

    def test_validation_does_not_change_what_is_trained(self):
        late = samples(90, seed=5)
        (first,) = trained([job(0, samples(200), dropout=0.3)], max_epochs=4)
        (second,) = trained([job(0, samples(200), late, dropout=0.3)], max_epochs=4)
        assert [loss for loss, _ in first] == [loss for loss, _ in second]
        assert [val_loss for _, val_loss in first] == [None] * 4

    def test_all_epochs_without_validation(self):
        assert len(trained([job(0, samples(200))], max_epochs=7, patience=1)[0]) == 7


class TestRecords:
    @pytest.mark.slow
    def test_progress_and_records(self):
        seen = []
        one = job(0, samples(130), samples(70, seed=1), seen.append)
        ((_, history),) = train([one], **OPTIONS)
        assert seen == history
        assert [record["epoch"] for record in history] == list(range(1, len(history) + 1))
        assert all(record["seconds"] > 0 for record in history)

    def test_interrupts_pass_through(self):
        def interrupt(record):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            trained([job(0, samples(130), progress=interrupt)], max_epochs=3)

    def test_divergence_names_epoch_and_remedy(self):
        data = samples(130)
        data.x[3, 0, 0] = float("inf")
        with pytest.raises(
            FloatingPointError, match=r"diverged: the loss is nan in epoch 1; lower `lr`"
        ):
            trained([job(0, data)], max_epochs=3)


class TestValues:
    def test_cross_entropy_by_hand(self):
        p = torch.tensor([0.8, 0.3])
        y, weight = torch.tensor([1.0, 0.0]), torch.tensor([0.5, 1.5])
        expected = -torch.stack([0.5 * torch.log(p[0]), 1.5 * torch.log(1 - p[1])])
        torch.testing.assert_close(cross_entropy(torch.logit(p), y, weight), expected)

    def test_squared_error_by_hand(self):
        outputs, y = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 5.0])
        weight = torch.tensor([0.5, 1.5])
        assert squared_error(outputs, y, weight).tolist() == [0.5 * 1, 1.5 * 4]


class TestBuffers:
    def test_going_back_through_an_earlier_pass_is_refused(self):
        """Its buffers have been written over, so its gradients would be wrong."""
        network = job(0, samples(64)).network.reuse_buffers()
        x = torch.randn(1, 4, 5, 32, generator=seeded(0))
        first, _ = network(x), network(x)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            first.sum().backward()


class TestScoring:
    def test_scores_do_not_depend_on_the_rows_beside(self):
        network, data = job(0, samples(64), attention="both").network, samples(2 * CHUNK + 40)
        whole = predict(network, data.x)
        assert torch.equal(predict(network, data.x[:CHUNK]), whole[:, :CHUNK])
        assert torch.equal(predict(network, data.x[: CHUNK + 3]), whole[:, : CHUNK + 3])
        for row in (0, 17, CHUNK + 39):
            alone = predict(network, data.x[row : row + 1])
            torch.testing.assert_close(alone, whole[:, row : row + 1], rtol=0, atol=1e-6)

    def test_chunks_are_filled_up_with_steps_that_are_present(self):
        data = samples(CHUNK + 10, steps=4)
        mask = torch.zeros(CHUNK + 10, 4, dtype=torch.bool)
        mask[:, -1] = True
        pieces = list(chunks(data.x, mask))
        assert [(x.shape[-1], there.shape[-1], n) for x, there, n in pieces] == [
            (CHUNK, CHUNK, CHUNK),
            (CHUNK, CHUNK, 10),
        ]
        assert pieces[1][1][..., 10:].all()  # without any step softmax would divide 0 by 0
        network = job(0, samples(64), attention="both").network
        assert torch.isfinite(predict(network, data.x, mask)).all()


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


def on(device, one):
    parts = (
        None if part is None else Samples(*(None if t is None else t.to(device) for t in part))
        for part in (one.samples, one.validation)
    )
    return Job(one.network.to(device), *parts, one.generator)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_the_gpu_agrees():
    mine, other = (job(0, samples(200, missing=True), samples(90, seed=2)) for _ in range(2))
    assert_close(trained([on("cuda", mine)], **OPTIONS), trained([other], **OPTIONS), 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("options", NETWORKS, ids=str)
@pytest.mark.parametrize("missing", [False, True])
def test_nothing_of_a_step_is_left_on_the_cpu(options, missing):
    """Elsewhere than on the CPU, arithmetic with what lies there fails; "meta" needs no GPU."""
    one = on("meta", job(0, samples(100, missing=missing), dropout=0.2, **options))
    with pytest.raises((NotImplementedError, RuntimeError), match=r"meta|item"):
        trained([one], batch_size=32)  # goes through the first step up to reading its loss
    batches = Batches(one.samples, 4, 32)
    place = (
        torch.empty(20, 32, device="meta"),
        torch.empty(5, 32, device="meta", dtype=torch.bool),
        torch.empty(2, 32, device="meta"),
    )
    batches.load(0, place, missing)
    present = place[1][None] if missing else None
    outputs = one.network(place[0].view(1, 4, 5, 32), present, [one.generator])
    losses = cross_entropy(outputs, *place[2][:, None])
    gradients = torch.autograd.grad(losses.sum(), list(one.network.parameters()))
    assert {t.device.type for t in (outputs, losses, *gradients)} == {"meta"}
