"""What the interactive map says of a model under the pointer."""

from html import escape

import polars as pl

NEAREST = 3
UNITS = {
    "nats_per_sample": "nats per sample",
    "nats_per_token": "nats per token",
    "bits_per_byte": "bits per byte",
}


def hovers(models, neighbors, *, labels):
    """Write what is known of each model.

    Parameters
    ----------
    models : DataFrame
        As `points.named` returns it, with the columns of `UNITS` where known.
    neighbors : DataFrame
        Columns model, rank (from 1), neighbor, kl_nats, low, high.
    labels : dict of str to str
        Model to label, for parents and neighbors; a model without one goes by its name.

    Returns
    -------
    dict of str to str
        Model to lines of plotly's HTML; every string from the tables is escaped.
    """
    near = {}
    shown = neighbors.filter(pl.col("rank") <= NEAREST).sort("model", "rank")
    for row in shown.iter_rows(named=True):
        near.setdefault(row["model"], []).append(_neighbor(row, labels))
    return {
        row["model"]: "<br>".join(_facts(row, labels) + _nearest(near.get(row["model"], [])))
        for row in models.iter_rows(named=True)
    }


def _facts(row, labels):
    parents = [labels.get(p.strip(), p.strip()) for p in row["parent"].split(",") if p.strip()]
    values = [
        f"{row[column]:.4g} {unit}" for column, unit in UNITS.items() if _is_number(row.get(column))
    ]
    return [
        f"<b>{escaped(row['label'])}</b>",
        f"Family: {escaped(row['family'])}",
        f"Recipe: {escaped(row['recipe'])}",
        f"Parent: {escaped(', '.join(parents) or 'none')}",
        f"Mean NLL: {', '.join(values) or 'not known'}",
    ]


def _nearest(lines):
    heading = "Nearest models (KL in nats, with interval):"
    return [heading, *lines] if lines else []


def _neighbor(row, labels):
    name = escaped(labels.get(row["neighbor"], row["neighbor"]))
    known = _is_number(row["low"]) and _is_number(row["high"])
    interval = f" [{row['low']:.3g}, {row['high']:.3g}]" if known else ""
    return f"{row['rank']}. {name}: {row['kl_nats']:.3g}{interval}"


def _is_number(value):
    # NaN differs from itself
    return value is not None and value == value


def escaped(value):
    """Escape a string for plotly, which knows no &quot; but takes the number of the character."""
    return escape(value).replace("&quot;", "&#34;")
