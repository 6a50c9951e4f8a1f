"""Tables of a page that a reader sorts by clicking a heading."""

from __future__ import annotations

import pandas as pd

from pns_tf.reports.page import table_html

# A cell sorts by the number it begins with; what has none ("–", "∞", "> 16") comes last.
SCRIPT = """
<script>
document.addEventListener("click", event => {
  const head = event.target.closest("table.sortable th");
  if (!head) return;
  const table = head.closest("table"), column = head.cellIndex, body = table.tBodies[0];
  const down = head.dataset.order === "up";
  for (const other of table.querySelectorAll("th")) delete other.dataset.order;
  head.dataset.order = down ? "down" : "up";
  const text = row => row.cells[column].textContent.trim();
  const value = row => parseFloat(text(row).replaceAll(",", ""));
  const rows = [...body.rows], numbers = rows.some(row => !isNaN(value(row)));
  rows.sort((a, b) => {
    if (!numbers) return (down ? -1 : 1) * text(a).localeCompare(text(b));
    const [x, y] = [value(a), value(b)];
    if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
    return down ? y - x : x - y;
  });
  body.append(...rows);
});
</script>
<style>
table.sortable th { cursor: pointer; }
table.sortable th[data-order=up]::after { content: " ▲"; }
table.sortable th[data-order=down]::after { content: " ▼"; }
</style>
"""


def sortable_html(table: pd.DataFrame) -> str:
    """A table of text; `SCRIPT` has to be on the page once.

    Example:
        >>> 'class="sortable"' in sortable_html(pd.DataFrame({"pruner": ["snip"]}))
        True
    """
    return (
        table_html(table)
        .replace("<table", '<table class="sortable"', 1)
        .replace('class="sortable" class="dataframe"', 'class="sortable"', 1)
    )
