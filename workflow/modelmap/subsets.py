"""How few samples would do: how far distances from subsets are off, and the subsets themselves."""

import math

import numpy as np
import polars as pl

from modelmap.geometry import sampling
from modelmap.geometry.resampling import affordable

HELD_OUT, ALL = "held out", "all"
ENOUGH = 0.1  # error that the note tells the number of samples for
N_FOLDS = 5
PAIRS = 4000  # of many models so many pairs, drawn at random, stand for all
# Of much data fewer draws: pairs × groups × designs × draws that are affordable.
RUNS = {"most": 2.5e10, "least": 20}

COUNTS = ("n_drawn", "n_groups", "n_samples")
ERRORS = ("tau1", "tau1_low", "tau1_high", "tau1_expected", "tau2", "epsilon1", "epsilon2")
SCHEMA = {"evaluated_on": pl.String, "method": pl.String, "size": pl.Float64}
SCHEMA |= {"n_drawn": pl.Int64, "n_runs": pl.Int64, "n_pairs": pl.Int64}
SCHEMA |= dict.fromkeys((*COUNTS[1:], *ERRORS), pl.Float64)


def n_drawn(size, n_groups):
    """How many groups are drawn for a size: a share of all, and at least two."""
    return max(2, round(size * n_groups))


def errors(models, Q, samples, families, *, methods, sizes, n_repeats, random_state):
    """How far squared distances from subsets are off, by method and size.

    Held out: probabilities are chosen on some families and errors taken on the pairs of models of
    the others, in folds; that is what a new family has to expect. All: all models choose, and
    errors are those of their own pairs.

    Parameters
    ----------
    models : list of str
    Q : ndarray of shape (n_models, n_samples), centered, nats
    samples : DataFrame with group of these samples
    families : list of str or None, one per model; a model without is a family of its own
    methods : list of "uniform", "ls", "kl"
    sizes : list of float, groups to draw as a share of all
    n_repeats : int, most draws of each method and size; of much data fewer, see RUNS
    random_state : int

    Returns
    -------
    table : DataFrame: evaluated_on, method, size, n_drawn (groups), n_runs, n_pairs, n_groups and
        n_samples (different ones, expected), tau1 (over runs; with the 5th and 95th percentile of
        runs, and as expected in closed form; null where some pair differs only in groups that are
        never drawn), tau2, epsilon1 and epsilon2 (tau and the sampling
        error of the whole together), all relative errors of d². The method "uniform" at size 1 is
        always there: it is the sampling error of the whole
    note : str, what it says, or why there is nothing
    """
    order = np.argsort(models)
    Q, names = Q[order], np.array(models)[order]
    families = [families[i] or models[i] for i in order]
    groups = samples["group"].to_numpy()
    n_groups = samples["group"].n_unique()
    if len(names) < 2 or n_groups < 2:
        note = f"Errors of subsets need 2 models and 2 groups of samples, there are {len(names)} "
        return pl.DataFrame(schema=SCHEMA), note + f"and {n_groups}."
    designs = [(method, size) for method in methods for size in sizes]
    designs += [] if ("uniform", 1) in designs else [("uniform", 1)]
    how = {"designs": designs, "n_repeats": n_repeats, "random_state": random_state}
    folds = _folds(families)
    every = np.arange(len(names))
    trials = {HELD_OUT: [(np.setdiff1d(every, held), held) for held in folds]}
    try:
        rows = _rows(Q, groups, HELD_OUT, trials[HELD_OUT], **how) if folds else []
        rows += _rows(Q, groups, ALL, [(every, every)], **how)
    except sampling.Alike as reason:
        return pl.DataFrame(schema=SCHEMA), f"{reason}."
    known = pl.when(pl.col("tau1_expected").is_finite()).then("tau1_expected")
    table = pl.DataFrame(rows, SCHEMA).with_columns(tau1_expected=known)
    return table, _note(table, len(groups), len(set(families)))


def choose(models, Q, samples, *, methods, sizes, random_state):
    """Draw subsets, one by each method of each size: all samples of the groups drawn.

    Yields
    ------
    rows : DataFrame of tables.SUBSET, in the order of `samples`; none where models do not differ
    facts : dict: method, size, n_drawn, n_groups, n_samples (of the whole), random_state, models,
        and where there is no row, the reason
    """
    labels, codes = np.unique(samples["group"].to_numpy(), return_inverse=True)
    facts = {"n_groups": len(labels), "n_samples": len(codes)}
    facts |= {"random_state": random_state, "models": models}
    for method in methods:
        try:
            probability, reason = sampling.probabilities(Q, codes, method=method), {}
        except sampling.Alike as alike:
            probability, reason = None, {"reason": str(alike)}
        for size in sizes:
            n = n_drawn(size, len(labels))
            counts = np.zeros(len(labels), dtype=int)
            if probability is not None:
                counts = sampling.draw(probability, n, _rng(random_state, method, n))
            about = {"method": method, "size": size, "n_drawn": n}
            yield _members(samples, codes, counts, probability), facts | about | reason


def _members(samples, codes, counts, probability):
    """All samples of the groups drawn, with what was drawn of their group."""
    here = counts[codes] > 0
    columns = {"count": counts}
    if here.any():
        columns |= {"probability": probability, "weight": sampling.weights(counts, probability)}
    table = samples.select("sample_id", "group").filter(here)
    return table.with_columns(pl.Series(c, v[codes[here]]) for c, v in columns.items())


def _rng(random_state, method, n, fold=0):
    """Draws of their own for each method, size and fold, whatever else is drawn."""
    return np.random.default_rng([random_state, sampling.METHODS.index(method), n, fold])


def _folds(families):
    """Indices of the models held out together: whole families, two at least where there are four.

    Only folds that leave a pair on both sides.
    """
    members = {}
    for i, family in enumerate(families):
        members.setdefault(family, []).append(i)
    folds = [[] for _ in range(min(N_FOLDS, max(2, len(members) // 2)))]
    for _, some in sorted(members.items(), key=lambda item: (-len(item[1]), item[0])):
        min(folds, key=len).extend(some)
    n = len(families)
    return [np.sort(held) for held in folds if len(held) > 1 and n - len(held) > 1]


def _rows(Q, groups, name, trials, *, designs, n_repeats, random_state):
    """Rows of the table: errors over all pairs of all trials, (models that choose, models held)."""
    sizes = np.unique(groups, return_counts=True)[1]
    n = [n_drawn(size, len(sizes)) for _, size in designs]
    pairs = [_pairs(held, PAIRS // len(trials), random_state) for _, held in trials]
    n_pairs = sum(len(i) for i, _ in pairs)
    n_runs = affordable(n_repeats, **RUNS, cost=n_pairs * len(sizes) * len(designs))
    squared, unique = np.zeros((2, len(designs), n_runs)), np.zeros((2, len(designs)))
    expected, G = np.zeros(len(designs)), 0.0
    for fold, ((chosen, _), some) in enumerate(zip(trials, pairs, strict=True)):
        drawn, of = [], {}  # method -> probability, and error of one draw
        for method in dict.fromkeys(method for method, _ in designs):
            p = sampling.probabilities(Q[chosen], groups, method=method)
            of[method] = p, sampling.expected_squared_errors(Q, groups, some, p)
        for k, (method, _) in enumerate(designs):
            p, (error, _, size) = of[method]
            counts = _rng(random_state, method, n[k], fold).multinomial(n[k], p, size=n_runs)
            drawn.append(np.array([sampling.weights(row, p) ** 2 for row in counts]))
            expected[k] += error / n[k]
            unique[0, k] += sampling.expected_unique(p, n[k], np.ones(len(sizes))) / len(trials)
            unique[1, k] += sampling.expected_unique(p, n[k], sizes) / len(trials)
        G += size
        found = sampling.squared_errors(Q, groups, some, np.concatenate(drawn))
        squared += np.reshape(found, squared.shape)
    told = {"evaluated_on": name, "n_runs": n_runs, "n_pairs": n_pairs}
    columns = _relative(squared[0] / G, squared[1] / n_pairs, designs.index(("uniform", 1)))
    columns |= {"n_groups": unique[0], "n_samples": unique[1], "n_drawn": n}
    columns["tau1_expected"] = np.sqrt(expected / G)
    return [
        told | {"method": method, "size": size} | {c: values[k] for c, values in columns.items()}
        for k, (method, size) in enumerate(designs)
    ]


def _relative(absolute, relative, whole):
    """Columns of relative errors from squared ones of shape (n_designs, n_runs)."""
    tau1, tau2 = (np.sqrt(squared.mean(axis=1)) for squared in (absolute, relative))
    low, high = np.quantile(np.sqrt(absolute), [0.05, 0.95], axis=1)
    epsilon = {"epsilon1": np.hypot(tau1, tau1[whole]), "epsilon2": np.hypot(tau2, tau2[whole])}
    return {"tau1": tau1, "tau1_low": low, "tau1_high": high, "tau2": tau2} | epsilon


def _pairs(models, most, random_state):
    """Pairs of some models; of many pairs so many, at random."""
    n = len(models) * (len(models) - 1) // 2
    chance = np.random.default_rng(random_state)
    some = np.arange(n) if n <= most else chance.choice(n, most, replace=False)
    i, j = sampling.pairs_at(len(models), some)
    return models[i], models[j]


def _note(table, n_samples, n_families):
    """How many samples are enough, method by method."""
    on = HELD_OUT if HELD_OUT in table["evaluated_on"] else ALL
    here = table.filter(evaluated_on=on)
    told = []
    for (method,), rows in here.group_by("method", maintain_order=True):
        name = method if method == "uniform" else method.upper()
        told.append(f"{name} {_enough(rows.sort('n_samples'))}")
    whole = here.filter(method="uniform", size=1)["tau1"][0]
    who = {HELD_OUT: "of families that did not choose them", ALL: "of models that chose them"}[on]
    text = (
        f"Distances {who} are off by {_percent(ENOUGH)} with {', '.join(told)} of {n_samples:,} "
        f"samples; another {n_samples:,} would move them by {_percent(whole)}."
    )
    if on == ALL:
        text += f" None could be held out: there are {n_families} families, or too few models."
    return text


def _enough(rows):
    """The number of samples at which the error comes down to ENOUGH, between two sizes."""
    n, tau1 = rows["n_samples"].to_numpy(), rows["tau1"].to_numpy()
    reached = np.flatnonzero(tau1 <= ENOUGH)
    if not reached.size:
        return f"more than {n[-1]:.0f}"
    k = reached[0]
    if k == 0:
        return f"{n[0]:.0f} or fewer"
    share = math.log(tau1[k - 1] / ENOUGH) / math.log(tau1[k - 1] / tau1[k])
    return f"{n[k - 1] * (n[k] / n[k - 1]) ** share:.0f}"


def _percent(share):
    return f"{100 * share:.2g}\N{NO-BREAK SPACE}%"
