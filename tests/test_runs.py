"""Who is at work in a folder is told by locks that a killed process does not leave behind."""

import json
import subprocess
import sys

import pytest

from modelmap import runs

ENTER = (
    "import sys; from modelmap import runs; print(runs.enter('.snakemake'), flush=True); input()"
)
LOG = f"logs/a{'b' * 300}.log"
WAIT = f"from modelmap import runs; runs.wait_for_twin('{LOG}'); print('mine', flush=True)"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".snakemake"


@pytest.fixture
def start(folder, monkeypatch):
    """Start Python with some code, and give it once it has said a line."""
    monkeypatch.setenv("PYTHONPATH", str(runs.Path(runs.__file__).parents[1]))
    started = []

    def start(code):
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=folder.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def leave_locks(folder):
    """What Snakemake leaves where it is killed."""
    (folder / "locks").mkdir(parents=True, exist_ok=True)
    (folder / "locks/0.input.lock").write_text("a\n")


def locks(folder):
    return list(folder.glob("locks/*"))


def note(folder, **changes):
    (folder / "controllers").write_text(json.dumps(runs._myself() | {"pid": 1} | changes) + "\n")


def test_locks_of_a_killed_run_are_removed(folder, start):
    process = start(ENTER)
    assert process.stdout.readline() == "[]\n"
    leave_locks(folder)
    process.kill()
    process.wait()
    assert runs.enter(folder) == []
    assert not locks(folder)


def test_locks_of_a_living_run_stay_and_it_is_told_who_runs(folder, start):
    process = start(ENTER)
    process.stdout.readline()
    leave_locks(folder)
    (told,) = runs.enter(folder)
    assert f"process {process.pid} on {runs.socket.gethostname()}, since 2" in told
    assert locks(folder)


def test_a_living_run_that_came_later_keeps_locks_as_the_first_does(folder, start):
    first, second = start(ENTER), start(ENTER)
    for process in (first, second):
        process.stdout.readline()
    first.kill()
    first.wait()
    leave_locks(folder)
    (told,) = runs.enter(folder)
    assert str(second.pid) in told
    assert locks(folder)


@pytest.mark.parametrize("changes", [{"host": "elsewhere"}, {"boot": "before"}, {}])
def test_who_ran_on_this_machine_is_gone_with_its_lock(folder, changes):
    """In a container a machine has another name; started again it has another boot."""
    leave_locks(folder)
    note(folder, **changes)
    assert runs.enter(folder) == []
    assert not locks(folder)


def test_who_ran_on_another_machine_may_live(folder):
    leave_locks(folder)
    note(folder, host="elsewhere", boot="another")
    (told,) = runs.enter(folder)
    assert "on elsewhere" in told
    assert "snakemake --unlock" in told
    assert locks(folder)


def test_who_ran_on_another_machine_and_left_no_locks_is_gone(folder):
    folder.mkdir()
    note(folder, host="elsewhere", boot="another")
    assert runs.enter(folder) == []
    assert "elsewhere" not in (folder / "controllers").read_text()


def test_half_a_note_is_no_note(folder):
    folder.mkdir()
    (folder / "controllers").write_text('{"pid": 1, "ho')
    assert runs.enter(folder) == []


def test_a_job_waits_for_its_twin(start):
    twin = start(WAIT + "; input()")
    assert twin.stdout.readline() == "mine\n"
    second = start(WAIT)
    assert f"waiting for it ({LOG})" in second.stderr.readline()
    assert second.poll() is None
    twin.kill()
    assert second.stdout.readline() == "mine\n"


def test_other_jobs_do_not_wait(start):
    start(WAIT + "; input()").stdout.readline()
    other = start(WAIT.replace(LOG, LOG[1:]))
    assert other.stdout.readline() == "mine\n"


def test_what_cannot_be_written_to_is_named(folder, monkeypatch):
    (folder.parent / "results").mkdir()
    runs.expect_writable(["results/new/file", "other/file"])
    monkeypatch.setattr(runs.os, "access", lambda path, _: path.name != "results")
    with pytest.raises(runs.NotWritable, match="/results cannot be written to"):
        runs.expect_writable(["other/file", "results/new/file"])
