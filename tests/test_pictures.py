"""What the pictures show is what the arrays hold."""

import re
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex

import tasks
from pns_tf.hosts.initializers import draw_host, host_sizes
from pns_tf.masks import Mask
from pns_tf.measuring.recovery import mask_metrics
from pns_tf.pictures import data_figure, overlap_figure, save_figure, ticket_figure
from pns_tf.pictures.style import BOTH, FOUND, NEGATIVE, PLANTED, POSITIVE
from pns_tf.planting.algorithm import plant_arrays
from pns_tf.tasks.task import Task


def of_type(figure, kind):
    return [c for c in figure.axes[0].collections if isinstance(c, kind)]


def edges(figure) -> list[list[np.ndarray]]:
    return [collection.get_segments() for collection in of_type(figure, LineCollection)]


def neurons(figure) -> list[int]:
    return [len(collection.get_offsets()) for collection in of_type(figure, PathCollection)]


def png(figure, path) -> bytes:
    save_figure(figure, path, dpi=60)
    return path.read_bytes()


def invented(kind: str, inputs: int, outputs: int) -> Task:
    def label(x, noise, rng):
        if kind == "classification":
            return rng.integers(outputs, size=len(x))
        return np.sin(x.sum(axis=1, keepdims=True) * np.arange(1, outputs + 1))

    return Task("invented", "no formula", inputs, outputs, kind, label, lambda depth: [])


@pytest.mark.parametrize("depth", [3, 5, 10])
@pytest.mark.parametrize("name", tasks.names())
def test_a_target_is_drawn_edge_by_edge_and_neuron_by_neuron(name, depth, tmp_path):
    target = tasks.get(name).target(depth)
    figure = ticket_figure(target.kernels, target.biases)
    assert [len(layer) for layer in edges(figure)] == [np.count_nonzero(k) for k in target.kernels]
    assert neurons(figure) == list(target.shape)
    assert png(figure, tmp_path / "ticket.png").startswith(b"\x89PNG")


def test_a_planted_ticket_looks_as_small_as_its_target():
    task = tasks.get("circle")
    target = task.target(5)
    planted = plant_arrays(target, *draw_host(host_sizes(2, 4, 5, 60), seed=3))
    kernels = [k * m for k, m in zip(planted.kernels, planted.kernel_masks, strict=True)]
    biases = [b * m for b, m in zip(planted.biases, planted.bias_masks, strict=True)]
    figure = ticket_figure(kernels, biases, title="planted")
    assert neurons(figure) == list(target.shape)
    assert sum(map(len, edges(figure))) == target.nonzero_weights
    assert "4 of 60" in figure.axes[0].texts[1].get_text()


def test_width_shows_size_and_colour_shows_sign():
    figure = ticket_figure([np.array([[0.5, -2.0, 1.0]])], [np.array([1.0, -1.0, 0.0])])
    (lines,) = of_type(figure, LineCollection)
    small, middle, large = lines.get_linewidths()  # larger weights are drawn later
    assert middle == pytest.approx(2 * small)
    assert large == pytest.approx(2 * middle)
    assert [to_hex(c) for c in lines.get_colors()] == [POSITIVE, POSITIVE, NEGATIVE]


def test_what_is_planted_is_marked_in_the_drawing_of_a_found_ticket():
    kernels = [np.array([[0.5, -2.0, 1.0]]), np.array([[1.0], [0.0], [3.0]])]
    biases = [np.array([1.0, 0.0, 2.0]), np.array([0.0])]
    planted = Mask([[[1, 0, 1]], [1, 1, 0], [[0], [1], [1]], [1]])
    figure = ticket_figure(kernels, biases, planted=planted)
    halos = [c for c in of_type(figure, LineCollection) if to_hex(c.get_colors()[0]) == BOTH]
    assert [len(halo.get_segments()) for halo in halos] == [2, 1]
    rings = [
        [to_hex(colour) == BOTH for colour in points.get_edgecolors()]
        for points in of_type(figure, PathCollection)
    ]
    assert rings == [[False], [True, False, False], [False]]
    assert "planted, too" in [text.get_text() for text in figure.legends[0].get_texts()]
    assert "layer 0" in figure.axes[0].texts[1].get_text()


def test_neurons_without_parameters_are_left_out():
    kernels = [np.array([[1.0, 0.0, 0.0]]), np.zeros((3, 2))]
    assert neurons(ticket_figure(kernels, [np.zeros(3), np.zeros(2)])) == [1, 1, 2]
    assert neurons(ticket_figure(kernels, [np.array([0.0, 0.0, 1.0]), np.zeros(2)])) == [1, 2, 2]


def test_neurons_are_ordered_so_that_edges_do_not_cross():
    order = np.random.default_rng(0).permutation(8)
    kernels = [np.eye(8)[:, order], np.eye(8)[order]]
    straight = ticket_figure(kernels, [np.zeros(8), np.zeros(8)])
    assert all(start[1] == end[1] for layer in edges(straight) for start, end in layer)


def test_a_dense_layer_of_ten_thousand_edges_is_drawn(tmp_path):
    figure = ticket_figure(*draw_host([1, 100, 100, 1]))
    assert len(edges(figure)[1]) == 10_000
    png(figure, tmp_path / "dense.png")


def test_a_layer_with_too_many_edges_shows_the_largest_and_says_so():
    weights = np.arange(1.0, 25_001.0).reshape(100, 250)
    figure = ticket_figure([weights], [np.zeros(250)])
    assert len(edges(figure)[0]) == 20_000
    assert "20,000 largest" in figure.legends[0].get_title().get_text()
    assert of_type(figure, LineCollection)[0].get_linewidths()[0] > 0.2 * 0.8


def test_a_collapsed_ticket_is_drawn(tmp_path):
    figure = ticket_figure(
        [np.zeros((2, 5)), np.zeros((5, 3))], [np.zeros(5), np.zeros(3)], "nothing left"
    )
    assert neurons(figure) == [2, 0, 3]
    png(figure, tmp_path / "empty.png")


@pytest.mark.parametrize("shape", [(100, 100), (1, 100), (100, 3), (1, 1)])
def test_the_overlap_counts_every_weight_and_bias_once(shape, tmp_path):
    rng = np.random.default_rng(1)
    shapes = (shape, shape[1:], (3, 2), (2,))
    planted = Mask([*(rng.random(s) < 0.3 for s in shapes[:2]), np.zeros((3, 2)), np.zeros(2)])
    found = Mask([*(rng.random(s) < 0.5 for s in shapes[:2]), np.ones((3, 2)), np.ones(2)])
    figure = overlap_figure(planted, found, title="overlap")
    p, f = (np.concatenate([a.ravel() for a in mask[:2]]) for mask in (planted, found))
    counts = [np.sum(p & f), np.sum(p & ~f), np.sum(f & ~p) + 8, np.sum(~p & ~f)]
    shown = [text.get_text().split(": ") for text in figure.legends[0].get_texts()]
    names = ["planted and found", "planted only", "found only", "neither"]
    assert shown == [[name, f"{n:,}"] for name, n in zip(names, counts, strict=True)]
    assert sum(counts) == planted.size
    assert "layer 1: 3 × 2" in figure.axes[1].get_title()
    assert "both 0, planted only 0, found only 8" in figure.axes[1].get_title()
    markers = [len(c.get_offsets()) for c in figure.axes[0].collections]
    assert markers == counts[:2]
    png(figure, tmp_path / "overlap.png")


def test_the_overlap_and_the_recovery_of_a_layer_count_the_same_parameters():
    rng = np.random.default_rng(2)
    planted, found = (
        Mask([rng.random(s) < 0.5 for s in ((2, 9), (9,), (9, 3), (3,))]) for _ in range(2)
    )
    metrics = mask_metrics(planted, found)
    for layer, axes in enumerate(overlap_figure(planted, found).axes):
        counts = axes.get_title().splitlines()[1]
        both, missed, others = map(int, re.findall(r"\d+", counts))
        assert metrics[f"recall_layer{layer}"] == both / (both + missed)
        assert metrics[f"precision_layer{layer}"] == both / (both + others)


def test_the_overlap_image_and_its_legend_agree_on_colours():
    planted, found = Mask([[[0, 0, 1, 1]], [0, 0, 0, 1]]), Mask([[[0, 1, 0, 1]], [0, 0, 1, 1]])
    figure = overlap_figure(planted, found)
    image = figure.axes[0].images[0]
    assert image.get_array().tolist() == [[0, 1, 2, 3], [0, 0, 1, 3]]
    assert list(image.cmap.colors)[1:] == [FOUND, PLANTED, BOTH]
    handles = figure.legends[0].legend_handles
    assert [h.get_markerfacecolor() for h in handles][:3] == [BOTH, PLANTED, FOUND]


def test_masks_that_do_not_fit_each_other_are_refused():
    with pytest.raises(ValueError, match=r"equal shapes.*\(1, 3\).*\(3, 3\)"):
        overlap_figure(Mask([np.ones((1, 3))]), Mask([np.ones((3, 3))]))
    with pytest.raises(ValueError, match="equal shapes"):
        overlap_figure(Mask([np.ones((2, 2)), np.ones(2)]), Mask([]))
    for odd in ([np.ones(3), np.ones(3)], [np.ones((2, 3))], [np.ones((2, 3)), np.ones(2)], []):
        with pytest.raises(ValueError, match="a matrix"):
            overlap_figure(Mask(odd), Mask(odd))


@pytest.mark.parametrize("name", tasks.names())
def test_equal_data_gives_equal_bytes(name, tmp_path):
    def draw(seed):
        task = tasks.get(name)
        data = task.data(samples=500, seed=seed)
        return png(data_figure(task, data, task.target(3)(data.x_test)), tmp_path / "data.png")

    first = draw(0)
    assert draw(0) == first
    assert draw(1) != first
    assert b"Software" not in first


def test_helix_and_relu_predictions_are_drawn_in_the_order_of_x():
    for name in ("helix", "relu"):
        task = tasks.get(name)
        data = task.data(samples=500)
        prediction = task.target(3)(data.x_test)
        (line,) = data_figure(task, data, prediction).axes[0].lines
        drawn = np.stack(line.get_data_3d() if name == "helix" else line.get_data(), axis=1)
        order = np.argsort(data.x_test[:, 0])
        np.testing.assert_array_equal(drawn[:, -1], prediction[order, -1])


def test_circle_points_are_coloured_by_class_and_by_largest_logit():
    task = tasks.get("circle")
    data = task.data(samples=1000)
    logits = task.target(5)(data.x_test)
    shown, predicted = data_figure(task, data, logits).axes
    for axes, labels in ((shown, data.y_test), (predicted, np.argmax(logits, axis=1))):
        drawn = [len(points.get_offsets()) for points in axes.collections]
        assert drawn == np.bincount(labels, minlength=4).tolist()


def test_other_classifications_become_a_confusion_matrix(tmp_path):
    task = invented("classification", inputs=3, outputs=5)
    data = task.data(samples=300)
    figure = data_figure(task, data, np.eye(5)[data.y_test])
    counts = figure.axes[0].images[0].get_array()
    np.testing.assert_array_equal(counts, np.diag(np.bincount(data.y_test, minlength=5)))
    png(figure, tmp_path / "confusion.png")


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 2), (2, 1), (3, 3), (7, 20)])
def test_other_regressions_get_one_panel_per_output(inputs, outputs, tmp_path):
    task = invented("regression", inputs, outputs)
    data = task.data(samples=100)
    figure = data_figure(task, data, data.y_test)
    assert len(figure.axes) == min(outputs, 12)
    assert ("the first 12 of 20" in figure.get_suptitle()) == (outputs == 20)
    png(figure, tmp_path / "regression.png")


def test_a_prediction_of_another_shape_is_refused():
    task = tasks.get("circle")
    data = task.data(samples=100)
    with pytest.raises(ValueError, match=r"must have shape \(10, 4\), got \(10,\)"):
        data_figure(task, data, data.y_test)


def test_drawing_needs_neither_tensorflow_nor_pyplot():
    code = (
        "import sys, pns_tf.pictures;"
        "assert not {'tensorflow', 'matplotlib.pyplot'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
