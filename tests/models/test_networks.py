"""Convolution and feed-forward networks: equal to a hand computation, true to the same promises."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rows_first import RowsFirst

from attngru_bt.models.networks import NETWORKS, AttentionRNN, build

B, L, F, H = 7, 5, 4, 3
SHAPES = [
    {"network": "recurrent", "attention": "both"},
    {"network": "recurrent", "skip": True},
    {"network": "convolution"},
    {"network": "convolution", "kernel_size": 1},
    {"network": "convolution", "kernel_size": 9, "skip": True},
    {"network": "feedforward"},
]


def make(shape, n_layers=2, dropout=0.0, seed=0):
    """A float64 network with every parameter drawn, so that nothing is zero by chance."""
    settings = {"n_features": F, "hidden_size": H, "n_layers": n_layers, "dropout": dropout}
    return RowsFirst(**(shape | settings)).draw(seed)


@pytest.fixture
def x():
    return np.random.default_rng(1).standard_normal((B, L, F))


@pytest.fixture
def present():
    """Rows that begin late, one with a gap in the middle, one without its last step."""
    mask = np.ones((B, L), bool)
    mask[1, :2] = mask[2, :4] = mask[3, 1:3] = mask[4, -1] = False
    return mask


def output(w, hidden):
    return w["output_weight"] @ hidden + w["output_bias"]


class TestByHand:
    @torch.no_grad()
    def test_a_convolution_of_two_steps(self):
        network = RowsFirst(network="convolution", n_features=1, kernel_size=2, hidden_size=2)
        layer, top = network.network.layers[0], network.network
        # filter 0: x_t - x_{t-1}; filter 1: x_{t-1}
        layer.weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 1.0]]))
        layer.bias.copy_(torch.tensor([0.5, 0.0]))
        top.output_weight.copy_(torch.tensor([1.0, 10.0]))
        top.output_bias.fill_(100.0)
        x = torch.tensor([[[1.0], [4.0], [2.0]]])
        # rises: 1 - 0, 4 - 1, 2 - 4, + 0.5 -> at most 3.5; steps before: 0, 1, 4 -> at most 4
        assert float(network(x)) == pytest.approx(100 + 3.5 + 40)
        late = torch.tensor([[False, True, True]])
        # the first step is not known: rises 4 - 0, 2 - 4; before: 0, 4
        assert float(network(x, late)) == pytest.approx(100 + 4.5 + 40)

    @torch.no_grad()
    def test_two_tanh_units_on_the_last_step(self):
        network = RowsFirst(network="feedforward", n_features=2, hidden_size=2)
        layer, top = network.network.layers[0], network.network
        layer.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
        layer.bias.copy_(torch.tensor([0.0, 1.0]))
        top.output_weight.copy_(torch.tensor([3.0, 5.0]))
        top.output_bias.fill_(7.0)
        x = torch.tensor([[[9.0, 9.0], [0.5, -0.25]]])
        expected = 3 * np.tanh(0.5) + 5 * np.tanh(0.5) + 7
        assert float(network(x)) == pytest.approx(expected, abs=1e-6)


class TestSkip:
    @pytest.mark.parametrize("name", NETWORKS)
    @torch.no_grad()
    def test_the_last_step_goes_to_the_output_directly(self, x, present, name):
        network, plain = make({"network": name, "skip": True}), make({"network": name})
        plain.load({k: v for k, v in network.state().items() if k != "skip_weight"})
        last = np.array([x[row, np.flatnonzero(present[row])[-1]] for row in range(B)])
        line = last @ network.state()["skip_weight"]
        args = torch.from_numpy(x), torch.from_numpy(present)
        expected = plain(*args).numpy() + line
        np.testing.assert_allclose(network(*args).numpy(), expected, rtol=0, atol=1e-12)
        whole = plain(args[0]).numpy() + x[:, -1] @ network.state()["skip_weight"]
        np.testing.assert_allclose(network(args[0]).numpy(), whole, rtol=0, atol=1e-12)

    def test_it_starts_at_0_and_is_a_vector_which_is_not_decayed(self):
        network = build({"n_features": F, "skip": True})
        network.initialize([torch.Generator().manual_seed(0)])
        assert torch.equal(network.skip_weight, torch.zeros(1, F))
        assert "skip_weight" not in build({"n_features": F}).state_dict()


class TestValues:
    @pytest.mark.parametrize("n_layers", [1, 2])
    @pytest.mark.parametrize("width", [1, 3, 9])
    @pytest.mark.parametrize("gaps", [False, True])
    def test_convolution_equals_numpy(self, x, present, width, n_layers, gaps):
        network = make({"network": "convolution", "kernel_size": width}, n_layers)
        mask = present if gaps else np.ones_like(present)
        w, expected = network.state(), []
        for row in range(B):
            steps = np.where(mask[row, :, None], x[row], 0.0)
            for layer in range(n_layers):
                weight, bias = w[f"layers.{layer}.weight"], w[f"layers.{layer}.bias"]
                kernel = weight.reshape(width, steps.shape[1], H)
                out = np.zeros((L, H))
                for t in np.flatnonzero(mask[row]):
                    total = bias.copy()
                    for k in range(min(width, t + 1)):
                        total = total + steps[t - k] @ kernel[k]
                    out[t] = np.maximum(total, 0.0)
                steps = out
            expected.append(output(w, steps[mask[row]].max(axis=0)))
        found = network(torch.from_numpy(x), torch.from_numpy(mask) if gaps else None)
        np.testing.assert_allclose(found.detach().numpy(), expected, rtol=0, atol=1e-12)

    @pytest.mark.parametrize("n_layers", [1, 2])
    def test_feed_forward_equals_numpy(self, x, present, n_layers):
        network = make({"network": "feedforward"}, n_layers)
        w, expected = network.state(), []
        for row in range(B):
            units = x[row, np.flatnonzero(present[row])[-1]]
            for layer in range(n_layers):
                units = np.tanh(units @ w[f"layers.{layer}.weight"] + w[f"layers.{layer}.bias"])
            expected.append(output(w, units))
        found = network(torch.from_numpy(x), torch.from_numpy(present))
        np.testing.assert_allclose(found.detach().numpy(), expected, rtol=0, atol=1e-12)

    def test_feed_forward_looks_at_the_last_step_alone(self, x):
        network = make({"network": "feedforward"})
        other = x.copy()
        other[:, :-1] = 99.0
        assert torch.equal(network(torch.from_numpy(x)), network(torch.from_numpy(other)))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
class TestProperties:
    def test_missing_steps_in_front_change_nothing(self, x, shape):
        network, inputs = make(shape), torch.from_numpy(x)
        padded = torch.cat([torch.zeros(B, 3, F).double(), inputs], dim=1)
        mask = torch.ones(B, L + 3, dtype=torch.bool)
        mask[:, :3] = False
        torch.testing.assert_close(network(padded, mask), network(inputs), rtol=0, atol=1e-12)

    def test_what_stands_in_a_missing_step_does_not_matter(self, x, present, shape):
        network, mask = make(shape), torch.from_numpy(present)
        one = torch.from_numpy(np.where(present[:, :, None], x, 0.0))
        other = torch.from_numpy(np.where(present[:, :, None], x, 9.0))
        torch.testing.assert_close(network(one, mask), network(other, mask), rtol=0, atol=1e-12)

    def test_rows_do_not_see_each_other(self, x, present, shape):
        network, inputs, mask = make(shape), torch.from_numpy(x), torch.from_numpy(present)
        whole = network(inputs, mask)
        order = torch.tensor([3, 0, 6, 2, 5, 1, 4])
        torch.testing.assert_close(
            network(inputs[order], mask[order]), whole[order], rtol=0, atol=1e-12
        )
        alone = torch.cat([network(inputs[i : i + 1], mask[i : i + 1]) for i in range(B)])
        torch.testing.assert_close(alone, whole, rtol=0, atol=1e-12)

    def test_initial_weights_come_from_the_generator_alone(self, shape):
        states = []
        for _ in range(2):
            before = torch.random.get_rng_state()
            network = build(shape | {"n_features": F})
            network.initialize([torch.Generator().manual_seed(5)], log_odds=-1.5)
            assert torch.equal(before, torch.random.get_rng_state())
            states.append(network.member(0))
        assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])
        assert states[0]["output_bias"] == -1.5
        assert all(torch.isfinite(value).all() for value in states[0].values())

    @pytest.mark.slow
    def test_gradients_equal_finite_differences(self, x, present, shape):
        network, mask = make(shape, n_layers=1), torch.from_numpy(present[1:5])
        assert network.gradcheck(torch.from_numpy(x[1:5]), mask)

    @torch.no_grad()
    def test_dropout_needs_a_generator_and_is_repeatable(self, x, shape):
        network, inputs = make(shape, dropout=0.5), torch.from_numpy(x)
        assert torch.equal(network(inputs), network(inputs))
        noisy = [network(inputs, None, torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
        assert torch.equal(noisy[0], noisy[1]) and not torch.equal(noisy[0], noisy[2])


class TestBuild:
    def test_each_network_has_a_name(self):
        for name, network in NETWORKS.items():
            assert type(build({"network": name, "n_features": F})) is network

    def test_without_a_name_it_is_the_recurrent_one(self):
        assert type(build({"n_features": F, "cell": "lstm"})) is AttentionRNN

    def test_the_dict_is_left_as_it_was(self):
        architecture = {"network": "convolution", "n_features": F}
        build(architecture)
        assert architecture == {"network": "convolution", "n_features": F}

    def test_only_attention_is_attended(self, x):
        for name in ("convolution", "feedforward"):
            assert make({"network": name}).attention_weights(torch.from_numpy(x)) == {}
