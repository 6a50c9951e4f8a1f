"""SynFlow (Tanaka et al. 2020) in PyTorch: hands in the masks of 100 rounds.

python examples/torch_synflow.py --instance=instance [--rounds=100] [--out=torch_synflow]
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--instance", type=Path, required=True)
parser.add_argument("--rounds", type=int, default=100)
parser.add_argument("--out", type=Path, default=Path("torch_synflow"))
arguments = parser.parse_args()

about = json.loads((arguments.instance / "instance.json").read_text())
if any(step["type"] != "dense" for step in about["layers"]):
    parser.error("this example knows dense layers only")
with np.load(arguments.instance / "host.npz") as file:
    host = {name: torch.tensor(file[name], dtype=torch.float64) for name in file.files}


def scores(masks):
    """θ · ∂R/∂θ; R: the sum of outputs for an input of ones, all parameters positive."""
    parameters = {n: (host[n].abs() * masks[n]).requires_grad_() for n in host}
    x = torch.ones(about["input_shape"], dtype=torch.float64)
    for layer in range(len(about["layers"])):
        x = x @ parameters[f"kernel{layer}"] + parameters[f"bias{layer}"]
    slopes = torch.autograd.grad(x.sum(), list(parameters.values()))
    return {n: p.detach() * g for (n, p), g in zip(parameters.items(), slopes, strict=True)}


if arguments.out.exists():
    parser.error(f"{arguments.out} exists already: choose another --out")
arguments.out.mkdir()
start = time.perf_counter()
for density in about["densities"]:
    masks = {name: torch.ones_like(array) for name, array in host.items()}
    for number in range(1, arguments.rounds + 1):
        found = scores(masks)
        kept = round(density ** (number / arguments.rounds) * about["parameters"])
        order = torch.cat([score.flatten() for score in found.values()]).argsort(descending=True)
        flat = torch.zeros(about["parameters"], dtype=torch.float64)
        flat[order[:kept]] = 1
        parts = flat.split([array.numel() for array in host.values()])
        masks = {n: part.reshape(host[n].shape) for n, part in zip(host, parts, strict=True)}
    arrays = {name: mask.numpy().astype(bool) for name, mask in masks.items()}
    np.savez(arguments.out / f"masks-{density:.12g}.npz", **arrays)
said = {"name": arguments.out.name, "instance": about["id"], "paper": "arXiv 2006.05467"}
said["seconds"] = time.perf_counter() - start
(arguments.out / "submission.json").write_text(json.dumps(said))
print(f"written to {arguments.out}")
