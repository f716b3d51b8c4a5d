"""How far intervals and the KL reading can be believed: prints docs/uncertainty.md.

tests/test_uncertainty.py holds the claims on fewer draws.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from modelmap.geometry.divergence import KL_LIMIT, by_group, intervals_of_pairs  # noqa: E402

LEVEL = 0.95
DEGREES = {"Gaussian": None, "t, 5 degrees of freedom": 5, "t, 3 degrees of freedom": 3}
WITHIN = 0.5  # correlation of the samples of a group
N_DRAWS, N_BOOTSTRAP = 4000, 1000
BYTES_PER_TOKEN = 4.5  # English in the vocabularies of language models
N_CONTEXTS, N_TOKENS = 400, 1000


def differences(kind, n_draws, n_groups, size, rng):
    """δ of pairs of models, (n_draws, n_groups × size), variance 1 in truth, centered rows."""
    shapes = (n_draws, n_groups, 1), (n_draws, n_groups, size)
    if DEGREES[kind] is None:
        shared, own = (rng.normal(size=shape) for shape in shapes)
    else:
        df = DEGREES[kind]
        shared, own = (rng.standard_t(df, size=shape) * np.sqrt(1 - 2 / df) for shape in shapes)
    delta = np.sqrt(WITHIN) * shared + np.sqrt(1 - WITHIN) * own if size > 1 else own
    delta = delta.reshape(n_draws, -1)
    return delta - delta.mean(axis=1, keepdims=True)


def covers(low, high):
    """Share of intervals that hold the truth, 1."""
    return float(np.mean((low <= 1) & (high >= 1)))


def robust(delta, groups):
    """The intervals of the map, a row of δ being the difference of two models."""
    Q = np.stack([delta / 2, -delta / 2], axis=1).reshape(-1, delta.shape[1])
    i = np.arange(0, len(Q), 2)
    return intervals_of_pairs(Q, groups, i, i + 1, level=LEVEL)


def percentile(delta, groups, rng):
    """Percentile bootstrap of the variance, over groups."""
    order, sizes = by_group(groups, delta.shape[1])
    starts = np.cumsum(sizes) - sizes
    sums, squares = (np.add.reduceat(x[:, order], starts, axis=1) for x in (delta, delta**2))
    weights = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=N_BOOTSTRAP)
    n = (weights @ sizes)[:, None]
    d2 = weights @ squares.T / n - (weights @ sums.T / n) ** 2
    return np.quantile(d2, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)


def coverage(kind, n_groups, size, *, n_draws=N_DRAWS, random_state=0):
    """Coverage of the map's interval, of a percentile bootstrap, and where groups are ignored."""
    rng = np.random.default_rng([random_state, n_groups, size])
    groups = np.repeat(np.arange(n_groups), size)
    found = []
    for start in range(0, n_draws, 250):
        delta = differences(kind, min(250, n_draws - start), n_groups, size, rng)
        ways = robust(delta, groups), percentile(delta, groups, rng)
        ways += (robust(delta, np.arange(len(groups))),)
        found.append([covers(*ends) for ends in ways])
    return np.mean(found, axis=0)


def log_softmax(z):
    """Logarithms of probabilities along the last axis."""
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def overstatement(size, sharpening, *, random_state=0):
    """d²/2 of two models, and how much it is of their divergence.

    At each of many places of a text both have a softmax over tokens around a common reference
    (Zipf's law, with an exponent that varies from place to place; 2.6 nats of entropy on average).
    Both have logits of their own beside it, and one is sharper.

    Parameters
    ----------
    size : float, nats a token: d²/2, about, if that were so for large differences too
    sharpening : float, share of it that is the sharper one's sharpness

    Returns
    -------
    half_d2 : float, nats a token: half the variance of log-likelihoods over texts of the reference
    ratio : float, of it to the mean of the two divergences
    """
    rng = np.random.default_rng(random_state)
    exponent = rng.gamma(4, 0.5, size=(N_CONTEXTS, 1))
    base = log_softmax(-exponent * np.log(np.arange(1, N_TOKENS + 1)))
    p = np.exp(base)
    own = rng.normal(size=(2, *base.shape)) / np.sqrt(1 - (p**2).sum(axis=1).mean())
    sharper = base / np.sqrt(_variance(p, base) / 2)
    i = log_softmax(base + np.sqrt(size * sharpening) * sharper + _root(size, sharpening) * own[0])
    j = log_softmax(base + _root(size, sharpening) * own[1])
    half_d2 = _variance(p, i - j) / 2
    divergence = ((np.exp(i) - np.exp(j)) * (i - j)).sum(axis=1).mean() / 2
    return half_d2, half_d2 / divergence


def _root(size, sharpening):
    return np.sqrt(size * (1 - sharpening))


def _variance(p, x):
    """Of a sum of x over many places, per place: within places and of their means."""
    means = (p * x).sum(axis=1)
    return ((p * x**2).sum(axis=1) - means**2).mean() + means.var()


def limit(sharpening, *, ratio=1.2, sizes=None):
    """Nats a token at which d²/2 is `ratio` times the divergence."""
    sizes = np.geomspace(0.003, 8, 24) if sizes is None else sizes
    found = np.array([overstatement(size, sharpening) for size in sizes])
    return float(np.exp(np.interp(ratio, found[:, 1], np.log(found[:, 0]))))


def bits_per_byte(nats_per_token):
    """A token has BYTES_PER_TOKEN bytes."""
    return nats_per_token / BYTES_PER_TOKEN / np.log(2)


def main():
    """Print docs/uncertainty.md."""
    print(
        f"""# How far distances can be believed

Made by `python tests/uncertainty.py > docs/uncertainty.md`; `tests/test_uncertainty.py` holds the
claims.

## Intervals of squared distances

How many of {N_DRAWS:,} intervals of nominal {LEVEL:.0%} hold the true d² (Monte Carlo error: at
most 0.8 points). Differences of two models are drawn from a Gaussian, or from Student's t with 5
or 3 degrees of freedom; of the latter, squares have no finite variance. Samples of a group are
correlated by {WITHIN}.

| differences | groups | samples a group | this interval | percentile bootstrap | groups ignored |
|---|---|---|---|---|---|""".replace("%", " %")
    )
    for kind in DEGREES:
        for size in (1, 5):
            for n_groups in (100, 300, 1000):
                found = [f"{100 * x:.1f} %" for x in coverage(kind, n_groups, size)]
                found[2] = found[2] if size > 1 else ""
                print(f"| {kind} | {n_groups} | {size} | {' | '.join(found)} |")
    print(f"""
- *this interval*: Student's t on log d², error summed over the samples of a group
  (`geometry/divergence.py`).
- *percentile bootstrap*: over groups, {N_BOOTSTRAP:,} resamples.
- *groups ignored*: this interval, samples taken for independent.

Where a sample or two make most of a distance, no interval from the samples can know of those that
were not drawn: believe intervals on heavy-tailed data less than they say.

## Where d²/2 is a divergence

2 KL ≈ d² holds near a common reference. Here two models have softmax distributions over
{N_TOKENS:,} tokens at each of {N_CONTEXTS} places, around a reference that follows Zipf's law (2.6
nats of entropy a token on average). Each has logits of its own beside it, and one is sharper. The
limit is where d²/2 is 1.2 times the mean of the two divergences; a token has {BYTES_PER_TOKEN}
bytes.

| share of d² that is sharpness | nats a token | bits a byte | nats a caption of 50 bytes |
|---|---|---|---|""")
    for share in (0, 0.25, 0.5, 0.75, 1):
        nats = limit(share)
        print(
            f"| {share:.0%} | {nats:.2g} | {bits_per_byte(nats):.2g} | "
            f"{nats * 50 / BYTES_PER_TOKEN:.2g} |".replace("%", " %")
        )
    print(f"""
Sharpness is what is overstated most: `difficulty` in `results/map/{{map}}/adjustment.tsv` tells
its share in a map. `beyond_kl_limit` in `distances.parquet` marks pairs of more than {KL_LIMIT}
bits a byte, the limit at a share of one half. Beyond it d²/2 is still a distance, and the order of
distances is what the map shows; it is not to be read as so many nats of divergence.""")


if __name__ == "__main__":
    main()
