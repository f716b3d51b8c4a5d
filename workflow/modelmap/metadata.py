"""What the sheet says of models, in the form that tables and tests need."""

import math

import polars as pl

from modelmap.geometry.neighbors import lineages

FACTS = ("lineage", "log_params", "year")


def facts(sheet):
    """The lineage, size and date of models.

    Parameters
    ----------
    sheet : list of dict: model, parent (names, comma-separated), params_b, released; the whole
        sheet, as lineages pass through models that have no score

    Returns
    -------
    DataFrame: model, lineage (its first model, by name), log_params (natural logarithm of billions
        of parameters), year (see `year`), by name; null where the sheet does not say
    """
    sheet = sorted(sheet, key=lambda row: row["model"])
    labels = lineage_labels([row["model"] for row in sheet], sheet).tolist()
    rows = [
        (
            row["model"],
            sheet[labels.index(label)]["model"],
            row["params_b"] and math.log(row["params_b"]),
            year(row["released"]),
        )
        for row, label in zip(sheet, labels, strict=True)
    ]
    schema = {"model": pl.String, "lineage": pl.String, "log_params": pl.Float64}
    return pl.DataFrame(rows, schema | {"year": pl.Float64}, orient="row")


def lineage_labels(models, sheet):
    """Label models by their lineage, as `geometry.neighbors.lineages` does.

    It passes through models of the sheet that are not among these: two children of a model that
    has no scores are of one lineage.

    Parameters
    ----------
    models : list of str
    sheet : list of dict: model, parent (names, comma-separated); these models and others

    Returns
    -------
    int array of shape (n_models,)
    """
    everyone = sorted(row["model"] for row in sheet)
    place = {name: i for i, name in enumerate(everyone)}
    return lineages(parents(everyone, sheet))[[place[name] for name in models]]


def parents(models, sheet):
    """For each of the models, the indices of those of them that it was made from."""
    index, told = {name: i for i, name in enumerate(models)}, {r["model"]: r for r in sheet}
    return [[index[p] for p in (told[m]["parent"] or "").split(",") if p in index] for m in models]


def year(released):
    """A date (YYYY, YYYY-MM or YYYY-MM-DD) as a year with its fraction; None where there is none.

    The middle of what is not told, so that no model is early for want of a day.
    """
    if not released:
        return None
    told, *rest = (int(part) for part in released.split("-"))
    month, day = [*rest, None, None][:2]
    if month is None:
        return told + 0.5
    return told + (month - 1 + (0.5 if day is None else (day - 0.5) / 31)) / 12
