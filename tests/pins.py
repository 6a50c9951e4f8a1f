"""What must not change unnoticed: names of runs, help texts, and the masks that pruners find.

Published rows and folders are found again by these names. ``python tests/pins.py`` writes the pins
anew, ``python tests/pins.py help snip`` some of them; a commit that does so says why.
"""

from __future__ import annotations

import json
import types
from pathlib import Path

import numpy as np

PINNED = Path(__file__).parent / "pinned"
DENSITY = 0.3
# Options that make a search quick, of those that a pruner has.
QUICK = {
    "epochs": 20,
    "last_epochs": 5,
    "magnitude_epochs": 2,
    "magnitude_rounds": 2,
    "rewind_epochs": 5,
    "round_epochs": 2,
    "rounds": 4,
    "swap_rounds": 5,
}


def names() -> dict[str, str]:
    """Hashes and folder names of runs that differ in one kind of setting each."""
    from pns_tf.hosts.fully_connected import FullyConnected
    from pns_tf.hosts.vgg import Vgg
    from pns_tf.recipe.names import found_name, run_name
    from pns_tf.recipe.run import Run
    from pns_tf.recipe.search import SeekSettings

    circle, helix, relu = (FullyConnected(task) for task in ("circle", "helix", "relu"))
    runs = {
        "default": Run(circle),
        "seed": Run(circle, SeekSettings(seed=10_003)),
        "shape": Run(FullyConnected("relu", depth=10, width=1000), SeekSettings("snip", 0.01)),
        "init": Run(FullyConnected("helix", init="uniform"), SeekSettings("grasp", 0.5)),
        "hide_biases": Run(circle, SeekSettings("random", 0.1), hide_biases=True),
        "multishot": Run(circle, SeekSettings("synflow", 0.1, rounds=10)),
        "prune_rounds": Run(circle, SeekSettings("synflow", 0.01, prune_rounds=100)),
        "local": Run(circle, SeekSettings("magnitude", 0.1, scope="local")),
        "noise": Run(FullyConnected("circle", depth=6), SeekSettings("snip", 0.1, noise=0.1)),
        "samples": Run(relu, SeekSettings("snip", 0.1, samples=500)),
        "options": Run(circle, SeekSettings("edge_popup", options={"anneal": True})),
        "pns": Run(circle, SeekSettings("pns", 0.008)),
        "pns_weak": Run(helix, SeekSettings("pns_weak", 0.0093, epochs=0)),
        "training": Run(circle, SeekSettings(learning_rate=0.01, batch_size=64)),
    }
    host = Vgg("vgg16", "cifar10", 0.25, (32, 32, 3), 10)
    other = types.SimpleNamespace(name="0" * 16)  # stands for a run
    on_images = {
        "vgg": Run(host, SeekSettings("synflow", 0.01, rounds=10, samples=50_000)),
        "vgg planted": Run(host, SeekSettings("edge_popup", 0.1, epochs=0), ticket=other),
        "vgg augmented": Run(host, SeekSettings("snip", 0.1), augmented=True),
    }
    found = {f"{name}: hash": run.name for name, run in {**runs, **on_images}.items()}
    found |= {f"{name}: folder": run.folder for name, run in runs.items()}
    found["planted: folder"] = run_name("helix", 5, 100, 0)
    found["vgg: folder"] = host.title(seed=0)
    elsewhere = SeekSettings("my.pruners:Mine", 0.123456789, seed=3, epochs=20)
    found["another seed: folder"] = found_name("circle-d5-w100-s0", elsewhere, planted_seed=0)
    return found


def pruner_names() -> list[str]:
    """Pruners whose masks are pinned: all of them."""
    from pns_tf import pruners

    return pruners.names()


def defaults() -> dict[str, dict]:
    """The default options of each pruner, with the versions that are part of its runs' names."""
    import dataclasses

    from pns_tf import pruners
    from pns_tf.recipe.run import result_versions

    return {
        name: {
            "versions": result_versions(name),
            "options": {field.name: field.default for field in dataclasses.fields(pruner)},
        }
        for name in pruner_names()
        for pruner in [pruners.load(name)]
    }


def mask_of(pruner: str) -> np.ndarray:
    """The mask that a pruner finds in a small planted circle host, flat, as bool."""
    import dataclasses

    import pns_tf
    from pns_tf import pruners
    from pns_tf.recipe.pruners import PRUNERS
    from pns_tf.recipe.search import SeekSettings
    from pns_tf.seeking import seek_with

    fields = {field.name for field in dataclasses.fields(pruners.load(pruner))}
    planted = pns_tf.plant("circle", depth=4, width=30, seed=0)
    settings = SeekSettings(
        pruner,
        DENSITY,
        round_epochs=1,
        # A training that comes after the search decides no mask.
        epochs=0 if PRUNERS[pruner].weak_from == "host" else 2,
        samples=500,
        noise=planted.task.noise,
        options={name: value for name, value in QUICK.items() if name in fields},
    )
    found = seek_with(planted, settings)
    return np.concatenate([np.asarray(mask, bool).ravel() for mask in found.masks])


def help_texts() -> dict[str, str]:
    """What ``--help`` prints, of the program and of each command."""
    import contextlib
    import io

    from pns_tf import commands

    texts = {}
    for argv in ([], *([name] for name in commands.COMMANDS)):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            commands.main([*argv, "--help"])
        texts[argv[0] if argv else "pns_tf"] = said.getvalue()
    return texts


def write(wanted: list[str] | None = None) -> None:
    """Writes the pins anew: those of "names", "help", "defaults" and pruners that are wanted."""
    PINNED.mkdir(exist_ok=True)
    texts = {"names": names, "help": help_texts, "defaults": defaults}
    pruners = pruner_names()
    if unknown := set(wanted or ()) - {*texts, *pruners}:
        raise SystemExit(f"no pins of {unknown}: choose from {[*texts, *pruners]}")
    for name, content in texts.items():
        if wanted is None or name in wanted:
            text = json.dumps(content(), indent=2) + "\n"
            (PINNED / f"{name}.json").write_text(text, encoding="utf-8")
    masks = {} if wanted is None else dict(np.load(PINNED / "masks.npz"))
    if chosen := [name for name in pruners if wanted is None or name in wanted]:
        masks |= {name: np.packbits(mask_of(name)) for name in chosen}
        np.savez_compressed(PINNED / "masks.npz", **masks)


if __name__ == "__main__":
    import sys

    write(sys.argv[1:] or None)
