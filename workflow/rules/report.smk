"""
Put everything into one self-contained page.

    report   results/report.html
"""


rule draw_report:
    input:
        rules.map.input,
        rules.benchmarks.input,
    output:
        "results/report.html",
    log:
        "logs/draw_report.log",
    params:
        config=config,
        snakefile=str(ROOT / "Snakefile"),
    conda:
        "../../envs/modelmap.yaml"
    script:
        "../scripts/draw_report.py"


rule report:
    input:
        "results/report.html",
