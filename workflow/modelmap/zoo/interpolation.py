"""Models between models: weights interpolated between three checkpoints of one architecture."""

import math

import torch

STEPS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
GRID = [(a, b) for a in STEPS for b in STEPS]  # as in Oyama et al. 2025 (arXiv 2502.16173)


@torch.no_grad()
def interpolate(network, corners, a, b):
    """Give `network` the weights (1−a−b)θ0 + aθ1 + bθ2 of the networks in `corners`.

    Raises
    ------
    ValueError
        If the networks differ in the shape of a weight.
    """
    shares = 1 - a - b, a, b
    for own, *weights in _weights(network, *corners):
        own.copy_(sum(share * w.double() for share, w in zip(shares, weights, strict=True)))


@torch.no_grad()
def angle(corners):
    """Angle between θ1 − θ0 and θ2 − θ0, degrees."""
    products = torch.zeros(3, dtype=torch.float64)
    for w0, w1, w2 in _weights(*corners):
        u, v = (w1 - w0).double().flatten(), (w2 - w0).double().flatten()
        products += torch.stack([u @ u, v @ v, u @ v])
    uu, vv, uv = products.tolist()
    return math.degrees(math.acos(max(-1.0, min(1.0, uv / math.sqrt(uu * vv)))))


def _weights(*networks):
    """The same weight of every network, one after another."""
    for named in zip(*(network.named_parameters() for network in networks), strict=True):
        shapes = {(name, tuple(weight.shape)) for name, weight in named}
        if len(shapes) > 1:
            raise ValueError(f"expected weights of one architecture, found {sorted(shapes)}")
        yield [weight for _, weight in named]
