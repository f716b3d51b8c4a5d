"""The plan of a run: sums are right, what is unknown is not zero, and the text lines up."""

import polars as pl
import pytest

from modelmap import planning
from modelmap.datasets import samples


def model(name, **known):
    return {"model": name, "download_bytes": 2e9, "disk_bytes": 4e9, "note": None} | known


def job(name, dataset="coco", **known):
    facts = {"n_images": 5000, "n_pairs": 5000, "tflop": 21_000.0, "memory_bytes": 20e9}
    return {"model": name, "dataset": dataset, "done": False, "note": None} | facts | known


def test_hours_are_operations_over_the_rate():
    plan = planning.table([model("a")], [job("a")], peak_tflops=790, utilization=0.5)
    row = plan.row(0, named=True)
    assert row["tflop_per_image"] == pytest.approx(4.2)
    assert row["gpu_hours"] == pytest.approx(21_000 / (790 * 0.5) / 3600)
    assert (row["download_gb"], row["disk_gb"], row["gpu_memory_gb"]) == (2, 4, 20)
    twice = planning.table([model("a")], [job("a")], peak_tflops=790, utilization=0.25)
    assert twice["gpu_hours"][0] == pytest.approx(2 * row["gpu_hours"])


def test_datasets_of_a_model_add_up_and_their_largest_memory_counts():
    jobs = [job("a", "coco"), job("a", "pope", n_pairs=9000, memory_bytes=30e9, tflop=1e4)]
    row = planning.table([model("a")], jobs).row(0, named=True)
    assert (row["jobs"], row["pairs"], row["gpu_memory_gb"]) == (2, 14_000, 30)
    alone = planning.table([model("a")], jobs[:1])["gpu_hours"][0]
    assert row["gpu_hours"] == pytest.approx(alone * 3.1 / 2.1)


def test_what_is_done_costs_nothing_more():
    row = planning.table([model("a")], [job("a", done=True)]).row(0, named=True)
    assert (row["jobs"], row["jobs_done"], row["pairs"], row["gpu_hours"]) == (0, 1, 0, 0)


def test_what_is_unknown_is_not_zero_and_says_why():
    models = [model("a"), model("b", download_bytes=None), model("c", note="gated")]
    jobs = [job("a"), job("b", tflop=None, memory_bytes=None, note="no config")]
    plan = planning.table(models, jobs)
    assert plan["gpu_hours"].is_null().to_list() == [False, True, False]
    assert plan["download_gb"].to_list() == [2, None, 2]
    assert plan["note"].to_list() == [None, "coco: no config", "gated"]
    shown = planning.text(plan, n_datasets=1)
    assert "  b: coco: no config" in shown
    assert "  c: gated" in shown
    assert shown.splitlines()[0].startswith("3 models x 1 dataset: 2 jobs to do, at least 4 GB to")


def test_the_first_line_says_the_totals():
    names = [f"m{i}" for i in range(56)]
    plan = planning.table(
        [model(name, download_bytes=14.5e9) for name in names],
        [job(name, tflop=86_336.0, memory_bytes=160e9) for name in names],
    )
    assert planning.text(plan, n_datasets=1).splitlines()[0] == (
        "56 models x 1 dataset: 56 jobs to do, 812 GB to download, up to 160 GB of GPU memory, "
        "3.4 GPU-hours at 50 % of 790 TFLOP/s"
    )


def test_a_short_run_is_not_said_to_take_no_time():
    plan = planning.table([model("a")], [job("a")])
    assert "0.015 GPU-hours at" in planning.text(plan, n_datasets=1)


def test_lines_of_the_table_are_equally_long():
    plan = planning.table([model("a"), model("a-long-name")], [job("a"), job("a-long-name")])
    header, *rows = planning.text(plan, n_datasets=1).splitlines()[2:]
    assert {len(row) for row in rows} == {len(header)}
    assert header.endswith("GPU-hours")
    assert rows[1].startswith("a-long-name  ")


def test_the_table_is_read_back_as_it_was_written(tmp_path):
    plan = planning.table([model("a"), model("b", disk_bytes=None)], [job("a", note="x\ty")])
    plan.write_csv(tmp_path / "plan.tsv", separator="\t")
    back = pl.read_csv(tmp_path / "plan.tsv", separator="\t", schema=planning.COLUMNS)
    assert back.equals(plan)


@pytest.mark.parametrize("n_images", [3, 400])
def test_the_workload_is_that_of_the_samples(n_images):
    rows = [
        {
            "sample_id": f"{i}-{k}",
            "group": str(i),
            "prompt": None,
            "target": str(k),
            "image": b"%d" % i,
            "width": 32 + i,  # no two blank images are equal
            "height": 32,
            "shuffled_from": f"{(i + 1) % n_images}-{k}",
        }
        for i in range(n_images)
        for k in range(2)
    ]
    names = ["given", "shuffled", "blank", "none"]
    shown = samples.variants(rows, names, prompt="What?", everything=rows)
    shown += samples.paraphrased(rows, ["So?"], everything=rows)
    size = planning.size({}, rows=pl.DataFrame(rows).select("group"))
    found = planning.workload(**size, variants=names, n_paraphrases=1)
    n_conditions = len({sample.condition for sample in shown})
    assert found["n_pairs"] == len(shown)
    assert n_conditions <= found["n_conditions"] <= n_conditions + len(rows)
    assert found["n_conditions"] == 2 * n_images + 1 + min(500, len(rows))
