"""
Put everything into one self-contained page.

    report   results/report.html
"""


rule draw_report:
    input:
        rules.map.input,
        rules.stability.input,
        rules.benchmarks.input,
        rules.subsets.input,
    output:
        "results/report.html",
    log:
        "logs/draw_report.log",
    conda:
        "../../envs/modelmap.yaml"
    params:
        config=GIVEN,
        # `theory` is no part of the report until somebody has asked for it
        targets=["map", "stability", "benchmarks", "subsets"]
        + ["theory"] * bool(THEORY and all(map(os.path.exists, THEORY))),
        snakefile=str(ROOT / "Snakefile"),
    script:
        "../scripts/draw_report.py"


rule report:
    input:
        "results/report.html",
