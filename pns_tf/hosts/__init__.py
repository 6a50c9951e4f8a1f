"""Hosts: large random networks as Keras models, and what they are made of."""
