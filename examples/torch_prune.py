"""Prunes an instance with PyTorch's own torch.nn.utils.prune, and hands in the masks.

python examples/torch_prune.py --instance=instance [--method=l1|random] [--out=FOLDER]
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn.utils import prune

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--instance", type=Path, required=True)
parser.add_argument("--method", choices=["l1", "random"], default="l1")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--out", type=Path)
arguments = parser.parse_args()
methods = {"l1": prune.L1Unstructured, "random": prune.RandomUnstructured}

about = json.loads((arguments.instance / "instance.json").read_text())
with np.load(arguments.instance / "host.npz") as file:
    host = {name: file[name] for name in file.files}

out = arguments.out or Path(f"torch_{arguments.method}")
if out.exists():
    parser.error(f"{out} exists already: choose another --out")
out.mkdir()
torch.manual_seed(arguments.seed)
start = time.perf_counter()
for density in about["densities"]:
    module = torch.nn.Module()  # PyTorch prunes parameters of modules; where they lie is no matter
    for name, array in host.items():
        module.register_parameter(name, torch.nn.Parameter(torch.tensor(array)))
    pruned = about["parameters"] - round(density * about["parameters"])
    everything = [(module, name) for name in host]
    prune.global_unstructured(everything, methods[arguments.method], amount=pruned)
    masks = {name: getattr(module, f"{name}_mask").numpy().astype(bool) for name in host}
    np.savez(out / f"masks-{density:.12g}.npz", **masks)
said = {"name": out.name, "instance": about["id"], "seconds": time.perf_counter() - start}
(out / "submission.json").write_text(json.dumps(said))
print(f"written to {out}")
