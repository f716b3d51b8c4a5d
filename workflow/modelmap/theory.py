"""Tables that hold half the squared distance of two models against their KL divergence.

On the map d²/2 stands for KL (Oyama et al. 2025, arXiv 2502.16173, section 3). Here KL is measured:
token by token, exactly, where two models cut texts alike; text by text, over texts that one of
them wrote, which needs nothing in common (carried over to images: KL of p(x|I), mean over I).
"""

from itertools import combinations

import numpy as np
import polars as pl
from scipy import stats

from modelmap.geometry.centering import double_center
from modelmap.geometry.divergence import mean_interval, squared_distances
from modelmap.geometry.interpolation import mean_log_likelihood
from modelmap.geometry.token_divergence import token_divergence

BANDS = {"up to 1 nat": (0, 1), "1 to 10 nats": (1, 10), "above 10 nats": (10, np.inf)}
KL = ("kl_ab", "kl_ab_low", "kl_ab_high", "kl_ba", "kl_ba_low", "kl_ba_high")
PAIRS = {"model_a": pl.String, "model_b": pl.String} | dict.fromkeys(KL, pl.Float64)


def token_level(distributions, groups, *, level):
    """KL divergence token by token, of the pairs of models with one tokenizer, over the texts that
    both can score.

    Parameters
    ----------
    distributions : dict of model to (log_p, ids, vocabulary): an array of shape (n_tokens,
        vocabulary size), nats, texts one after another; dict of sample_id to the tokens of its
        text, in that order; and what tells vocabularies apart
    groups : dict of sample_id to the label of its group

    Returns
    -------
    DataFrame: model_a, model_b, kl_ab (nats a sample, mean over samples of the sum over tokens of
        KL(a ‖ b)), its interval kl_ab_low and kl_ab_high; kl_ba likewise
    """
    rows, parts = [], {m: _by_text(log_p, ids) for m, (log_p, ids, _) in distributions.items()}
    for a, b in combinations(sorted(distributions), 2):
        (_, ids, vocabulary), (_, others, another) = distributions[a], distributions[b]
        shared = sorted(ids.keys() & others.keys())
        if not shared or vocabulary != another or any(ids[s] != others[s] for s in shared):
            continue
        labels, p, q = [groups[s] for s in shared], parts[a], parts[b]
        both = [
            mean_interval([token_divergence(x[s], y[s]).sum() for s in shared], labels, level=level)
            for x, y in ((p, q), (q, p))
        ]
        rows.append((a, b, *both[0], *both[1]))
    return pl.DataFrame(rows, PAIRS, orient="row").fill_nan(None)


def _by_text(log_p, ids):
    """The rows of each text's tokens: dict of sample_id to a view."""
    ends = np.cumsum([len(tokens) for tokens in ids.values()])
    return dict(zip(ids, np.split(log_p, ends)[:-1], strict=True))


def text_level(texts, judged, groups, *, level):
    """KL divergence text by text: mean over texts of a of log p_a(x) − log p_b(x).

    The end of turn is part of a text. Of one that was cut, both models' beginnings are compared,
    which leaves out what they would say differently later. The writer's likelihood is that of the
    tokens as drawn, the other's that of the tokens it would cut the text into.

    Parameters
    ----------
    texts : dict of model to DataFrame of tables.TEXTS, what it wrote
    judged : dict of model to DataFrame of tables.SCORES, of what others wrote; the variant names
        the writer
    groups : dict of sample_id to the label of its group

    Returns
    -------
    DataFrame: as token_level
    """
    rows = []
    for a, b in combinations(sorted(texts), 2):
        both = [_gap(texts[w], judged[j], w, groups, level) for w, j in ((a, b), (b, a))]
        rows.append((a, b, *both[0], *both[1]))
    return pl.DataFrame(rows, PAIRS, orient="row").fill_nan(None)


def _gap(written, judged, writer, groups, level):
    """Mean and interval of how much likelier what one wrote is to it than to another."""
    seen = judged.filter(variant=written_by(writer), status="ok")
    both = written.filter(pl.col("text").is_not_null()).join(seen, "sample_id", suffix="_other")
    if both.is_empty():
        return (np.nan,) * 3
    ends = (both["end_log_likelihood"] - both["end_log_likelihood_other"]).fill_null(0)
    gaps = both["log_likelihood"] - both["log_likelihood_other"] + ends
    return mean_interval(
        gaps.to_numpy(), [groups[sample] for sample in both["sample_id"]], level=level
    )


def written_by(model):
    """The variant under which others score what a model wrote."""
    return f"by {model}"


def writers(texts):
    """What each model wrote.

    Returns
    -------
    DataFrame: model, n_texts, readable (share that others can score: the rest is left out),
        canonical (share that is tokenized as it was written), cut (share that reached the most
        tokens), mean_tokens
    """
    rows = [
        (
            model,
            written.height,
            written["text"].is_not_null().mean(),
            written["canonical"].mean(),
            written["end_log_likelihood"].is_null().mean(),
            written["token_ids"].list.len().mean(),
        )
        for model, written in sorted(texts.items())
    ]
    schema = {"model": pl.String, "n_texts": pl.Int64}
    schema |= dict.fromkeys(("readable", "canonical", "cut", "mean_tokens"), pl.Float64)
    return pl.DataFrame(rows, schema, orient="row")


def with_estimates(divergences, distances, scores, kept, families):
    """Put what the map estimates beside the divergences of pairs.

    Parameters
    ----------
    divergences : DataFrame that token_level or text_level returns
    distances : DataFrame of tables.DISTANCES
    scores : dict of model to DataFrame of tables.SCORES
    kept : list of the ids of samples that count
    families : dict of model to family

    Returns
    -------
    DataFrame: its rows and columns, and kl_mean (of both directions), estimate (d²/2, the map's),
        estimate_with_end (the same of log-likelihoods with the end of turn), same_family
    """
    ended = _distances_with_end(scores, kept)
    return (
        divergences.join(
            distances.select("model_a", "model_b", estimate="kl_nats"),
            on=["model_a", "model_b"],
            maintain_order="left",
        )
        .join(ended, on=["model_a", "model_b"], how="left", maintain_order="left")
        .with_columns(
            kl_mean=(pl.col("kl_ab") + pl.col("kl_ba")) / 2,
            same_family=pl.col("model_a").replace_strict(families, return_dtype=pl.String)
            == pl.col("model_b").replace_strict(families, return_dtype=pl.String),
        )
    )


def _distances_with_end(scores, kept):
    """Half the squared distances of log-likelihoods that include the end of turn."""
    order, rows = pl.DataFrame({"sample_id": kept}), {}
    for model, frame in sorted(scores.items()):
        some = order.join(
            frame.filter(variant="given"), "sample_id", how="left", maintain_order="left"
        )
        values = (some["log_likelihood"] + some["end_log_likelihood"]).to_numpy()
        if not np.isnan(values).any():
            rows[model] = values
    names = list(rows)
    schema = {"model_a": pl.String, "model_b": pl.String, "estimate_with_end": pl.Float64}
    if len(names) < 2:
        return pl.DataFrame(schema=schema)
    d2 = squared_distances(double_center(np.array(list(rows.values()))))
    found = [(names[i], names[j], d2[i, j] / 2) for i, j in combinations(range(len(names)), 2)]
    return pl.DataFrame(found, schema, orient="row")


def agreement(pairs):
    """How well an estimate agrees with the divergence, over pairs of models.

    Parameters
    ----------
    pairs : dict of level ("token", "text") to DataFrame that with_estimates returns

    Returns
    -------
    DataFrame: level, estimate (the column), kl ("mean": of both directions; "directed": each
        direction is a point), pairs (all, same family, or a band of the estimate), n_pairs,
        pearson, spearman, pearson_log (of logarithms), ratio (median of estimate / KL)
    """
    rows = [
        (level, estimate, kl, some, n, *_agree(x, y))
        for level, table in pairs.items()
        for estimate in ("estimate", "estimate_with_end")[: 1 + (level == "text")]
        for kl in ("mean", "directed")
        for some, n, x, y in _selections(table, estimate, kl)
    ]
    schema = dict.fromkeys(("level", "estimate", "kl", "pairs"), pl.String)
    schema |= {"n_pairs": pl.Int64}
    schema |= dict.fromkeys(("pearson", "spearman", "pearson_log", "ratio"), pl.Float64)
    return pl.DataFrame(rows, schema, orient="row").fill_nan(None)


def _selections(table, estimate, kl):
    """Yield (name, number of pairs, estimates, divergences) of all pairs and of parts of them."""
    table = table.drop_nulls([estimate, "kl_mean"])
    parts = {"all": table, "same family": table.filter("same_family")}
    for band, (low, high) in BANDS.items():
        parts[band] = table.filter((pl.col(estimate) > low) & (pl.col(estimate) <= high))
    columns = ["kl_mean"] if kl == "mean" else ["kl_ab", "kl_ba"]
    for name, some in parts.items():
        x = np.tile(some[estimate].to_numpy(), len(columns))
        yield name, some.height, x, some.select(columns).to_numpy().T.ravel()


def _agree(x, y):
    """Pearson, Spearman, Pearson of logarithms, median ratio; NaN where there is none."""
    good = (x > 0) & (y > 0)  # an estimate of KL from texts may be negative
    ratio = np.median(x[good] / y[good]) if good.any() else np.nan
    in_logs = _correlation(stats.pearsonr, np.log(x[good]), np.log(y[good]))
    return _correlation(stats.pearsonr, x, y), _correlation(stats.spearmanr, x, y), in_logs, ratio


def _correlation(of, x, y):
    """A correlation; NaN of fewer than 3 points, or where one side does not vary."""
    if len(x) < 3 or np.ptp(x) <= 1e-9 * np.abs(x).max() or np.ptp(y) == 0:
        return np.nan
    return of(x, y)[0]


def between(corners, grid, L):
    """Mean log-likelihood of models with interpolated weights, and what the map expects.

    Parameters
    ----------
    corners : names of the models at (0, 0), (1, 0) and (0, 1)
    grid : list of (a, b)
    L : array of shape (n_points, n_samples), log-likelihoods measured, nats

    Returns
    -------
    DataFrame: origin, first, second, a, b, actual, plane, expected (nats a sample, see
        geometry.interpolation), off_line (nats: half the squared distance of the measured
        coordinates from those on the plane through the corners)
    """
    at = [grid.index(point) for point in ((0, 0), (1, 0), (0, 1))]
    w = np.array(grid, dtype=float)
    plane, expected = mean_log_likelihood(L[at], w)
    flat = L[at[0]] + w @ (L[at[1:]] - L[at[0]])
    return pl.DataFrame(
        {
            **{
                k: [c] * len(w) for k, c in zip(("origin", "first", "second"), corners, strict=True)
            },
            "a": w[:, 0],
            "b": w[:, 1],
            "actual": L.mean(axis=1),
            "plane": plane,
            "expected": expected,
            "off_line": np.var(L - flat, axis=1) / 2,
        }
    )


def interpolation_summary(points, angles):
    """How well the mean log-likelihood between models is expected.

    Parameters
    ----------
    points : DataFrame, rows that `between` returns
    angles : dict of (origin, first, second) to degrees

    Returns
    -------
    DataFrame: origin, first, second, angle_degrees, pearson and spearman (of expected and actual),
        pearson_plane, error and error_plane (root mean square, nats), largest_off_line (nats)
    """
    rows = []
    for corners, angle in angles.items():
        named = dict(zip(("origin", "first", "second"), corners, strict=True))
        some = points.filter(**named)
        x, y, plane = (some[column].to_numpy() for column in ("expected", "actual", "plane"))
        rows.append(
            named
            | {
                "angle_degrees": angle,
                "pearson": stats.pearsonr(x, y)[0],
                "spearman": stats.spearmanr(x, y)[0],
                "pearson_plane": stats.pearsonr(plane, y)[0],
                "error": np.sqrt(np.mean((x - y) ** 2)),
                "error_plane": np.sqrt(np.mean((plane - y) ** 2)),
                "largest_off_line": some["off_line"].max(),
            }
        )
    schema = dict.fromkeys(("origin", "first", "second"), pl.String)
    schema |= dict.fromkeys(("angle_degrees", "pearson", "spearman", "pearson_plane"), pl.Float64)
    schema |= dict.fromkeys(("error", "error_plane", "largest_off_line"), pl.Float64)
    return pl.DataFrame(rows, schema)
