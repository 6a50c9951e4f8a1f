"""Every random number comes from one seed, by a stream of its own for each purpose."""

from __future__ import annotations

import zlib

import numpy as np

from pns_tf.checks import integer


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Returns the random stream of ``seed`` for ``purpose`` (any string, such as "host").

    Streams of different purposes are independent, so that adding one leaves the others as they are.

    Raises:
        ValueError: ``seed`` is not a non-negative integer.

    Example:
        >>> generator(0, "host").random() == generator(0, "host").random()
        True
        >>> generator(0, "host").random() == generator(0, "scores").random()
        False
    """
    return np.random.default_rng([integer("seed", seed, minimum=0), zlib.crc32(purpose.encode())])
