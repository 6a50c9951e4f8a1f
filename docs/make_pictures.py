"""Makes the pictures of the pages.

``python docs/make_pictures.py`` makes docs/images with the commands plant, seek and construct;
``python docs/make_pictures.py results`` draws those of docs/results again from their rows, in
seconds.
"""

import sys
import tempfile
from pathlib import Path

import pandas as pd
from PIL import Image

import tasks
from pns_tf.commands import main

DOCS = Path(__file__).parent
IMAGES, RESULTS = DOCS / "images", DOCS / "results"
COLOURS = 128  # with so few a picture takes a quarter of the room
ROWS = ("runs.csv", "runs.csv.xz")  # of an experiment, in its folder


def make_pictures() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for task in tasks.names():
            main(["plant", f"--task={task}", f"--out={folder}"])
            for name in ("data", "ticket"):
                keep(Path(folder) / f"{task}-d5-w100-s0" / f"{name}.png", f"{task}-{name}.png")
        main(["seek", "--task=circle", "--pruner=synflow", "--density=0.1", f"--out={folder}"])
        found = Path(folder) / "circle-d5-w100-s0-synflow-0.1"
        keep(found / "overlap.png", "circle-overlap.png")
        main(["construct", "--task=circle", f"--out={folder}"])
        made = Path(folder) / "circle-d6-w1000-s0-constructed"
        keep(made / "ticket.png", "circle-constructed.png", largest=820)


def keep(picture: Path, name: str, largest: int = 1500) -> None:
    with Image.open(picture) as image:
        image.thumbnail((largest, largest))
        small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(IMAGES / name, optimize=True)


def draw_results() -> None:
    """Every picture of a page of results whose rows are beside it, but the leaderboard's."""
    from pns_tf.experiments.catalog import EXPERIMENTS
    from pns_tf.experiments.figures import draw
    from pns_tf.pictures import save_figure

    for experiment in EXPERIMENTS.values():
        folder = RESULTS / experiment.name
        rows = next((folder / name for name in ROWS if (folder / name).exists()), None)
        if rows is not None:
            for picture in draw(pd.read_csv(rows), f"{experiment.name}: {experiment.title}"):
                if (path := folder / f"{picture.name}.png").exists():
                    save_figure(picture.figure, path)
    if (RESULTS / "figure4" / "runs.csv.xz").exists():
        keep(RESULTS / "figure4" / "performance.png", "figure4.png")
    draw_vgg()
    draw_widths()
    draw_detection()
    draw_construct()
    for task in ("relu", "helix"):
        draw_bound(task)


def draw_vgg() -> None:
    from pns_tf.pictures import save_figure
    from pns_tf.reports.lines import Row, lines_figure

    rows = pd.read_csv(RESULTS / "vgg" / "runs.csv")
    rows = rows[rows["run"] != "ticket, made again"]
    weak = rows["epochs"] > 0  # otherwise nothing is trained
    annealed = rows["options"].str.contains("anneal")
    rows = rows.assign(
        label=rows["pruner"].where(~annealed, rows["pruner"] + ", anneal"),
        panel=weak.map({True: "weak ticket, which is planted", False: "strong tickets"}),
        kind="classification",
        metric=rows["final"].where(weak, rows["strong"]),
        trivial=1 / rows["classes"],
        planted=rows.loc[weak, "final"].iloc[0],  # what is planted is the trained ticket
        baseline=rows["baseline"].dropna().iloc[0],
    )
    metric = Row("metric", "found ticket", "planted", "trivial", None, band=False)
    title = "vgg16 × 0.25 on cifar10, one seed"
    save_figure(lines_figure(rows, [metric], title), RESULTS / "vgg" / "performance.png")


def draw_widths() -> None:
    from pns_tf.pictures import save_figure
    from pns_tf.sweeping.minimal_width import gaps_figure
    from pns_tf.sweeping.settings import Sweep

    folder = RESULTS / "minimal_width"
    sweep = Sweep("circle", step=1, gap=0.1, oracle="bisection", seeds=10)
    figure = gaps_figure(pd.read_csv(folder / "distances.csv"), sweep)
    save_figure(figure, folder / "distances.png")


def draw_detection() -> None:
    from pns_tf.detection.figure import detection_figure
    from pns_tf.detection.table import summary
    from pns_tf.pictures import save_figure

    folder = RESULTS / "detection"
    figure = detection_figure(summary(pd.read_csv(folder / "runs.csv")))
    save_figure(figure, folder / "detection.png")


def draw_construct() -> None:
    from pns_tf.constructing.figure import candidates_figure, frontier_figure
    from pns_tf.pictures import save_figure

    folder = RESULTS / "construct"
    save_figure(frontier_figure(pd.read_csv(folder / "rows.csv")), folder / "frontier.png")
    sums = candidates_figure(pd.read_csv(folder / "subset_sums.csv"))
    save_figure(sums, folder / "candidates.png")


def draw_bound(task: str) -> None:
    from pns_tf.pictures import save_figure
    from pns_tf.theory.figure import existence_figure

    figure = existence_figure(tasks.get(task).target(5), f"{task}, depth 5")
    save_figure(figure, RESULTS / "existence" / f"{task}.png")


if __name__ == "__main__":
    draw_results() if sys.argv[1:] == ["results"] else make_pictures()
