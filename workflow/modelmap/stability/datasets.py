"""Would other data give the same map?"""

from itertools import combinations

import numpy as np
import polars as pl

from modelmap.geometry import similarity
from modelmap.stability.measures import number, summarized, table_of, told, too_few, word

N_PERMUTATIONS = 999


def datasets(maps, how):
    """Compare the maps of datasets, over the models that both have.

    Parameters
    ----------
    maps : dict of name to Map
    how : How

    Returns
    -------
    table : DataFrame: map_a, map_b, n_models (in common), the columns of `measures`, ceiling (what
        two halves of the samples have on the map where they have less; of all samples it is
        higher; null where one of them cannot be halved), p (of debiased CKA between family means,
        whole families permuted), note (why there are no numbers)
    verdict : str, what it shows, or why there are no numbers
    """
    keys = {"map_a": pl.String, "map_b": pl.String, "n_models": pl.Int64}
    rows, aside = [], ""
    for a, b in combinations(sorted(maps), 2):
        common = sorted(set(maps[a].models) & set(maps[b].models))
        key = {"map_a": a, "map_b": b, "n_models": len(common)}
        one, other = (maps[name].of(common).some(how.random_state) for name in (a, b))
        aside = aside or one.aside
        if len(common) < similarity.LEAST:
            models = "1 model" if len(common) == 1 else f"{len(common)} models"
            note = f"{models} in common; at least {similarity.LEAST} are needed"
            rows.append(key | {"note": note})
        elif why_not := too_few(one) or too_few(other):
            rows.append(key | {"note": why_not})
        else:
            rows += [key | row for row in _two(one, other, how)]
    table = table_of(rows, keys, ceiling=pl.Float64, p=pl.Float64, note=pl.String)
    return table, _verdict(table) + aside


def _two(a, b, how):
    M, N = a.moments(), b.moments()
    found = how.compare(how.configuration(M), how.configuration(N))
    tops = [_halves(on, how) for on in (a, b)]
    p = similarity.family_p_value(
        similarity.gram(M),
        similarity.gram(N),
        a.families,
        n_permutations=N_PERMUTATIONS,
        random_state=how.random_state,
    )
    for row in summarized([found]):
        # np.min, whose NaN does not hang on the order of the maps
        ceiling = np.min([top.get(row["measure"], np.nan) for top in tops])
        yield row | {"ceiling": ceiling, "p": p if row["measure"] == "cka" else None}


def _halves(on, how):
    """Measure to its mean over comparisons of two halves of the samples."""
    if on.n_groups < 2:
        return {}
    rng, draws = np.random.default_rng(how.random_state), []
    for _ in range(how.n_draws(len(on.models))):
        half = (rng.permutation(on.n_groups) < on.n_groups // 2)[on.groups]
        draws.append(how.compare(*(how.configuration(on.moments(some)) for some in (half, ~half))))
    return {row["measure"]: row["value"] for row in summarized(draws)}


def _verdict(table):
    if table.is_empty():
        return "There is one map only, nothing to compare it with."
    known = table.filter(pl.col("note").is_null())
    if known.is_empty():
        said = (f"{a} and {b}: {note}" for a, b, note in table["map_a", "map_b", "note"].rows())
        return f"No maps are compared. {'; '.join(said)}."
    pairs = [
        (some["above_chance"].min(), a, b, some)
        for (a, b), some in known.group_by("map_a", "map_b", maintain_order=True)
    ]
    _, a, b, some = min(pairs, key=lambda pair: pair[:3])
    least = "" if len(pairs) == 1 else f"least alike of {len(pairs)} pairs, "
    halves = number(some.filter(measure="cka")["ceiling"][0])
    return (
        f"Other data give {word(some)}, at worst: {least}{a} and {b} have {told(some)}; halves of "
        f"one map have CKA {halves}."
    )
