"""Measuring: how good a ticket is, and how much of the planted one is in it."""
