"""Pruning: from scores to masks, and masks in any model of TF-MOT's."""
