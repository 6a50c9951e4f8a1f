"""Pictures of the data, of tickets, and of how a found ticket overlaps the planted one."""

from pns_tf.pictures.data import data_figure
from pns_tf.pictures.images import images_figure
from pns_tf.pictures.layers import layer_counts_figure
from pns_tf.pictures.overlap import overlap_figure
from pns_tf.pictures.style import save_figure
from pns_tf.pictures.ticket import ticket_figure

__all__ = [
    "data_figure",
    "images_figure",
    "layer_counts_figure",
    "overlap_figure",
    "save_figure",
    "ticket_figure",
]
