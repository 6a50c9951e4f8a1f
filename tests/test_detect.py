"""Attacks: what their tables, picture and command say of planted hosts."""

import re

import numpy as np
import pandas as pd
import pytest

import tasks
from pns_tf.detection.attack import attack_table, planted_host
from pns_tf.detection.attackers import attackers
from pns_tf.detection.figure import detection_figure
from pns_tf.detection.settings import PLANTINGS, Attack
from pns_tf.detection.table import readable, strongest, summary, verdicts

# Attacks


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.concat(
        [
            attack_table(Attack("relu", 4, 30, planting, hosts=6, study=6))
            for planting in ("published", "hide_biases", "strong")
        ],
        ignore_index=True,
    )


@pytest.mark.slow
def test_an_attack_has_a_row_for_each_host_and_attacker(table):
    assert len(table) == 3 * 6 * len(attackers())
    published = table[table["planting"] == "published"]
    assert sorted(published["host"].unique()) == [0, 1, 2, 3, 4, 5]
    assert (table["parameters"] == 30 + 30 + 900 + 30 + 30 + 1).all()
    assert (table["ticket"] == 3).all()


def test_zero_biases_give_a_published_ticket_away_and_hidden_ones_do_not(table):
    means = table.groupby(["planting", "attacker"])["auc_within"].mean()
    assert means["published", "exact values"] > 0.95
    assert means["hide_biases", "exact values"] < 0.7
    assert means["strong", "exact values"] < 0.7


def test_hosts_that_are_studied_are_not_attacked():
    attack = Attack("relu", 3, 20, hosts=3, study=4, seed=10)
    drawn = []

    def spy(attack, seed, draw=planted_host):
        drawn.append(seed)
        return draw(attack, seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pns_tf.detection.attack.planted_host", spy)
        attack_table(attack)
    assert drawn == [13, 14, 15, 16, 10, 11, 12]


@pytest.mark.slow
def test_equal_attacks_give_equal_tables():
    attack = Attack("helix", 3, 30, "strong", hosts=2, study=4)
    pd.testing.assert_frame_equal(attack_table(attack), attack_table(attack))


@pytest.mark.parametrize("planting", PLANTINGS)
def test_every_planting_hides_the_whole_ticket(planting):
    host, written = planted_host(Attack("circle", 4, 30, planting), 0)
    target = tasks.get("circle").target(4)
    assert sum(mask.sum() for mask in host.planted[::2]) == target.nonzero_weights
    assert 0 < written <= sum(mask.sum() for mask in host.planted) + sum(target.shape[1:])


def test_summaries_name_the_strongest_attacker(table):
    summed = summary(table)
    best = strongest(summed).set_index("planting")
    assert "layers" not in set(best["attacker"])
    for planting, rows in summed[summed["attacker"] != "layers"].groupby("planting"):
        assert best.loc[planting, "auc"] == rows["auc"].max()
    row = summed.query("planting == 'strong' and attacker == 'classifier'").iloc[0]
    raw = table.query("planting == 'strong' and attacker == 'classifier'")["auc"]
    assert (row["auc"], row["auc_se"]) == pytest.approx((raw.mean(), raw.std() / np.sqrt(6)))
    shown = readable(summed)
    assert list(shown.columns) == [
        *("task", "depth", "width", "attacker"),
        *("published", "hide_biases", "strong"),
    ]
    assert len(shown) == len(attackers())
    assert len(verdicts(summed)) == 3


def test_the_figure_has_panels_for_each_setting(table):
    figure = detection_figure(summary(table))
    assert len(figure.axes) == 2
    assert [text.get_text() for text in figure.axes[1].get_xticklabels()] == list(attackers())[1:]


def test_a_single_planting_is_drawn_above_the_names_of_the_attackers(table):
    figure = detection_figure(summary(table[table["planting"] == "strong"]))
    (points,) = (line for line in figure.axes[1].lines if line.get_marker() == "D")
    assert points.get_xdata().tolist() == figure.axes[1].get_xticks().tolist()


# The command


@pytest.mark.slow
def test_detect_continues_and_prints_tables(run, tmp_path):
    small = ["--task=relu", "--depth=3,4", "--width=20", "--hosts=2", "--study=4"]
    flags = [*small, "--planting=published,strong", f"--out={tmp_path / 'd'}"]
    code, out, err = run("detect", *flags)
    assert (code, err) == (0, "")
    assert re.search(r"relu +4 +20 +exact values +(1\.00|0\.9\d) / 1\.00", out)
    runs = sorted((tmp_path / "d" / "runs").iterdir())
    assert len(runs) == 4
    assert {path.name for path in (tmp_path / "d").iterdir()} == {
        *("runs", "runs.csv", "summary.csv", "detection.png"),
    }
    marked = runs[0].read_text().replace("classifier", "somebody else")
    runs[0].write_text(marked)  # a finished attack is not repeated
    runs[1].unlink()
    code, again, err = run("detect", *flags)
    assert "somebody else" in again
    assert runs[1].exists()


@pytest.mark.parametrize(
    ("flag", "complaint"),
    [
        ("--task=helix,relx", "unknown task 'relx'"),
        ("--depth=5,2", "depth must be an integer of at least 3, got 2"),
        ("--width=10", "width 10 is too small"),
        ("--planting=strong,deep", "unknown planting 'deep': choose from published, default"),
        ("--hosts=0", "hosts must be an integer of at least 1, got 0"),
        ("--study=1", "study must be an integer of at least 2, got 1"),
        ("--epsilon=-1", "epsilon must be a number above 0, got -1"),
        ("--planting=default --epsilon=0.3", "--epsilon needs an approximate planting, got 0.3"),
        ("--init=he", "unknown init 'he'"),
        ("--seed=-1", "seed must be an integer of at least 0"),
    ],
)
def test_a_value_that_cannot_be_is_refused(refused, flag, complaint):
    assert complaint in refused("detect", *flag.split())


def test_a_table_of_another_command_is_not_replaced(refused, tmp_path):
    (tmp_path / "runs.csv").write_text("run,task,final\n")
    assert "runs.csv is no table of detect: name another" in refused("detect", f"--out={tmp_path}")
