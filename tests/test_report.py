"""What ``reproduce`` leaves behind: the page, TensorBoard sessions and exported tickets."""

import dataclasses
import json
import re

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from made_up import rows, spread
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.util import tensor_util

from pns_tf.commands import main
from pns_tf.commands.flags import command_line
from pns_tf.commands.reproduce import reproduce
from pns_tf.experiments.catalog import EXPERIMENTS
from pns_tf.experiments.experiment import Experiment
from pns_tf.experiments.report import write_report
from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.masks import Mask
from pns_tf.measuring.evaluation import evaluate
from pns_tf.recipe.run import Run, grid
from pns_tf.recipe.search import SeekSettings
from pns_tf.reports.hparams import in_words, write_runs
from pns_tf.reports.rows import prepared
from pns_tf.runs.execute import Result, execute
from pns_tf.runs.store import Store
from pns_tf.runs.tickets import chosen, export, export_one
from tasks import InputError

PICTURES = ("performance", "recovery", "collapse", "layers")
EVIL = "<script>alert('x')</script> & more"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Folder and verdicts of a made-up experiment with a title and a pruner out of the ordinary."""
    chosen = EXPERIMENTS["figure10"]
    chosen = dataclasses.replace(chosen.sought_by(["my:Pruner<b>"]), title=EVIL)
    table = rows(chosen.settings, 3, final=lambda run: spread(run, 0.3))
    store = Store(tmp_path_factory.mktemp("results"))
    verdicts, path = write_report(chosen, table, store, "python -m pns_tf x '<y>'", 12.0)
    return path.parent, verdicts


@pytest.mark.slow
def test_every_picture_is_a_file_and_in_the_page(report):
    folder, _ = report
    page = (folder / "index.html").read_text()
    for name in PICTURES:
        assert (folder / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (folder / "figures" / f"{name}.svg").read_text()
        assert f'id="picture-{name}"' in page
    assert page.count("data:image/svg+xml;base64,") == len(PICTURES)


def test_the_page_needs_nothing_else(report):
    page = (report[0] / "index.html").read_text()
    sources = re.findall(r'(?:src|href)="([^"]{0,20})', page)
    assert all(source.startswith(("#", "data:")) for source in sources)
    assert "url(" not in page


def test_the_page_has_verdicts_numbers_settings_and_versions(report):
    folder, verdicts = report
    page = (folder / "index.html").read_text()
    assert verdicts
    for verdict in verdicts:
        assert f">{verdict.verdict}</span>{verdict.finding.statement}</p>" in page
        assert verdict.reason in page
    for text in ("prune rounds", "30 runs", "12 s for the last command", "3.11"):
        assert text in page


def test_what_users_write_is_escaped(report):
    page = (report[0] / "index.html").read_text()
    assert "<script>" not in page
    assert "my:Pruner<b>" not in page
    assert "my:Pruner&lt;b&gt;" in page
    assert "python -m pns_tf x &#x27;&lt;y&gt;&#x27;" in page


def test_tables_and_findings_are_files_too(report):
    folder, verdicts = report
    assert len(pd.read_csv(folder / "summary.csv")) == 10
    assert (folder / "summary.md").read_text().count("\n|") == 12
    assert (folder / "findings.md").read_text().count("**") == 2 * len(verdicts)


@pytest.mark.slow
def test_equal_rows_give_equal_bytes(report, tmp_path):
    folder, _ = report
    chosen = dataclasses.replace(EXPERIMENTS["figure10"].sought_by(["my:Pruner<b>"]), title=EVIL)
    table = rows(chosen.settings, 3, final=lambda run: spread(run, 0.3))
    write_report(chosen, table, Store(tmp_path), "python -m pns_tf x '<y>'", 12.0)
    again = tmp_path / "figure10"
    for file in ("index.html", "figures/performance.svg", "figures/layers.png", "summary.csv"):
        assert (again / file).read_bytes() == (folder / file).read_bytes()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "figure10").write_text("in the way")
    table = rows(EXPERIMENTS["figure10"].settings, 1)
    with pytest.raises(InputError, match=r"cannot write to .*figure10"):
        write_report(EXPERIMENTS["figure10"], table, Store(tmp_path), "", 0.0)


def records(table: pd.DataFrame) -> list[dict]:
    return table.to_dict("records")


def test_each_run_is_a_session_of_hparams(tmp_path):
    table = rows(grid(["circle"], ["snip"], [0.1, 0.5], [0], noise=0.1), seeds=2)
    table.loc[0, "final"] = float("nan")
    write_runs(table, tmp_path / "log")
    write_runs(table, tmp_path / "log")  # anew
    sessions = [path for path in (tmp_path / "log").iterdir() if path.is_dir()]
    names = {f"circle, snip, {row['density']:g}, seed {row['seed']}": row for row in records(table)}
    assert {path.name for path in sessions} == names.keys()
    for name, row in names.items():
        (file,) = (tmp_path / "log" / name).iterdir()
        values = [v for event in EventFileLoader(str(file)).Load() for v in event.summary.value]
        scalars = {
            v.tag: float(tensor_util.make_ndarray(v.tensor))
            for v in values
            if not v.tag.startswith("_hparams_")
        }
        expected = {name: row[name] for name in ("final", "strong", "recall", "effective_density")}
        expected = {name: value for name, value in expected.items() if value == value}
        assert scalars == pytest.approx(expected)
        content = plugin_data_pb2.HParamsPluginData()
        content.ParseFromString(values[0].metadata.plugin_data.content)
        assert content.session_start_info.group_name == name
        hparams = content.session_start_info.hparams
        assert hparams["pruner"].string_value == "snip"
        assert hparams["noise"].string_value == "0.1"
        assert hparams["density"].number_value == row["density"]
        assert hparams["seed"].number_value == row["seed"]


def test_runs_that_words_do_not_tell_apart_have_their_hash_too():
    table = prepared(rows(grid(["circle"], ["my:Own/../x", "snip"], [0.1, 0.10001], [0]), seeds=1))
    own, other, *snips = in_words(table)
    assert own.startswith("circle, my_Own_.._x, 0.1, seed 0, ")
    assert len({own, other, *snips}) == 4


@pytest.mark.slow
def test_tensorboard_shows_curves_and_an_overlap_of_each_setting_and_pictures_of_all(tmp_path):
    settings = grid(["relu"], ["magnitude"], [0.1, 0.5], [0], depth=3, width=20, samples=200)
    chosen = Experiment("small", "a question", settings, seeds=2)
    store = Store(tmp_path)
    mask = Mask([np.ones((1, 20)), np.ones(20), np.ones((20, 1)), np.ones(1)])
    for run, row in zip(chosen.runs(), records(rows(chosen.settings, 2)), strict=True):
        store.write(run, Result(row, mask, {"loss/training": [3.0, 2.0]}))
    table = store.table(chosen.runs())
    assert "curves" not in table
    write_report(chosen, table, store, "", 0.0, chosen.runs())
    shown: dict[str, dict[str, list]] = {}
    for file in (tmp_path / "small" / "tensorboard").rglob("events*"):
        by_tag = shown.setdefault(file.parent.name, {})
        for event in EventFileLoader(str(file)).Load():
            for value in event.summary.value:
                by_tag.setdefault(value.tag, []).append((event.step, value))
    assert shown.pop("tensorboard").keys() == {"_hparams_/experiment", *PICTURES}
    assert len(shown) == 4
    for name, tags in shown.items():
        losses = {step: value.tensor for step, value in tags["loss/training"]}
        assert {s: float(tensor_util.make_ndarray(t)) for s, t in losses.items()} == {1: 3, 2: 2}
        assert ("overlap" in tags) == name.endswith("seed 0")


def test_the_best_ticket_has_the_best_final_metric():
    settings = grid(["circle", "relu"], ["snip", "random"], [0.1, 0.5], [0])
    table = rows(settings, 4, final=lambda run: 0.9 - 0.1 * abs(run.search.seed - 2))
    best = table.set_index("run").loc[chosen(table, "best")]
    assert len(best) == len(settings)
    assert set(best["seed"]) == {2}
    assert len(chosen(table, "all")) == len(table)


@pytest.mark.parametrize("name", list(EXPERIMENTS))
def test_tickets_of_an_experiment_have_different_folders(name):
    runs = EXPERIMENTS[name].runs(2)
    assert len({run.folder for run in runs}) == len(runs)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A store with one small run."""
    search = SeekSettings("snip", 0.5, epochs=2, samples=300)
    run = Run(FullyConnected("circle", depth=3, width=24), search)
    store = Store(tmp_path_factory.mktemp("tiny"))
    store.write(run, execute(run))
    return run, store


@pytest.mark.slow
def test_an_exported_ticket_is_the_one_that_was_found(tiny, tmp_path):
    import tasks

    run, store = tiny
    row = store.read(run)
    assert export_one(run, row, store.masks(run), tmp_path / "ticket") is None
    assert Mask.load(tmp_path / "ticket" / "masks.npz") == store.masks(run)
    record = json.loads((tmp_path / "ticket" / "ticket.json").read_text())
    assert record["metrics"]["final"] == row["final"]
    data = tasks.get("circle").data(300, seed=0)
    for model, metric in (("pruned", "strong"), ("trained", "final")):
        serve = tf.saved_model.load(str(tmp_path / "ticket" / model)).serve
        assert evaluate(serve, "classification", data) == pytest.approx(row[metric])


def test_another_ticket_than_the_stored_one_is_not_exported(tiny, tmp_path):
    run, store = tiny
    row, masks = store.read(run), store.masks(run)
    complaint = export_one(run, row | {"final": 0.123}, masks, tmp_path / "ticket")
    assert "final differ" in complaint
    others = Mask([~mask for mask in masks], masks.names)
    assert "masks differ" in export_one(run, row, others, tmp_path / "ticket")
    assert not (tmp_path / "ticket").exists()


@pytest.mark.slow
def test_a_run_that_was_judged_for_a_ranking_is_exported(tmp_path):
    host = FullyConnected("relu", depth=4, width=20)
    run = Run(host, SeekSettings("magnitude", 0.5, epochs=1, samples=300), ranked=True)
    store = Store(tmp_path)
    store.write(run, execute(run))
    written, complaints = export([run], store, tmp_path / "tickets", "all", workers=1)
    assert (written, complaints) == (1, [])
    record = json.loads((tmp_path / "tickets" / run.folder / "ticket.json").read_text())
    assert record["run"] == run.name
    # A folder of another run is told apart, though it is called the same.
    (tmp_path / "tickets" / run.folder / "ticket.json").write_text('{"run": "another"}')
    written, (complaint,) = export([run], store, tmp_path / "tickets", "all", workers=1)
    assert written == 0
    assert f"is of run another, not of {run.name}" in complaint


@pytest.mark.parametrize(("flags", "complaint"), [
    (["--task=relu"], "--task does not go with --check, got 'relu'"),
    (["--seeds=3"], "--seeds does not go with --check, got 3"),
    (["--control"], "--control with --check needs --figure or --experiment"),
    (["--figure=3", "--workers=2"], "--workers does not go with --check, got 2"),
    (["--figure=3", "--export=best"], "--export does not go with --check, got 'best'"),
])  # fmt: skip
def test_what_check_would_ignore_is_refused(refused, flags, complaint):
    assert complaint in refused("reproduce", "--check", *flags)


SMALL = """
from pns_tf.experiments.experiment import Experiment
from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.recipe.run import Run
from pns_tf.recipe.search import SeekSettings

HOST = FullyConnected("circle", depth=3, width=24)
RUN = Run(HOST, SeekSettings("snip", 0.5, epochs=2, samples=300))
EXPERIMENT = Experiment("small", "does it work?", [RUN], seeds=1)
"""


@pytest.mark.usefixtures("without_workers")
@pytest.mark.slow
def test_reproduce_ends_with_the_page_and_the_tickets(tiny, tmp_path, capsys):
    _, store = tiny
    (tmp_path / "small.py").write_text(SMALL)
    command = ["reproduce", f"--experiment={tmp_path / 'small.py'}", f"--out={store.folder}"]
    main([*command, "--workers=1", "--export=all"])
    out = capsys.readouterr().out
    folder = store.folder / "small"
    assert "1 runs, 0 of them new" in out
    assert f"written to  {folder / 'index.html'}" in out
    assert f"tickets     1 new ones in {folder / 'tickets'}" in out
    assert "does it work?" in (folder / "index.html").read_text()
    (ticket,) = (folder / "tickets").glob("*/ticket.json")
    before = ticket.stat().st_mtime_ns
    main([*command, "--workers=1", "--export=best"])
    assert "tickets     0 new ones" in capsys.readouterr().out
    assert ticket.stat().st_mtime_ns == before


def test_check_runs_nothing(tmp_path, capsys):
    main(["reproduce", "--check", f"--out={tmp_path}"])
    assert "needs figure 5" in capsys.readouterr().out
    main(["reproduce", "--check", "--figure=12", f"--out={tmp_path}"])
    assert capsys.readouterr().out.splitlines() == [
        "not run       multishot-grasp-local: Pruning layer by layer does not save multishot "
        "grasp on circle.",
        "              needs figure 12",
    ]
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_export_is_refused(refused):
    assert "unknown export 'some'" in refused("reproduce", "--figure=3", "--export=some")


def test_the_page_repeats_the_command_line():
    given = dict.fromkeys(("figure", "experiment", "seeds", "workers", "scheduler"))
    given |= {"control": False, "beside": None}
    given |= {"task": ("circle", "relu"), "pruner": (), "density": 0.1, "out": "a b"}
    given |= {"check": False, "export": None, "figure": 3, "width_multiplier": None}
    given |= dict.fromkeys(("epochs", "samples", "data_dir"))
    assert command_line(reproduce, given) == (
        "python -m pns_tf reproduce --figure=3 --task=circle,relu --density=0.1 '--out=a b'"
    )


@pytest.mark.slow
def test_experiments_without_statements_have_a_page_too(tmp_path):
    mine = Experiment("mine", "a question", grid(["relu"], ["snip"], [0.5], [0]))
    verdicts, path = write_report(mine, rows(mine.settings, 1), Store(tmp_path), "", 0.0)
    assert verdicts == []
    assert "The paper states nothing about this experiment." in path.read_text()
