"""Where `pns_tf.tfmot.wrapper` was, for programs that import from here; use `pns_tf` instead."""

from __future__ import annotations

import importlib


def __getattr__(name: str):
    return getattr(importlib.import_module("pns_tf.tfmot.wrapper"), name)
