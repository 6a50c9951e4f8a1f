"""The leaderboard: how entries are ranked and compared, and the page that says so."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from test_leaderboard import CIRCLE, RANDOM, RELU, SNIP, made

from pns_tf.leaderboard.board import Attempt, Board
from pns_tf.leaderboard.charts import points_of, ranks_of
from pns_tf.leaderboard.distance import CONSTANT, standings
from pns_tf.leaderboard.entries import TRUTH, Entry
from pns_tf.leaderboard.instances import Instance
from pns_tf.leaderboard.picture import front, pareto_picture
from pns_tf.leaderboard.ranking import (
    SPLITS,
    Scores,
    improvements,
    profiles,
    ranking,
    split_half,
)
from pns_tf.leaderboard.ranking_picture import LEADERS, OTHER_STYLE, ranking_picture
from pns_tf.leaderboard.report import write_leaderboard
from pns_tf.leaderboard.statistics import profile
from pns_tf.leaderboard.table import as_markdown, compared, reliability, shown


@pytest.fixture(scope="module")
def table():
    own = Entry("my:Pruner<b>", "my:Pruner<b>")
    board = Board([TRUTH, RANDOM, SNIP, own], [CIRCLE, RELU], seeds=3)

    def skill(run):
        strength = {"oracle": np.inf, "random": 1.0, "snip": 40.0}.get(run.search.pruner, 10.0)
        luck = np.random.default_rng(int(run.name, 16) % 2**32).uniform(0.9, 1.1)
        ratio = run.search.density / Instance(run.task).truth
        return 1 - 1 / (1 + 0.02 * strength * ratio * luck) if strength < np.inf else 1.0

    with pytest.MonkeyPatch.context() as patched:
        truth = property(lambda self: Instance.named(self.instance).truth)
        patched.setattr(Attempt, "run_truth", truth, raising=False)
        return made(board.first_stage(), skill, skill)


@pytest.mark.slow
def test_entries_are_ranked_by_area_and_the_oracle_has_all_of_it(table):
    scores_ = Scores.of(table)
    for ticket in ("strong", "weak"):
        found = ranking(scores_, ticket).set_index("entry")
        assert list(found.index) == ["oracle", "snip", "my:Pruner<b>", "random", CONSTANT]
        assert found.loc["oracle", ["area", "distance", "won", "never"]].tolist() == [1, 1, 1, 0]
        assert found.loc[CONSTANT, ["area", "distance", "won"]].tolist() == [0, np.inf, 0]
        assert found.loc[CONSTANT, "never"] == 1
        assert found["place"].tolist() == [1, 2, 3, 4, 5]
        assert (found["place_low"] == found["place"]).all()
        assert (found["place_high"] == found["place"]).all()
        assert shown(found.reset_index())["places"].tolist() == list("12345")
        assert (found["area_low"] <= found["area"]).all()
        assert (found["area"] <= found["area_high"]).all()
        assert found.loc["snip", "area_low"] < found.loc["snip", "area_high"]
    assert "published_area" not in ranking(scores_, "strong")


def test_halves_of_the_seeds_agree_where_entries_differ_enough(table):
    found = split_half(Scores.of(table), "weak")
    assert found.tau == found.lowest == pytest.approx(1.0)
    # Of three seeds, each alone against the other two; without the oracle and the best constant.
    assert (found.splits, found.entries) == (3, 3)
    one = split_half(Scores.of(table[table["seed"] == 10_000]), "weak")
    assert np.isnan(one.tau)
    assert one.splits == 0


@pytest.mark.slow
def test_many_seeds_are_halved_in_some_ways_only(table):
    seeds = [table.assign(seed=table["seed"] + 3 * n) for n in range(4)]
    found = split_half(Scores.of(pd.concat(seeds, ignore_index=True)), "weak")
    assert (found.splits, found.tau) == (SPLITS, pytest.approx(1.0))


def test_halves_in_which_entries_are_the_other_way_round_disagree(table):
    swapped = {"snip": "random", "random": "snip"}
    odd = table["seed"] == 10_001
    mixed = table.assign(entry=table["entry"].where(~odd, table["entry"].replace(swapped)))
    found = split_half(Scores.of(mixed), "weak")
    assert found.lowest < found.tau < found.whole < 1
    assert f"{found.tau:.2f}, the mean of 3 ways" in reliability(Scores.of(mixed), "weak")


def test_a_seed_that_stopped_midway_for_all_counts_for_none(table):
    stopped = table[(table["seed"] != 10_002) | (table["instance"] != RELU.name)]
    made_ = Scores.of(stopped)
    for entry in made_.entries:
        for ticket in ("strong", "weak", "published"):
            assert made_.seeds_of(entry, ticket) == [10_000, 10_001]
    two = Scores.of(table[table["seed"] != 10_002])
    pd.testing.assert_frame_equal(
        ranking(made_, "weak").drop(columns=["seconds", "epochs"]),
        ranking(two, "weak").drop(columns=["seconds", "epochs"]),
    )
    points = points_of(made_)
    assert (points.loc[points["instance"] == CIRCLE.name, "seeds"] == 2).all()


def test_each_entry_is_compared_with_the_next(table):
    found = improvements(Scores.of(table), "weak")
    assert found["entry"].tolist() == ["oracle", "snip", "my:Pruner<b>", "random"]
    assert found["than"].tolist() == ["snip", "my:Pruner<b>", "random", CONSTANT]
    assert found["probability"].tolist() == [1, 1, 1, 1]
    assert found["p"].tolist() == pytest.approx([4 * 2 / 2001] * 4)
    # No resample says otherwise, so that this is a bound.
    assert found["bound"].all()
    assert compared(found)["p"].tolist() == ["≤ 0.004"] * 4


def test_profiles_rise_with_the_distance(table):
    found = profiles(Scores.of(table), "weak")
    for _, part in found.groupby("entry"):
        assert part["fraction"].is_monotonic_increasing
    assert (found.loc[found["entry"] == "oracle", "fraction"] == 1).all()


def test_who_was_not_run_on_all_instances_has_no_score_and_comes_last(table):
    less = table[(table["entry"] != "snip") | (table["instance"] == CIRCLE.name)]
    found = ranking(Scores.of(less), "weak")
    assert found["entry"].tolist()[-1] == "snip"
    assert np.isnan(found["area"].iloc[-1])


def test_a_seed_counts_for_an_entry_that_has_it_on_all_instances(table):
    slow = (table["entry"] == "snip") & (table["seed"] == 10_002) & (table["instance"] == RELU.name)
    made_ = Scores.of(table[~slow])
    assert made_.seeds_of("snip", "weak") == [10_000, 10_001]
    assert made_.seeds_of("random", "weak") == [10_000, 10_001, 10_002]
    assert [len(scores) for scores in made_.strata("snip", "weak", "area")] == [2, 2]
    found = ranking(made_, "weak").set_index("entry")
    two = Scores.of(table[table["seed"] != 10_002])
    assert found.loc["snip", "seeds"] == 2
    assert found.loc["snip", "area"] == ranking(two, "weak").set_index("entry").loc["snip", "area"]
    assert found.loc["oracle", "seeds"] == 3
    # Entries are compared by the seeds that both have.
    pairs = improvements(made_, "weak").set_index("entry")
    by_two = improvements(two, "weak").set_index("entry")
    columns = ["probability", "low", "high"]
    pd.testing.assert_series_equal(pairs.loc["oracle", columns], by_two.loc["oracle", columns])
    assert pairs.loc["random", "low"] == 1  # better than the best constant in all three
    assert pairs.loc["oracle", "p"] != pairs.loc["oracle", "p"]  # two seeds do not tell
    assert split_half(made_, "weak").tau == pytest.approx(1.0)


def test_entries_of_different_seeds_are_not_compared(table):
    mine = table["entry"] == "snip"
    apart = table[mine & (table["seed"] == 10_000) | ~mine]
    apart = apart.assign(seed=apart["seed"].where(apart["entry"] != "snip", 10_005))
    pairs = improvements(Scores.of(apart), "weak").set_index("entry")
    assert pairs.loc["oracle", ["probability", "p"]].isna().all()
    # Holm's correction is for the pairs that can be compared.
    assert pairs.loc["random", "p"] == pytest.approx(2 * 2 / 2001)
    assert "| –" in as_markdown(standings(apart), Scores.of(apart))


def test_the_front_is_what_nothing_sparser_beats():
    points = [("a", 0.1, 0.5), ("b", 0.2, 0.4), ("c", 0.3, 0.6), ("d", 0.2, 0.7), ("e", 0.4, 0.1)]
    errors = pd.DataFrame(points, columns=["entry", "density", "error"])
    assert front(errors.assign(planted=0.05))["entry"].tolist() == ["a", "b", "e"]
    # Better than the planted ticket by chance is no better.
    errors = pd.concat([errors, pd.DataFrame([("f", 0.5, 0.01)], columns=errors.columns)])
    assert front(errors.assign(planted=0.1))["entry"].tolist() == ["a", "b", "e"]


def test_only_entries_on_a_front_have_a_colour(table):
    figure = pareto_picture(table).figure
    assert len(figure.axes) == 4
    assert figure.legends[0].get_texts()[0].get_text() == "snip"
    for axes in figure.axes:
        lines = [line for line in axes.get_lines() if line.get_marker() not in ("None", "")]
        assert {to_hex(line.get_color()) for line in lines} == {"#56b4e9"}


def test_areas_are_drawn_in_the_order_of_the_ranking_with_their_intervals(table):
    made_ = Scores.of(table)
    figure = ranking_picture(made_).figure
    for axes, ticket in zip(figure.axes[:2], ("strong", "weak"), strict=True):
        found = ranking(made_, ticket)
        assert [label.get_text() for label in axes.get_yticklabels()] == found["entry"].tolist()
        lines = axes.get_lines()
        bars = [line.get_xdata() for line in lines if line.get_linestyle() == "-"]
        spans = [list(bar) for bar in bars if len(bar) == 2]
        assert spans == [[low, high] for low, high in found[["area_low", "area_high"]].to_numpy()]
        dots = [line for line in lines if len(line.get_xdata()) == 1]
        filled = [dot for dot in dots if dot.get_markerfacecolor() != "none"]
        assert [float(dot.get_xdata()[0]) for dot in filled] == found["area"].tolist()
        hollow = [float(dot.get_xdata()[0]) for dot in dots if dot.get_markerfacecolor() == "none"]
        raced = found[~found["entry"].isin(["oracle", CONSTANT])]
        assert hollow == (raced["published_area"].tolist() if ticket == "weak" else [])


def test_profiles_are_drawn_from_the_truth_on(table):
    made_ = Scores.of(table)
    axes = ranking_picture(made_).figure.axes[3]
    (snip,) = (line for line in axes.get_lines() if to_hex(line.get_color()) == "#56b4e9")
    distances = made_.strata("snip", "weak", "distance")
    assert snip.get_xdata()[0] == 1
    assert len(snip.get_xdata()) > 3
    for distance, fraction in zip(*snip.get_data(), strict=True):
        assert fraction == profile(distances, distance).value
    assert len(axes.get_lines()) == 4  # the best constant has none


def test_only_leaders_have_a_colour(table):
    many = pd.concat(
        [table]
        + [table[table["entry"] == "random"].assign(entry=f"random {n}") for n in range(LEADERS)],
        ignore_index=True,
    )
    figure = ranking_picture(Scores.of(many)).figure
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names[:2] == ["snip", "my:Pruner<b>"]
    assert len(names) == LEADERS + 2
    entries = len(set(many["entry"]))
    greys = [line for line in figure.axes[3].get_lines() if line.get_color() == OTHER_STYLE[0]]
    assert len(greys) == entries - 1 - LEADERS  # the oracle is no leader


def test_an_entry_with_one_seed_has_a_dot_without_an_interval(table):
    one = table[(table["entry"] != "snip") | (table["seed"] == 10_000)]
    axes = ranking_picture(Scores.of(one)).figure.axes[0]
    assert len([line for line in axes.get_lines() if len(line.get_xdata()) == 2]) == 4
    assert len([line for line in axes.get_lines() if len(line.get_xdata()) == 1]) == 5


def test_points_of_the_page_are_means_over_seeds_with_intervals(table):
    points = points_of(Scores.of(table))
    assert set(points["ticket"]) == {"strong", "weak", "weak, as published"}
    assert set(points["entry"]) == {*table["entry"], CONSTANT}
    part = points[(points["entry"] == "snip") & (points["ticket"] == "weak")]
    assert (part["seeds"] == 3).all()
    assert (part["low"] < part["skill"]).all()
    assert len(part) == len(table[table["entry"] == "snip"]) / 3
    assert set(ranks_of(Scores.of(table))["ticket"]) == set(points["ticket"])


@pytest.mark.slow
def test_everything_is_written_and_the_page_needs_nothing_else(table, tmp_path):
    found = write_leaderboard(table, tmp_path, "python -m pns_tf leaderboard '<x>'")
    assert len(found) == 5 * 2 * 2
    written = pd.read_csv(tmp_path / "standings.csv")
    assert list(written.columns[:7]) == [
        *("entry", "instance", "ticket", "distance", "distance_low", "distance_high", "area")
    ]
    assert written["distance"].tolist() == pytest.approx(found["distance"].tolist())
    text = (tmp_path / "leaderboard.md").read_text()
    for words in (
        "## Strong tickets",
        "| my:Pruner<b>",
        "| oracle",
        f"| {CONSTANT}",
        "Kendall's τ",
    ):
        assert words in text
    page = (tmp_path / "index.html").read_text()
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    rest = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert "my:Pruner<b>" not in rest
    assert "my:Pruner&lt;b&gt;" in rest
    assert "leaderboard &#x27;&lt;x&gt;&#x27;" in rest
    sources = re.findall(r'(?:src|href)="([^"]{0,20})', rest)
    assert all(source.startswith(("#", "data:")) for source in sources)
    assert "<script src" not in page
    (specs,) = (script for script in scripts if "const wide" in script)
    spec = json.loads(re.search(r"const wide = (.*), narrow = ", specs)[1].replace("<\\/", "</"))
    assert {name["name"] for name in spec["params"]} >= {"ticket", "only", "order", "who"}
    for picture in ("ranking", "pareto"):
        drawn = (tmp_path / "figures" / f"{picture}.png").read_bytes()
        assert drawn.startswith(b"\x89PNG")
