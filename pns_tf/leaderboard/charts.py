"""The page's charts: a reader sorts and filters, hovers a point, clicks a pruner.

Vega-Lite through Altair, all of it in the page, so that it needs no network.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pns_tf.leaderboard.distance import RANKED, TICKETS, with_common_densities
from pns_tf.leaderboard.ranking import Scores, by_difficulty, ranking
from pns_tf.leaderboard.sorting import SCRIPT
from pns_tf.leaderboard.table import number
from pns_tf.recipe.pruners import ORACLE
from pns_tf.reports.skill import skill
from pns_tf.reports.statistics import half_width

if TYPE_CHECKING:
    import altair as alt

ALL = "all instances"
WORDS = {"strong": "strong", "weak": "weak", "published": "weak, as published"}
GREY, INK = "#c9ced4", "#1d2329"
HINT = (
    "Click a pruner, in the ranking or on a curve, to see all of its curves; with Shift several. "
    "Hover a point to see its numbers. Skill: 1 is as good as the planted ticket, 0 as the best "
    "constant; means over seeds, bars are 95 % intervals."
)
PAGE = """
<p class="note">{hint}</p>
<div id="charts" style="padding:.8rem"></div>
<style>
#charts {{ display: flex; flex-direction: column-reverse; align-items: flex-start; }}
#charts .vega-bindings {{ display: flex; flex-wrap: wrap; gap: .4rem 1.4rem;
  margin-bottom: .6rem; font-size: .9rem; }}
</style>
<script>{library}</script>
<script>
const wide = {wide}, narrow = {narrow};
let shown = null;
function show() {{
  const spec = document.getElementById("charts").clientWidth < 760 ? narrow : wide;
  if (spec === shown) return;
  shown = spec;
  vegaEmbed("#charts", spec, {{actions: false, renderer: "svg"}});
}}
show();
addEventListener("resize", show);
</script>
"""


def curves_html(made: Scores, standings: pd.DataFrame) -> str:
    """The charts, with all that they need."""
    points, ranked = points_of(made), ranks_of(made)
    instances = by_difficulty(made)
    wide, narrow = (
        _inside_script(json.dumps(chart(points, ranked, instances, columns).to_dict()))
        for columns in (3, 1)
    )
    library = _inside_script(_library())
    return PAGE.format(hint=HINT, library=library, wide=wide, narrow=narrow) + SCRIPT


def _inside_script(text: str) -> str:
    """The text, which must not end the script that it stands in."""
    return text.replace("</script", "<\\/script")


@functools.cache
def _library() -> str:
    """Vega, Vega-Lite and Vega-Embed, as one script that defines ``vegaEmbed``."""
    import altair
    import vl_convert

    version = ".".join(altair.SCHEMA_VERSION.lstrip("v").split(".")[:2])
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version)


def points_of(made: Scores) -> pd.DataFrame:
    """A point for each entry, instance, ticket and density: means over seeds, with intervals.

    Over the seeds that count in the ranking; over all of an entry that has none of these.

    Returns:
        Columns ``entry``, ``instance``, ``ticket`` (a value of `WORDS`), ``density``, ``times`` (by
        the truth), ``skill`` with ``low`` and ``high``, ``metric``, ``planted`` and ``seeds``.
    """
    parts, table = [], with_common_densities(made.rows)
    for ticket, metric in TICKETS.items():
        # As in `scores`: a ticket whose outputs are no numbers is worth no more than a constant.
        rows = table.assign(skill=skill(table, metric).fillna(0.0), metric=table[metric])
        rows = rows[_counted(made, rows, ticket)]
        groups = rows.groupby(["entry", "instance", "density"], sort=False)
        part = groups.agg(
            skill=("skill", "mean"),
            deviation=("skill", "std"),
            metric=("metric", "mean"),
            planted=("planted", "mean"),
            truth=("truth", "first"),
            seeds=("seed", "nunique"),
        ).reset_index()
        half = np.nan_to_num(half_width(part.pop("deviation"), part["seeds"]))
        part = part.assign(
            ticket=WORDS[ticket],
            times=part["density"] / part.pop("truth"),
            low=part["skill"] - half,
            high=part["skill"] + half,
        )
        parts.append(part)
    points = pd.concat(parts, ignore_index=True)
    shown = ["skill", "low", "high"]
    points[shown] = points[shown].clip(-0.1, 1.1)  # what lies outside says no more
    rounded = [*shown, "metric", "planted", "density", "times"]
    points[rounded] = points[rounded].map(lambda value: float(f"{value:.4g}"))
    return points


def _counted(made: Scores, rows: pd.DataFrame, ticket: str) -> pd.Series:
    counted = pd.Series(True, index=rows.index)
    for entry in made.entries:
        if seeds := made.seeds_of(entry, ticket):
            counted &= (rows["entry"] != entry) | rows["seed"].isin(seeds)
    return counted


def ranks_of(made: Scores) -> pd.DataFrame:
    """The rankings, as the charts show them: one row for each entry and ticket."""
    parts = []
    for ticket in RANKED:
        found = ranking(made, ticket)
        parts.append(found.assign(ticket=WORDS[ticket]))
        if ticket == "weak":
            columns = {
                f"published_{name}{end}": f"{name}{end}"
                for name in ("area", "distance")
                for end in ("", "_low", "_high")
            }
            own = found.drop(columns=[*columns.values(), "won", "never"])
            parts.append(own.rename(columns=columns).assign(ticket=WORDS["published"]))
    ranked = pd.concat(parts, ignore_index=True).dropna(subset="area")
    ranked["median distance"] = ranked["distance"].map(number)
    # JSON has no infinity; only the order counts here.
    ranked["nearness"] = -np.log(ranked["distance"].replace(np.inf, 1e9))
    kept = ["entry", "ticket", "area", "area_low", "area_high", "median distance", "nearness"]
    ranked = ranked[[*kept, "seconds"]]
    return ranked.round(4)


def chart(
    points: pd.DataFrame, ranked: pd.DataFrame, instances: list[str], columns: int
) -> alt.VConcatChart:
    """Ranking above curves; clicking an entry in either colours its curves.

    Args:
        points: of `points_of`.
        ranked: of `ranks_of`.
        instances: the easiest first.
        columns: of curves; 1 for narrow screens.
    """
    import altair as alt

    alt.data_transformers.disable_max_rows()
    narrow = columns == 1
    ticket = alt.param(
        name="ticket",
        value=WORDS["weak"],
        bind=alt.binding_radio(options=list(WORDS.values()), name="tickets: "),
    )
    only = alt.param(
        name="only",
        value=ALL,
        bind=alt.binding_select(options=[ALL, *instances], name="instance: "),
    )
    order = alt.param(
        name="order",
        value="area",
        bind=alt.binding_select(options=["area", "distance", "seconds", "name"], name="sort by: "),
    )
    leader = next(e for e in ranked.sort_values("area", ascending=False)["entry"] if e != ORACLE)
    who = alt.selection_point(
        name="who", fields=["entry"], on="click", value=[{"entry": leader}], empty=False
    )
    colour = alt.condition(who, alt.Color("entry:N", title="pruner", legend=None), alt.value(GREY))
    keys = "order == 'area' ? -datum.area : order == 'distance' ? -datum.nearness : datum.seconds"
    names = sorted(ranked["entry"].unique(), key=str.lower)
    bars = alt.Chart(ranked).transform_filter("datum.ticket == ticket")
    bars = bars.transform_calculate(
        key=f"order == 'name' ? indexof({json.dumps(names)}, datum.entry) : {keys}"
    )
    y = alt.Y(
        "entry:N",
        sort=alt.EncodingSortField("key", op="min"),
        title=None,
        axis=alt.Axis(labelLimit=130 if narrow else 220),
    )
    tips = ["entry", "area", "area_low", "area_high", "median distance", "seconds"]
    area = bars.mark_bar(cursor="pointer", height=8).encode(
        x=alt.X("area:Q", title="area, with 95 % interval", scale=alt.Scale(domain=[0, 1])),
        y=y,
        color=colour,
        tooltip=tips,
    )
    whiskers = bars.mark_rule(color=INK).encode(x="area_low:Q", x2="area_high:Q", y=y)
    top = alt.layer(area, whiskers).add_params(ticket, only, order, who)
    top = top.properties(width=170 if narrow else 560, title="Ranking")

    base = (
        alt.Chart()
        .transform_filter("datum.ticket == ticket")
        .transform_filter(f"only == {json.dumps(ALL)} || datum.instance == only")
    )
    x = alt.X(
        "density:Q",
        scale=alt.Scale(type="log", nice=False, padding=8),
        axis=alt.Axis(tickCount=3, format="~g", labelOverlap=True),
        title="density",
    )
    skill_axis = alt.Y("skill:Q", scale=alt.Scale(domain=[-0.1, 1.1]), title="skill")
    shared = base.encode(x=x, color=colour, detail="entry:N")
    lines = shared.mark_line(strokeWidth=1.5).encode(
        y=skill_axis, opacity=alt.condition(who, alt.value(1), alt.value(0.55))
    )
    bands = shared.mark_rule().encode(
        y=alt.Y("low:Q", title="skill"),
        y2="high:Q",
        opacity=alt.condition(who, alt.value(0.8), alt.value(0)),
    )
    dots = shared.mark_point(filled=True, cursor="pointer").encode(
        y=skill_axis,
        size=alt.condition(who, alt.value(60), alt.value(22)),
        tooltip=[
            alt.Tooltip("entry", title="pruner"),
            "instance",
            alt.Tooltip("density:Q", format=".3g"),
            alt.Tooltip("times:Q", title="× planted density"),
            "metric:Q",
            "planted:Q",
            "skill:Q",
            "low:Q",
            "high:Q",
            "seeds:Q",
        ],
    )
    panels = alt.layer(lines, bands, dots, data=points).properties(
        width=230 if narrow else 250, height=150
    )
    curves = panels.facet(
        alt.Facet("instance:N", sort=instances, title=None), columns=columns
    ).resolve_scale(x="independent")
    found = alt.vconcat(top, curves).resolve_scale(color="shared")
    return found.configure_view(stroke="#dfe3e8").configure_axis(gridColor="#eef0f3")
