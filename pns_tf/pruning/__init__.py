"""Pruning: from scores to masks, and which weights of a model can be pruned."""
