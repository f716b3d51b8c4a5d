"""Without weights a network takes its own turns, and what it computes and holds is counted."""

import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from modelmap.models import weightless

N_BYTES = 4  # of a float32


class Layers(nn.Module):
    """Layers one after another, of which tokens with an odd id skip the last."""

    def __init__(self, width=8, depth=3):
        super().__init__()
        self.table = nn.Embedding(10, width)
        self.layers = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(depth))

    def forward(self, ids):
        hidden = self.table(ids)
        for layer in self.layers[:-1]:
            hidden = layer(hidden)
        even = (ids % 2 == 0).to(hidden.device)
        last = self.layers[-1](hidden[even])
        assert len(last) == sum(i % 2 == 0 for i in ids.tolist())
        return hidden.masked_scatter(even[:, None].expand_as(hidden), last)


def on_meta(make):
    with torch.device("meta"):
        return make().requires_grad_(False)


def test_turns_that_ids_decide_are_taken_and_products_counted():
    network, ids = on_meta(Layers), torch.tensor([0, 1, 2, 4, 7])
    with weightless.running(network) as run:
        out = network(ids)
    assert out.shape == (5, 8)
    assert out.is_meta
    assert run.flops == 2 * 8 * 8 * (2 * 5 + 3)
    assert run.flops_within("Layers.layers.2") == 2 * 8 * 8 * 3


def test_the_peak_is_what_is_held_at_once_and_all_is_let_go():
    network = on_meta(lambda: nn.Sequential(*(nn.Linear(16, 16) for _ in range(9))))
    with weightless.running(network) as run:
        out = network(torch.zeros(4, 16))
        assert run.peak_bytes == 2 * 4 * 16 * N_BYTES  # a layer's input and output
        assert run.memory.now == 4 * 16 * N_BYTES
        views = [out.T, out[1:], out.view(-1)]
        assert run.memory.now == 4 * 16 * N_BYTES
        del out
        assert run.memory.now == 4 * 16 * N_BYTES
        del views
    assert run.memory.now == 0


@pytest.mark.parametrize("n_key_heads", [1, 4])
def test_attention_counts_all_pairs_and_holds_no_scores(n_key_heads):
    n, d = 64, 8
    network = on_meta(lambda: nn.Linear(d, d))
    with weightless.running(network) as run:
        q = network(torch.zeros(1, 4, n, d))
        k = v = network(torch.zeros(1, n_key_heads, n, d))
        before = run.flops
        grouped = n_key_heads != 4
        out = scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=grouped)
    assert out.shape == (1, 4, n, d)
    assert run.flops - before == 2 * 2 * 4 * n * n * d
    assert run.peak_bytes < 4 * n * n * N_BYTES


def test_tensors_of_numbers_keep_them_wherever_they_are_put():
    network = on_meta(lambda: nn.Linear(2, 2))
    with weightless.running(network):
        device = network(torch.zeros(1, 2)).device
        assert torch.tensor([[3, 4]], device=device).tolist() == [[3, 4]]
        assert torch.arange(3, device=device).to(device).tolist() == [0, 1, 2]
        assert torch.ones(2, device=device).bool().all()


def test_a_value_that_weights_decide_is_an_error():
    network = on_meta(lambda: nn.Linear(2, 2))
    with weightless.running(network), pytest.raises(RuntimeError, match="meta"):
        float(network(torch.zeros(1, 2)).sum())
