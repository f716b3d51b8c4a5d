"""A SLURM cluster of one node on this machine, for tests: real daemons, GPUs that are device files.

It lives in a folder and on ports of its own, needs no systemd and no accounting, and is told apart
by SLURM_CONF. Debian: apt-get install slurm-wlm munge.
"""

import os
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path

PATH = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun")
N_GPUS, N_CPUS, MEMORY_MB = 2, 8, 16_000

# More CPUs and memory than there may be (`config_overrides`): nothing is measured here.
CONF = """
ClusterName=modelmap
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
TaskProlog={folder}/prolog
TaskEpilog={folder}/epilog
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
MinJobAge=3600
KillWait=2
ReturnToService=2
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={n_cpus} RealMemory={memory_mb} Gres=gpu:{n_gpus}
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
SRUN = '#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {srun} "$@"\n'
# What a task holds, in the order in which tasks begin and end.
NOTE = '#!/bin/sh\necho "{what} $SLURM_JOB_ID ${{CUDA_VISIBLE_DEVICES-none}}" >> {folder}/tasks\n'


def why_not():
    """Why no cluster can be started here; None if one can."""
    lacking = [name for name in PROGRAMS if not shutil.which(name, path=PATH)]
    if lacking:
        return f"{', '.join(lacking)} not installed (apt-get install slurm-wlm munge)"
    if os.geteuid():
        return "only root can start munged, slurmctld and slurmd"
    try:
        with tempfile.TemporaryDirectory() as folder:
            _make_gpu(Path(folder, "gpu"))
    except PermissionError:
        return "device files cannot be made here, which stand for GPUs (CAP_MKNOD)"
    return None


class Cluster:
    """The daemons, from `with` to its end: exactly those are stopped, and their jobs."""

    def __init__(self, folder):
        self.folder, self.daemons = Path(folder), []
        conf, path = self.folder / "slurm.conf", f"{self.folder}/bin{os.pathsep}{PATH}"
        self.environment = os.environ | {"SLURM_CONF": str(conf), "PATH": path}

    def __enter__(self):
        self._configure()
        try:
            for program, *options in (
                ("munged", "--foreground", "--force", *self._munge_files()),
                ("slurmctld", "-D"),
                ("slurmd", "-D"),
            ):
                self._start(program, *options)
            self._wait(lambda: "idle" in self.call("sinfo", "-h", "-o", "%T", check=False), "idle")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            if len(self.daemons) == 3:
                self.call("scancel", "--user=root", check=False)
                self._wait(lambda: not self.call("squeue", "-h", check=False), "empty")
        finally:
            for daemon in reversed(self.daemons):
                daemon.terminate()
                try:
                    daemon.wait(20)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                    daemon.wait()

    def call(self, *command, check=True):
        """What a command of SLURM prints."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=60
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        return done.stdout.strip()

    def jobs(self):
        """All jobs so far: dicts of id, rule and wildcards, state, MB, minutes, GPUs, restarts."""
        names = ("id", "what", "state", "memory", "minutes", "gpus", "restarts")
        form = "JobID:|,Comment:|,State:|,MinMemory:|,TimeLimit:|,tres-per-job:|,RestartCnt:"
        lines = self.call("squeue", "-h", "--states=all", "--sort=i", "-O", form).splitlines()
        return [dict(zip(names, map(str.strip, line.split("|")), strict=True)) for line in lines]

    def signal_tasks(self, job, number):
        """Send a signal to all processes of a running job, past SLURM."""
        for line in self.call("scontrol", "listpids", job).splitlines()[1:]:
            pid = int(line.split()[0])
            if pid > 0:
                os.kill(pid, number)

    def tasks(self):
        """[begin or end, job, CUDA_VISIBLE_DEVICES] of all tasks so far, in order."""
        file = self.folder / "tasks"
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []

    def _munge_files(self):
        names = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log"}
        names["seed-file"] = "seed"
        return [f"--{option}={self.folder}/munge.{end}" for option, end in names.items()]

    def _configure(self):
        host = socket.gethostname().split(".")[0]
        for name in ("state", "spool", "bin"):
            (self.folder / name).mkdir()
        # Snakemake's jobs drop SLURM_CONF before they call srun.
        srun = shutil.which("srun", path=PATH)
        (self.folder / "bin/srun").write_text(SRUN.format(folder=self.folder, srun=srun))
        (self.folder / "bin/srun").chmod(0o755)
        for name, what in (("prolog", "begin"), ("epilog", "end")):
            (self.folder / name).write_text(NOTE.format(what=what, folder=self.folder))
            (self.folder / name).chmod(0o755)
        (self.folder / "munge.key").write_bytes(os.urandom(1024))
        (self.folder / "munge.key").chmod(0o400)
        for i in range(N_GPUS):
            _make_gpu(self.folder / f"gpu{i}")
        gres = f"NodeName={host} Name=gpu File={self.folder}/gpu[0-{N_GPUS - 1}]\n"
        (self.folder / "gres.conf").write_text(gres)
        size = {"n_cpus": N_CPUS, "memory_mb": MEMORY_MB, "n_gpus": N_GPUS}
        conf = CONF.format(host=host, folder=self.folder, ports=_free_ports(2), **size)
        (self.folder / "slurm.conf").write_text(conf)

    def _start(self, program, *options):
        with (self.folder / f"{program}.out").open("w") as out:
            command = [shutil.which(program, path=PATH), *options]
            self.daemons.append(
                subprocess.Popen(
                    command, env=self.environment, stdout=out, stderr=out, start_new_session=True
                )
            )
        if program == "munged":
            self._wait((self.folder / "munge.socket").exists, "listening")

    def _wait(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            dead = [daemon for daemon in self.daemons if daemon.poll() is not None]
            if dead or time.monotonic() > end:
                said = [
                    f"{file.name}: {file.read_text()[-2000:]}"
                    for file in self.folder.glob("*.[lo][ou][gt]")
                ]
                raise RuntimeError(f"the cluster is not {what} in {seconds} s\n" + "\n".join(said))
            time.sleep(0.1)


def _make_gpu(file):
    os.mknod(file, 0o666 | stat.S_IFCHR, os.makedev(1, 3))  # the numbers of /dev/null


def _free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
