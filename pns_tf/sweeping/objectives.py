"""What a sweep may look for, and which way is better."""

from __future__ import annotations

from pns_tf.checks import InputError, choice

PERFORMANCE = ("final", "strong")  # better as the task says
OVERLAP = ("precision", "recall", "f1", "jaccard")  # 1 for the planted ticket itself
COLLAPSE = ("layer_collapse", "flow_collapse")
STORED_GAP = "distance"  # what folders and columns have called the gap from the beginning
OBJECTIVES = (*PERFORMANCE, *OVERLAP, "effective_density", *COLLAPSE)


def direction(objective: str, task: str) -> str:
    """Returns "max" or "min": accuracy, overlap and density up, MSE and collapse down.

    Raises:
        ValueError: unknown objective or task; the message names the choices.

    Example:
        >>> direction("final", "circle"), direction("final", "helix")
        ('max', 'min')
    """
    choice("objective", objective, OBJECTIVES)
    if objective in PERFORMANCE:
        from pns_tf import tasks  # takes long to import

        return "max" if tasks.get(task).kind.higher_is_better else "min"
    return "min" if objective in COLLAPSE else "max"


def check_gap(objective: str) -> None:
    """Raises ``InputError`` unless the planted ticket is known to have the best value."""
    choices = (*PERFORMANCE, *OVERLAP)
    if objective in OBJECTIVES and objective not in choices:
        raise InputError(
            f"{objective} says nothing about the gap to the planted ticket: "
            f"choose from {', '.join(choices)}"
        )
