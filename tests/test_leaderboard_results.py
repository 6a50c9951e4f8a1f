"""The rows of the ranking that the documentation shows, and what is said of them."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pns_tf.leaderboard.distance import standings
from pns_tf.leaderboard.instances import INSTANCES
from pns_tf.leaderboard.ranking import Scores, ranking
from pns_tf.leaderboard.seeds import check_sealed
from pns_tf.recipe.pruners import ORACLE

DOCS = Path(__file__).parent.parent / "docs" / "results"
KEY = ["entry", "instance", "ticket"]


@pytest.fixture(scope="module")
def rows():
    return pd.read_csv(DOCS / "leaderboard" / "sealed.csv.xz", low_memory=False)


@pytest.fixture(scope="module")
def made(rows):
    return Scores.of(rows)


def test_each_run_is_there_once_and_of_a_sealed_seed(rows):
    check_sealed(rows["seed"], "sealed.csv.xz")
    assert not rows["run"].duplicated().any()
    assert not rows.duplicated(["entry", "instance", "density", "seed"]).any()
    assert set(rows["instance"]) == {instance.name for instance in INSTANCES}


def test_the_oracle_has_distance_1_on_every_instance_and_seed(made):
    own = made.table[made.table["entry"] == ORACLE]
    np.testing.assert_allclose(own["distance"], 1.0, rtol=1e-9)
    # A trained ticket that is best on training data may be a little worse on fresh ones.
    assert own["area"].min() > 0.997
    assert len(own) == 3 * len(INSTANCES) * len(made.seeds)


@pytest.mark.slow
def test_the_committed_standings_are_those_of_the_rows(rows):
    committed = pd.read_csv(DOCS / "leaderboard" / "standings.csv").set_index(KEY).sort_index()
    found = standings(rows).set_index(KEY).sort_index()
    assert list(committed.index) == list(found.index)
    for name in ("distance", "area", "published_area", "runs"):
        np.testing.assert_allclose(committed[name], found[name], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("ticket", ["strong", "weak"])
def test_the_page_has_the_areas_of_the_rows(made, ticket):
    page = (DOCS / "leaderboard.md").read_text(encoding="utf-8")
    section = page.split(f"## {ticket.capitalize()} tickets")[1].split("\n## ")[0]
    shown = dict(re.findall(r"^\| \d+ +\| ([^|]+?) +\| ([\d.]+)", section, flags=re.MULTILINE))
    found = ranking(made, ticket).dropna(subset="area")
    assert shown == {
        entry: f"{area:.3f}" for entry, area in zip(found["entry"], found["area"], strict=True)
    }
