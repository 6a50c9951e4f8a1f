"""The part of a masked ReLU network that computes something, small enough to try any change."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from pns_tf.hosts.paths import live_neurons
from pns_tf.masks import Mask

BIAS = -1  # the source of a bias, in a flip (layer, source, neuron)


class LiveNetwork:
    """A fully connected ReLU network under a mask: its live neurons, and dormant ones beside them.

    What has no part in the outputs is dropped from the mask, and so are biases of zero. Each neuron
    without a part becomes dormant: it is fed by one random neuron of the layer before, a live one
    if there is any, and half of the time by its bias. No weight leads out of it yet; a single flip
    of one such weight brings it to life, at the price of all parameters that feed it.

    A flip is a triple (layer, source, neuron) of numbers within this network; the source of a bias
    is `BIAS`.

    Args:
        kernels: ``(fan_in, fan_out)`` of each layer, float32.
        biases: ``(fan_out,)`` of each layer.
        mask: in the order kernel, bias of each layer.
        rng: feeds the dormant neurons.
        wake: False leaves dormant neurons out.
    """

    def __init__(
        self,
        kernels: Sequence[np.ndarray],
        biases: Sequence[np.ndarray],
        mask: Mask,
        rng: np.random.Generator,
        wake: bool = True,
    ):
        self._like = mask
        alive = live_neurons(mask)
        self.live_counts = [len(neurons) for neurons in alive]
        self._neurons = alive
        if wake:
            widths = [len(kernels[0]), *map(len, biases)]
            self._neurons = [
                np.concatenate([neurons, np.setdiff1d(np.arange(width), neurons)])
                for neurons, width in zip(alive, widths, strict=True)
            ]
        places = [np.ix_(sources, neurons) for sources, neurons in pairwise(self._neurons)]
        self._all_kernels = [k[place] for k, place in zip(kernels, places, strict=True)]
        self._all_biases = [b[n] for b, n in zip(biases, self._neurons[1:], strict=True)]
        self._kernel_masks = [m[place] for m, place in zip(mask.kernels, places, strict=True)]
        pairs = zip(mask.biases, self._neurons[1:], self._all_biases, strict=True)
        self._bias_masks = [m[n] & (b != 0) for m, n, b in pairs]  # zeros are wasted parameters
        for layer, count in enumerate(self.live_counts[1:]):
            self._kernel_masks[layer][self.live_counts[layer] :] = False
            self._feed(layer, count, rng)
        self._kernels = [k * m for k, m in zip(self._all_kernels, self._kernel_masks, strict=True)]
        self._biases = [b * m for b, m in zip(self._all_biases, self._bias_masks, strict=True)]

    def _feed(self, layer: int, live: int, rng: np.random.Generator) -> None:
        kernel_mask, bias_mask = self._kernel_masks[layer], self._bias_masks[layer]
        dormant = np.arange(live, len(bias_mask))
        kernel_mask[:, dormant] = False
        sources = rng.integers(self.live_counts[layer] or len(kernel_mask), size=len(dormant))
        kernel_mask[sources, dormant] = True
        has_bias = self._all_biases[layer][dormant] != 0
        bias_mask[dormant] = has_bias & (rng.random(len(dormant)) < 0.5)

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """``(n, outputs)`` for ``(n, inputs)``; computes no neuron that nothing uses."""
        used = self._used()
        h = x[:, used[0]]
        for layer, (sources, neurons) in enumerate(pairwise(used)):
            h = np.maximum(h, 0) if layer else h
            h = h @ self._kernels[layer][np.ix_(sources, neurons)] + self._biases[layer][neurons]
        return h

    def _layers(self, x: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """What goes into each layer, and what comes out of it before its ReLU."""
        inputs, sums = [x], []
        for kernel, bias in zip(self._kernels, self._biases, strict=True):
            sums.append(inputs[-1] @ kernel + bias)
            inputs.append(np.maximum(sums[-1], 0))
        return inputs[:-1], sums

    def effects(
        self, x: np.ndarray, most: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """How each single flip of a parameter of a live neuron changes the outputs, exactly.

        Args:
            x: ``(n, inputs)``.
            most: flips of each kind, on and off, that are tried; a random choice if there are more.
            rng: chooses.

        Returns:
            The flips ``(flips, 3)`` and the changes of the outputs ``(flips, n, outputs)``.
        """
        inputs, sums = self._layers(x)
        pairs = zip(self._kernel_masks, self.live_counts[1:], strict=True)
        columns = [mask[:, :live] for mask, live in pairs]
        kept = sum(int(column.sum()) for column in columns)
        shares = most / max(sum(c.size for c in columns) - kept, 1), most / max(kept, 1)
        flips, changes = [], []
        for layer, live in enumerate(self.live_counts[1:]):
            for neuron in range(live):
                on = self._kernel_masks[layer][:, neuron]
                sources = np.flatnonzero(rng.random(len(on)) < np.where(on, *shares[::-1]))
                signed = self._all_kernels[layer][sources, neuron] * np.where(on[sources], -1, 1)
                change = inputs[layer][:, sources] * signed.astype(np.float32)
                bias = self._all_biases[layer][neuron]
                if bias != 0:
                    sources = np.append(sources, BIAS)
                    added = np.full((len(x), 1), -bias if self._bias_masks[layer][neuron] else bias)
                    change = np.concatenate([change, added], axis=1, dtype=np.float32)
                flips.append(np.stack(np.broadcast_arrays(layer, sources, neuron), axis=1))
                changes.append(self._propagate(change.T, layer, neuron, sums))
        return np.concatenate(flips), np.concatenate(changes)

    def _propagate(self, change: np.ndarray, layer: int, neuron: int, sums) -> np.ndarray:
        """Changes ``(flips, n)`` of one neuron's sum, carried on to the outputs."""
        change, reached = change[:, :, None], np.array([neuron])
        for sum_, kernel in zip(sums[layer:], self._kernels[layer + 1 :], strict=False):
            before = sum_[:, reached]
            change = np.maximum(before + change, 0) - np.maximum(before, 0)
            out = kernel[reached]
            onwards = np.flatnonzero(out.any(axis=0))
            change, reached = change @ out[:, onwards], onwards
        outputs = np.zeros((*change.shape[:2], len(self._biases[-1])), np.float32)
        outputs[:, :, reached] = change
        return outputs

    def is_on(self, flips: np.ndarray) -> np.ndarray:
        """Whether each of the flips turns something off; bool ``(flips,)``."""
        on = np.empty(len(flips), bool)
        for rows, layer, sources, neurons in self._by_layer(flips):
            bias = sources == BIAS
            on[rows[~bias]] = self._kernel_masks[layer][sources[~bias], neurons[~bias]]
            on[rows[bias]] = self._bias_masks[layer][neurons[bias]]
        return on

    def prices(self, flips: np.ndarray) -> np.ndarray:
        """Parameters that each flip adds to the mask, if it turns something on; int ``(flips,)``.

        1, and whatever feeds the source if nothing uses it yet.
        """
        prices = np.ones(len(flips), int)
        cost, used = np.zeros(len(self._kernels[0]), int), self._used()
        for rows, layer, sources, _ in self._by_layer(flips):
            weight = sources != BIAS
            prices[rows[weight]] += cost[sources[weight]]
            kernel, bias = self._kernel_masks[layer], self._bias_masks[layer]
            cost = np.where(used[layer + 1], 0, kernel.sum(axis=0) + bias + cost @ kernel)
        return prices

    def _by_layer(self, flips: np.ndarray):
        for layer in range(len(self._kernels)):
            rows = np.flatnonzero(flips[:, 0] == layer)
            yield rows, layer, flips[rows, 1], flips[rows, 2]

    def flip(self, flips: Sequence[np.ndarray] | np.ndarray) -> None:
        """Turns parameters over."""
        for layer, source, neuron in flips:
            if source == BIAS:
                self._bias_masks[layer][neuron] ^= True
                kept = self._bias_masks[layer][neuron]
                self._biases[layer][neuron] = self._all_biases[layer][neuron] * kept
            else:
                self._kernel_masks[layer][source, neuron] ^= True
                kept = self._kernel_masks[layer][source, neuron]
                self._kernels[layer][source, neuron] = (
                    self._all_kernels[layer][source, neuron] * kept
                )

    def _used(self) -> list[np.ndarray]:
        """Which neurons of each layer some output makes use of; bool."""
        used = [np.ones(len(self._biases[-1]), bool)]
        for kernel in reversed(self._kernel_masks):
            used.insert(0, kernel[:, used[0]].any(axis=1))
        return used

    @property
    def depth(self) -> int:
        """Layers of weights."""
        return len(self._kernels)

    @property
    def kept(self) -> int:
        """Number of parameters in use."""
        layers = zip(self._kernel_masks, self._bias_masks, self._used()[1:], strict=True)
        return sum(int(kernel[:, used].sum() + bias[used].sum()) for kernel, bias, used in layers)

    @property
    def mask(self) -> Mask:
        """The parameters in use, in the order of the host's neurons."""
        arrays = [np.zeros(array.shape, bool) for array in self._like]
        used = self._used()
        for layer, (sources, neurons) in enumerate(pairwise(self._neurons)):
            needed = used[layer + 1]
            kept = self._kernel_masks[layer][:, needed]
            arrays[2 * layer][np.ix_(sources, neurons[needed])] = kept
            arrays[2 * layer + 1][neurons[needed]] = self._bias_masks[layer][needed]
        return Mask(arrays, self._like.names)
