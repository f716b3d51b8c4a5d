"""Whatever breaks, a plain rerun ends with the same bits, and scores nothing twice."""

import contextlib
import os
import re
import shutil
import signal

import faults
import pytest
from faults import SCORES, parts, run, running, scores, scoring, snakemake
from small_disk import mounted, small_disk

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project that was scored without a fault."""
    folder = faults.make_project(tmp_path_factory.mktemp("faults") / "finished")
    run(folder)
    return folder


@pytest.fixture
def project(finished, tmp_path):
    """The same, not yet scored."""
    shutil.copytree(finished, tmp_path / "project", symlinks=True)
    shutil.rmtree(tmp_path / "project/results")
    return tmp_path / "project"


def assert_as_undisturbed(folder, finished, n_resumed=None):
    """The scores have the bits of an undisturbed run; so many of their batches were kept."""
    rows, facts = scores(folder)
    undisturbed, expected = scores(finished)
    assert rows == undisturbed
    assert facts["plan"] == expected["plan"]
    if n_resumed is not None:
        assert facts["n_resumed"] == n_resumed
    left = [*folder.glob("results/**/*.parts"), *folder.glob("results/**/*.whole")]
    assert not [*left, *folder.glob("results/**/*.tmp")]


def assert_refused_beside(controller, folder):
    """A second controller is refused, of the same config or another, and told of the first.

    Not so one that makes other files.
    """
    other = (folder / "my.yaml").read_text().replace("- blank", "- shuffled")
    (folder / "other.yaml").write_text(other)
    for config in ("my.yaml", "other.yaml"):
        refused = snakemake(folder, "--configfile", config)
        assert refused.returncode != 0
        assert f"process {controller.pid} on" in refused.stdout
        assert "cannot be locked" in refused.stdout
    (folder / "beside.yaml").write_text(other.replace("photos:", "others:"))
    run(folder, "--configfile", "beside.yaml", "--", "resources/samples/others.parquet")


def test_one_controller_is_alone_and_what_is_killed_goes_on(project, finished):
    """A second controller, then SIGKILL: of a job, of everything, of a controller alone."""
    with scoring(project, 20) as (controller, job):
        assert_refused_beside(controller, project)
        os.kill(job, signal.SIGKILL)
        assert controller.wait(300) != 0
    told = (project / "output").read_text().split("Failed after ")[1]
    log = "logs/score/photos/llava/1-of-1.log"
    assert "1 job failed, 1 other was not done. What is finished is kept" in told
    assert f"  score photos/llava/1-of-1: {log}\n" in told
    assert "Open" not in told
    kept = {part: part.read_bytes() for part in parts(project)}
    assert len(kept) >= 20

    with scoring(project, 20) as (controller, _):
        os.killpg(controller.pid, signal.SIGKILL)
    assert list((project / ".snakemake/locks").iterdir())  # and nobody is asked to remove them
    assert len(parts(project)) >= len(kept) + 20
    assert all(part.read_bytes() == content for part, content in kept.items())
    kept = len(parts(project))

    with scoring(project, 20) as (controller, job):
        os.kill(job, signal.SIGCONT)  # stopped it would be sent a SIGHUP with its controller's end
        controller.kill()
        controller.wait()
        os.kill(job, signal.SIGSTOP)
        with running(project) as second:
            faults.wait(lambda: "waiting for it" in (project / "output").read_text(), second)
            os.kill(job, signal.SIGCONT)  # the job that outlived its controller ends its work
            assert second.wait(300) == 0, (project / "output").read_text()
    assert_as_undisturbed(project, finished, n_resumed=kept)
    assert "nothing is scored again" in (project / log).read_text()
    assert re.search(r"\nDone in .*\.\n", said := (project / "output").read_text())
    assert "model scored" not in said  # by this run


def test_on_a_full_disk_a_run_says_so_and_goes_on_where_room_is_made(project, finished, tmp_path):
    with small_disk(tmp_path / "disk", 2**25) as disk:
        folder = shutil.copytree(project, disk / "project")
        with scoring(folder, 5) as (controller, job):
            free = shutil.disk_usage(disk).free
            with contextlib.suppress(OSError), (disk / "filler").open("wb") as filler:
                filler.write(bytes(free))
            os.kill(job, signal.SIGCONT)
            assert controller.wait(300) != 0
        (disk / "filler").unlink()
        said = (folder / "output").read_text()
        assert not list(folder.glob("results/**/*.tmp"))
        kept = len(parts(folder))
        assert kept >= 5
        run(folder)
        assert_as_undisturbed(folder, finished, n_resumed=kept)
    assert "No space left on device" in said


def test_results_that_can_only_be_read_are_told_before_any_job(project):
    with mounted(project / "results", "-t", "tmpfs", "-o", "ro", "tmpfs"):
        refused = snakemake(project)
    assert refused.returncode != 0
    assert f"{project / 'results'} cannot be written to" in refused.stdout
    assert "localrule" not in refused.stdout
    assert "Traceback" not in refused.stdout


def test_a_truncated_checkpoint_is_scored_once_it_is_mended_in_place(project, finished):
    weights = project / "llava/model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    run(project, "--", "results/status.tsv")
    rows, facts = scores(project)
    assert (rows, facts["status"]) == ([], "corrupt")
    assert "llava cannot be loaded" in facts["reason"]

    weights.write_bytes(whole)
    new = weights.stat().st_mtime
    os.utime(weights, (1, 1))  # as a copy that keeps times: nobody can see that it was mended
    assert "Nothing to be done" in run(project, "--dry-run", "--", SCORES)
    assert "rule score:" in run(project, "--dry-run", "--", "retry")
    os.utime(weights, (new, new))
    run(project)
    assert_as_undisturbed(project, finished)


def test_scores_copied_without_records_and_times_are_kept_by_what_they_say(finished, tmp_path):
    without = shutil.ignore_patterns(".snakemake", "logs")
    folder = shutil.copytree(finished, tmp_path / "renamed", ignore=without)
    os.utime(folder / SCORES, (1, 1))  # older than its samples and its model
    assert "without Snakemake's records" in run(folder)
    assert (folder / SCORES).read_bytes() == (finished / SCORES).read_bytes()
    assert_as_undisturbed(folder, finished)
    log = folder / "logs/score/photos/llava/1-of-1.log"
    assert "nothing is scored again" in log.read_text()


def test_what_is_forced_is_scored_anew(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "forced")
    run(folder, "--forcerun", "score")
    assert "nothing is scored" not in (folder / "logs/score/photos/llava/1-of-1.log").read_text()
    assert_as_undisturbed(folder, finished, n_resumed=0)


def test_results_copied_with_records_are_as_they_were(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "elsewhere")
    assert "Nothing to be done" in run(folder)


def test_results_copied_without_records_are_noted_by_touch_and_checked(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "copy")
    shutil.rmtree(folder / ".snakemake")
    assert "Nothing to be done" in run(folder)
    config = (folder / "my.yaml").read_text()
    (folder / "my.yaml").write_text(config.replace("variants:", "prompt: What?\n    variants:"))
    refused = snakemake(folder, "--touch", "--forceall")
    assert f"{SCORES} was made with other settings" in refused.stdout
    (folder / "my.yaml").write_text(config)
    run(folder, "--touch", "--forceall")
    assert "without Snakemake's records" not in run(folder, "--dry-run")
