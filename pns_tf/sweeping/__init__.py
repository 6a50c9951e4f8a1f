"""Sweeps over host widths and other settings, driven by Keras Tuner."""
