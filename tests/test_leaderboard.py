"""The leaderboard: which densities are run, what near means, and how entries are ranked."""

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from made_up import rows
from matplotlib.colors import to_hex

from pns_tf.checks import InputError
from pns_tf.leaderboard.board import Attempt, Board
from pns_tf.leaderboard.distance import near, shortfall, standings
from pns_tf.leaderboard.entries import ENTRIES, Entry, chosen
from pns_tf.leaderboard.picture import front, pareto_picture
from pns_tf.leaderboard.report import write_leaderboard
from pns_tf.leaderboard.table import mean_distance, ranking
from pns_tf.recipe.pruners import PRUNERS
from pns_tf.recipe.run import Run

SNIP, RANDOM = Entry("snip", "snip"), Entry("random", "random")
GOOD, BAD = 0.9999, 0.5  # skills of tickets that are near the planted one, and are not


def made(
    attempts: list[Attempt],
    final: Callable[[Run], float],
    strong: Callable[[Run], float] = lambda run: BAD,
    seeds: int = 3,
) -> pd.DataFrame:
    """Rows as `collected` gives them, with skills as a test wants them."""
    first_seeds = [attempt for attempt in attempts if attempt.run.search.seed == 0]
    parts = []
    for attempt in first_seeds:
        part = rows([attempt.run], seeds, final=final, strong=strong, trained_epochs=60)
        part.insert(0, "entry", attempt.entry)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def multiples(attempts: list[Attempt]) -> list[float]:
    """Densities by the baseline, each once, from the highest on."""
    found = {attempt.run.search.density / attempt.run.baseline for attempt in attempts}
    return sorted(found, reverse=True)


def test_every_pruner_takes_part():
    assert {entry.pruner for entry in ENTRIES} == set(PRUNERS)
    names = [entry.name for entry in ENTRIES]
    assert len(set(names)) == len(names)
    runs = [entry.run("circle", 0.1, seed=0).name for entry in ENTRIES]
    assert len(set(runs)) == len(runs)
    multishot = [entry.run("circle", 0.1, 0).search for entry in ENTRIES if "multi" in entry.name]
    assert {search.pruner for search in multishot} == {"magnitude", "snip", "synflow"}
    assert {(search.rounds, search.round_epochs) for search in multishot} == {(10, 5)}


def test_pruners_are_chosen_by_name_and_ones_own_joins():
    assert [entry.name for entry in chosen(["snip"])] == ["snip", "snip, multishot"]
    assert [entry.name for entry in chosen(["set", "mine:Mine"])] == ["set", "mine:Mine"]
    assert len(chosen(["mine:Mine"])) == len(ENTRIES) + 1
    assert [entry.name for entry in chosen(["mine:Mine"], everybody=False)] == ["mine:Mine"]
    with pytest.raises(InputError, match=r"unknown pruner 'snap': .*did you mean 'snip'"):
        chosen(["snap"])


def test_first_the_planted_density_and_multiples_of_it_up_to_a_half():
    board = Board([SNIP], ["circle"], seeds=2)
    attempts = board.first_stage()
    assert multiples(attempts)[1:] == pytest.approx([64, 16, 4, 1])
    assert board.coarse("circle")[0] == 0.5
    assert len(attempts) == 2 * 5
    assert Board([SNIP], ["relu"], depth=3).coarse("relu") == pytest.approx([0.5, 0.16, 0.04, 0.01])


def test_then_the_densities_below_the_lowest_that_is_near():
    board = Board([SNIP, RANDOM], ["circle"], seeds=3)

    def skill(run):
        is_snip = run.search.pruner == "snip"
        return GOOD if is_snip and run.search.density > 10 * run.baseline else BAD

    more = board.second_stage(made(board.first_stage(), skill))
    assert {attempt.entry for attempt in more} == {"snip"}
    assert multiples(more) == pytest.approx([12, 8, 6])
    assert sorted({attempt.run.search.seed for attempt in more}) == [0, 1, 2]


def test_strong_and_weak_tickets_have_limits_of_their_own_even_below_the_planted_density():
    board = Board([SNIP], ["circle"], seeds=3)
    table = made(
        board.first_stage(),
        final=lambda run: GOOD,
        strong=lambda run: GOOD if run.search.density > 0.4 else BAD,
    )
    tried = multiples(board.second_stage(table))
    assert tried[-3:] == pytest.approx([0.75, 0.5, 0.375])
    assert len(tried) == 4  # and 0.375 between 0.335 = 64 times the baseline and 0.5
    assert tried[0] * board.coarse("circle")[-1] == pytest.approx(0.375)


def test_the_second_stage_does_not_depend_on_the_order_in_which_runs_were_finished():
    board = Board([SNIP, RANDOM], ["circle"], seeds=2)
    table = made(board.first_stage(), lambda run: GOOD if run.search.density > 0.05 else BAD)
    order = np.random.default_rng(0).permutation(len(table))
    runs = [[a.run.name for a in board.second_stage(t)] for t in (table, table.iloc[order])]
    assert runs[0] == runs[1] != []


def test_densities_of_the_users_own_are_all_there_is():
    board = Board([SNIP], ["circle"], 1, densities=[0.02, "baseline", 0.3])
    assert board.coarse("circle") == pytest.approx([0.3, 0.02, 108 / 20600], rel=0.01)
    assert board.second_stage(made(board.first_stage(), lambda run: GOOD)) == []
    with pytest.raises(InputError, match="density must be a number above 0 and at most 1, got 2"):
        Board([SNIP], ["circle"], densities=[2])
    with pytest.raises(InputError, match="seeds must be an integer of at least 1, got 0"):
        Board([SNIP], ["circle"], seeds=0)


def test_near_is_two_percent_below_or_three_times_the_error():
    table = pd.DataFrame(
        {
            "task": ["circle", "circle", "relu", "helix", "helix"],
            "planted": [0.98, 0.98, 1e-4, 1e-4, 1e-4],
            "final": [0.96, 0.99, 3e-4, 1.5e-4, np.nan],
        }
    )
    assert shortfall(table, "final").tolist() == pytest.approx([1.0, -0.5, 1.0, 0.5, np.inf])


def test_the_mean_over_all_seeds_decides():
    board = Board([SNIP], ["relu"], 3, densities=[0.1, 0.2])
    table = made(board.first_stage(), lambda run: 1.0)
    table.loc[(table["density"] == 0.1) & (table["seed"] == 0), "final"] = 6e-4
    assert near(table, "final", 3) == [0.1, 0.2]  # (6 + 1 + 1) / 3 times the planted error
    table.loc[(table["density"] == 0.1) & (table["seed"] == 0), "final"] = 8e-4
    assert near(table, "final", 3) == [0.2]
    assert near(table.drop(table.index[table["density"] == 0.2][0]), "final", 3) == []


def test_the_distance_is_the_lowest_density_that_is_near_by_the_planted_one():
    board = Board([SNIP], ["circle"], seeds=3)
    table = made(board.first_stage(), lambda run: GOOD if run.search.density > 0.05 else BAD)
    found = standings(table).set_index("ticket")
    assert found.loc["weak", "distance"] == pytest.approx(16)
    assert found.loc["weak", "density"] == pytest.approx(16 * table["baseline"].iloc[0])
    assert found.loc["weak", "metric"] == pytest.approx(found.loc["weak", "planted"], abs=1e-3)
    assert np.isnan(found.loc["strong", "distance"])
    assert found["runs"].tolist() == [3, 3]
    assert found["seconds"].tolist() == [0.5, 0.5]
    assert found["epochs"].tolist() == [60, 60]


def test_intervals_are_students_over_seeds():
    board = Board([SNIP], ["relu"], 3, densities=[0.1, 0.2, 0.4])
    table = made(board.first_stage(), lambda run: 1.0)
    for density, values in ((0.1, [4e-4, 5e-4, 6e-4]), (0.2, [1e-4, 2e-4, 3.3e-4])):
        table.loc[table["density"] == density, "final"] = values
    weak = standings(table).set_index("ticket").loc["weak"]
    assert weak["density"] == 0.2
    assert weak["metric"] == pytest.approx(2.1e-4)
    # t(2) = 4.3027, s = 1.1533e-4, √3: the interval is 2.1e-4 ± 2.865e-4. That of density 0.1 is
    # 5e-4 ± 2.484e-4, and reaches 3 × 1e-4; that of 0.4 is a point.
    assert weak["metric_ci95"] == pytest.approx(2.865e-4, rel=1e-3)
    assert weak["distance_low"] * weak["baseline"] == pytest.approx(0.1)
    assert weak["distance_high"] * weak["baseline"] == pytest.approx(0.4)


def noisy(run: Run) -> float:
    """Better the denser, and different for each run."""
    luck = np.random.default_rng(int(run.name, 16) % 2**32).normal()
    return 1 - 0.02 * (0.1 / run.search.density) ** 0.5 * (1 + 0.5 * luck)


@pytest.mark.parametrize("seeds", [2, 5])
def test_the_interval_is_around_the_distance(seeds):
    board = Board([SNIP], ["circle"], seeds, densities=list(np.geomspace(0.01, 0.5, 20)))
    weak = standings(made(board.first_stage(), noisy, seeds=seeds)).iloc[1]
    assert weak["distance_low"] <= weak["distance"]
    assert not weak["distance_high"] < weak["distance"]
    assert weak["distance_low"] < weak["distance_high"] or np.isnan(weak["distance_high"])


def test_one_seed_gives_no_interval():
    board = Board([SNIP], ["circle"], 1)
    weak = standings(made(board.first_stage(), lambda run: GOOD, seeds=1)).iloc[1]
    assert weak["distance"] == pytest.approx(1)
    assert np.isnan([weak["distance_low"], weak["distance_high"], weak["metric_ci95"]]).all()


def test_entries_are_ranked_by_the_mean_of_tasks_and_none_counts_as_all_parameters():
    board = Board([RANDOM, SNIP], ["circle", "relu"], seeds=2)

    def skill(run):
        better = run.search.pruner == "snip" and run.task == "circle"
        return GOOD if run.search.density > (0 if better else 0.4) else BAD

    found = standings(made(board.first_stage(), skill, seeds=2))
    table = ranking(found, "weak")
    assert table["pruner"].tolist() == ["snip", "random"]
    assert table["circle"].tolist()[0].startswith("1 [")
    assert ranking(found, "strong")["relu"].tolist() == ["–", "–"]
    one = found[(found["entry"] == "snip") & (found["ticket"] == "strong")]
    expected = np.sqrt(1 / one["baseline"].iloc[0] / one["baseline"].iloc[1])
    assert mean_distance(one) == pytest.approx(expected)


def test_who_was_not_run_on_all_tasks_has_no_mean_and_comes_last():
    both = Board([RANDOM], ["circle", "relu"], seeds=1).first_stage()
    one = Board([SNIP], ["circle"], seeds=1).first_stage()
    found = standings(made([*one, *both], lambda run: GOOD, seeds=1))
    table = ranking(found, "weak")
    assert table["pruner"].tolist() == ["random", "snip"]
    assert table["relu"].tolist() == ["1", ""]
    assert table["mean"].tolist() == ["1", ""]


def test_the_front_is_what_nothing_sparser_beats():
    points = [("a", 0.1, 0.5), ("b", 0.2, 0.4), ("c", 0.3, 0.6), ("d", 0.2, 0.7), ("e", 0.4, 0.1)]
    errors = pd.DataFrame(points, columns=["entry", "density", "error"])
    assert front(errors.assign(planted=0.05))["entry"].tolist() == ["a", "b", "e"]
    # Better than the planted ticket by chance is no better.
    errors = pd.concat([errors, pd.DataFrame([("f", 0.5, 0.01)], columns=errors.columns)])
    assert front(errors.assign(planted=0.1))["entry"].tolist() == ["a", "b", "e"]


@pytest.fixture(scope="module")
def table():
    own = Entry("my:Pruner<b>", "my:Pruner<b>")
    board = Board([RANDOM, SNIP, own], ["circle", "relu"], seeds=2)

    def skill(run):
        advantage = {"random": 1.0, "snip": 4.0}.get(run.search.pruner, 2.0)
        return 1 - 1 / (1 + advantage * run.search.density / run.baseline)

    return made(board.first_stage(), skill, skill, seeds=2)


def test_only_entries_on_a_front_have_a_colour(table):
    figure = pareto_picture(table).figure
    assert len(figure.axes) == 4
    assert figure.legends[0].get_texts()[0].get_text() == "snip"
    for axes in figure.axes:
        lines = [line for line in axes.get_lines() if line.get_marker() not in ("None", "")]
        assert {to_hex(line.get_color()) for line in lines} == {"#56b4e9"}


def test_bands_are_the_intervals_of_the_means_above_zero():
    board = Board([SNIP], ["relu"], 3, densities=[0.1, 0.2])
    table = made(board.first_stage(), lambda run: 1.0)
    table.loc[table["density"] == 0.2, "final"] = [0.5e-4, 1e-4, 1.5e-4]
    weak = pareto_picture(table).figure.axes[1]
    (band,) = weak.collections
    edges = band.get_paths()[0].vertices[:, 1]
    assert edges.max() == pytest.approx(1e-4 + 4.3027 * 0.5e-4 / 3**0.5, rel=1e-3)
    assert edges.min() == pytest.approx(1e-4 / 3)


def test_everything_is_written_and_the_page_needs_nothing_else(table, tmp_path):
    found = write_leaderboard(table, tmp_path, "python -m pns_tf leaderboard '<x>'")
    assert len(found) == 3 * 2 * 2
    written = pd.read_csv(tmp_path / "leaderboard.csv")
    assert written["distance"].tolist() == pytest.approx(found["distance"].tolist(), nan_ok=True)
    text = (tmp_path / "leaderboard.md").read_text()
    assert "## Strong tickets" in text
    assert "| my:Pruner<b>" in text
    page = (tmp_path / "index.html").read_text()
    assert "my:Pruner<b>" not in page
    assert "my:Pruner&lt;b&gt;" in page
    assert "leaderboard &#x27;&lt;x&gt;&#x27;" in page
    assert "data:image/svg+xml;base64," in page
    sources = re.findall(r'(?:src|href)="([^"]{0,20})', page)
    assert all(source.startswith(("#", "data:")) for source in sources)
    assert (tmp_path / "figures" / "pareto.png").read_bytes().startswith(b"\x89PNG")


def test_a_gap_of_exactly_two_percent_is_near_whatever_rounding_says():
    rows = pd.DataFrame({"task": "circle", "density": [0.1, 0.2], "planted": [0.976, 0.976]})
    assert near(rows.assign(strong=[0.956, 0.955]), "strong", seeds=1) == [0.1]
    assert near(rows.assign(strong=[0.9559, 0.956]), "strong", seeds=1) == [0.2]
