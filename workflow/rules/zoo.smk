"""
Train the zoo, and measure its own benchmark.

    checkpoint   resources/zoo/{zoo}/          an ordinary checkpoint, for a row with repo zoo:NAME
    questions    resources/samples/zoo-questions.parquet
    benchmarks   resources/zoo/benchmarks.tsv  share of questions answered right, per ability
"""


rule train:
    input:
        parents,
    output:
        expand("resources/zoo/{{zoo}}/{file}", file=CHECKPOINT),
    log:
        "logs/train/{zoo}.log",
    benchmark:
        "logs/train/{zoo}.benchmark.tsv"
    wildcard_constraints:
        zoo=one_of(name for name, recipe in ZOO["models"].items() if recipe["recipe"] != "merge"),
    priority: 1  # before scores: everything waits for the longest chain of parents
    conda:
        "../../envs/modelmap.yaml"
    params:
        recipe=recipe,
        prompt=ZOO["prompt"],
        version=ZOO["version"],
    script:
        "../scripts/train.py"


rule merge:
    input:
        parents,
    output:
        expand("resources/zoo/{{zoo}}/{file}", file=CHECKPOINT),
    log:
        "logs/merge/{zoo}.log",
    wildcard_constraints:
        zoo=one_of(name for name, recipe in ZOO["models"].items() if recipe["recipe"] == "merge"),
    conda:
        "../../envs/modelmap.yaml"
    script:
        "../scripts/merge.py"


rule ask:
    output:
        f"resources/samples/{QUESTIONS}.parquet",
    log:
        "logs/ask.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        n_questions=ZOO["n_questions"],
        version=tables.version(tables.SAMPLES),
    script:
        "../scripts/ask.py"


rule measure:
    input:
        samples=f"resources/samples/{QUESTIONS}.parquet",
        scores=lambda wildcards: scores_of(QUESTIONS),
    output:
        table="resources/zoo/benchmarks.tsv",
        by_rule="resources/zoo/benchmarks.by_rule.tsv",
    log:
        "logs/measure.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        version=tables.version(tables.SCORES),
    script:
        "../scripts/measure.py"
