"""The rule of rankings: one for all tickets, and one that the truth passes."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pns_tf.checks import InputError
from pns_tf.commands import main
from pns_tf.hosts.compaction import compact
from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.hosts.vgg import Vgg
from pns_tf.judging.writing import ANSWERS
from pns_tf.leaderboard.distance import standings
from pns_tf.leaderboard.entries import TRUTH, Entry
from pns_tf.leaderboard.instances import INSTANCES, Instance
from pns_tf.recipe.planting import Planting
from pns_tf.recipe.run import Run
from pns_tf.recipe.search import SeekSettings
from pns_tf.runs import ranked
from pns_tf.runs.execute import execute, planted_of
from pns_tf.seeding import generator
from pns_tf.training import last
from pns_tf.training.last import WarmCosine, last_training
from pns_tf.training.schedules import rising_and_falling

SMALL = Instance("circle", 4, 30)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Fewer epochs and samples; the rule is the same."""
    monkeypatch.setattr(last, "TRIAL_EPOCHS", 1)
    monkeypatch.setattr(last, "EPOCHS", 3)
    monkeypatch.setattr(ranked, "FRESH_SAMPLES", 20_000)
    for cached in (ranked.judging_data, ranked._of_planted):
        cached.cache_clear()
    yield
    for cached in (ranked.judging_data, ranked._of_planted):
        cached.cache_clear()


def table(entry: Entry, instance: Instance, densities: list[float]):
    """Rows as a leaderboard collects them."""
    rows = [execute(entry.run(instance, density, 10_000)).row for density in densities]
    return pd.DataFrame(rows).assign(entry=entry.name, instance=instance.name)


def density_of_truth(instance: Instance) -> float:
    return planted_of(Planting(instance.host, seed=10_000)).planted_masks.density


@pytest.mark.parametrize(
    "instance", [each for each in INSTANCES if not each.constructed], ids=lambda each: each.name
)
def test_the_density_of_the_truth_is_that_of_what_is_planted(instance):
    assert density_of_truth(instance) == pytest.approx(instance.truth, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("instance", INSTANCES[::3], ids=lambda each: each.name)  # of each task
def test_the_truth_has_distance_one_on_both_boards(instance):
    truth = density_of_truth(instance)
    rows = table(TRUTH, instance, [truth])
    assert rows["truth"].tolist() == [pytest.approx(truth, rel=1e-12)]
    found = standings(rows).set_index(["entry", "ticket"])
    for ticket in ("strong", "weak"):
        assert found.loc["oracle", ticket]["distance"] == pytest.approx(1.0, rel=1e-9)
        assert found.loc["best constant", ticket]["distance"] == np.inf
    # The planted ticket is judged as the strong one is: the same masks have one value.
    assert rows["strong"].tolist() == rows["planted"].tolist()


@pytest.mark.slow
def test_rows_say_by_which_rule_and_from_where():
    row = execute(Entry("rigl", "rigl", {"epochs": 2}).run(SMALL, 0.3, 10_001)).row
    assert row["ranked"] is True
    assert (row["weak_from"], row["published_from"]) == ("host", "search")
    assert row["seed"] == 10_001
    assert not {"before", "strong_unscaled", "validation"} & row.keys()
    assert {"truth", "planted", "strong", "final", "final_published", "last_rate"} <= row.keys()
    assert row["last_epochs"] == 3 * 1 + 3


@pytest.mark.slow
def test_the_last_training_keeps_the_parameters_that_it_begins_with():
    planting = Planting(FullyConnected("circle", 4, 30), seed=3)
    planted, data = planted_of(planting), ranked.judging_data(planting)
    trained = last_training(planted.ticket, data, generator(3, "last training"))
    assert len(trained.weights) == 3
    assert trained.rate in last.RATES
    initial = planted.ticket.get_weights()
    for before, kept in zip(initial, trained.weights[0], strict=True):
        np.testing.assert_array_equal(before, kept)
    after = trained.weights[-1]
    assert any(not np.array_equal(a, b) for a, b in zip(initial, after, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("task", ["circle", "helix"])
def test_the_last_training_along_few_parameters_is_the_compiled_one(task, monkeypatch):
    planting = Planting(FullyConnected(task, 4, 30), seed=3)
    planted, data = planted_of(planting), ranked.judging_data(planting)
    small = compact(planted.ticket, padded=True).model
    both = []
    for most in (last.SPARSE, 0):
        monkeypatch.setattr(last, "SPARSE", most)
        assert last.few(small) is bool(most)
        both.append(last_training(small, data, generator(3, "last training")))
    sparse, dense = both
    assert (sparse.rate, sparse.epochs) == (dense.rate, dense.epochs)
    for ours, theirs in zip(sparse.weights, dense.weights, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(
                a, b, atol=0.02
            )  # rounding, carried through hundreds of steps


def test_the_rate_rises_then_falls_to_zero():
    rate = WarmCosine()
    rate.peak.assign(0.1)
    rate.steps.assign(100)
    values = [float(rate(step)) for step in range(101)]
    assert values[:5] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])
    assert np.argmax(values) == 4
    assert values[100] == pytest.approx(0, abs=1e-7)
    assert (np.diff(values[5:]) < 0).all()
    assert values == pytest.approx(0.1 * rising_and_falling(np.arange(101), 100), abs=1e-7)


def test_judging_samples_are_many_and_drawn_apart(monkeypatch):
    monkeypatch.undo()
    assert ranked.FRESH_SAMPLES == 100_000
    monkeypatch.setattr(ranked, "FRESH_SAMPLES", 1000)
    planting = Planting(FullyConnected("circle", 4, 40), seed=10_000)
    x, _ = ranked.fresh_samples(planting.host, None, 10_000)
    own = planting.host.data(None, None, 10_000)
    assert len(x) == 1000
    seen = {tuple(point) for point in (*own.x_train, *own.x_test)}
    assert not seen & {tuple(point) for point in x}


def test_only_computed_tasks_are_ranked():
    run = Run(Vgg("vgg11"), SeekSettings("snip", 0.1), ranked=True)
    with pytest.raises(InputError, match="only tickets of computed tasks are ranked, got vgg11"):
        execute(run)


def test_ranked_runs_have_names_of_their_own_and_others_keep_theirs():
    run = Run(FullyConnected("circle"), SeekSettings("snip", 0.1))
    assert "ranked" not in run.settings
    assert dataclasses.replace(run, ranked=True).name != run.name
    assert dataclasses.replace(run, ranked=True).folder.endswith("-ranked")


def ranked_answers(instance: Path, folder: Path) -> tuple[tuple[str, str], Path]:
    """Flags that judge an instance's answers beside runs.csv, and the leaderboard of them."""
    shutil.copy(instance / ANSWERS, folder / "masks.npz")
    judge = (f"--submission={folder / 'masks.npz'}", f"--beside={folder / 'runs.csv'}")
    main(["judge", *judge, f"--instance={instance}", f"--out={folder / 'verdicts'}"])
    (found,) = (folder / "verdicts").glob("*/leaderboard")
    return judge, found


@pytest.mark.slow
def test_a_submission_is_ranked_beside_rows_by_their_rule(tmp_path, refused, capsys):
    rows = pd.concat(
        [
            table(entry, SMALL, [SMALL.truth, 0.5])
            for entry in (TRUTH, Entry("random", "random", search={"epochs": 1}))
        ]
    )
    rows.to_csv(tmp_path / "runs.csv", index=False)
    place = tmp_path / "instance"
    made = ("instance", "--task=circle", "--depth=4", "--width=30", "--epochs=1", "--answers")
    main([*made, f"--density={SMALL.truth}", "--seed=10000", f"--out={place}"])
    judge, folder = ranked_answers(place, tmp_path)
    said = capsys.readouterr().out
    assert "masks has no area and so no place: hand in tickets at the truth density" in said
    written = pd.read_csv(folder / "runs.csv")
    mine = written[~written["entry"].isin(["oracle", "random"])]
    oracle = rows[rows["entry"] == "oracle"].iloc[0]
    for name in ("planted", "strong", "final"):
        assert mine[name].iloc[0] == pytest.approx(oracle[name], abs=1e-6)
    found = pd.read_csv(folder / "standings.csv").set_index("entry")
    assert found.loc[mine["entry"].iloc[0], "distance"].tolist() == [1.0, 1.0]
    # Neither another host nor the name of a pruner of the rows goes through.
    main([*made, "--seed=10000", "--init=uniform", f"--out={tmp_path / 'uniform'}"])
    flags = (f"--instance={tmp_path / 'uniform'}", f"--out={tmp_path / 'more'}")
    assert "the instance has init uniform, rows of" in refused("judge", *judge, *flags)
    main([*made, "--seed=10000", "--hide_biases", f"--out={tmp_path / 'hidden'}"])
    flags = (f"--instance={tmp_path / 'hidden'}", f"--out={tmp_path / 'more'}")
    assert "has hide_biases True, rows of" in refused("judge", *judge, *flags)
    (tmp_path / "submission.json").write_text('{"name": "random"}')
    flags = (f"--instance={place}", f"--out={tmp_path / 'more'}")
    assert "has an entry 'random' already: give the submission" in refused("judge", *judge, *flags)
    (tmp_path / "submission.json").unlink()
    main([*made, f"--density={SMALL.truth}", "--seed=3", f"--out={tmp_path / 'other'}"])
    flags = (f"--instance={tmp_path / 'other'}", f"--out={tmp_path / 'more'}")
    said = refused("judge", *judge, *flags)
    assert "the instance has rows of seed 3, which are not ranked" in said
    assert not (tmp_path / "more").exists()


@pytest.mark.slow
def test_a_submission_for_a_constructed_ticket_is_ranked_beside_rows_of_such_hosts(tmp_path):
    instance = Instance("relu", 4, 30, constructed=True)
    truth = density_of_truth(instance)
    rows = table(TRUTH, instance, [truth, 0.5])
    rows.to_csv(tmp_path / "runs.csv", index=False)
    main(
        ["construct", "--task=relu", "--depth=3", "--width=30", "--seed=10000", f"--out={tmp_path}"]
    )
    (planted,) = tmp_path.glob("relu-d4-w30-s10000-constructed*")
    place = tmp_path / "instance"
    made = ("instance", f"--planted={planted}", "--epochs=1", "--answers", f"--density={truth}")
    main([*made, f"--out={place}"])
    _, folder = ranked_answers(place, tmp_path)
    written = pd.read_csv(folder / "runs.csv")
    assert set(written["instance"]) == {"relu-d4-w30-constructed"}
    mine = written[written["entry"] != "oracle"]
    for name in ("truth", "planted", "strong", "final"):
        assert mine[name].iloc[0] == pytest.approx(rows[name].iloc[0], rel=1e-5)
