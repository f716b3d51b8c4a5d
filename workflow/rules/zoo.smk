"""
Train the zoo, and measure its own benchmark.

    checkpoint   resources/zoo/{zoo}/          an ordinary checkpoint, for a row with repo zoo:NAME
    questions    resources/zoo/questions.parquet
    answers      resources/zoo/{zoo}/answers.parquet   how likely each option is to each model
    benchmarks   resources/zoo/benchmarks.tsv  share of questions answered right, per ability
"""


rule train:
    input:
        questions="resources/zoo/questions.parquet",
        parents=parents,
    output:
        expand("resources/zoo/{{zoo}}/{file}", file=CHECKPOINT),
        answers="resources/zoo/{zoo}/answers.parquet",
    log:
        "logs/train/{zoo}.log",
    benchmark:
        "logs/train/{zoo}.benchmark.tsv"
    wildcard_constraints:
        zoo=one_of(z for z, entry in ZOO["models"].items() if entry["recipe"] != "pretrain"),
    priority: 1  # before scores: everything waits for the longest chain of parents
    conda:
        "../../envs/modelmap.yaml"
    params:
        recipe=recipe,
        prompt=ZOO["prompt"],
        version=[ZOO["version"], tables.version(tables.SCORES)],
    script:
        "../scripts/train.py"


rule pretrain:
    output:
        expand("resources/zoo/{{zoo}}/{file}", file=LANGUAGE_CHECKPOINT),
    log:
        "logs/pretrain/{zoo}.log",
    benchmark:
        "logs/pretrain/{zoo}.benchmark.tsv"
    wildcard_constraints:
        zoo=one_of(z for z, entry in ZOO["models"].items() if entry["recipe"] == "pretrain"),
    conda:
        "../../envs/modelmap.yaml"
    params:
        recipe=lambda wildcards: ZOO["models"][wildcards.zoo],
        version=ZOO["version"],
    script:
        "../scripts/pretrain.py"


rule ask:
    output:
        "resources/zoo/questions.parquet",
    log:
        "logs/ask.log",
    priority: 2
    conda:
        "../../envs/modelmap.yaml"
    params:
        n_questions=ZOO["n_questions"],
        version=tables.version(tables.SAMPLES),
    script:
        "../scripts/ask.py"


rule measure:
    input:
        samples="resources/zoo/questions.parquet",
        answers=[f"resources/zoo/{zoo}/answers.parquet" for zoo in examined().values()],
    output:
        table="resources/zoo/benchmarks.tsv",
        by_rule="resources/zoo/benchmarks.by_rule.tsv",
    log:
        "logs/measure.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        models=list(examined()),
        version=tables.version(tables.SCORES),
    script:
        "../scripts/measure.py"
