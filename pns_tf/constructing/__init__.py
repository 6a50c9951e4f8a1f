"""Constructing: a strong ticket is chosen by masks alone, in a host that nobody wrote into."""
