"""Kendall's τ between a ranking on computed tasks and one on images."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from pages import ROOT
from test_images import DATA_DIR, needs_cifar

from pns_tf.checks import InputError
from pns_tf.experiments.catalog import find
from pns_tf.reports import transfer as module
from pns_tf.reports.transfer import Transfer, as_page, figure, mean_ranks, transfer, ways

PRUNERS = ("random", "magnitude", "snip", "grasp", "synflow", "force")
LEADERBOARD = ROOT / "docs" / "results" / "leaderboard" / "runs.csv"


def rows(task: str, quality: dict[str, float], seeds=range(3), densities=(0.1, 0.2)):
    """A pruner's metric is its quality, MSE of regression the smaller the better."""
    rng = np.random.default_rng(0)
    kind = "regression" if task == "helix" else "classification"
    return pd.DataFrame(
        {
            "run": f"{task}-{pruner}-{density}-{seed}",
            "task": task,
            "kind": kind,
            "plan": "resnet8",
            "width_multiplier": 0.5,
            "pruner": pruner,
            "options": "{}",
            "density": density,
            "seed": seed,
            "rounds": 1,
            "prune_rounds": 1,
            "epochs": 10,
            "strong": 0.1,
            "final": (1 - value if kind == "regression" else value) + 1e-4 * rng.random(),
            "pruning_seconds": 1.0,
            "training_seconds": 2.0,
        }
        for pruner, value in quality.items()
        for density in densities
        for seed in seeds
    )


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(module, "RESAMPLES", 200)


def test_instances_of_one_task_are_contests_of_their_own():
    better = {pruner: 0.1 * place for place, pruner in enumerate(PRUNERS, start=1)}
    worse = {pruner: 1 - value for pruner, value in better.items()}
    computed = pd.concat(
        [
            rows("circle", better).assign(instance="circle-d5-w100"),
            rows("circle", worse).assign(instance="circle-d3-w100"),
        ]
    )
    found = transfer(computed, rows("cifar10", better))
    # Each pruner is as often ahead as behind.
    assert found.places["computed"].nunique() == 1
    assert set(found.taus["contests"]) == {"2 and 1"}


@pytest.mark.slow
def test_equal_rankings_have_tau_1_and_reversed_ones_minus_1():
    better = {pruner: 0.1 * place for place, pruner in enumerate(PRUNERS, start=1)}
    worse = {pruner: 1 - value for pruner, value in better.items()}
    computed = pd.concat([rows("circle", better), rows("helix", better)])
    for images, tau in ((rows("cifar10", better), 1), (rows("cifar10", worse), -1)):
        found = transfer(computed, images).taus.set_index(["ticket", "half"])
        for half in ("sparse", "dense"):
            weak = found.loc["weak", half]
            assert weak["tau"] == pytest.approx(tau)
            assert weak["low"] == weak["high"] == pytest.approx(tau)
            assert weak["pruners"] == 6
            assert weak["contests"] == "2 and 1"
            assert np.isnan(found.loc["strong", half]["tau"])  # all strong tickets are alike


def test_rankings_that_have_nothing_in_common_have_an_interval_around_0():
    rng = np.random.default_rng(1)
    names = [f"pruner{i}" for i in range(20)]
    one, other = (dict(zip(names, rng.random(20), strict=True)) for _ in range(2))
    weak = transfer(rows("circle", one), rows("cifar10", other)).taus.iloc[-1]
    assert weak["low"] < 0 < weak["high"]
    assert weak["low"] < weak["tau"] < weak["high"]


def test_weak_tickets_as_published_are_compared_where_the_ranking_knows_them():
    better = {pruner: 0.1 * place for place, pruner in enumerate(PRUNERS, start=1)}
    computed, images = rows("circle", better), rows("cifar10", better)
    computed["final_published"] = computed["final"]
    computed["final"] = -computed["final"]
    taus = transfer(computed, images).taus.set_index(["ticket", "half"])["tau"]
    assert taus["weak", "dense"] == pytest.approx(-1)
    assert taus["weak as published", "dense"] == pytest.approx(1)


def test_ranks_are_shared_and_contests_count_alike():
    ranks = mean_ranks(np.array([[[0.9], [0.5], [0.5]], [[0.1], [0.8], [0.2]]]))
    np.testing.assert_allclose(ranks, [2.0, 1.75, 2.25])


def test_a_pruner_used_otherwise_is_another_one():
    table = rows("circle", {"snip": 0.5}, seeds=[0]).iloc[[0] * 4].reset_index(drop=True)
    table["rounds"], table["prune_rounds"] = [1, 10, 1, 1], [1, 1, 100, 1]
    table["options"] = ["{}", "{}", "{}", '{"anneal": true, "epochs": 3}']
    assert ways(table).tolist() == ["snip", "snip, multishot", "snip, in rounds", "snip, anneal"]


def test_rows_that_cannot_be_compared_are_refused():
    some = rows("circle", {"snip": 0.5, "grasp": 0.6})
    with pytest.raises(InputError, match="at least three pruners that both sides have, got 2"):
        transfer(some, rows("cifar10", {"snip": 0.5, "grasp": 0.6, "random": 0.1}))
    with pytest.raises(InputError, match="rows on images need strong"):
        transfer(some, some.drop(columns="strong"))


def test_the_experiment_ranks_on_seeds_that_nothing_was_chosen_by():
    runs = find("transfer").runs()
    assert {run.search.seed for run in runs} == {10_000, 10_001, 10_002}
    assert {run.search.density for run in runs} == {0.02, 0.05, 0.1, 0.2}
    assert {run.host.plan for run in runs} == {"resnet8"}
    small = find("transfer").remade(width_multiplier=0.1, epochs=1, samples=50)
    assert {run.search.samples for run in small.settings} == {50}


def test_the_page_says_what_was_measured():
    better = {pruner: 0.1 * place for place, pruner in enumerate(PRUNERS, start=1)}
    images = rows("cifar10", better)
    result = transfer(rows("circle", better), images)
    page = as_page(result, images, "python -m pns_tf reproduce --experiment=transfer")
    assert "cifar10, resnet8 × 0.5, densities 0.1, 0.2, seeds 0 to 2: 36 runs" in page
    assert len(figure(result).axes) == 4


def test_names_in_the_picture_lie_neither_on_one_another_nor_on_points():
    names = [f"pruner {number}" for number in range(12)]
    ranks = np.repeat([3.0, 3.1, 7.0, 12.0], 3)  # three at one place, and three beside it
    taus = {"ticket": "weak", "half": ["sparse", "dense"], "tau": 0.0, "low": 0.0, "high": 0.0}
    places = {"ticket": "weak", "half": "sparse", "pruner": names, "computed": ranks}
    result = Transfer(
        pd.DataFrame({**taus, "pruners": 12}), pd.DataFrame({**places, "images": 13 - ranks})
    )
    drawing = figure(result)
    drawing.draw_without_rendering()
    axes = drawing.axes[0]
    labels = {text.get_text(): Text.get_window_extent(text) for text in axes.texts}
    assert set(labels) == set(names)
    for name, box in labels.items():
        assert not any(box.overlaps(other) for other in labels.values() if other is not box), name
        assert not box.count_contains(axes.transData.transform(np.c_[ranks, 13 - ranks])), name
        assert box.x0 >= axes.bbox.x0
        assert box.x1 <= axes.bbox.x1


@pytest.mark.usefixtures("without_workers")
@pytest.mark.slow
@needs_cifar
def test_the_command_writes_the_comparison(tmp_path, capsys):
    from pns_tf.commands import main

    main(
        [
            "reproduce",
            "--experiment=transfer",
            "--pruner=random,grasp,force",
            "--density=0.05,0.2",
            "--seeds=1",
            "--samples=60",
            "--epochs=1",
            "--width_multiplier=0.1",
            "--workers=1",
            f"--data_dir={DATA_DIR}",
            f"--beside={LEADERBOARD}",
            f"--out={tmp_path}",
        ]
    )
    assert "weak" in capsys.readouterr().out
    folder = tmp_path / "transfer"
    assert len(pd.read_csv(folder / "runs.csv")) == 6
    assert len(pd.read_csv(folder / "taus.csv")) == len(module.TICKETS) * len(module.HALVES)
    assert (folder / "transfer.png").stat().st_size > 10_000
    assert "Does the ranking transfer?" in (folder / "transfer.md").read_text()


def test_the_command_compares_only_what_can_be_compared(capsys):
    from pns_tf.commands import main

    with pytest.raises(SystemExit) as stop:
        main(["reproduce", "--figure=3", f"--beside={LEADERBOARD}"])
    assert stop.value.code == 2
    assert "--beside goes with --experiment=transfer, got figure3" in capsys.readouterr().err
