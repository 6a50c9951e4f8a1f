"""Makes docs/images with the commands plant and seek: ``python docs/make_pictures.py``."""

import tempfile
from pathlib import Path

from PIL import Image

import tasks
from pns_tf.commands import main

IMAGES = Path(__file__).parent / "images"
COLOURS = 128  # with so few a picture takes a quarter of the room


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


def keep(picture: Path, name: str) -> None:
    with Image.open(picture) as image:
        small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    make_pictures()
