"""Networks called with rows in front, as data come: x (B, L, F), present (B, L)."""

import torch

from attngru_bt.models.networks import build
from attngru_bt.models.training import Samples


def columns(x, present=None):
    """What a network is called with: (1, F, L, B) and (1, L, B)."""
    return x.permute(2, 1, 0)[None], None if present is None else present.T[None]


def sampled(x, present, y, weight):
    """Samples of x (n, L, F)."""
    return Samples(x.transpose(1, 2).contiguous(), present, y, weight)


class RowsFirst:
    """A network of one member."""

    def __init__(self, **architecture):
        self.network = build(architecture)

    def draw(self, seed=0):
        """Draw every parameter in float64, so that nothing is zero by chance."""
        self.network.double()
        generator = torch.Generator().manual_seed(seed)
        for parameter in self.network.parameters():
            parameter.data.normal_(0.0, 0.7, generator=generator)
        return self

    def __call__(self, x, present=None, generator=None):
        generators = None if generator is None else [generator]
        return self.network(*columns(x, present), generators)[0]

    def attention_weights(self, x, present=None):
        """Rows in front here too: (B, L, F) and (B, L)."""
        weights = self.network.attention_weights(*columns(x, present))
        return {
            name: alpha[0].permute(*reversed(range(alpha.ndim - 1)))
            for name, alpha in weights.items()
        }

    def state(self):
        """Parameters by name, as arrays."""
        return {name: value.numpy() for name, value in self.network.member(0).items()}

    def load(self, state):
        self.network.load_members([{k: torch.as_tensor(v) for k, v in state.items()}])
        return self

    def gradcheck(self, x, present):
        """Compare the gradients of x and of every parameter with finite differences."""
        names = [name for name, _ in self.network.named_parameters()]

        def run(inputs, *values):
            given = dict(zip(names, values, strict=True))
            return torch.func.functional_call(self.network, given, columns(inputs, present))

        return torch.autograd.gradcheck(run, (x.requires_grad_(), *self.network.parameters()))
