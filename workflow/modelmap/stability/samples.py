"""Would other samples give the same map? And samples of another kind?"""

import numpy as np
import polars as pl

from modelmap.stability.measures import number, summarized, table_of, told, too_few, word

N_SIZES = 5
LEAST = 5  # groups of samples that make a map
AS_MANY, ALL = "as many others", "all others"


def samples(on, how):
    """Compare maps of disjoint sets of samples, drawn by whole groups.

    Parameters
    ----------
    on : Map
    how : How

    Returns
    -------
    table : DataFrame: n_groups, n_samples (mean, of the smaller set), against (AS_MANY or ALL), the
        columns of `measures`, n_draws
    verdict : str, what it shows, or why there is no row
    """
    keys = {"n_groups": pl.Int64, "n_samples": pl.Float64, "against": pl.String}
    sizes = [on.n_groups >> i for i in range(N_SIZES, 0, -1)]
    sizes = [size for size in sizes if size >= LEAST]
    why_not = too_few(on)
    if not why_not and not sizes:
        why_not = (
            f"Samples are split where they have at least {2 * LEAST} groups, there are "
            f"{on.n_groups}."
        )
    if why_not:
        return table_of([], keys, n_draws=pl.Int64), why_not
    n_draws, drawn = how.n_draws(len(on.models), N_SIZES), {}
    rng, whole = np.random.default_rng(how.random_state), on.moments()
    for _ in range(n_draws):
        at = rng.permutation(on.n_groups)[on.groups]
        for size, front, back in _from_both_ends(on, at, sizes):
            one, n = how.configuration(front), (at < size).sum()
            for against, M in ((AS_MANY, back), (ALL, whole - front)):
                found = how.compare(one, how.configuration(M))
                drawn.setdefault((size, against), []).append((n, found))
    rows = [
        {"n_groups": size, "n_samples": np.mean([n for n, _ in draws]), "against": against}
        | {"n_draws": n_draws}
        | row
        for (size, against), draws in drawn.items()
        for row in summarized([found for _, found in draws])
    ]
    table = table_of(rows, keys, n_draws=pl.Int64)
    last = table.filter(n_groups=sizes[-1], against=AS_MANY)
    return table, (
        f"Other samples give {word(last)}: two disjoint sets of {last['n_samples'][0]:,.0f} have "
        f"{told(last)}."
    )


def strata(on, kinds, how):
    """Compare the maps of kinds of samples, beside maps of as many samples of all kinds mixed.

    Parameters
    ----------
    on : Map
    kinds : sequence of length n_samples
        Labels; None belongs to no kind.
    how : How

    Returns
    -------
    table : DataFrame: stratum_a, stratum_b, n_samples_a, n_samples_b, the columns of `measures`,
        ceiling, ceiling_low, ceiling_high (mean, least and most of disjoint sets of about as many
        samples, drawn by groups from all kinds), n_draws
    verdict : str, what it shows, or why there is no row
    """
    keys = dict.fromkeys(("stratum_a", "stratum_b"), pl.String)
    keys |= dict.fromkeys(("n_samples_a", "n_samples_b"), pl.Int64)
    ceiling = ("ceiling", "ceiling_low", "ceiling_high")
    behind = dict.fromkeys(ceiling, pl.Float64) | {"n_draws": pl.Int64}
    masks = _kinds(on, kinds)
    why_not = too_few(on)
    if not why_not and len(masks) < 2:
        why_not = (
            f"Kinds of samples are compared where at least 2 have {LEAST} groups or more, here "
            f"{len(masks)}."
        )
    if why_not:
        return table_of([], keys, **behind), why_not
    names, counts = list(masks), [int(mask.sum()) for mask in masks.values()]
    own = how.compare_pairs([how.configuration(on.moments(mask)) for mask in masks.values()])
    n_draws, rng = how.n_draws(len(on.models), len(names)), np.random.default_rng(how.random_state)
    ends = np.rint(np.cumsum([0, *counts]) / len(on.groups) * on.n_groups)
    mixed = []
    for _ in range(n_draws):
        at = rng.permutation(on.n_groups)[on.groups]
        sets = [(low <= at) & (at < high) for low, high in zip(ends, ends[1:], strict=False)]
        mixed.append(how.compare_pairs([how.configuration(on.moments(some)) for some in sets]))
    rows = []
    for (a, b), found in own.items():
        key = {"stratum_a": names[a], "stratum_b": names[b]}
        key |= {"n_samples_a": counts[a], "n_samples_b": counts[b], "n_draws": n_draws}
        tops = summarized([draw[a, b] for draw in mixed])
        for row, top in zip(summarized([found]), tops, strict=True):
            values = [top["value"], top.get("low"), top.get("high")]
            rows.append(key | row | dict(zip(ceiling, values, strict=True)))
    table = table_of(rows, keys, **behind)
    return table, _strata_verdict(table)


def _from_both_ends(on, at, sizes):
    """Yield each size, and the moments of so many groups at the front, and at the back."""
    front = back = 0.0
    done, mirrored = 0, on.n_groups - 1 - at
    for size in sizes:
        front = front + on.moments((done <= at) & (at < size))
        back = back + on.moments((done <= mirrored) & (mirrored < size))
        done = size
        yield size, front, back


def _kinds(on, kinds):
    """Kind to the mask of its samples, of kinds with enough groups."""
    kinds = np.asarray(kinds, dtype=object)
    masks = {kind: kinds == kind for kind in sorted(set(kinds) - {None})}
    return {k: mask for k, mask in masks.items() if len(np.unique(on.groups[mask])) >= LEAST}


def _strata_verdict(table):
    """The two kinds that agree least, against their ceiling, by CKA."""
    cka = table.filter(measure="cka").drop_nulls("value")
    if cka.is_empty():
        return "All models are equal on some kind of samples."
    worst = cka.sort(pl.col("value") - pl.col("ceiling"), maintain_order=True).head(1)
    a, b, top = worst["stratum_a"][0], worst["stratum_b"][0], worst["ceiling"][0]
    some = table.filter(stratum_a=a, stratum_b=b)
    return (
        f"Samples of another kind give {word(some)}, at worst: {a} and {b} have {told(some)}; as "
        f"many samples of all kinds mixed have CKA {number(top)}."
    )
