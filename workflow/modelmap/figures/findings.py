"""What the numbers of a map show, as a page of tables."""

import polars as pl

from modelmap.figures.kin import kin_sections
from modelmap.figures.table import labeled, page_of_tables, section

LOSSES = ("model", "kept", "reason", "samples_ok")
LOSSES += ("nats_per_sample", "nats_per_token", "bits_per_byte")
NEAREST = ("model", "neighbor", "kl_nats", "low", "high", "p_nearest")


def findings_page(*, title, models, neighbors, families, contrasts, counts, gates, kin, labels):
    """Make the page.

    Parameters
    ----------
    title : str, the dataset
    models : DataFrame: model, kept, reason, samples_ok, the mean losses, image_gap and interval,
        first_token_share, noise_nats2, prompt_nats2
    neighbors : DataFrame: model, rank, neighbor, kl_nats, low, high, p_nearest
    families : DataFrame: model, family, nearest, nearest_family, same_family
    contrasts : DataFrame: a, b, shows, kl_nats, low, high
    counts : dict: n_pairs, n_below_noise_floor, n_beyond_kl_limit (None: not known), kl_limit
        (bits per byte)
    gates : dict of model to DataFrame: check, value, limit, verdict
    kin : dict: the tables that figures.kin.kin_sections takes
    labels : dict of model to label

    Returns
    -------
    str, HTML that needs nothing else
    """
    kin = kin | {"suspects": labeled(kin["suspects"], labels)}
    body = [
        _losses(models, labels),
        _image(models),
        _first_tokens(models),
        _nearest(neighbors, labels),
        _families(families, kin["labels"]),
        _contrasts(contrasts),
        *kin_sections(**kin),
        _limit(counts),
        _floors(models, counts),
        _gate(gates),
    ]
    return page_of_tables(f"Findings on {title}", body)


def _losses(models, labels):
    return section(
        "Mean negative log-likelihood",
        "Over the kept samples; lower is better. The three units are not to be mixed: models cut "
        "text into different tokens.",
        labeled(models.sort("model").select(LOSSES), labels),
    )


def _image(models):
    measured = models.filter(pl.col("image_gap").is_not_null()).sort("image_gap", descending=True)
    if not measured.height:
        return ""
    return section(
        "Is the image used?",
        "What it costs, in nats a sample, to show each model another sample's image: the same "
        "other image for all models. With its confidence interval, robust to samples that share an "
        "image.",
        measured.select("model", gap="image_gap", low="image_gap_low", high="image_gap_high"),
    )


def _first_tokens(models):
    measured = models.filter(pl.col("first_token_share").is_not_null())
    if not measured.height:
        return ""
    return section(
        "The first token",
        "The share of a log-likelihood's variance over texts that is in the text's first token, "
        "which nothing but the begin of sequence stands before (covariance of the two, by the "
        "variance of the whole).",
        measured.select("model", "first_token_share").sort("model"),
    )


def _nearest(neighbors, labels):
    return section(
        "Nearest models",
        "By KL divergence (nats a sample), with its confidence interval, and the probability that "
        "it is indeed the nearest (bootstrap over images).",
        labeled(neighbors.filter(pl.col("rank") == 1).select(NEAREST), labels),
    )


def _families(families, labels):
    text = (
        "Of every model whose family has members outside its own lineage (its ancestors, its "
        "descendants and theirs): is the nearest model outside the lineage one of the family? "
    )
    if families.height:
        found = labels.row(by_predicate=pl.col("label") == "family", named=True)
        text += (
            f"<b>{found['accuracy']:.0%} of {found['n_models']} models</b>; "
            f"{found['null_mean']:.0%} when families are given to lineages at random "
            f"(p = {found['p']:.3f})."
        ).replace("%", " %")
    return section("Do families stand together?", text, families)


def _contrasts(contrasts):
    if not contrasts.height:
        return ""
    return section(
        "Pairs that differ in one thing",
        "The ruler is how far apart two models are that differ by their seed alone. A family of "
        "the zoo is mostly a dialect, the data it saw: compare the pairs that share the data with "
        "those that share the architecture.",
        contrasts.select("a", "b", "shows", "kl_nats", "low", "high"),
    )


def _limit(counts):
    if counts["n_beyond_kl_limit"] is None:
        return ""
    return section(
        "How far a distance is a divergence",
        "Half the squared distance is the KL divergence of models that are near a common "
        f"reference. Beyond {counts['kl_limit']} bits per byte it overstates it by more than a "
        "fifth, sooner where a model is mainly sharper than another, later where it is not "
        "(docs/uncertainty.md): there read it as a distance, not as nats of divergence.",
        pl.DataFrame({"pairs": counts["n_pairs"], "beyond": counts["n_beyond_kl_limit"]}),
    )


def _floors(models, counts):
    measured = models.filter(pl.col("noise_nats2").is_not_null())
    if not measured.height:
        return ""
    asked = measured["prompt_nats2"].is_not_null().any()
    text = (
        "Squared distance of each model to itself (nats squared): scored again under another batch "
        "plan and, in lower precision, in float32. "
        f"{counts['n_below_noise_floor'] or 0} pairs of models do not stand out of it."
    )
    if asked:
        text += " And asked in other words: models nearer than that differ less than prompts do."
    columns = ["noise_nats2", *(["prompt_nats2"] if asked else [])]
    return section("Noise", text, measured.select("model", *columns).sort("model"))


def _gate(gates):
    if not gates:
        return ""
    rows = [
        {"model": model, "check": r["check"], **{k: r[k] for k in ("value", "limit", "verdict")}}
        for model, checks in gates.items()
        for r in checks.rows(named=True)
        if r["verdict"] != "pass"
    ]
    n_checks = sum(checks.height for checks in gates.values())
    schema = {"model": pl.String, "check": pl.String, "value": pl.Float64, "limit": pl.Float64}
    return section(
        "The gate",
        f"{n_checks} checks on {len(gates)} models before their scores counted; those that did "
        "not pass:",
        pl.DataFrame(rows, schema | {"verdict": pl.String}),
    )
