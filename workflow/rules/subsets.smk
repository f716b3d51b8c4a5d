"""
Choose samples that stand for a whole dataset, and say how far distances from them are off.

    errors    results/subsets/{dataset}/errors.tsv, errors.{svg,png,pdf}   by method and size
    subsets   results/subsets/{dataset}/{method}-{size}.parquet            for a dataset's `subset`
"""


rule choose:
    input:
        coordinates="results/map/{dataset}/coordinates.parquet",
        samples="results/matrix/{dataset}.samples.parquet",
    output:
        subsets=[
            f"results/subsets/{{dataset}}/{method}-{size}.parquet"
            for method in config["subsets"]["methods"]
            for size in config["subsets"]["sizes"]
        ],
        errors=report(
            "results/subsets/{dataset}/errors.tsv",
            caption="../report/subsets.rst",
            category="Subsets",
            subcategory="{dataset}",
            labels={"what": "errors", "as": "table"},
        ),
        figure=report(
            "results/subsets/{dataset}/errors.svg",
            caption="../report/subsets.rst",
            category="Subsets",
            subcategory="{dataset}",
            labels={"what": "errors", "as": "figure"},
        ),
        figures=multiext("results/subsets/{dataset}/errors", ".png", ".pdf"),
    log:
        "logs/choose/{dataset}.log",
    wildcard_constraints:
        dataset=one_of(WHOLE),
    conda:
        "../../envs/modelmap.yaml"
    params:
        models=metadata("family"),
        how=config["subsets"],
        version=tables.version(tables.SUBSET),
    script:
        "../scripts/choose.py"


rule subsets:
    input:
        expand("results/subsets/{dataset}/errors.svg", dataset=WHOLE),
