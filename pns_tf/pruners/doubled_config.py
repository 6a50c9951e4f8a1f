"""The configuration of a layer or model, made to compute in float64."""

from __future__ import annotations


def doubled(config):
    """The configuration with float64 wherever it says another floating dtype or policy.

    Example:
        >>> doubled({"units": 2, "dtype": "float32"})
        {'units': 2, 'dtype': 'float64'}
    """
    if isinstance(config, list | tuple):
        each = [doubled(value) for value in config]
        return tuple(each) if isinstance(config, tuple) else each
    if not isinstance(config, dict):
        return config
    return {
        key: "float64" if key == "dtype" and _is_floating(value) else doubled(value)
        for key, value in config.items()
    }


def _is_floating(dtype) -> bool:
    name = dtype.get("config", {}).get("name") if isinstance(dtype, dict) else dtype
    return isinstance(name, str) and "float" in name
