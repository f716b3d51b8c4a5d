"""The end of a run in words: all that failed, nothing else, and no text that a terminal obeys."""

import csv

import pytest

from modelmap import summary

RUN = summary.Run("Done", 252, [], [], 0, [], [])
HOSTILE = "bad\x1b[2J\x07\u202e\r\nreason " + "x" * 1000


def row(model, dataset, status="ok", reason=""):
    return {"model": model, "dataset": dataset, "status": status, "reason": reason}


def text(**changes):
    return summary.summary(RUN._replace(**changes))


def test_a_run_that_made_what_it_was_to_make():
    status = [row("a", "d"), row("b", "d"), row("a", "e"), row("b", "e", "not applicable")]
    files = ["results/map/d/map.html", "results/report.html"]
    assert text(made=["2 models scored", "1 map drawn"], status=status, files=files) == (
        "\nDone in 4 min: 2 models scored, 1 map drawn.\n"
        "Models that count: 2 of 2 on d, 1 of 1 on e.\n"
        "Open\n  results/map/d/map.html\n  results/report.html\n"
    )


def test_a_run_of_which_nothing_is_to_be_told():
    assert text() == "\nDone in 4 min.\n"


def test_a_model_that_is_left_out_is_named_once_for_each_reason():
    status = [row("a", "d"), *(row("b", d, "gated", "no access") for d in "de")]
    status += [row("b", "f", "refused", "blind")]
    lines = text(status=status).splitlines()
    assert "Models that count: 1 of 2 on d, 0 of 1 on e, 0 of 1 on f." in lines
    assert lines[-2:] == ["  b on d, e: gated: no access", "  b on f: refused: blind"]


def test_failed_jobs_are_told_with_their_logs_and_what_was_not_done():
    failed = [summary.Failed("score d/a/1-of-1", "logs/a.log", ["Error: out of memory"])]
    told = text(outcome="Failed", failed=failed, n_not_done=12)
    assert "Failed after 4 min.\n1 job failed, 12 others were not done." in told
    assert "  score d/a/1-of-1: logs/a.log\n    Error: out of memory\n" in told
    stopped = text(outcome="Stopped", n_not_done=1)
    assert (
        "Stopped after 4 min.\n1 job was not done. What is finished is kept: run again." in stopped
    )


@pytest.mark.parametrize("n", [summary.MOST, summary.MOST + 1])
def test_of_a_long_list_it_is_told_how_much_is_left_out(n):
    status = [row(f"m{i}", "d", "missing", "gone") for i in range(n)]
    failed = [summary.Failed(f"job {i}", "a.log", ["x"]) for i in range(n)]
    told = text(status=status, failed=failed, files=[f"{i}.html" for i in range(n)])
    assert told.count("  … and 1 more") == 3 * (n > summary.MOST)
    assert told.count("missing: gone") == told.count("a.log") == summary.MOST


def test_no_text_of_data_reaches_a_terminal_as_it_is(tmp_path):
    (tmp_path / "log").write_text(f"fine\nError: {HOSTILE}\n")
    failed = [summary.Failed("score", "log", summary.end_of(tmp_path / "log"))]
    told = text(status=[row(f"m\x1b]0;{i}", "d", "refused", HOSTILE) for i in "ab"], failed=failed)
    assert all(c.isprintable() or c == "\n" for c in told)
    assert max(map(len, told.splitlines())) <= 350


def test_of_a_log_its_error_is_told_else_its_last_line(tmp_path):
    log = tmp_path / "log"
    assert summary.end_of(log) == ["(it has no log)"]
    log.write_text("\n")
    assert summary.end_of(log) == ["(its log is empty)"]
    log.write_text("x" * 100_000 + "\nKilled by somebody \n\n")
    assert summary.end_of(log) == ["Killed by somebody"]
    log.write_bytes(b"Error: once\nfine\nError: no room\xff\n\nMake room.\n")
    assert summary.end_of(log) == ["Error: no room�", "Make room."]
    log.write_text("Error: 9 problems:\n" + "- one\n" * 9)
    assert summary.end_of(log) == ["Error: 9 problems:", *["- one"] * 3, "…"]


def test_the_table_of_status_is_read_as_it_is_written(tmp_path):
    rows = [row("a", "d"), row("b", "d", "refused", 'a "quoted"\nreason')]
    assert summary.read_status(tmp_path / "status.tsv") == []
    with (tmp_path / "status.tsv").open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0], delimiter="\t")
        table.writeheader()
        table.writerows(rows)
    assert summary.read_status(tmp_path / "status.tsv") == rows
