"""Runs of lessons through joblib: each is a process, on this machine or on Dask's workers.

joblib's backend decides where the processes start and how many run at a time. The default here is
"threading": a thread only waits for its process. However a sweep ends, its runs end with it.
"""

import contextlib
import importlib.util
import itertools
import os
import signal
import sys
import warnings

from course.errors import InputError
from course.machine import processes

START = ("-m", "course", "run")  # what Python is given before the lesson's number
# For runs beside each other: one thread each, and none takes the graphics card's whole memory.
BESIDE = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}  # fmt: skip
NEEDS = {"dask": ("distributed", "dask[distributed]"), "ray": ("ray", "ray")}
LOCAL = "127.0.0.1:0"  # any port, and of this machine alone
OWN_CLUSTER = {
    "threads_per_worker": 1, "host": "127.0.0.1", "silence_logs": "ERROR",
    "dashboard_address": LOCAL, "worker_dashboard_address": LOCAL,
}  # fmt: skip


def known(name):
    """The name, where joblib has such a backend and its package is installed.

    Raises:
        InputError: it has none, or the package is missing.
    """
    from joblib import parallel

    # multiprocessing, which loky replaces, has workers that Ctrl-C ends with a traceback.
    names = sorted({*parallel.BACKENDS, *parallel.EXTERNAL_BACKENDS, *NEEDS} - {"multiprocessing"})
    if name not in names:
        raise InputError(f"--joblib: there is no {name!r}; there are {', '.join(names)}")
    module, package = NEEDS.get(name, ("joblib", "joblib"))
    if importlib.util.find_spec(module) is None:
        raise InputError(f'--joblib {name}: not installed: python -m pip install "{package}"')
    return name


def run_all(runs, flags, keras_backend, name, jobs, add):
    """Make runs, several at a time.

    Args:
        runs: list of (lesson, seed).
        flags: list of flags for the lessons.
        keras_backend: the one of all runs.
        name: of joblib's backend.
        jobs: how many runs at a time.
        add: called with what `run_one` returns, as soon as a run has ended.

    Raises:
        InputError: Dask's scheduler does not answer.
        concurrent.futures.BrokenExecutor: a worker of joblib's was killed.
    """
    from joblib import delayed, parallel_config

    changes = {"KERAS_BACKEND": keras_backend, "PYTHONIOENCODING": "utf-8"}
    if jobs > 1:
        changes |= {name: os.environ.get(name, usual) for name, usual in BESIDE.items()}
    tasks = (
        delayed(run_one)(run, [*START, str(run[0]), *flags], changes, os.getpid()) for run in runs
    )
    with _ready(name, jobs) as backend, parallel_config(backend):
        try:
            with contextlib.closing(_outcomes(tasks, jobs)) as outcomes:
                for outcome in outcomes:
                    add(*outcome)
        finally:
            processes.end_children()


def _outcomes(tasks, jobs):
    """Yield what each task returns as it ends; where the backend cannot, `jobs` at a time."""
    from joblib import Parallel, parallel

    if not parallel.get_active_backend()[0].supports_return_generator:  # ray
        with Parallel(jobs, batch_size=1) as several:
            while some := list(itertools.islice(tasks, jobs)):
                yield from several(some)
        return
    # Dask does not look at n_jobs; there too, pre_dispatch lets so many be under way.
    outcomes = Parallel(
        jobs, pre_dispatch=jobs, batch_size=1, return_as="generator_unordered"
    )(tasks)  # fmt: skip
    try:
        for outcome in outcomes:  # noqa: UP028
            yield outcome
    finally:  # not yield from, which would close it ahead of this block
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # joblib's, about runs cut short
            outcomes.close()


@contextlib.contextmanager
def _ready(name, jobs):
    """Yield what joblib takes as its backend; a Dask cluster runs while the block does."""
    if name == "ray":
        from ray.util.joblib import register_ray

        register_ray()
    if name != "dask":
        yield name
        return
    import dask
    from distributed import Client, LocalCluster

    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    # On a busy machine a killed worker needs longer than Dask's 15 s to come back; Dask then
    # gives it up, and the sweep would wait for ever.
    patient = dask.config.set({"distributed.deploy.lost-worker-timeout": "1 day"})
    with contextlib.ExitStack() as open_, patient:
        try:
            cluster = address or open_.enter_context(LocalCluster(n_workers=jobs, **OWN_CLUSTER))
            client = open_.enter_context(Client(cluster, timeout=10))
            client.wait_for_workers(1, timeout=30)
            if not address:
                client.run(_leave_ctrl_c)
        except (OSError, ValueError, MemoryError) as error:  # the last where no scheduler answers
            raise InputError(f"Dask at {address or LOCAL}: {error or 'no scheduler'}") from None
        yield _dask(client)


def _dask(client):
    from joblib._dask import DaskDistributedBackend

    class Dask(DaskDistributedBackend):
        """joblib's backend; that one would wait for ever for a task that Dask has given up."""

        def effective_n_jobs(self, n_jobs):
            return max(2, super().effective_n_jobs(n_jobs))  # of 1, joblib makes no use of Dask

        def submit(self, func, callback=None):
            def ended(future):
                if error := future.exception():
                    run = func.items[0][1][0]
                    callback([(run, None, None, f"{type(error).__name__}: {error}")])

            future = super().submit(func, callback)
            future.add_done_callback(ended)
            return future

    return Dask(client=client)


def _leave_ctrl_c():
    """In a worker: ignore Ctrl-C. The master gets it too, and ends the workers."""
    with contextlib.suppress(ValueError):  # not in a thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def run_one(run, words, changes, master):
    """One run, in a process of its own; joblib calls this, in a process of its choice.

    Args:
        run: (lesson, seed).
        words: what Python is given, but for the seed.
        changes: of the environment.
        master: the process that asks, by its id.

    Returns:
        (run, exit status or None where it did not start, the last JSON object that it printed or
        None, its last words).
    """
    worker, parent = os.getpid() != master, os.getppid()
    if worker:
        _leave_ctrl_c()
    try:
        with processes.Child([*words, "--seed", str(run[1]), "--json"], changes) as child:
            while not child.wait(1):
                if worker and os.getppid() != parent:
                    os._exit(1)  # nobody waits for the record any more; the run ends as well
                if worker and _cancelled():
                    child.end()
            records = child.records()
            return run, child.status, records[-1] if records else None, child.last_words
    except OSError as error:
        return run, None, None, error.strerror or str(error)


def _cancelled():
    """Whether this is a task of Dask whose master has ended."""
    if "distributed" not in sys.modules:
        return False
    from distributed import get_worker

    try:
        worker = get_worker()
    except ValueError:
        return False
    task = worker.state.tasks.get(worker.get_current_task())
    return task is None or task.state == "cancelled"
