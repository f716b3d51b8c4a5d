"""What stands behind a map, as sections of the page of findings."""

from html import escape

import polars as pl

from modelmap.figures.table import section

MOST = 20


def kin_sections(*, labels, suspects, recipes, variance):
    """Make the sections.

    Parameters
    ----------
    labels : DataFrame: label, accuracy, n_models, null_mean, p, silhouette, note
    suspects : DataFrame: model_a, model_b, kl_nats, closer, declared, p, suspect
    recipes : DataFrame: recipe, n_shifts, n_lineages, length_nats, difficulty_share, cosine,
        null_cosine, p, p_adjusted, p_sign
    variance : DataFrame: factor, n_models, r2, r2_adjusted, r2_unique, p, permuted

    Returns
    -------
    list of str, HTML
    """
    return [_labels(labels), _suspects(suspects), _recipes(recipes), _variance(variance)]


def _labels(labels):
    columns = ("label", "accuracy", "null_mean", "p", "n_models", "silhouette", "note")
    return section(
        "What do models stand together by?",
        "The same question of other columns of the sheet: how often the nearest model outside the "
        "own lineage has the same, and how often if labels were given to lineages at random. "
        "Silhouette: 1 where models are among their own, 0 between, −1 among others, their own "
        "lineage left out.",
        labels.select(columns),
    )


def _suspects(suspects):
    found = suspects.filter("suspect")
    if found.height:
        text = (
            f"<b>{_count(found.height, 'pair')}</b> of models from different lineages "
            f"{'is' if found.height == 1 else 'are'} closer to each other than chance has it "
            "(p is for any pair of the map): one may descend from the other, or both may have "
            "learned from the same data."
        )
    else:
        text = (
            "No pair of models from different lineages is closer to each other than chance has it: "
            "nothing on this map looks like an undeclared parent."
        )
    text += (
        " Below, the closest pairs, and as a ruler those that the sheet declares (at most "
        f"{MOST}; all are in suspects.tsv): how many times closer they are than either is to any "
        "other lineage."
    )
    return section("Undeclared parents", text, suspects.drop("suspect").head(MOST))


def _recipes(recipes):
    if not recipes.height:
        return ""
    own = recipes.filter(pl.col("p_adjusted") <= 0.05)["recipe"].to_list()
    told = f"A direction of its own (adjusted p ≤ 0.05): <b>{_list(own)}</b>. " if own else ""
    told = told or "No recipe shows a direction of its own at an adjusted p ≤ 0.05. "
    text = told + (
        "Shifts from parent to child, difficulty taken off: how long they are, and how alike "
        "between lineages. p: more alike than shifts of other recipes are; p_sign: alike at all. "
        "Few lineages allow no small p."
    )
    return section("What recipes do", text, recipes)


def _variance(variance):
    known = variance.filter(pl.col("r2").is_not_null())
    text = (
        "The share of the squared distances that goes with each column of the sheet: alone (r2), "
        "less what as many random columns would take (r2_adjusted), and beyond all the others "
        "(r2_unique). Columns overlap, so shares do not add up."
    )
    columns = ("factor", "n_models", "n_levels", "r2", "r2_adjusted", "r2_unique", "p", "permuted")
    return section("What the sheet explains", text, known.select(columns))


def _count(n, what):
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _list(names):
    return ", ".join(escape(name) for name in names)
