"""
Put everything into one self-contained page, of all results that are declared with `report(...)`.

    report              results/report.html
    snakemake_report    results/snakemake_report.html: Snakemake's own, with the graph of jobs
"""

MAPS = [*DATASETS, *INFORMATION]
# `theory` is no part of a report until somebody has asked for it; and no input, lest a model more
# has all of them write texts anew
THEORY_IS_MADE = bool(THEORY) and all(map(os.path.exists, THEORY))
# Rules whose results are shown, and the maps or datasets that each is of
SHOWN = [
    *((rule, MAPS) for rule in (rules.draw_page, rules.find, rules.plot_map, rules.embed)),
    *((rule, MAPS) for rule in (rules.redraw,) if REFERENCES),
    *((rule, MAPS) for rule in (rules.plot_heatmap, rules.center, rules.relate)),
    (rules.stratify, DATASETS),
    *((rule, COMPARED) for rule in (rules.correlate, rules.predict) if TABLE),
    (rules.answer, questions()),
    (rules.stabilize, MAPS),
    (rules.compare_datasets, [None]),
    (rules.choose, WHOLE),
]
THEORIES = (rules.compare_divergences, rules.interpolate) if THEORY_IS_MADE else ()
# Tables that need no file of their own: of each map
ALSO_SHOWN = {
    "neighbors": "results/map/{map}/neighbors.parquet",
    "models": "results/matrix/{map}.models.parquet",
}


RESULTS = [row for rule, names in SHOWN for of in names for row in results_of(rule, of)]
RESULTS += [
    [file.format(map=name), caption, "table", caption, name]
    for name in MAPS
    for caption, file in ALSO_SHOWN.items()
]
OF_THEORY = [row for rule in THEORIES for of in CHECKED for row in results_of(rule, of)]


rule draw_report:
    input:
        [row[0] for row in RESULTS],
        [row[0].removesuffix(".svg") + ".png" for row in RESULTS if row[0].endswith(".svg")],
        per_map(
            "results/matrix/{map}.samples.parquet",
            "results/map/{map}/distances.parquet",
            "results/map/{map}/coordinates.parquet",
            *[f"results/map/{{map}}/embedding_{method}.parquet" for method in METHODS],
        ),
        gates=per_dataset("results/gate/{dataset}"),
        status="results/status.tsv",
    output:
        "results/report.html",
    log:
        "logs/draw_report.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        results=RESULTS + OF_THEORY,
        theory=[os.path.getmtime(row[0]) for row in OF_THEORY],
        maps={
            name: {
                "models": f"results/matrix/{name}.models.parquet",
                "samples": f"results/matrix/{name}.samples.parquet",
                "distances": f"results/map/{name}/distances.parquet",
                "embeddings": {
                    method: f"results/map/{name}/embedding_{method}.parquet" for method in METHODS
                },
            }
            for name in MAPS
        },
        told={
            "config": config,
            "methods": METHODS,
            "families": len({row["family"] for row in metadata("family")} - {None, ""}),
            "zoo": any(map(recipe_of, MODELS)),
            "gaps": any(map(gaps, DATASETS)),
        },
    script:
        "../scripts/draw_report.py"


rule report:
    input:
        "results/report.html",


rule draw_snakemake_report:
    input:
        rules.map.input,
        rules.stability.input,
        rules.benchmarks.input,
        rules.subsets.input,
    output:
        "results/snakemake_report.html",
    log:
        "logs/draw_snakemake_report.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        config=GIVEN,
        targets=["map", "stability", "benchmarks", "subsets"] + ["theory"] * THEORY_IS_MADE,
        snakefile=str(ROOT / "Snakefile"),
    script:
        "../scripts/draw_snakemake_report.py"


# What a person may ask for by name; no part of `all`
rule snakemake_report:
    input:
        "results/snakemake_report.html",
