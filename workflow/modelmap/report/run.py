"""How a run went: every model on every dataset, what the gate said, what was scored."""

from pathlib import Path

import polars as pl

from modelmap import tables
from modelmap.figures.picture import link
from modelmap.figures.report import Chapter, Section
from modelmap.figures.table import labeled, table

FARED = ("model", "dataset", "status", "reason", "samples_ok", "samples_missing", "seconds")
SCORED = ("model", "dataset", "repo", "commit", "dtype", "attention", "device")


def the_run(status, gates, *, labels, caption, status_file, page):
    """Make the chapter.

    Parameters
    ----------
    status : DataFrame of gather.STATUS
    gates : list of Path
        A folder of tables.GATE for each dataset.
    labels : dict of model to label
    caption : str, HTML
    status_file : Path
        Whose page lies beside it, to link.
    page : Path
        Where the report will lie.

    Returns
    -------
    Chapter
    """
    gb = {
        "memory_gb": pl.col("peak_memory").cast(pl.Float64) / 1e9,  # all null: read as text
        "gpu_memory_gb": pl.col("peak_device_memory").cast(pl.Float64) / 1e9,
    }
    fared = labeled(status.select(*FARED, **gb), labels)
    files = [status_file, status_file.with_suffix(".html")]
    links = f"<p class=files>{' · '.join(link(file, page, file.name) for file in files)}</p>"
    scored = status.filter(pl.col("repo").is_not_null()).select(SCORED)
    parts = [
        Section("status", "How every model fared", _shown(fared, "how every model fared") + links),
        Section("gate", "The gate", _gate(gates)),
        Section("provenance", "What was scored", _scored(scored)),
    ]
    return Chapter("run", "The run", f"<p class=caption>{caption}</p>", parts)


def _shown(frame, name):
    return table(frame.drop([c.name for c in frame if c.null_count() == frame.height]), name)


def _gate(folders):
    """Checks before scores counted, of which those are shown that did not pass."""
    checked = [
        tables.read(file, tables.GATE).with_columns(
            dataset=pl.lit(folder.name), model=pl.lit(file.stem)
        )
        for folder in map(Path, folders)
        for file in sorted(folder.glob("*.parquet"))
    ]
    if not checked:
        return ""
    checks = pl.concat(checked)
    failed = checks.filter(pl.col("verdict") != "pass")
    image = ", an image that matters" * ("image_used" in checks["check"])
    said = (
        f"<p>{checks.height:,} checks on {len(checked):,} scores before they counted: finite "
        f"numbers, no target that leaks into earlier logits, the same alone and in a batch{image}. "
        f"{failed.height:,} did not pass.</p>"
    )
    columns = ("model", "dataset", "check", "value", "limit", "verdict")
    return said + (_shown(failed.select(columns), "gate") if failed.height else "")


def _scored(scored):
    if not scored.height:
        return ""
    said = (
        "<p>The footer of each file in results/scores tells more: files with their hashes, the "
        "rendered prompt, settings of the image processor, versions, the batch plan.</p>"
    )
    return said + _shown(scored, "what was scored")
