"""Experiments as data: lists of settings, runs that keep, and what is drawn from them."""
