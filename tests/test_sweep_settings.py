"""What a sweep varies, and what it refuses before anything is started."""

import math
import socket
import time
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import tasks
from pns_tf.planting.algorithm import baseline_density
from pns_tf.sweeping import cluster
from pns_tf.sweeping.bisection import next_width
from pns_tf.sweeping.cluster import Cluster, from_environment
from pns_tf.sweeping.objectives import OBJECTIVES, direction
from pns_tf.sweeping.settings import BISECTION, Sweep


@pytest.mark.parametrize(
    ("settings", "runs"),
    [
        ({"oracle": "random", "trials": 5}, 15),
        ({"oracle": "bayesian", "trials": 4, "pruner": ("snip", "random")}, 12),
        ({"oracle": "hyperband", "seeds": 2}, 2 * 30),
        ({"oracle": "grid", "trials": 4}, 12),
        ({"oracle": BISECTION, "gap": 0.1, "step": 1, "min_width": 1, "max_width": 64}, 3 * 8),
    ],
)
def test_every_oracle_lets_its_runs_be_estimated(settings, runs):
    from pns_tf.sweeping.likely import likely_runs

    sweep = Sweep("relu", **settings)
    likely = likely_runs(sweep)
    assert len(likely) == runs
    assert {run.search.pruner for run in likely} == set(sweep.choices["pruner"])
    assert max(run.host.width for run in likely) == sweep.max_width
    if sweep.oracle == "hyperband":
        assert {run.search.epochs for run in likely} == {2, 4, 10}


@given(
    st.sampled_from(["relu", "circle", "helix"]),
    st.integers(1, 60),
    st.integers(1, 600),
    st.integers(2, 20),
    st.one_of(st.none(), st.integers(1, 100)),
)
def test_the_grid_spans_the_widths_that_hold_the_ticket(task, low, span, trials, step):
    needed = max(low, *tasks.get(task).target(5).shape[1:-1])
    high = needed + span
    assume(step is None or 1 <= span // step < trials)
    widths = Sweep(task, low, high, step, trials=trials).widths
    assert widths[0] == needed
    assert list(widths) == sorted({*widths})
    assert len(widths) <= trials
    if step is None:
        assert widths[-1] == high
        ratios = [b / a for a, b in pairwise(widths) if a > 50]
        assert not ratios or max(ratios) / min(ratios) < 1.05  # evenly spaced on a log scale
    else:
        assert {b - a for a, b in pairwise(widths)} == {step}


def test_every_trial_has_the_same_seeds():
    sweep = Sweep("relu", density=("baseline", 0.5), depth=(3, 5), seeds=4, seed=7)
    assert sweep.varied == {"density": ("baseline", "0.5"), "depth": (3, 5)}
    for density, expected in (("baseline", baseline_density("relu", 3, 60)), ("0.5", 0.5)):
        runs = sweep.runs({"density": density, "depth": 3, "width": 60})
        assert [run.search.seed for run in runs] == [7, 8, 9, 10]
        assert {run.search.density for run in runs} == {expected}
        assert {(run.host.depth, run.host.width) for run in runs} == {(3, 60)}


def test_hyperbands_resource_is_the_training():
    sweep = Sweep("circle", oracle="hyperband")
    assert {run.search.epochs for run in sweep.runs({"width": 50, "tuner/epochs": 4})} == {4}
    assert {run.search.epochs for run in sweep.runs({"width": 50})} == {10}


def test_accuracy_goes_up_and_errors_go_down():
    assert {name for name in OBJECTIVES if direction(name, "circle") == "min"} == {
        "layer_collapse",
        "flow_collapse",
    }
    assert {name for name in OBJECTIVES if direction(name, "helix") == "min"} == {
        "final",
        "strong",
        "layer_collapse",
        "flow_collapse",
    }


@given(st.sets(st.integers(1, 1000), min_size=1), st.integers(0, 1001))
def test_bisection_finds_the_smallest_width_that_is_near_enough(widths, threshold):
    widths = sorted(widths)
    near = {}
    while (width := next_width(widths, near)) is not None:
        assert width not in near
        near[width] = width >= threshold
    assert len(near) <= 2 + math.ceil(math.log2(len(widths)))
    expected = [width for width in widths if width >= threshold]
    assert min((w for w in near if near[w]), default=None) == min(expected, default=None)


# Bad input


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--min_width=500", "--max_width=10"], "min_width 500 is larger than max_width 10"),
        (["--task=helix", "--max_width=29"], "no width from 10 to 29 holds the helix ticket"),
        (["--min_width=50", "--max_width=50"], "nothing to sweep: width 50 is the only one"),
        (["--min_width=50", "--max_width=60", "--step=20"], "nothing to sweep: width 50"),
        (["--min_width=0"], "min_width must be an integer of at least 1, got 0"),
        (["--max_width=wide"], "max_width must be an integer of at least 1, got 'wide'"),
        (["--step=0"], "step must be an integer of at least 1, got 0"),
        (["--trials=0"], "trials must be an integer of at least 1, got 0"),
        (["--seeds=0"], "seeds must be an integer of at least 1, got 0"),
        (["--workers=0"], "workers must be an integer of at least 1, got 0"),
        (["--step=10"], "the grid has 49 points, more than the 8 trials: raise trials or step"),
        (["--density=0.1,0.2,0.5", "--depth=3,4,5"], "the grid has 9 points, more than the 8"),
        (["--density=0.1,2"], "density must be a number above 0 and at most 1, got 2"),
        (["--density=0.1,dense"], "density must be a number above 0 and at most 1, got 'dense'"),
        (["--density=()"], "density needs at least one value"),
        (["--depth=2,3"], "depth must be an integer of at least 3, got 2"),
        (["--pruner=synflow,snap"], "unknown pruner 'snap': choose from"),
        (["--task=cube"], "unknown task 'cube': choose from "),
        (["--objective=fina"], "unknown objective 'fina': choose from final, strong"),
        (["--oracle=bayes"], "unknown oracle 'bayes': choose from grid, random, hyperband"),
        (["--oracle=hyperband", "--trials=8"], "leave out trials: with hyperband they follow"),
        (["--oracle=hyperband", "--epochs=2"], "epochs with hyperband must be an integer of at"),
        (["--oracle=hyperband", "--objective=f1"], "on which f1 does not depend"),
        (["--learning_rate=0"], "learning_rate must be a number above 0, got 0"),
        (["--noise=-1"], "noise must be a number of at least 0, got -1"),
        (["--out=file"], "file is a file, not a folder"),
        (["--overwrite=1"], "overwrite must be True or False, got 1"),
    ],
)  # fmt: skip
def test_a_sweep_that_cannot_be_is_refused(refused, tmp_path, flags, complaint):
    (tmp_path / "file").touch()
    assert complaint in refused("sweep", *flags)


def test_a_table_with_other_answers_is_not_replaced(refused, tmp_path):
    folder = tmp_path / "results" / "minimal_width"
    folder.mkdir(parents=True)
    (folder / "minimal_width.csv").write_text("task,pruner,width\nrelu,random,82\n")
    said = refused("minimal_width", "--task=relu", "--pruner=snip")
    assert (
        "also answers for relu with random, final: name these too, another folder with --out"
        in said
    )


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--gap=-1"], "gap must be a number of at least 0, got -1"),
        (["--objective=flow_collapse"], "flow_collapse says nothing about the gap"),
        (["--objective=fina"], "unknown objective 'fina'"),
        (["--density=0.1,0.5"], "density must be one value for all searches, got (0.1, 0.5)"),
        (["--task=relu,cube"], "unknown task 'cube'"),
        (["--min_width=9", "--max_width=3"], "min_width 9 is larger than max_width 3"),
        (["--workers=none"], "workers must be an integer of at least 1, got 'none'"),
    ],
)
def test_a_search_for_the_minimal_width_that_cannot_be_is_refused(refused, flags, complaint):
    assert complaint in refused("minimal_width", *flags)


def test_a_folder_of_another_sweep_says_what_differs(refused, tmp_path):
    from pns_tf.sweeping.record import claim_folder

    folder = tmp_path / "results" / "sweep-circle-synflow-final-grid"
    claim_folder(folder, Sweep("circle"), overwrite=False)
    claim_folder(folder, Sweep("circle"), overwrite=False)  # goes on
    line = refused("sweep", "--max_width=300", "--depth=3,5")
    assert "max_width is 500 there and 300 here, depth is 5 there and [3, 5] here" in line
    assert "choose another --out or pass --overwrite" in line


def test_a_folder_of_something_else_is_left_alone(refused, tmp_path):
    folder = tmp_path / "results" / "sweep-circle-synflow-final-grid"
    folder.mkdir(parents=True)
    (folder / "mine").write_text("precious")
    for flags in ([], ["--overwrite"]):
        assert "exists already but is no sweep's" in refused("sweep", *flags)
    (folder / "sweep.json").write_text("[]")
    assert "exists already but is no sweep's" in refused("sweep")


# Chief and workers


@pytest.fixture
def port():
    """A port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def set_cluster(monkeypatch, port, member="worker1", host="127.0.0.1"):
    for name, value in {cluster.ID: member, cluster.HOST: host, cluster.PORT: port}.items():
        monkeypatch.setenv(name, str(value))


def test_without_the_variables_there_is_no_cluster():
    assert from_environment({}) is None
    assert from_environment({cluster.ID: "", cluster.HOST: "", cluster.PORT: ""}) is None


def test_the_chief_is_the_one_called_so():
    variables = {cluster.ID: "chief", cluster.HOST: "10.0.0.1", cluster.PORT: "8000"}
    assert from_environment(variables) == Cluster("chief", "10.0.0.1", 8000)
    assert from_environment(variables).is_chief
    assert not from_environment(variables | {cluster.ID: "worker1"}).is_chief


def test_variables_that_do_not_go_together_are_refused(refused, monkeypatch, port):
    set_cluster(monkeypatch, "eighty")
    assert "KERASTUNER_ORACLE_PORT must be a port from 1 to 65535, got 'eighty'" in refused("sweep")
    monkeypatch.delenv(cluster.PORT)
    assert "KERASTUNER_ORACLE_IP is set but not KERASTUNER_ORACLE_PORT" in refused("sweep")
    set_cluster(monkeypatch, port)
    assert "minimal_width runs on one machine" in refused("minimal_width")


def test_a_worker_gives_up_on_a_chief_that_is_not_there(refused, monkeypatch, port):
    set_cluster(monkeypatch, port)
    monkeypatch.setattr(cluster, "CHIEF_TIMEOUT", 0.5)
    start = time.monotonic()
    assert f"no chief answers at 127.0.0.1:{port} within 0.5 s" in refused("sweep")
    assert time.monotonic() - start < 5


def test_a_chief_that_cannot_listen_says_so(refused, monkeypatch, port):
    set_cluster(monkeypatch, port, member="chief")
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        expected = f"the chief cannot listen at 127.0.0.1:{port}: Address already in use"
        assert expected in refused("sweep")
    set_cluster(monkeypatch, port, member="chief", host="203.0.113.1")
    assert "the chief cannot listen at 203.0.113.1" in refused("sweep")


def test_bisection_needs_a_gap(refused):
    assert Sweep("relu", oracle=BISECTION, gap=0.1).widths == tuple(range(10, 501))
    assert "choose from grid, random, hyperband, bayesian" in refused("sweep", "--oracle=bisection")
