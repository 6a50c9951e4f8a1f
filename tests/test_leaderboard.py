"""The leaderboard: what is run, what near means, and how entries are ranked."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up import rows

from pns_tf.checks import InputError
from pns_tf.leaderboard.board import Attempt, Board
from pns_tf.leaderboard.distance import (
    TICKETS,
    area,
    completed,
    median_density,
    scores,
    shortfall,
    standings,
    with_common_densities,
)
from pns_tf.leaderboard.entries import ENTRIES, TRUTH, Entry, chosen
from pns_tf.leaderboard.instances import INSTANCES, Instance
from pns_tf.leaderboard.ranking import Scores, by_difficulty
from pns_tf.leaderboard.seeds import FIRST_SEALED, TUNED, check_sealed, sealed
from pns_tf.recipe.pruners import PRUNERS
from pns_tf.recipe.run import Run

SNIP, RANDOM = Entry("snip", "snip"), Entry("random", "random")
CIRCLE, RELU = Instance("circle"), Instance("relu")
GOOD, BAD = 0.9999, 0.5  # skills of tickets that are near the planted one, and are not


def made(
    attempts: list[Attempt],
    final: Callable[[Run], float],
    strong: Callable[[Run], float] = lambda run: BAD,
    published: Callable[[Run], float] | None = None,
) -> pd.DataFrame:
    """Rows as `collected` gives them, with skills as a test wants them."""
    parts = []
    for attempt in attempts:
        run = attempt.run
        skills = {"final": final(run), "strong": strong(run)}
        if published is not None:
            skills["published"] = published(run)
        part = rows(
            [run],
            1,
            final=lambda _, value=skills["final"]: value,
            strong=lambda _, value=skills["strong"]: value,
            trained_epochs=60,
        )
        seed = run.search.seed
        part = part.assign(seed=seed, run=attempt.run.name, truth=attempt.run_truth)
        trivial, planted = part["best_constant"], part["planted"]
        other = trivial + skills.get("published", skills["final"]) * (planted - trivial)
        part = part.assign(final_published=other, published_from="host", ranked=True)
        part.insert(0, "entry", attempt.entry)
        part.insert(1, "instance", attempt.instance)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(autouse=True)
def truth_of_attempts(monkeypatch):
    """What a run itself would measure of its planted ticket."""
    truth = property(lambda self: Instance.named(self.instance).truth)
    monkeypatch.setattr(Attempt, "run_truth", truth, raising=False)


def multiples(attempts: list[Attempt]) -> list[float]:
    """Densities by the truth, each once, from the highest on."""
    found = {attempt.run.search.density / attempt.run_truth for attempt in attempts}
    return sorted(found, reverse=True)


def test_every_pruner_takes_part_and_the_oracle_always():
    assert {entry.pruner for entry in ENTRIES} == set(PRUNERS)
    names = [entry.name for entry in ENTRIES]
    assert len(set(names)) == len(names)
    runs = [entry.run(CIRCLE, 0.1, seed=10_000).name for entry in ENTRIES]
    assert len(set(runs)) == len(runs)
    assert all(chosen(pruners)[0] == TRUTH for pruners in ([], ["snip"], ["mine:Mine"]))


def test_pruners_are_chosen_by_name_and_ones_own_joins():
    def names(*arguments, **more):
        return [entry.name for entry in chosen(*arguments, **more)][1:]

    assert names(["snip"]) == ["snip", "snip, multishot"]
    assert names(["set", "mine:Mine"]) == ["set", "mine:Mine"]
    assert len(names(["mine:Mine"])) == len(ENTRIES) + 1
    assert names(["mine:Mine"], everybody=False) == ["mine:Mine"]
    assert names(["oracle"]) == []
    with pytest.raises(InputError, match=r"unknown pruner 'snap': .*did you mean 'snip'"):
        chosen(["snap"])


def test_runs_of_a_ranking_are_others_than_those_of_figures():
    run = SNIP.run(Instance("circle", 5, 100, noise=0.1), 0.1, 10_000)
    assert run.ranked
    assert (run.search.noise, run.search.seed, run.host.width) == (0.1, 10_000, 100)
    assert run.name != Run(run.host, run.search).name
    assert Run.from_record(run.settings | {"run": run.name}).name == run.name


def test_instances_are_named_by_what_they_are():
    assert [Instance.named(each.name) for each in INSTANCES] == list(INSTANCES)
    assert len({each.name for each in INSTANCES}) >= 12
    assert Instance("circle", 5, 100, noise=0.1).name == "circle-d5-w100-n0.1"
    assert Instance.named("teacher+inputs=8-d4-w30").task == "teacher+inputs=8"
    # 108 weights and 22 biases of 20,600 weights and 304 biases.
    assert Instance("circle", 5, 100).truth == pytest.approx(130 / 20_904)


def test_a_constructed_ticket_is_made_first_and_its_densities_follow_from_its_size():
    instance = Instance.named("teacher-d4-w100-constructed")
    assert instance in INSTANCES
    assert instance.truth is None
    board = Board([TRUTH, SNIP], [CIRCLE, instance], seeds=2)
    assert {attempt.instance for attempt in board.first_stage()} == {CIRCLE.name}
    first = board.constructions()
    assert [(a.entry, a.instance, a.run.search.density) for a in first] == (
        [("oracle", instance.name, 0.5)] * 2
    )
    table = pd.DataFrame({"entry": "oracle", "instance": instance.name, "seed": [10_000, 10_001]})
    attempts = board.first_stage(table.assign(truth=[0.01, 0.1]))
    densities = {
        seed: [
            a.run.search.density
            for a in attempts
            if (a.entry, a.instance, a.run.search.seed) == ("snip", instance.name, seed)
        ]
        for seed in (10_000, 10_001)
    }
    assert densities == {10_000: [0.5, 0.16, 0.04, 0.01], 10_001: [0.5, 0.1]}
    assert {a.run.name for a in first} <= {a.run.name for a in attempts}
    with pytest.raises(InputError, match=r"its constructed ticket has density 0\.3, expected at"):
        board.first_stage(table.assign(truth=0.3))


def test_seeds_with_tickets_of_different_sizes_are_put_together_by_multiples_of_the_truth():
    rows = pd.DataFrame({"density": [0.01, 0.04, 0.5, 0.03, 0.12, 0.5], "instance": "a"})
    rows = rows.assign(truth=[0.01] * 3 + [0.03] * 3)
    shared = with_common_densities(rows)
    assert shared["density"].tolist() == pytest.approx([0.02, 0.08, 0.5] * 2)
    assert shared["truth"].tolist() == pytest.approx([0.02] * 6)
    pd.testing.assert_frame_equal(with_common_densities(rows[:3]), rows[:3])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("circle-d4-w20-constructed", "width 20 is too small"),
        ("circle-d3-w500-constructed", "depth must be an integer of at least 3, got 2"),
        ("circle", "an instance is named <task>-d<depth>-w<width>"),
        ("circle-d5-w100-n0.10", "is called 'circle-d5-w100-n0.1'"),
        ("circle-d5-w10", "width 10 is too small"),
        ("circle-d3-w20", "cannot be ranked: its planted ticket has density 0.86"),
        ("cirle-d5-w100", "unknown task 'cirle'"),
    ],
)
def test_other_names_of_instances_are_refused(name, message):
    with pytest.raises(InputError, match=message):
        Instance.named(name)


def test_seeds_of_rankings_are_none_that_defaults_were_chosen_by():
    assert list(sealed(3)) == [10_000, 10_001, 10_002]
    board = Board([SNIP], [CIRCLE], seeds=2)
    seeds = {attempt.run.search.seed for attempt in board.first_stage()}
    assert seeds == {10_000, 10_001}
    assert not seeds & set(TUNED)
    check_sealed([FIRST_SEALED], "rows")
    for seed in (0, 99, 9_999):
        with pytest.raises(InputError, match=f"rows has rows of seed {seed}, which are not ranked"):
            check_sealed([10_000, seed], "rows")


def test_first_the_planted_density_and_multiples_of_it_up_to_a_half():
    board = Board([SNIP], [CIRCLE], seeds=2)
    attempts = board.first_stage()
    assert multiples(attempts)[1:] == pytest.approx([16, 4, 1])
    assert board.coarse(CIRCLE.truth)[0] == 0.5
    assert len(attempts) == 2 * 4
    assert [attempt.run.search.seed for attempt in attempts] == [10_000] * 4 + [10_001] * 4


def test_then_the_densities_below_the_lowest_that_is_near():
    board = Board([TRUTH, SNIP, RANDOM], [CIRCLE], seeds=3)

    def skill(run):
        truth = CIRCLE.truth
        if run.search.pruner == "oracle":
            return GOOD
        return GOOD if run.search.pruner == "snip" and run.search.density > 10 * truth else BAD

    more = board.second_stage(made(board.first_stage(), skill))
    assert {attempt.entry for attempt in more} == {"snip"}
    assert multiples(more) == pytest.approx([12, 8, 6])
    assert sorted({attempt.run.search.seed for attempt in more}) == [10_000, 10_001, 10_002]


def test_strong_and_weak_tickets_have_limits_of_their_own_even_below_the_planted_density():
    board = Board([SNIP], [CIRCLE], seeds=3)
    table = made(
        board.first_stage(),
        final=lambda run: GOOD,
        strong=lambda run: GOOD if run.search.density > 0.4 else BAD,
    )
    tried = multiples(board.second_stage(table))
    assert tried[-3:] == pytest.approx([0.75, 0.5, 0.375])
    assert [multiple * CIRCLE.truth for multiple in tried[:-3]] == pytest.approx(
        [0.375, 0.25, 0.1875]
    )


def test_the_second_stage_does_not_depend_on_the_order_in_which_runs_were_finished():
    board = Board([SNIP, RANDOM], [CIRCLE], seeds=2)
    table = made(board.first_stage(), lambda run: GOOD if run.search.density > 0.05 else BAD)
    order = np.random.default_rng(0).permutation(len(table))
    runs = [[a.run.name for a in board.second_stage(t)] for t in (table, table.iloc[order])]
    assert runs[0] == runs[1] != []


def test_densities_of_the_users_own_are_all_there_is():
    board = Board([TRUTH, SNIP], [CIRCLE], 1, densities=[0.002, "truth", 0.3])
    assert board.coarse(CIRCLE.truth) == pytest.approx([0.3, 130 / 20_904, 0.002])
    assert [a.run.search.density for a in board.first_stage() if a.entry == "oracle"] == (
        pytest.approx([0.3, 130 / 20_904])
    )
    assert board.second_stage(made(board.first_stage(), lambda run: GOOD)) == []
    with pytest.raises(InputError, match="density must be a number above 0 and at most 1, got 2"):
        Board([SNIP], [CIRCLE], densities=[2])
    with pytest.raises(InputError, match="seeds must be an integer of at least 1, got 0"):
        Board([SNIP], [CIRCLE], seeds=0)


def test_near_is_two_percent_below_or_three_times_the_error():
    table = pd.DataFrame(
        {
            "task": ["circle", "circle", "relu", "helix", "helix"],
            "planted": [0.98, 0.98, 1e-4, 1e-4, 1e-4],
            "final": [0.96, 0.99, 3e-4, 1.5e-4, np.nan],
        }
    )
    assert shortfall(table, "final").tolist() == pytest.approx([1.0, -0.5, 1.0, 0.5, np.inf])


def of_three_seeds(metrics: dict[float, list[float]]) -> pd.DataFrame:
    """Rows of one entry on circle, with a planted density of 0.1 and accuracy of 0.976."""
    parts = [
        pd.DataFrame({"density": density, "seed": range(10_000, 10_003), "final": values})
        for density, values in metrics.items()
    ]
    table = pd.concat(parts, ignore_index=True).assign(
        entry="snip", instance="circle-d5-w100", task="circle", truth=0.1, baseline=0.1
    )
    table = table.assign(planted=0.976, best_constant=0.4, strong=0.4, published_from="host")
    seconds = {"pruning_seconds": 1.0, "training_seconds": 2.0, "trained_epochs": 10}
    return table.assign(final_published=0.4, **seconds)


def test_the_distance_is_the_median_over_seeds_of_the_lowest_density_that_is_near():
    # A gap of exactly 0.02 is near, whatever rounding says.
    table = of_three_seeds({0.1: [0.956, 0.9, 0.9], 0.2: [0.97, 0.97, 0.9], 0.5: [0.97, 0.97, 0.9]})
    found = scores(table)
    weak = found[found["ticket"] == "weak"]
    assert weak["distance"].tolist() == [1.0, 2.0, np.inf]
    assert weak["censored_at"].tolist() == [5.0] * 3
    assert median_density(table, "weak") == 0.2
    row = standings(table).set_index(["entry", "ticket"]).loc["snip", "weak"]
    assert (row["distance"], row["distance_low"], row["distance_high"]) == (2.0, 1.0, np.inf)
    assert row["metric"] == pytest.approx((0.97 + 0.97 + 0.9) / 3)
    assert row["metric_ci95"] == pytest.approx(4.3027 * 0.0404145 / 3**0.5, rel=1e-3)
    assert (row["seconds"], row["epochs"], row["runs"]) == (3.0, 10, 3)


def test_a_distance_of_which_half_are_censored_is_infinite_and_never_a_number():
    table = of_three_seeds({0.1: [0.97, 0.9, 0.9], 0.5: [0.97, 0.9, 0.9]})
    row = standings(table).set_index(["entry", "ticket"]).loc["snip", "weak"]
    assert row["distance"] == np.inf
    assert row["censored_at"] == 5
    assert row["distance_low"] == 1


def test_a_seed_that_is_not_finished_does_not_count_where_others_are():
    table = of_three_seeds({0.1: [0.9, 0.9, 0.9], 0.2: [0.97, 0.97, 0.97], 0.5: [0.97, 0.97, 0.97]})
    lacks = (table["seed"] == 10_002) & (table["density"] < 0.5)
    found = scores(table[~lacks])
    assert set(found["seed"]) == {10_000, 10_001}
    row = standings(table[~lacks]).set_index(["entry", "ticket"]).loc["snip", "weak"]
    assert (row["distance"], row["distance_high"], row["runs"]) == (2.0, 2.0, 2)
    # With densities of one's own no seed has an area, and all count.
    narrow = table[table["density"] < 0.5]
    assert set(scores(narrow)["seed"]) == {10_000, 10_001, 10_002}


def test_the_area_is_the_mean_over_the_logarithm_of_density():
    # From 0.005 to 0.05 a mean of ½, to 0.5 one of 1: the lengths are equal.
    assert area(np.array([0.5, 0.005, 0.05]), np.array([2.0, 0.0, 1.0]), 0.005) == pytest.approx(
        0.75
    )
    # What is below the planted density does not count, and negative skill is none.
    skills = np.array([1.0, -3.0, 1.0, 1.0])
    assert area(np.array([0.001, 0.005, 0.05, 0.5]), skills, 0.005) == pytest.approx(0.75)
    assert np.isnan(area(np.array([0.005, 0.1]), np.array([1.0, 1.0]), 0.005))
    assert np.isnan(area(np.array([0.01, 0.5]), np.array([1.0, 1.0]), 0.005))


def test_published_tickets_stand_beside_weak_ones_and_never_in_their_place():
    board = Board([SNIP], [CIRCLE], seeds=2)
    table = made(board.first_stage(), lambda run: GOOD, published=lambda run: BAD)
    weak = standings(table).set_index(["entry", "ticket"]).loc["snip", "weak"]
    assert weak["distance"] == pytest.approx(1)
    assert weak["published_distance"] == np.inf
    assert weak["area"] == pytest.approx(GOOD)
    assert weak["published_area"] == pytest.approx(BAD)
    strong = standings(table).set_index(["entry", "ticket"]).loc["snip", "strong"]
    assert np.isnan(strong["published_area"])


def test_instances_are_listed_the_easiest_first():
    board = Board([SNIP], [CIRCLE, RELU], seeds=1)
    skills = made(board.first_stage(), lambda run: 0.9 if run.task == "relu" else 0.2)
    assert by_difficulty(Scores.of(skills)) == [RELU.name, CIRCLE.name]


def test_rows_of_before_are_read_as_what_they_were():
    before = pd.read_csv(Path(__file__).parents[1] / "docs/results/leaderboard/runs.csv")
    table = completed(before)
    assert set(table["instance"]) == {"circle-d5-w100", "helix-d5-w100", "relu-d5-w100"}
    assert table["truth"].tolist() == table["baseline"].tolist()
    assert table["final_published"].tolist() == table["final"].tolist()
    assert set(TICKETS.values()) <= set(table)
