"""How many random hosts hold a relu ticket: as the bound counts, and really.

    python benchmarks/relu_paths.py

Draws the hosts of ``existence --task=relu --hosts=10000``, and counts those in which (1) the search
of `pns_tf.theory.frequency` finds a copy, which settles for the first neuron that fits; (2) any
path has all four weights within the errors; (3) any path of positive weights has outputs within ε,
in the first 300 hosts. Some minutes of a core.
"""

import numpy as np
from scipy.stats import binomtest

import tasks
from pns_tf.seeding import generator
from pns_tf.theory.existence import INITS
from pns_tf.theory.frequency import draw, find_copy
from pns_tf.theory.unit_target import UnitTarget, unit_target

EPSILON = 0.1
HOSTS = {100: 10_000, 1000: 300}  # by width
LOOKED_THROUGH = 300  # hosts, path by path


def main() -> None:
    unit = unit_target(tasks.get("relu").target(5), EPSILON, "proven")
    for width, hosts in HOSTS.items():
        for init in INITS:
            counts = count(unit, width, hosts, init)
            for what, (found, among) in counts.items():
                low, high = binomtest(found, among).proportion_ci(0.95)
                print(
                    f"{width:>5} {init:<8} {what:<22} {found / among:.4f} [{low:.4f}, {high:.4f}]"
                )


def count(unit: UnitTarget, width: int, hosts: int, init: str) -> dict[str, tuple[int, int]]:
    """Hosts that hold a ticket, and how many were looked at."""
    rng = generator(0, f"frequency of copies, {init}")
    shapes = [(1, width), (width, width), (width, width), (width, 1)]
    found = np.zeros(3, int)
    for number in range(hosts):
        kernels, biases = draw(rng, init, shapes)
        found[0] += find_copy(unit, kernels, biases) is not None
        found[1] += any_within_errors(unit, kernels)
        found[2] += number < LOOKED_THROUGH and any_within_epsilon(unit, kernels)
    among = (hosts, hosts, min(hosts, LOOKED_THROUGH))
    what = ("found by the search", "all weights within ε_l", "outputs within ε")
    return dict(zip(what, zip(found.tolist(), among, strict=True), strict=True))


def any_within_errors(unit: UnitTarget, kernels: list[np.ndarray]) -> bool:
    """Whether weights of a path are all within the errors allowed to the target's."""
    reached = np.ones(1, bool)
    for kernel, wanted, error in zip(kernels, unit.target.kernels, unit.errors, strict=True):
        reached = (reached[:, None] & (abs(kernel - wanted[0, 0]) <= error)).any(axis=0)
    return bool(reached[0])


def any_within_epsilon(unit: UnitTarget, kernels: list[np.ndarray]) -> bool:
    """Whether a path of positive weights has a product as near to the target's as ε allows."""
    first, second, third, last = kernels
    wanted = np.prod([kernel[0, 0] for kernel in unit.target.kernels])
    starts, ends = first[0, :, None] * second, third * last[:, 0]
    starts, ends = starts[first[0] > 0], ends[:, last[:, 0] > 0]
    for middle in range(len(third)):
        products = np.multiply.outer(starts[:, middle].clip(0), ends[middle].clip(0))
        if (abs(products - wanted) <= unit.epsilon).any():
            return True
    return False


if __name__ == "__main__":
    main()
