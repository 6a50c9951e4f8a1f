"""Runs spread over processes or machines, through one seam: a ``concurrent.futures`` executor."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from pathlib import Path

from pns_tf.checks import InputError
from pns_tf.own_modules import reason
from pns_tf.recipe.run import Run
from pns_tf.runs.execute import Result, execute

FRUITLESS_RESTARTS = 3  # of the pool, without a single run finished in between


class RunsFailed(InputError):
    """Some runs could not be finished; all others are."""


def run_all(
    runs: Sequence[Run],
    keep: Callable[[Run, Result], None],
    workers: int | None = None,
    scheduler: str | None = None,
    places: Callable[[int], None] = lambda count: None,
    *,
    folder: Path | None = None,
    data_dir: str | None = None,
    planted_later: Collection[str] = (),
) -> None:
    """Executes runs and hands each result to ``keep`` as it comes in.

    A worker that dies takes only the runs under way with it; they are started again. A run that
    fails does not stop the others, whatever the error: it may be one in a pruner of the user's own.

    Args:
        runs: what to execute.
        keep: called in this process.
        workers: processes on this machine; ``None`` for one per core.
        scheduler: address of a Dask scheduler to use instead, such as "tcp://host:8786".
        places: told how many runs can be under way at once.
        folder: of all results, with the tickets that runs plant.
        data_dir: where data sets lie.
        planted_later: names of runs whose tickets are kept, because other runs plant them.

    Raises:
        RunsFailed: runs could not be finished; raised when all others are.
        ValueError: the scheduler cannot be reached, or workers die again and again.
    """
    # Runs on the same host next to each other: a worker keeps the host it used last.
    left = {run.name: run for run in sorted(runs, key=_host_of)}
    workers, threads = shared_out(runs, workers)
    failed: list[tuple[Run, Exception]] = []
    fruitless = 0
    while left:
        before = len(left)
        try:
            with open_executor(workers, scheduler, threads) as (executor, count):
                places(count)
                futures = {
                    executor.submit(execute, run, folder, data_dir, run.name in planted_later): run
                    for run in left.values()
                }
                for run, future in _finished(futures):
                    try:
                        result = future.result()
                    except BrokenProcessPool:
                        raise
                    except Exception as problem:
                        failed.append((run, problem))
                    else:
                        keep(run, result)
                    del left[run.name]
        except BrokenProcessPool as death:
            fruitless = fruitless + 1 if len(left) == before else 0
            if fruitless == FRUITLESS_RESTARTS:
                raise InputError(
                    f"worker processes died {fruitless} times without finishing a run "
                    f"(out of memory?); {len(left)} runs are left"
                ) from death
    if failed:
        run, error = failed[0]
        why = str(error) if isinstance(error, InputError) else reason(error)
        raise RunsFailed(
            f"{len(failed)} of {len(runs)} runs failed; the first: {run.task}, "
            f"{run.search.pruner}, density {run.search.density:g}, seed {run.search.seed}: {why}"
        ) from error


def shared_out(runs: Sequence[Run], workers: int | None) -> tuple[int | None, int]:
    """Processes and threads of each: trainings on images follow one another and use all cores.

    With other numbers of threads sums are rounded otherwise, and their weights differ.
    """
    if not any(run.host.on_images for run in runs):
        return workers, 1
    workers = workers or 1
    return workers, max(1, cores() // workers)


def cores() -> int:
    """Of this machine."""
    return os.cpu_count() or 1


def _host_of(run: Run) -> tuple[str, ...]:
    """Runs in the same host have the same; only to sort them by it."""
    ticket = "" if run.ticket is None else run.ticket.name
    hidden = (run.search.seed, run.hide, run.hide_biases, run.epsilon)
    return (*map(str, run.host.settings.values()), *map(str, hidden), ticket)


def _finished(futures: dict[Future, Run]) -> Iterator[tuple[Run, Future]]:
    try:
        for future in as_completed(futures):
            yield futures[future], future
    finally:
        for future in futures:
            future.cancel()


@contextlib.contextmanager
def open_executor(
    workers: int | None, scheduler: str | None, threads: int = 1
) -> Iterator[tuple[Executor, int]]:
    """Processes of this machine, or a Dask cluster's; arguments as for `run_all`.

    ``threads`` is how many cores each process of this machine uses.

    Yields:
        The executor and how many runs it executes at once.
    """
    if scheduler is None:
        workers = workers or cores()
        with ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),  # TensorFlow does not survive a fork
            initializer=_start_worker,
            initargs=(threads,),
        ) as pool:
            yield pool, workers
    else:
        with _dask_client(scheduler) as client:
            yield client.get_executor(retries=3), sum(client.nthreads().values())


def _dask_client(scheduler: str):
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError('--scheduler needs Dask: pip install "pns_tf[dask]"') from error
    try:
        return Client(scheduler, timeout=10)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(f"no Dask scheduler answers at {scheduler!r} within 10 s") from error


def _start_worker(threads: int) -> None:
    # A killed parent would leave its workers waiting for work, with all their memory, for ever.
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    prepare_worker(threads)


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def prepare_worker(threads: int = 1) -> None:
    """One core a worker is enough for small networks."""
    from pns_tf.quiet import import_tensorflow

    import_tensorflow()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
