"""Worker processes that outlive a trial."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack

from pns_tf.recipe.run import Run
from pns_tf.runs.execute import Result, execute
from pns_tf.runs.workers import open_executor, run_all
from pns_tf.training.loop import Diverged


class Pool:
    """Executes the runs of one trial after the other in the same processes.

    Starting a process takes longer than a small trial. To be used in a ``with`` statement.

    Args:
        workers: processes; ``None`` for one per core.
    """

    def __init__(self, workers: int | None):
        self._workers = workers
        self._open = ExitStack()
        self._executor: Executor | None = None

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *error) -> None:
        self._open.close()

    @property
    def executor(self) -> Executor:
        """The processes, started when first needed."""
        if self._executor is None:
            self._executor, _ = self._open.enter_context(open_executor(self._workers, None))
        return self._executor

    def run(self, runs: Sequence[Run], keep: Callable[[Run, Result], None]) -> None:
        """Executes runs and hands each result to ``keep``, as `run_all` does.

        Raises:
            Exception: what a run has raised, when all others are finished; that a training diverged
                only if it is nothing else.
            ValueError: workers die again and again.
        """
        left, failed = {run.name: run for run in runs}, []
        try:
            futures = {self.executor.submit(execute, run): run for run in runs}
            for future in as_completed(futures):
                try:
                    result = future.result()
                except BrokenProcessPool:
                    raise
                except Exception as error:
                    failed.append(error)
                else:
                    keep(futures[future], result)
                del left[futures[future].name]
        except BrokenProcessPool:
            self._executor = None
            run_all(list(left.values()), keep, self._workers)
        if failed:
            raise min(failed, key=lambda error: isinstance(error, Diverged))
