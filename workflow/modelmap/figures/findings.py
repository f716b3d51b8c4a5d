"""What the numbers of a map show, as a page of tables."""

from html import escape
from string import Template

import polars as pl

PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Findings on $title</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem; }
h2 { margin-top: 2.5rem; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 0.9rem; }
th, td { padding: 0.25rem 0.9rem 0.25rem 0; text-align: left; border-bottom: 1px solid #ddd; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
p { max-width: 44rem; }
</style>
<h1>Findings on $title</h1>
$body
</html>
""")


def findings_page(
    *, title, models, neighbors, families, family_accuracy, contrasts, n_below, gates
):
    """Make the page.

    Parameters
    ----------
    title : str, the dataset
    models : DataFrame: model, kept, reason, samples_ok, the mean losses, image_gap and interval,
        noise_nats2, prompt_nats2
    neighbors : DataFrame: model, rank, neighbor, kl_nats, low, high, p_nearest
    families : DataFrame: model, family, nearest, nearest_family, same_family
    family_accuracy : dict: accuracy, n_models, null_mean, p
    contrasts : DataFrame: a, b, shows, kl_nats, low, high
    n_below : int, pairs of models whose distance does not stand out of their noise
    gates : dict of model to DataFrame: check, value, limit, verdict

    Returns
    -------
    str, HTML that needs nothing else
    """
    body = [
        _losses(models),
        _image(models),
        _nearest(neighbors),
        _families(families, family_accuracy),
        _contrasts(contrasts),
        _floors(models, n_below),
        _gate(gates),
    ]
    return PAGE.substitute(title=escape(title), body="\n".join(body))


def table(frame):
    """A frame as an HTML table; numbers short, what comes from data escaped."""
    kinds = ["number" if kind.is_numeric() else "text" for kind in frame.dtypes]
    head = _row("th", frame.columns, kinds)
    rows = [_row("td", [_shown(value) for value in row], kinds) for row in frame.iter_rows()]
    return f"<table>{head}{''.join(rows)}</table>"


def _section(heading, text, frame):
    shown = table(frame) if frame.height else "<p>Nothing to show.</p>"
    return f"<h2>{heading}</h2><p>{text}</p>{shown}"


def _losses(models):
    return _section(
        "Mean negative log-likelihood",
        "Over the kept samples; lower is better. The three units are not to be mixed: models cut "
        "text into different tokens.",
        models.sort("model").select(
            "model",
            "kept",
            "reason",
            "samples_ok",
            nats_per_sample=pl.col("nats_per_sample"),
            nats_per_token=pl.col("nats_per_token"),
            bits_per_byte=pl.col("bits_per_byte"),
        ),
    )


def _image(models):
    measured = models.filter(pl.col("image_gap").is_not_null()).sort("image_gap", descending=True)
    return _section(
        "Is the image used?",
        "What it costs, in nats a sample, to show each model another sample's image: the same "
        "other image for all models. With its confidence interval, robust to samples that share an "
        "image.",
        measured.select("model", gap="image_gap", low="image_gap_low", high="image_gap_high"),
    )


def _nearest(neighbors):
    return _section(
        "Nearest models",
        "By KL divergence (nats a sample), with its confidence interval, and the probability that "
        "it is indeed the nearest (bootstrap over images).",
        neighbors.filter(pl.col("rank") == 1).select(
            "model", "neighbor", "kl_nats", "low", "high", "p_nearest"
        ),
    )


def _families(families, accuracy):
    text = (
        "Of every model whose family has members outside its own lineage (its ancestors, its "
        "descendants and theirs): is the nearest model outside the lineage one of the family? "
    )
    if families.height:
        text += (
            f"<b>{accuracy['accuracy']:.0%} of {accuracy['n_models']} models</b>; "
            f"{accuracy['null_mean']:.0%} when families are given to lineages at random "
            f"(p = {accuracy['p']:.3f})."
        ).replace("%", " %")
    return _section("Do families stand together?", text, families)


def _contrasts(contrasts):
    if not contrasts.height:
        return ""
    return _section(
        "Pairs that differ in one thing",
        "The ruler is how far apart two models are that differ by their seed alone. A family of "
        "the zoo is mostly a dialect, the data it saw: compare the pairs that share the data with "
        "those that share the architecture.",
        contrasts.select("a", "b", "shows", "kl_nats", "low", "high"),
    )


def _floors(models, n_below):
    measured = models.filter(pl.col("noise_nats2").is_not_null())
    asked = measured["prompt_nats2"].is_not_null().any()
    text = (
        "Squared distance of each model to itself (nats squared): scored again under another batch "
        "plan and, in lower precision, in float32. "
        f"{n_below} pairs of models do not stand out of it."
    )
    if asked:
        text += " And asked in other words: models nearer than that differ less than prompts do."
    columns = ["noise_nats2", *(["prompt_nats2"] if asked else [])]
    return _section("Noise", text, measured.select("model", *columns).sort("model"))


def _gate(gates):
    rows = [
        {"model": model, "check": r["check"], **{k: r[k] for k in ("value", "limit", "verdict")}}
        for model, checks in gates.items()
        for r in checks.rows(named=True)
        if r["verdict"] != "pass"
    ]
    n_checks = sum(checks.height for checks in gates.values())
    schema = {"model": pl.String, "check": pl.String, "value": pl.Float64, "limit": pl.Float64}
    return _section(
        "The gate",
        f"{n_checks} checks on {len(gates)} models before their scores counted; those that did "
        "not pass:",
        pl.DataFrame(rows, schema | {"verdict": pl.String}),
    )


def _row(tag, cells, kinds):
    inner = "".join(
        f'<{tag} class="{kind}">{escape(cell)}</{tag}>'
        for cell, kind in zip(cells, kinds, strict=True)
    )
    return f"<tr>{inner}</tr>"


def _shown(value):
    if value is None:
        return "\u2013"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}"
    return str(value)
