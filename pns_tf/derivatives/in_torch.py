"""Derivatives by PyTorch, for Keras 3."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


def gradient(function: Callable, variables: Sequence) -> list[np.ndarray | None]:
    """The same as `pns_tf.derivatives.in_tensorflow.gradient`, by variables of Keras 3."""
    with torch.enable_grad():
        found = torch.autograd.grad(function(), _values(variables), allow_unused=True)
    return [None if part is None else part.detach().cpu().numpy() for part in found]


def hessian_product(
    function: Callable, variables: Sequence, vector: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """The same as `pns_tf.derivatives.in_tensorflow.hessian_product`."""
    values = _values(variables)
    # Fused attention has no second derivative.
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        gradients = torch.autograd.grad(function(), values, create_graph=True, allow_unused=True)
        terms = [
            (found * torch.as_tensor(part).to(found)).sum()
            for found, part in zip(gradients, vector, strict=True)
            if found is not None and found.requires_grad
        ]
        if not terms:  # linear in all variables
            return [np.zeros_like(part) for part in vector]
        products = torch.autograd.grad(sum(terms), values, allow_unused=True)
    return [
        np.zeros_like(part) if found is None else found.detach().cpu().numpy()
        for found, part in zip(products, vector, strict=True)
    ]


def _values(variables: Sequence) -> list[torch.Tensor]:
    return [variable.value for variable in variables]
