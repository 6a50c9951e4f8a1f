"""Pictures of rows: the lines are the means, and every pruner can be told from the others."""

import itertools

import numpy as np
import pytest
from made_up import rows, spread
from matplotlib.colors import to_hex, to_rgb
from matplotlib.lines import Line2D

from pns_tf.experiments.catalog import EXPERIMENTS
from pns_tf.experiments.figures import draw
from pns_tf.pictures import save_figure
from pns_tf.pictures.pruner_styles import styles
from pns_tf.pictures.style import label_logarithmic, legend_below, new_figure
from pns_tf.recipe.pruners import PRUNERS
from pns_tf.recipe.run import grid

SETTINGS = grid(["circle", "relu"], ["snip", "synflow"], ["baseline", 0.1, 0.5], [0])


def pictures(table):
    return {picture.name: picture.figure for picture in draw(table, "a title")}


def spread_by_seed(run):
    return spread(run, 0.5, 0.3)


def line(axes, colour):
    (found,) = [line for line in axes.get_lines() if to_hex(line.get_color()) == colour]
    return found


@pytest.fixture(scope="module")
def table():
    return rows(SETTINGS, seeds=4, final=spread_by_seed)


@pytest.fixture(scope="module")
def drawn(table):
    return pictures(table)


@pytest.mark.parametrize(("column", "task"), [(0, "circle"), (1, "relu")])
@pytest.mark.parametrize("pruner", ["snip", "synflow"])
def test_lines_are_means_and_strokes_reach_from_minimum_to_maximum(
    table, drawn, column, task, pruner
):
    strong, final = np.reshape(drawn["performance"].axes, (2, 2))[:, column]
    part = table[(table["task"] == task) & (table["pruner"] == pruner)].groupby("density")["final"]
    drawn_line = line(final, PRUNERS[pruner].style[0])
    assert drawn_line.get_xdata() == pytest.approx(part.mean().index.to_numpy())
    assert drawn_line.get_ydata() == pytest.approx(part.mean().to_numpy())
    (strokes,) = (
        strokes
        for strokes in final.collections
        if to_hex(strokes.get_color()[0]) == PRUNERS[pruner].style[0]
    )
    ends = np.array([stroke[:, 1] for stroke in strokes.get_segments()])
    assert ends[:, 0] == pytest.approx(part.min().to_numpy())
    assert ends[:, 1] == pytest.approx(part.max().to_numpy())
    assert strong.get_title() == task


def test_density_is_logarithmic_and_so_is_the_error_of_regression(drawn):
    circle, relu = drawn["performance"].axes[:2]
    assert {circle.get_xscale(), relu.get_xscale(), relu.get_yscale()} == {"log"}
    assert circle.get_yscale() == "linear"
    assert "accuracy" in circle.get_ylabel()
    assert "MSE" in relu.get_ylabel()


@pytest.mark.parametrize("densities", [["baseline"], [0.02, 0.03], [0.1], [0.01, 0.5]])
def test_some_density_is_written_at_the_axis(densities):
    figure = pictures(rows(grid(["relu"], ["snip"], densities, [0]), seeds=2))["performance"]
    axes = figure.axes[-1]
    figure.draw_without_rendering()
    low, high = axes.get_xlim()
    ticks = [*axes.xaxis.get_major_ticks(), *axes.xaxis.get_minor_ticks()]
    assert any(tick.label1.get_text() for tick in ticks if low <= tick.get_loc() <= high)


def test_planted_ticket_and_planted_density_are_marked(table, drawn):
    axes = drawn["performance"].axes[0]
    circle = table[table["task"] == "circle"]
    levels = [line.get_ydata()[0] for line in axes.get_lines() if len(set(line.get_ydata())) == 1]
    assert circle["planted"].iloc[0] in levels
    assert any(set(line.get_xdata()) == {circle["baseline"].iloc[0]} for line in axes.get_lines())


@pytest.mark.parametrize("name", list(EXPERIMENTS))
def test_every_pruner_of_an_experiment_has_its_own_colour_and_marker(name):
    from pns_tf.reports.rows import prepared

    labels = prepared(rows(EXPERIMENTS[name].settings, seeds=1))["label"].unique()
    assert list(styles(labels)) == list(labels)
    assert len(set(styles(labels).values())) == len(labels)


def test_pruners_that_come_along_have_a_colour_that_no_other_has():
    colours = [row.style[0] for row in PRUNERS.values()]
    assert len(set(colours)) == len(colours)
    apart = [
        np.linalg.norm(np.subtract(to_rgb(a), to_rgb(b)))
        for a, b in itertools.combinations(colours, 2)
    ]
    assert min(apart) > 0.1


@pytest.mark.parametrize(
    ("low", "high", "least"),
    [(1e-5, 1.0, 4), (0.006, 0.016, 2), (8.9e-5, 1.05e-4, 2), (2e-4, 6e-4, 2), (0.31, 0.33, 2)],
)
def test_a_logarithmic_axis_has_two_labels_at_least(low, high, least):
    axes = new_figure(3, 2).subplots()
    axes.set_xlim(low, high)
    axes.set_xscale("log")
    label_logarithmic(axes.xaxis)
    axes.figure.draw_without_rendering()
    ticks = [tick for tick in axes.xaxis.get_major_ticks() if low <= tick.get_loc() <= high]
    assert len([tick for tick in ticks if tick.label1.get_text()]) >= least


@pytest.mark.parametrize("width", [4.0, 6.4, 12.0])
def test_a_legend_is_not_cut(width):
    figure = new_figure(width, 3)
    figure.subplots()
    labels = [f"magnitude, density {number / 100}, depth 5" for number in range(8)]
    legend_below(figure, [Line2D([], [], marker="o") for _ in labels], labels)
    figure.draw_without_rendering()
    box, (wide, high) = figure.legends[0].get_window_extent(), figure.bbox.size
    assert box.x0 >= 0
    assert box.x1 <= wide
    assert 0 <= box.y0 <= box.y1 <= high


def test_where_nothing_was_trained_there_is_no_picture_of_weak_tickets():
    table = rows(grid(["circle"], ["snip"], [0.1, 0.5], [0], epochs=0), seeds=2)
    table = table.assign(strong=0.8, strong_unscaled=0.3, final=0.3)
    assert len(pictures(table)["performance"].axes) == 1


def test_forty_pruners_are_told_apart():
    names = [f"my:Pruner{number}" for number in range(40)]
    assert len(set(styles(names).values())) == 40


def test_a_variant_has_the_colour_of_its_pruner_unless_that_is_taken():
    assert styles(["synflow, local"])["synflow, local"] == PRUNERS["synflow"].style
    both = styles(["synflow, local", "synflow", "my:Pruner"])
    assert both["synflow"] == PRUNERS["synflow"].style
    assert len(set(both.values())) == 3


def test_variants_at_one_density_each_are_dots_by_name_and_seed():
    search = [("pns", {}), ("pns", {"wake": False}), ("pns", {"epochs": 1})]
    table = rows(grid(["circle"], search, [0.01], [0], epochs=0), seeds=4, strong=spread_by_seed)
    figure = pictures(table.assign(final=table["strong"]))["performance"]
    (axes,) = figure.axes  # nothing was trained, so strong tickets alone
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == ["pns, 0.01", "pns, no wake, 0.01", "pns, epochs=1, 0.01"]
    for place, options in enumerate(["{}", '{"wake": false}', '{"epochs": 1}']):
        dots, mean = [line for line in axes.get_lines() if set(line.get_ydata()) == {place}]
        values = table[table["options"] == options]["strong"]
        assert sorted(dots.get_xdata()) == sorted(values)
        assert mean.get_xdata() == pytest.approx([values.mean()])


def test_layers_are_shown_as_their_mean_density(drawn):
    *panels, _bar = drawn["layers"].axes
    assert len(panels) == 4
    shown = np.asarray(panels[0].images[0].get_array())
    assert shown[:, 0] == pytest.approx([0.00786, 0.15, 0.75], rel=1e-3)


def test_nothing_left_is_shown_as_empty():
    table = rows(grid(["relu"], ["snip"], [0.1, 0.5], [0]), effective_density=0.0)
    table[["density_layer0", "density_layer1"]] = 0.0
    drawn = pictures(table)
    mask = np.ma.getmaskarray(drawn["layers"].axes[0].images[0].get_array())
    assert mask[:, :2].all()
    assert not mask[:, 2:].any()
    assert set(line(drawn["collapse"].axes[0], PRUNERS["snip"].style[0]).get_ydata()) == {0.0}


def test_one_setting_and_numbers_that_are_missing_can_be_drawn(tmp_path):
    table = rows(grid(["helix"], ["snip", "my:Pruner"], [0.1], [0], depth=3), seeds=1)
    table.loc[table["pruner"] == "snip", ["strong", "final", "recall"]] = np.nan
    for name, figure in pictures(table).items():
        save_figure(figure, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 5000


def test_all_lines_are_as_wide_as_none_is_more_important(drawn):
    (axes, *_) = drawn["performance"].axes
    curves = [line for line in axes.get_lines() if line.get_marker() != "None"]
    assert len(curves) > 1
    assert len({line.get_linewidth() for line in curves}) == 1


def test_a_pruner_of_the_users_own_is_red_and_synflow_alone_is_green():
    labels = [*PRUNERS, "my:Pruner"]
    found = {label: np.array(to_rgb(colour)) for label, (colour, _) in styles(labels).items()}
    red = [label for label, (r, g, b) in found.items() if r > 0.8 and max(g, b) < 0.2]
    green = [label for label, (r, g, b) in found.items() if g > 1.2 * max(r, b)]
    assert (red, green) == (["my:Pruner"], ["synflow"])
