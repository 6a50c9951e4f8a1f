"""The tasks as TensorFlow Datasets; importing this module registers ``pns_<task>`` for each.

The samples are computed, so that nothing is downloaded.

Example:
    >>> import tensorflow_datasets as tfds
    >>> import pns_tf.datasets
    >>> train, test = tfds.load("pns_helix/noise_0.1", split=["train", "test"], data_dir="data")
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow_datasets as tfds

from pns_tf import tasks
from pns_tf.tasks import Task

NOISE_LEVELS = (0.0, 0.001, 0.01, 0.1)


@dataclass
class NoiseConfig(tfds.core.BuilderConfig):
    """A data set's noise level; a level of your own goes to ``builder_kwargs={"config": …}``.

    Example:
        >>> NoiseConfig.of(0.5).name
        'noise_0.5'
    """

    noise: float = 0.01

    @classmethod
    def of(cls, noise: float) -> NoiseConfig:
        """The config of a noise level, named after it."""
        return cls(name=f"noise_{noise:g}", description=f"noise level {noise:g}", noise=noise)


class TaskDataset(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """``Task.data`` with seed 0, in its order: features x ``(inputs,)`` and y, both as drawn.

    ``y`` is a class label, or float32 ``(outputs,)`` for regression. Subclasses name the task.
    """

    VERSION = tfds.core.Version("1.0.0")
    TASK: Task

    def _info(self) -> tfds.core.DatasetInfo:
        task = self.TASK
        if task.kind.discrete:
            y = tfds.features.ClassLabel(num_classes=task.outputs)
        else:
            y = tfds.features.Tensor(shape=(task.outputs,), dtype=np.float32)
        x = tfds.features.Tensor(shape=(task.inputs,), dtype=np.float32)
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"{task.summary}, with noise; x is uniform on [-1, 1] in each dimension.",
            features=tfds.features.FeaturesDict({"x": x, "y": y}),
            supervised_keys=("x", "y"),
            homepage="https://arxiv.org/abs/2111.11153",
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        data = self.TASK.data(noise=self.builder_config.noise)
        return {
            "train": self._generate_examples(data.x_train, data.y_train),
            "test": self._generate_examples(data.x_test, data.y_test),
        }

    def _generate_examples(self, xs: np.ndarray, ys: np.ndarray) -> Iterator[tuple[int, dict]]:
        for key, (x, y) in enumerate(zip(xs, ys, strict=True)):
            yield key, {"x": x, "y": y}


def builder_of(task: Task) -> type[TaskDataset]:
    """Makes and registers the TFDS builder ``pns_<task>``; its first config is the task's noise."""
    levels = dict.fromkeys([task.noise, *NOISE_LEVELS])
    attributes = {
        "__module__": __name__,
        "__doc__": f"The task {task.name}: {task.summary}.",
        "name": f"pns_{task.name}",
        "TASK": task,
        "BUILDER_CONFIGS": [NoiseConfig.of(noise) for noise in levels],
    }
    return type(f"Pns{task.name.title().replace('_', '')}", (TaskDataset,), attributes)


BUILDERS = {name: builder_of(tasks.get(name)) for name in tasks.names()}
