"""The README of an instance: how its host is built again in each framework."""

from __future__ import annotations

from pns_tf.judging.instance import Instance

NUMPY = """
import json, numpy as np

with open("instance.json") as file, np.load("host.npz") as arrays:
    about, host = json.load(file), dict(arrays)

def forward(x):
    layer = 0
    for step in about["layers"]:
        x = x @ host[f"kernel{layer}"] + host[f"bias{layer}"]
        x, layer = np.maximum(x, 0) if step["activation"] == "relu" else x, layer + 1
    return x
"""
TORCH = """
import json, numpy as np, torch
from torch.nn import functional as F

with open("instance.json") as file, np.load("host.npz") as arrays:
    about, host = json.load(file), dict(arrays)
parameters = {name: torch.tensor(host[name], requires_grad=True) for name in host}

def forward(x):  # images: (samples, channels, rows, columns)
    layer = 0
    for step in about["layers"]:
        kernel, bias = parameters.get(f"kernel{layer}"), parameters.get(f"bias{layer}")
        if step["type"] == "dense":
            x = F.linear(x, kernel.T, bias)  # kernels are (fan-in, fan-out)
        elif step["type"] == "conv2d":  # kernels are (rows, columns, channels, filters)
            x = F.conv2d(x, kernel.permute(3, 2, 0, 1), bias, step["strides"], step["padding"])
        elif step["type"] == "MaxPooling2D":
            x = F.max_pool2d(x, step["pool_size"], step["strides"])
        elif step["type"] == "GlobalAveragePooling2D":
            x = x.mean((2, 3))
        else:
            raise ValueError(step["type"])
        layer += step["type"] in ("dense", "conv2d")
        x = F.relu(x) if step.get("activation") == "relu" else x
    return x
"""
JAX = """
import json, numpy as np, jax, jax.numpy as jnp

with open("instance.json") as file, np.load("host.npz") as arrays:
    about, parameters = json.load(file), {name: jnp.array(arrays[name]) for name in arrays}

def forward(parameters, x):
    layer = 0
    for step in about["layers"]:
        kernel, bias = parameters.get(f"kernel{layer}"), parameters.get(f"bias{layer}")
        if step["type"] == "dense":
            x = jnp.matmul(x, kernel, precision="highest") + bias
        elif step["type"] == "conv2d":
            x = bias + jax.lax.conv_general_dilated(
                x, kernel, step["strides"], step["padding"].upper(),
                dimension_numbers=("NHWC", "HWIO", "NHWC"))
        elif step["type"] == "MaxPooling2D":
            window, strides = (1, *step["pool_size"], 1), (1, *step["strides"], 1)
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, strides, "VALID")
        elif step["type"] == "GlobalAveragePooling2D":
            x = x.mean((1, 2))
        else:
            raise ValueError(step["type"])
        layer += step["type"] in ("dense", "conv2d")
        x = jax.nn.relu(x) if step.get("activation") == "relu" else x
    return x
"""
KERAS = """
import json, numpy as np, keras  # Keras 3

with open("instance.json") as file, np.load("host.npz") as arrays:
    about, host = json.load(file), dict(arrays)
make = {"dense": lambda s, k: keras.layers.Dense(k.shape[-1], s["activation"]),
        "conv2d": lambda s, k: keras.layers.Conv2D(
            k.shape[-1], k.shape[:2], s["strides"], s["padding"], activation=s["activation"])}
model, layer = keras.Sequential([keras.Input(about["input_shape"])]), 0
for step in about["layers"]:
    if step["type"] in make:
        kernel, bias = host[f"kernel{layer}"], host[f"bias{layer}"]
        model.add(make[step["type"]](step, kernel))
        model.layers[-1].set_weights([kernel, bias])
        layer += 1
    else:
        model.add(getattr(keras.layers, step["type"])())
"""
SUBMIT = """
kept = {name: scores[name] >= threshold for name in scores}  # 0/1 or bool, the host's names
np.savez("masks.npz", **kept)  # or np.savez("scores.npz", **scores): then the judge thresholds
"""


def readme(instance: Instance) -> str:
    """What stands in an instance's folder."""
    about = instance.about
    dense = all(step["type"] == "dense" for step in instance.layers)
    frameworks = {"NumPy": NUMPY} if dense else {}
    frameworks |= {"PyTorch": TORCH, "JAX": JAX, "Keras 3": KERAS}
    parts = [
        f"# A host for {instance.task} with a ticket planted in it\n",
        f"{instance.size:,} parameters in `host.npz` and `host.safetensors`; training data in "
        f"`data.npz` and `data.safetensors`. Loss: {about['loss']}; judged by {about['metric']} on "
        "test data that are not here. Find out which parameters to keep, biases among them, at "
        f"densities (fractions kept) {', '.join(f'{d:.6g}' for d in instance.densities)}.\n",
        "`judge.json` is for the judge: what a pruner reads from it is no longer a search.\n",
        "## Submit\n",
        f"```python{SUBMIT}```\n",
        "Several densities: `masks-0.1.npz`, `masks-0.01.npz`, … in one folder; beside them "
        f'`submission.json` with `{{"name": …, "instance": "{instance.id}", "paper": …, "seconds": '
        "…}`, all optional; tickets for another instance are refused. Masks of frameworks whose "
        "kernels are (fan-out, fan-in) are transposed back. Then:\n",
        "```sh\npython -m pns_tf judge --instance=THIS_FOLDER --submission=FILE_OR_FOLDER\n```\n",
    ]
    for name, code in frameworks.items():
        parts += [f"## The host in {name}\n", f"```python{code}```\n"]
    return "\n".join(parts)
