"""Where `pns_tf.tfmot` was, for programs that import from here; use `pns_tf` instead."""

from __future__ import annotations

import importlib


def __getattr__(name: str):
    place = "update_masks" if name in ("UpdateMasks", "kept_count") else "prune"
    return getattr(importlib.import_module(f"pns_tf.tfmot.{place}"), name)
