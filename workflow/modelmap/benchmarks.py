"""Benchmark tables, read from a file or made of answers, and joined with the models of a map."""

import difflib
import math
import re
from pathlib import Path

import polars as pl

from modelmap.metadata import FACTS, facts

MEASURES = ("nats_per_sample", "nats_per_token", "bits_per_byte")
MEAN = "mean"
BESIDE = ("model", "family", *FACTS, *MEASURES)  # columns of points that are no benchmarks
MOST = 200  # characters of a file's name, without its ending
RULES = ("sum", "byte", "pmi")  # by which an option is chosen


class InvalidBenchmarks(ValueError):
    """What is wrong with a benchmark table."""


def read_table(path):
    """Read a benchmark table: `name`, then one numeric column per benchmark.

    Tab-separated; lines that begin with # are comments; an empty cell is a missing score.

    Raises
    ------
    InvalidBenchmarks
        If the table is not of this form; names file, line and column.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        number = error.object.count(b"\n", 0, error.start) + 1
        raise InvalidBenchmarks(f"{path} line {number}: not UTF-8 text; save it as UTF-8") from None
    lines = [(n, x.split("\t")) for n, x in enumerate(lines, 1) if x.strip() and x[0] != "#"]
    if not lines or lines[0][1][0] != "name" or len(lines[0][1]) < 2:
        found = repr("\t".join(lines[0][1])) if lines else "no line"
        place = f"{path} line {lines[0][0]}" if lines else path
        raise InvalidBenchmarks(
            f"{place}: expected a header with name and one column per benchmark, separated by "
            f"tabs; found {found}"
        )
    header = lines[0][1]
    if problems := _problems(path, lines):
        raise InvalidBenchmarks("\n".join(problems))
    rows = [dict(zip(header, fields, strict=True)) for _, fields in lines[1:]]
    scores = [
        {k: v if k == "name" else float(v) if v else None for k, v in row.items()} for row in rows
    ]
    return pl.DataFrame(scores, {k: pl.String if k == "name" else pl.Float64 for k in header})


def join(table, models, metadata):
    """Put losses and scores side by side, by `benchmark_name` or the model's name.

    Parameters
    ----------
    table : DataFrame from read_table
    models : DataFrame of tables.MATRIX_MODELS
    metadata : list of dict: model, family, benchmark_name and what `metadata.facts` takes; of the
        whole sheet

    Returns
    -------
    points : DataFrame: the columns BESIDE, each benchmark and, where there is more than one, their
        mean (of models that have them all)
    coverage : DataFrame: model, name, on_map, in_table; models and scores without the other too,
        with the nearest name of the other side
    """
    names = pl.DataFrame(
        [
            {
                "model": r["model"],
                "family": r["family"] or r["model"],
                "name": r["benchmark_name"] or r["model"],
            }
            for r in metadata
        ],
        dict.fromkeys(("model", "family", "name"), pl.String),
    )
    benchmarks = [c for c in table.columns if c != "name"]
    if len(benchmarks) > 1:
        mean = pl.sum_horizontal(benchmarks, ignore_nulls=False) / len(benchmarks)
        table = table.with_columns(mean.alias(MEAN))
    on_map = models.filter("kept").select("model", *MEASURES)
    known = names.join(facts(metadata), on="model", how="left")
    joined = known.join(on_map, on="model", how="left").join(
        table, on="name", how="full", coalesce=True
    )
    here = pl.col("nats_per_sample").is_not_null()
    scored = pl.any_horizontal(pl.col(benchmarks).is_not_null())
    coverage = joined.select("model", "name", on_map=here, in_table=scored).sort("name")
    alone = {
        True: coverage.filter(pl.col("model").is_null())["name"].to_list(),
        False: coverage.filter(pl.col("model").is_not_null(), ~pl.col("in_table"))[
            "name"
        ].to_list(),
    }
    coverage = coverage.with_columns(
        nearest=pl.Series(
            [
                None if model and in_table else _nearest(name, alone[model is not None])
                for model, name, _, in_table in coverage.rows()
            ],
            dtype=pl.String,
        )
    )
    points = joined.filter(here & scored).sort("model").drop("name")
    return points, coverage


def names_of(points):
    """The benchmarks of `join`'s points, and their mean."""
    return [c for c in points.columns if c not in BESIDE]


def _nearest(name, others):
    """Which of the names without a partner may be meant."""
    folded = {other.casefold(): other for other in others if other != name}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.7)
    return folded[close[0]] if close else None


def file_name(benchmark):
    """A benchmark's name as a file, and a link to it in the report, can be called."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", benchmark).lstrip("._-")[:MOST] or "benchmark"


def multiple_choice(samples, scores):
    """Share of questions a model answers right, by stratum, from its options' log-likelihoods.

    An answer is the option of highest log-likelihood (`sum`), of highest log-likelihood per byte
    (`byte`), or whose log-likelihood gains most by the image, against a blank one (`pmi`).

    Parameters
    ----------
    samples : DataFrame of tables.SAMPLES with `correct`; samples whose ids differ only behind
        the last # are the options of one question, which counts if all of them were scored
    scores : DataFrame of tables.SCORES with the variants given and, for pmi, blank

    Returns
    -------
    dict of stratum ("all" where there is none) to dict of rule (sum, byte, pmi) to percentage
    """
    question = pl.col("sample_id").str.replace("#[^#]*$", "")
    samples = samples.with_columns(pl.col("stratum").fill_null("all"), question=question)
    ok = scores.filter(pl.col("status") == "ok").select("sample_id", "variant", "log_likelihood")
    value = pl.col("log_likelihood")
    wide = ok.group_by("sample_id").agg(
        value.filter(pl.col("variant") == variant).first().alias(variant)
        for variant in ("given", "blank")
    )
    scored = {v: pl.col(v).is_not_null().all().over("question") for v in ("given", "blank")}
    options = (
        samples.join(wide, on="sample_id", how="left")
        .filter(scored["given"])
        .with_columns(
            sum=pl.col("given"),
            byte=pl.col("given") / pl.col("n_bytes"),
            pmi=pl.when(scored["blank"]).then(pl.col("given") - pl.col("blank")),
        )
    )
    right = options.group_by("stratum", "question").agg(
        pl.col("correct").get(pl.col(rule).arg_max()).alias(rule) for rule in RULES
    )
    shares = right.group_by("stratum").agg((pl.col(RULES).mean() * 100).round(2))
    return {row["stratum"]: {rule: row[rule] for rule in RULES} for row in shares.rows(named=True)}


def answer_tables(answers):
    """A benchmark table of shares of right answers, by rule `sum`; and a table of all rules.

    Parameters
    ----------
    answers : dict of model to what `multiple_choice` returns

    Returns
    -------
    table : DataFrame: name, one column per stratum
    by_rule : DataFrame: name, rule, one column per stratum
    """
    rows = [
        {"name": model, "rule": rule, **{a: shares[rule] for a, shares in sorted(found.items())}}
        for model, found in sorted(answers.items())
        for rule in RULES
        if found
    ]
    by_rule = pl.DataFrame(rows or {"name": [], "rule": []}, infer_schema_length=None)
    return by_rule.filter(rule="sum").drop("rule"), by_rule


def _problems(path, lines):
    (first_line, header), *lines = lines
    problems = []
    for i, name in enumerate(header, 1):
        place = f"{path} line {first_line}, column {i}"
        if not name.strip():
            problems.append(f"{place}: a column without a name")
        elif file_name(name) in map(file_name, header[: i - 1]):
            problems.append(f"{place} ({name}): stands twice")
        elif name in (*BESIDE, MEAN):
            problems.append(f"{place} ({name}): a column of this name is made here; rename it")
    seen = {}
    for number, fields in lines:
        if len(fields) != len(header):
            problems.append(
                f"{path} line {number}: expected {len(header)} columns, found {len(fields)}"
            )
        if not fields[0].strip():
            problems.append(f"{path} line {number}, column 1 (name): empty")
        elif (first := seen.setdefault(fields[0], number)) != number:
            problems.append(f"{path} line {number}: {fields[0]} stands already in line {first}")
        for column, (name, value) in enumerate(zip(header, fields, strict=False), 1):
            if column > 1 and value and not _is_number(value):
                problems.append(
                    f"{path} line {number}, column {column} ({name}): found {value!r}, expected "
                    "a number"
                )
    return problems


def _is_number(text):
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
