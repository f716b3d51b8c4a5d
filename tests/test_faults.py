"""Whatever breaks, a plain rerun ends with the same bits, and scores nothing twice."""

import os
import shutil
import signal

import faults
import pytest
from faults import parts, run, running, scores, scoring

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


def test_a_job_and_everything_and_a_controller_are_killed_one_after_another(project, finished):
    with scoring(project, 20) as (controller, job):
        os.kill(job, signal.SIGKILL)
        assert controller.wait(300) != 0
    assert "logs/score/photos/llava/1-of-1.log" in (project / "output").read_text()
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
    log = project / "logs/score/photos/llava/1-of-1.log"
    assert "nothing is scored again" in log.read_text()
