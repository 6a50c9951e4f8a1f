"""Pruning any model during `fit`: TF-MOT's wrappers and schedules, with masks by any pruner."""
