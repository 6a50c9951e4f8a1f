"""Magnitude and saliency pruning in JAX: hands in scores, which the judge thresholds.

The two criteria are those of jaxpruner's MagnitudePruning and SaliencyPruning, |θ| and |θ ∂L/∂θ|.

    python examples/jax_prune.py --instance=instance [--method=magnitude|saliency] [--out=FOLDER]
"""

import argparse
import json
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--instance", type=Path, required=True)
parser.add_argument("--method", choices=["magnitude", "saliency"], default="magnitude")
parser.add_argument("--out", type=Path)
arguments = parser.parse_args()

about = json.loads((arguments.instance / "instance.json").read_text())
if any(step["type"] != "dense" for step in about["layers"]):
    parser.error("this example knows dense layers only")
with np.load(arguments.instance / "host.npz") as file:
    host = {name: jnp.array(file[name]) for name in file.files}
with np.load(arguments.instance / "data.npz") as file:
    x, y = jnp.array(file["x_train"]), jnp.array(file["y_train"])


def loss(parameters):
    h = x
    for layer, step in enumerate(about["layers"]):
        h = h @ parameters[f"kernel{layer}"] + parameters[f"bias{layer}"]
        h = jax.nn.relu(h) if step["activation"] == "relu" else h
    if about["metric"] == "accuracy":
        return -jnp.take_along_axis(jax.nn.log_softmax(h), y[:, None], axis=1).mean()
    return ((h - y) ** 2).mean()


out = arguments.out or Path(f"jax_{arguments.method}")
if out.exists():
    parser.error(f"{out} exists already: choose another --out")
start = time.perf_counter()
if arguments.method == "magnitude":
    scores = {name: jnp.abs(array) for name, array in host.items()}
else:
    slopes = jax.grad(loss)(host)
    scores = {name: jnp.abs(array * slopes[name]) for name, array in host.items()}
out.mkdir()
np.savez(out / "scores.npz", **{name: np.asarray(score) for name, score in scores.items()})
said = {"name": out.name, "instance": about["id"], "seconds": time.perf_counter() - start}
(out / "submission.json").write_text(json.dumps(said))
print(f"written to {out}")
