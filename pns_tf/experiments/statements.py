"""The statements of the paper about its figures, each with the claims that it makes.

"Good" and "fail" are skills of at least 0.9 and of less than 0.5, see
`pns_tf.reports.skill`. Density 1 counts nowhere: nothing is pruned there.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from pns_tf.experiments.catalog import DENSITIES, NOISE, TASKS
from pns_tf.experiments.findings import Claim, Evidence, Finding, Tables, difference, in_words
from pns_tf.recipe.run import Run, density_name
from pns_tf.reports.skill import FAILS, GOOD

SPARSE = {"high": 0.01}
MODERATE = {"low": 0.1}
CIRCLE, REGRESSION = ("circle",), ("helix", "relu")
LITTLE = {"low": -0.1, "high": 0.1}  # a difference of skill
PROFITING = ("magnitude", "snip", "synflow")  # from multishot
FIXED = {density for density in DENSITIES if density != "baseline"}


def _each(
    name: str, statement: str, experiment: str, measure: str, where: dict, **span: float
) -> Finding:
    """That the mean of a measure lies in a range for each setting of an experiment.

    Args:
        name: of the finding.
        statement: of the paper.
        experiment: whose rows decide it.
        measure: "strong" or "final" (skills), or "flow_collapse".
        where: which settings, see `Evidence.where`.
        **span: ``low``, ``high`` or both.
    """
    bounds: dict[str, Any] = span
    return Finding(
        name,
        statement,
        (experiment,),
        lambda t: t[experiment].claims(t[experiment].where(**where), measure, **bounds),
    )


def _singleshot(figure: str, depth: int) -> list[Finding]:
    """What is stated of singleshot pruning, for hosts of one depth."""
    here = f"at depth {depth}"
    return [
        _each(
            f"no-strong-depth-{depth}",
            f"Singleshot pruning finds no strong ticket {here}.",
            figure,
            "strong",
            {},
            high=GOOD,
        ),
        _each(
            f"weak-depth-{depth}",
            "From density 0.1 on, every singleshot pruner, random included, gives good weak "
            f"tickets for circle and relu {here}.",
            figure,
            "final",
            {"tasks": ("circle", "relu"), **MODERATE},
            low=GOOD,
        ),
        _each(
            f"no-helix-depth-{depth}",
            f"From density 0.1 on, no singleshot pruner gives good weak tickets for helix {here}.",
            figure,
            "final",
            {"tasks": ("helix",), **MODERATE},
            high=GOOD,
        ),
        _each(
            f"sparse-fails-depth-{depth}",
            f"At density 0.01 and below, every singleshot pruner fails {here}.",
            figure,
            "final",
            SPARSE,
            high=FAILS,
        ),
        _each(
            f"sparse-collapses-depth-{depth}",
            "At density 0.01 and below, most tickets of singleshot pruners have no path left "
            f"from input to output {here}.",
            figure,
            "flow_collapse",
            SPARSE,
            low=0.5,
        ),
    ]


def _edge_popup(experiment: str, how: str, **options: bool) -> list[Finding]:
    """What is stated of edge-popup, as it is meant or as it was published."""
    plain, annealed = options, {**options, "anneal": True}
    popup = {"pruners": ("edge_popup",)}
    suffix = how.replace(" ", "-")
    return [
        _each(
            f"edge-popup-circle{suffix}",
            f"Edge-popup{how} finds a strong ticket for circle at density 0.5.",
            experiment,
            "strong",
            popup | {"tasks": CIRCLE, "options": [plain], "low": 0.5},
            low=GOOD,
        ),
        _each(
            f"edge-popup-anneal{suffix}",
            f"Annealed edge-popup{how} finds a strong ticket for circle at density 0.1.",
            experiment,
            "strong",
            popup | {"tasks": CIRCLE, "options": [annealed], "low": 0.1, "high": 0.1},
            low=GOOD,
        ),
        _each(
            f"edge-popup-regression{suffix}",
            f"Edge-popup{how}, annealed or not, finds no strong ticket for helix and relu.",
            experiment,
            "strong",
            popup | {"tasks": REGRESSION, "options": [plain, annealed]},
            high=GOOD,
        ),
    ]


def _depth_3_is_hardest(t: Tables) -> list[Claim]:
    return [
        difference(
            f"{task}, depth {depth} minus depth 3",
            _mean_skill(t[figure], task),
            _mean_skill(t["figure6"], task),
        )
        for task in TASKS
        for depth, figure in ((5, "figure3"), (10, "figure8"))
    ]


def _mean_skill(evidence: Evidence, task: str) -> pd.Series:
    """By seed: over all pruners, and the densities that do not depend on the depth."""
    settings = [run for run in evidence.where((task,)) if run.search.density in FIXED]
    skills = pd.concat([evidence.values(run, "final") for run in settings], axis=1)
    return skills.mean(axis=1, skipna=False)


def _width_changes_little(t: Tables) -> list[Claim]:
    narrow = {in_words(run): run for run in t["figure3"].where(CIRCLE)}
    return [
        difference(
            in_words(run),
            t["figure9"].values(run, "final"),
            t["figure3"].values(narrow[in_words(run)], "final"),
            **LITTLE,
        )
        for run in t["figure9"].where()
        if run.search.density in FIXED
    ]


def _holds_under_noise(t: Tables) -> list[Claim]:
    evidence = t["figure11"]

    def settings(noise: float) -> list[Run]:
        return [run for run in evidence.where() if run.search.noise == noise]

    return [
        difference(
            in_words(run),
            evidence.values(run, "final"),
            evidence.values(noiseless, "final"),
            **LITTLE,
        )
        for noise in NOISE
        if noise > 0
        for run, noiseless in zip(settings(noise), settings(0.0), strict=True)
    ]


def _multishot_reaches_lower(t: Tables) -> list[Claim]:
    where: dict[str, Any] = {"tasks": CIRCLE, "pruners": PROFITING, "low": 0.01, "high": 0.01}
    claims = []
    for figure, how, span in (
        ("figure3", "singleshot", {"high": GOOD}),
        ("figure4", "multishot", {"low": GOOD}),
    ):
        settings = t[figure].where(**where)
        claims += t[figure].claims(settings, "final", note=how, **span)
    return claims


def _synflow_is_best(t: Tables) -> list[Claim]:
    evidence = t["figure4"]
    skills = {
        run.search.pruner: evidence.values(run, "final")
        for run in evidence.where(CIRCLE, PROFITING)
        if density_name(run) == "baseline"
    }
    return [
        difference(
            f"circle, synflow minus {other}, density baseline", skills["synflow"], skills[other]
        )
        for other in ("magnitude", "snip")
    ]


def _vgg16_misses_the_ticket(t: Tables) -> list[Claim]:
    evidence = t["figure5"]
    runs = {run.search.density: run for run in evidence.settings if run.ticket is not None}
    skills = {density: evidence.values(run, "strong") for density, run in runs.items()}
    best, sparsest = 0.5, min(runs)
    claims = [
        difference(
            f"edge-popup, density {best:g} minus density {density:g}",
            skills[best],
            skills[density],
        )
        for density in runs
        if density != best
    ]
    return claims + evidence.claims([runs[sparsest]], "strong", high=FAILS)


FINDINGS = [
    *_singleshot("figure3", depth=5),
    *_singleshot("figure6", depth=3),
    *_singleshot("figure8", depth=10),
    Finding(
        "depth-3-hardest",
        "Depth 3 is hardest: weak tickets have less skill than at depth 5 and 10 (mean over "
        "pruners and densities 0.01, 0.1, 0.5).",
        ("figure3", "figure6", "figure8"),
        _depth_3_is_hardest,
    ),
    _each(
        "no-strong-width-1000",
        "Singleshot pruning finds no strong ticket at width 1000.",
        "figure9",
        "strong",
        {},
        high=GOOD,
    ),
    Finding(
        "width-changes-little",
        "Width 1000 changes little: the skill of weak tickets is within 0.1 of that at width 100 "
        "(depth 6 against depth 5).",
        ("figure3", "figure9"),
        _width_changes_little,
    ),
    _each(
        "no-strong-100-rounds",
        "Synflow with 100 pruning rounds finds no strong ticket.",
        "figure10",
        "strong",
        {},
        high=GOOD,
    ),
    _each(
        "sparse-fails-100-rounds",
        "Synflow with 100 pruning rounds fails at density 0.01 and below, too.",
        "figure10",
        "final",
        SPARSE,
        high=FAILS,
    ),
    _each(
        "sparse-collapses-100-rounds",
        "Synflow with 100 pruning rounds mostly leaves no path from input to output at density "
        "0.01 and below.",
        "figure10",
        "flow_collapse",
        SPARSE,
        low=0.5,
    ),
    Finding(
        "noise-changes-little",
        "Results hold under noise: the skill of weak tickets is within 0.1 of that without.",
        ("figure11",),
        _holds_under_noise,
    ),
    Finding(
        "multishot-reaches-lower",
        "Multishot magnitude, snip and synflow give good weak tickets for circle at density 0.01, "
        "where singleshot gives none.",
        ("figure3", "figure4"),
        _multishot_reaches_lower,
    ),
    Finding(
        "multishot-synflow-best",
        "Multishot synflow is better than magnitude and snip on circle at the planted density.",
        ("figure4",),
        _synflow_is_best,
    ),
    _each(
        "multishot-synflow-baseline",
        "Multishot synflow gives good weak tickets for circle down to the planted density.",
        "figure4",
        "final",
        {"tasks": CIRCLE, "pruners": ("synflow",)},
        low=GOOD,
    ),
    _each(
        "multishot-helix",
        "Multishot magnitude, snip and synflow give good weak tickets for helix at densities 0.1 "
        "and 0.5.",
        "figure4",
        "final",
        {"tasks": ("helix",), "pruners": PROFITING, **MODERATE},
        low=GOOD,
    ),
    _each(
        "multishot-grasp",
        "Multishot grasp gives no good weak ticket for circle.",
        "figure4",
        "final",
        {"tasks": CIRCLE, "pruners": ("grasp",)},
        high=GOOD,
    ),
    _each(
        "multishot-grasp-local",
        "Pruning layer by layer does not save multishot grasp on circle.",
        "figure12",
        "final",
        {"tasks": CIRCLE, "pruners": ("grasp",)},
        high=GOOD,
    ),
    *_edge_popup("figure4", ""),
    *_edge_popup("edge_popup", " as published", as_published=True),
    Finding(
        "vgg16",
        "On VGG16 edge-popup is best at density 0.5 and misses the planted ticket of density 0.01.",
        ("figure5",),
        _vgg16_misses_the_ticket,
    ),
]
