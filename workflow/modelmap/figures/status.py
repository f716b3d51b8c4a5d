"""How every model fared on every dataset, as a page of tables."""

import polars as pl

from modelmap.figures.table import page_of_tables, section


def status_page(status):
    """Make the page.

    Parameters
    ----------
    status : DataFrame, the columns of gather.STATUS

    Returns
    -------
    str, HTML that needs nothing else
    """
    scored = status.filter(pl.col("status") != "not applicable")
    return page_of_tables(
        "How the models fared", [_grid(status), _failed(scored), _cost(scored), _of(scored)]
    )


def _grid(status):
    n_ok, n = (status["status"] == "ok").sum(), (status["status"] != "not applicable").sum()
    grid = status.pivot("dataset", index="model", values="status").sort("model")
    return section("All", f"{n_ok} of {n} are ok.", grid)


def _failed(scored):
    bad = scored.filter((pl.col("status") != "ok") | pl.col("reason").is_not_null())
    return section(
        "What to know",
        "Models without scores, or with a remark. What was gated or missing is asked for again by "
        "<code>make retry</code> (with CONFIG=FILE); a plain run leaves it as it is.",
        bad.select("model", "dataset", "status", "reason", "samples_ok", "samples_missing"),
    )


def _cost(scored):
    done = scored.filter(pl.col("seconds") > 0)
    gb = {
        "memory, GB": pl.col("peak_memory") / 1e9,
        "GPU memory, GB": pl.col("peak_device_memory") / 1e9,
    }
    columns = done.select("model", "dataset", "seconds", **gb).sort("seconds", descending=True)
    return section("Time and memory", "Of the scoring jobs, the longest first.", columns)


def _of(scored):
    columns = ("model", "dataset", "repo", "commit", "dtype", "attention", "device")
    return section(
        "Provenance",
        "What was scored. The footer of each file in results/scores tells more: files with their "
        "hashes, the rendered prompt, settings of the image processor, versions, the batch plan.",
        scored.select(columns),
    )
