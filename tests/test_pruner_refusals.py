"""What cannot be scored is refused by name: bad scores, samples and models."""

import numpy as np
import pytest
import tf_keras as keras
from small_models import samples, small_host

from pns_tf import pruners
from pns_tf.checks import InputError
from pns_tf.pruners.base import Pruner


class Fixed(Pruner):
    """Returns what it was told to."""

    def calculate_scores(self, network, x, y):
        return self.change([np.ones(variable.shape) for variable in network.variables])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda scores: [*scores[:2], scores[2] * np.nan, *scores[3:]], "layer1/kernel with NaN"),
        (lambda scores: [*scores[:3], np.ones(3), *scores[4:]], "layer1/bias in shape .5,."),
        (lambda scores: scores[1:], "6 arrays .* got 5"),
    ],
)
def test_bad_scores_name_pruner_and_layer(change, message):
    pruner = Fixed()
    pruner.change = change
    with pytest.raises(InputError, match=f"'Fixed'.*{message}"):
        pruner.score(small_host())


def test_samples_must_be_there_and_finite():
    host, (x, y) = small_host(), samples()
    with pytest.raises(InputError, match="'snip' scores by samples"):
        pruners.get("snip").score(host)
    for bad in (np.nan, np.inf):
        holed = x.copy()
        holed[3, 1] = bad
        with pytest.raises(InputError, match="x holds 1 values that are not finite"):
            pruners.get("magnitude").score(host, holed, y)
        with pytest.raises(InputError, match="y holds 2 values"):
            pruners.get("snip").score(host, x, np.array([bad, bad, *y[2:]]))


def test_models_that_cannot_be_pruned_are_named():
    flat = keras.Sequential([keras.layers.Flatten(input_shape=(2,)), keras.layers.ReLU()], "flat")
    with pytest.raises(InputError, match=r"'flat' has no prunable layer.*Flatten, ReLU"):
        pruners.get("magnitude").score(flat)
    with pytest.raises(InputError, match="must be a tf_keras model"):
        pruners.get("magnitude").score(np.ones(3))
    unbuilt = keras.Sequential([keras.layers.Dense(2)], "unbuilt")
    with pytest.raises(InputError, match="'unbuilt' has no weights yet"):
        pruners.get("magnitude").score(unbuilt)
    assert len(pruners.get("magnitude").score(unbuilt, *samples())) == 2  # built by its samples
