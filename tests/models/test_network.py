"""The networks: equal to an independent numpy forward pass, and true to their promises."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from rows_first import RowsFirst, columns

from attngru_bt.models.networks import GRU, LSTM, RNN, GRUResetAfter, build

ATTENTIONS = ("factor", "temporal", "both", None)
CELLS = (("gru", "before"), ("gru", "after"), ("lstm", "before"), ("rnn", "before"))
B, L, F, H = 7, 5, 4, 3


def make(attention="both", cell="gru", reset="before", n_layers=1, dropout=0.0, seed=0):
    """A float64 network with every parameter drawn, so that nothing is zero by chance."""
    options = {"attention": attention, "cell": cell, "reset": reset, "n_layers": n_layers}
    return RowsFirst(n_features=F, hidden_size=H, dropout=dropout, **options).draw(seed)


@pytest.fixture
def x():
    return np.random.default_rng(1).standard_normal((B, L, F))


@pytest.fixture
def present():
    """Rows that begin late, one with a gap in the middle, some complete."""
    mask = np.ones((B, L), bool)
    mask[1, :2] = mask[2, :4] = mask[3, 1:3] = mask[4, -1] = False
    return mask


# -- an independent forward pass: one row, one step, one unit at a time ----------------------------


def sigmoid(v):
    return 1.0 / (1.0 + np.exp(-v))


def softmax(v):
    e = np.exp(v - v.max())
    return e / e.sum()


def numpy_forward(network, cell, reset, x, present):
    """Return logits, factor attention, temporal attention from the equations of the docstrings."""
    w = network.state()
    logits, alphas, betas = [], np.zeros((B, L, F)), np.zeros((B, L))
    for row in range(B):
        steps = []
        for t in np.flatnonzero(present[row]):
            step = x[row, t]
            if "factor_attention.weight" in w:
                alpha = softmax(w["factor_attention.weight"].T @ step + w["factor_attention.bias"])
                alphas[row, t] = alpha
                step = F * alpha * step
            steps.append(step)
        layer = 0
        while f"layers.{layer}.bias" in w:
            wx = np.split(w[f"layers.{layer}.input_weight"].T, w_gates(cell))
            wh = np.split(w[f"layers.{layer}.state_weight"].T, w_gates(cell))
            b = np.split(w[f"layers.{layer}.bias"], w_gates(cell))
            h, c, states = np.zeros(H), np.zeros(H), []
            for step in steps:
                a = [wx[g] @ step + b[g] for g in range(w_gates(cell))]
                if cell == "rnn":
                    h = np.tanh(a[0] + wh[0] @ h)
                elif cell == "lstm":
                    i, f, g, o = (a[k] + wh[k] @ h for k in range(4))
                    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
                    h = sigmoid(o) * np.tanh(c)
                else:
                    r, z = sigmoid(a[0] + wh[0] @ h), sigmoid(a[1] + wh[1] @ h)
                    if reset == "before":
                        new = np.tanh(a[2] + wh[2] @ (r * h))
                    else:
                        new = np.tanh(a[2] + r * (wh[2] @ h + w[f"layers.{layer}.state_bias"]))
                    h = z * h + (1 - z) * new
                states.append(h)
            steps, layer = states, layer + 1
        pooled = steps[-1]
        if "temporal_attention.query" in w:
            weight, bias = w["temporal_attention.weight"], w["temporal_attention.bias"]
            scores = [w["temporal_attention.query"] @ np.tanh(weight.T @ h + bias) for h in steps]
            betas[row, present[row]] = softmax(np.array(scores))
            pooled = np.sum(betas[row, present[row]][:, None] * np.array(steps), axis=0)
        logits.append(w["output_weight"] @ pooled + w["output_bias"])
    return np.array(logits), alphas, betas


def w_gates(cell):
    return {"rnn": 1, "gru": 3, "lstm": 4}[cell]


class TestValues:
    @pytest.mark.parametrize("n_layers", [1, 2])
    @pytest.mark.parametrize(("cell", "reset"), CELLS)
    @pytest.mark.parametrize("attention", ATTENTIONS)
    @pytest.mark.parametrize("gaps", [False, True])
    def test_forward_pass_equals_numpy(self, x, present, attention, cell, reset, n_layers, gaps):
        network = make(attention, cell, reset, n_layers)
        mask = present if gaps else np.ones_like(present)
        filled = torch.from_numpy(np.where(mask[:, :, None], x, 0.0))
        there = torch.from_numpy(mask) if gaps else None
        expected, alphas, betas = numpy_forward(network, cell, reset, x, mask)

        np.testing.assert_allclose(
            network(filled, there).detach().numpy(), expected, rtol=0, atol=1e-12
        )
        weights = {
            k: v.detach().numpy() for k, v in network.attention_weights(filled, there).items()
        }
        assert set(weights) == {None: set(), "both": {"factor", "temporal"}}.get(
            attention, {attention}
        )
        if "factor" in weights:
            np.testing.assert_allclose(weights["factor"], alphas, rtol=0, atol=1e-12)
        if "temporal" in weights:
            np.testing.assert_allclose(weights["temporal"], betas, rtol=0, atol=1e-12)

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("ours", "theirs"),
        [(GRUResetAfter, torch.nn.GRU), (LSTM, torch.nn.LSTM), (RNN, torch.nn.RNN)],
    )
    def test_cells_equal_those_of_torch(self, x, ours, theirs):
        cell = ours(F, H).double()
        with torch.random.fork_rng():
            reference = theirs(F, H, batch_first=True).double()
        with torch.no_grad():
            cell.input_weight[0] = reference.weight_ih_l0.T
            cell.state_weight[0] = reference.weight_hh_l0.T
            cell.bias[0] = reference.bias_ih_l0 + reference.bias_hh_l0
            if ours is GRUResetAfter:  # the state's bias of the candidate is inside the reset gate
                cell.bias[0, 2 * H :] -= reference.bias_hh_l0[2 * H :]
                cell.state_bias[0] = reference.bias_hh_l0[2 * H :]
        inputs = torch.from_numpy(x)
        expected = columns(reference(inputs)[0])[0]
        states, last = cell(columns(inputs)[0])
        torch.testing.assert_close(states, expected, rtol=0, atol=1e-12)
        torch.testing.assert_close(last, expected[:, :, -1], rtol=0, atol=1e-12)
        # and so do the gradients, of the inputs and of the weights
        mine, theirs = columns(inputs)[0].requires_grad_(), inputs.clone().requires_grad_()
        weights = (cell.input_weight, cell.state_weight)
        ours_back = torch.autograd.grad(cell(mine)[0].square().sum(), (mine, *weights))
        weights = (reference.weight_ih_l0, reference.weight_hh_l0)
        back = torch.autograd.grad(reference(theirs)[0].square().sum(), (theirs, *weights))
        torch.testing.assert_close(ours_back[0], columns(back[0])[0], rtol=0, atol=1e-11)
        for a, b in zip(ours_back[1:], back[1:], strict=True):
            torch.testing.assert_close(a[0], b.T, rtol=0, atol=1e-11)

    def test_reset_before_and_after_differ(self, x):
        before, after = make(None, "gru", "before"), make(None, "gru", "after")
        after.load(before.state() | {"layers.0.state_bias": np.zeros(H)})
        inputs = torch.from_numpy(x)
        assert torch.equal(before(inputs[:, :1]), after(inputs[:, :1]))  # no state to reset yet
        assert (before(inputs) - after(inputs)).abs().min() > 1e-4

    @pytest.mark.slow
    @pytest.mark.parametrize("layer", [GRU, GRUResetAfter, LSTM, RNN])
    def test_gradients_equal_finite_differences(self, present, layer):
        cell = layer(F, H).double()
        generator = torch.Generator().manual_seed(3)
        for parameter in cell.parameters():
            parameter.data.normal_(0.0, 0.7, generator=generator)
        m = 2  # members
        inputs = torch.randn(m, F, L, B, dtype=torch.float64, generator=generator)
        parameters = [p.detach().repeat(m, *[1] * (p.ndim - 1)) for p in cell.parameters()]
        mask = torch.from_numpy(present).T.expand(m, -1, -1)
        names = [name for name, _ in cell.named_parameters()]

        def run(x, *values):
            given = dict(zip(names, values, strict=True))
            return torch.func.functional_call(cell, given, (x, mask))

        given = [t.requires_grad_() for t in (inputs, *parameters)]
        assert torch.autograd.gradcheck(run, tuple(given), fast_mode=True)

    @pytest.mark.slow
    def test_even_attention_passes_the_factors_on(self, x):
        plain, attentive = make(None), make("factor")
        attentive.load(attentive.state() | plain.state())
        for parameter in attentive.network.factor_attention.parameters():
            parameter.data.zero_()
        inputs = torch.from_numpy(x)
        torch.testing.assert_close(plain(inputs), attentive(inputs), rtol=0, atol=1e-14)


class TestProperties:
    @pytest.mark.slow
    @pytest.mark.parametrize(("cell", "reset"), CELLS)
    @pytest.mark.parametrize("attention", ATTENTIONS)
    def test_attention_is_a_weighting_and_zero_on_missing_steps(
        self, x, present, attention, cell, reset
    ):
        filled = torch.from_numpy(np.where(present[:, :, None], x, 0.0))
        weights = make(attention, cell, reset).attention_weights(filled, torch.from_numpy(present))
        for name, alpha in weights.items():
            assert (alpha >= 0).all()
            missing = alpha[~torch.from_numpy(present)]
            assert torch.equal(missing, torch.zeros_like(missing))
            total = alpha.sum(-1)[torch.from_numpy(present)] if name == "factor" else alpha.sum(-1)
            torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-12)

    @pytest.mark.slow
    @pytest.mark.parametrize(("cell", "reset"), CELLS)
    @pytest.mark.parametrize("attention", ATTENTIONS)
    def test_missing_steps_in_front_change_nothing(self, x, attention, cell, reset):
        network = make(attention, cell, reset, n_layers=2)
        inputs = torch.from_numpy(x)
        padded = torch.cat([torch.zeros(B, 3, F).double(), inputs], dim=1)
        mask = torch.ones(B, L + 3, dtype=torch.bool)
        mask[:, :3] = False
        torch.testing.assert_close(network(padded, mask), network(inputs), rtol=0, atol=1e-12)

    def test_what_stands_in_a_missing_step_does_not_matter(self, x, present):
        network, mask = make("both"), torch.from_numpy(present)
        one = torch.from_numpy(np.where(present[:, :, None], x, 0.0))
        other = torch.from_numpy(np.where(present[:, :, None], x, 9.0))
        torch.testing.assert_close(network(one, mask), network(other, mask), rtol=0, atol=1e-12)

    def test_rows_do_not_see_each_other(self, x):
        network, inputs = make("both"), torch.from_numpy(x)
        order = torch.tensor([3, 0, 6, 2, 5, 1, 4])
        whole = network(inputs)
        torch.testing.assert_close(network(inputs[order]), whole[order], rtol=0, atol=1e-12)
        alone = torch.cat([network(inputs[i : i + 1]) for i in range(B)])
        torch.testing.assert_close(alone, whole, rtol=0, atol=1e-12)

    def test_initial_weights_come_from_the_generator_alone(self):
        states = []
        for _ in range(2):
            before = torch.random.get_rng_state()
            network = build(dict(n_features=F, attention="both", cell="lstm", n_layers=2))
            network.initialize([torch.Generator().manual_seed(5)], log_odds=-1.5)
            assert torch.equal(before, torch.random.get_rng_state())
            states.append(network.member(0))
        assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])
        assert states[0]["output_bias"] == -1.5
        assert torch.equal(states[0]["layers.0.bias"][16:32], torch.ones(16))  # forget gates open
        gate = states[0]["layers.1.state_weight"][:, :16]
        torch.testing.assert_close(gate.T @ gate, torch.eye(16), rtol=0, atol=1e-5)

    @torch.no_grad()
    def test_dropout_needs_a_generator_and_keeps_the_mean(self):
        network = make(None, n_layers=2, dropout=0.5)
        inputs = torch.randn(
            1, L, F, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
        )
        assert torch.equal(network(inputs), network(inputs))
        many = inputs.repeat(4000, 1, 1)
        single = make(None, n_layers=1, dropout=0.5)  # only the output is dropped: linear
        noisy = single(many, None, torch.Generator().manual_seed(1))
        assert noisy.std() > 0.01
        standard_error = float(noisy.std()) / 4000**0.5
        assert abs(float(noisy.mean() - single(inputs))) < 4 * standard_error
        again = single(many, None, torch.Generator().manual_seed(1))
        assert torch.equal(noisy, again)


class TestValidation:
    @pytest.mark.parametrize(
        ("name", "value", "hint"),
        [("attention", "factors", "factor"), ("cell", "GRU", ""), ("reset", "befor", "before")],
    )
    def test_unknown_choices_are_named(self, name, value, hint):
        with pytest.raises(ValueError, match=f"`{name}` must be .*; got '{value}'.*{hint}"):
            build({"n_features": F, name: value})

    def test_every_combination_can_be_built(self):
        for attention, (cell, reset) in itertools.product(ATTENTIONS, CELLS):
            assert make(attention, cell, reset)(torch.zeros(2, 1, F).double()).shape == (2,)
