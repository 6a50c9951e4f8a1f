"""Makes docs/images with the command plant: ``python docs/make_pictures.py``."""

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
                picture = Image.open(Path(folder) / f"{task}-d5-w100-s0" / f"{name}.png")
                picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
                    IMAGES / f"{task}-{name}.png", optimize=True
                )


if __name__ == "__main__":
    make_pictures()
