"""The part of a masked ReLU network that computes something, small enough to try any change."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from pns_tf.hosts.paths import live_neurons
from pns_tf.masks import Mask
from pns_tf.swaps import compiled
from pns_tf.swaps.compiled import Wiring
from pns_tf.swaps.objective import Expansion

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
        self._wiring = Wiring.empty([len(neurons) for neurons in self._neurons])
        self._kernels, self._biases = self._wiring.kernels(), self._wiring.layer_biases()
        for wired, array, kept in zip(
            [*self._kernels, *self._biases],
            [*self._all_kernels, *self._all_biases],
            [*self._kernel_masks, *self._bias_masks],
            strict=True,
        ):
            np.multiply(array, kept, out=wired)

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
        state = self._sums(np.ascontiguousarray(x.T), np.concatenate(self._used()))
        return state[-self._wiring.widths[-1] :].T

    def _sums(self, x: np.ndarray, wanted: np.ndarray | None = None) -> np.ndarray:
        """What each neuron adds up for ``(inputs, n)``; see `pns_tf.swaps.compiled.sums`."""
        wiring = self._wiring
        wanted = np.ones(wiring.widths.sum(), bool) if wanted is None else wanted
        return compiled.sums(x, wiring.weights, wiring.biases, wiring.widths, wanted)

    def candidates(self, most: int, rng: np.random.Generator) -> np.ndarray:
        """Flips ``(flips, 3)`` of parameters of live neurons, at random if there are too many.

        Args:
            most: of each kind, on and off; biases come on top.
            rng: chooses.
        """
        pairs = zip(self._kernel_masks, self.live_counts[1:], strict=True)
        columns = [mask[:, :live] for mask, live in pairs]
        kept = sum(int(column.sum()) for column in columns)
        on, off = most / max(sum(c.size for c in columns) - kept, 1), most / max(kept, 1)
        flips = []
        for layer, column in enumerate(columns):
            chosen = rng.random(column.shape) < np.where(column, off, on)
            sources, neurons = np.nonzero(chosen)
            biased = np.flatnonzero(self._all_biases[layer][: column.shape[1]])
            sources = np.append(sources, np.full(len(biased), BIAS))
            neurons = np.append(neurons, biased)
            flips.append(np.stack(np.broadcast_arrays(layer, sources, neurons), axis=1))
        return np.concatenate(flips)

    def _steps(self, flips: np.ndarray) -> np.ndarray:
        """By how much each flip changes its weight or bias."""
        steps = np.empty(len(flips), np.float32)
        for rows, layer, sources, neurons in self._by_layer(flips):
            bias = sources == BIAS
            steps[rows] = self._all_biases[layer][neurons]
            steps[rows[~bias]] = self._all_kernels[layer][sources[~bias], neurons[~bias]]
        return np.where(self.is_on(flips), -steps, steps)

    def effects(self, flips: np.ndarray, x: np.ndarray) -> np.ndarray:
        """How each single flip changes the outputs, exactly: ``(flips, outputs, n)``.

        Args:
            flips: ``(flips, 3)``.
            x: ``(n, inputs)``.
        """
        state = self._sums(np.ascontiguousarray(x.T))
        wiring = self._wiring
        return compiled.changes(flips, self._steps(flips), state, wiring.weights, wiring.widths)

    def promises(self, flips: np.ndarray, x: np.ndarray, expansion: Expansion) -> np.ndarray:
        """The change of a loss by each single flip, to second order in the outputs ``(flips,)``.

        Args:
            flips: ``(flips, 3)``.
            x: ``(n, inputs)``.
            expansion: of the loss at the outputs for ``x``.
        """
        wiring = self._wiring
        return compiled.alone(
            flips,
            self._steps(flips),
            self._sums(np.ascontiguousarray(x.T)),
            wiring.weights,
            wiring.widths,
            np.ascontiguousarray(expansion.gradient.T, np.float32),
            np.ascontiguousarray(expansion.root.transpose(1, 2, 0), np.float32),
        )

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
