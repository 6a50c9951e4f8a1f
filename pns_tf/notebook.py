"""How objects look in a notebook: a few lines, not all their arrays."""

from __future__ import annotations

import html
from collections.abc import Mapping


def as_line(name: str, facts: Mapping[str, object]) -> str:
    """What ``repr`` gives.

    Example:
        >>> as_line("Planted", {"task": "circle", "density": 0.00465})
        "Planted(task='circle', density=0.00465)"
    """
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in facts.items())})"


def as_html(name: str, facts: Mapping[str, object]) -> str:
    """What ``_repr_html_`` gives: a table of two columns.

    Example:
        >>> as_html("Planted", {"task": "a<b"})
        '<table><caption>Planted</caption><tr><th>task</th><td>a&lt;b</td></tr></table>'
    """
    rows = "".join(
        f"<tr><th>{html.escape(key.replace('_', ' '))}</th><td>{html.escape(str(value))}</td></tr>"
        for key, value in facts.items()
    )
    return f"<table><caption>{html.escape(name)}</caption>{rows}</table>"


def rounded(value: float) -> float:
    """Four digits, which is what tables have."""
    return float(f"{value:.4g}")
