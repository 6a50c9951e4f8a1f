"""Planting: a target becomes a subnetwork of a host, rescaled to look like what is around it."""
