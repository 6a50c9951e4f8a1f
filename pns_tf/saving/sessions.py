"""What TensorBoard's HParams tab reads of a session: its settings, and that it is finished."""

from __future__ import annotations

from collections.abc import Mapping

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

# What the plugin's ``api`` offers, without the import of TensorFlow, which takes seconds.
from tensorboard.plugins.hparams.summary_v2 import hparams_pb


def session(settings: Mapping[str, object], name: str) -> list[Summary]:
    """Its beginning and its end.

    Args:
        settings: words, numbers and booleans by name; what is none of these is left out.
        name: what the session is called in the table.

    Example:
        >>> [summary.value[0].tag for summary in session({"width": 100}, "a run")]
        ['_hparams_/session_start_info', '_hparams_/session_end_info']
    """
    shown = {key: v for key, v in settings.items() if isinstance(v, bool | int | float | str)}
    end = plugin_data_pb2.HParamsPluginData(
        session_end_info=plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS)
    )
    value = Summary.Value(
        tag=metadata.SESSION_END_INFO_TAG,
        metadata=metadata.create_summary_metadata(end),
        tensor=metadata.NULL_TENSOR,
    )
    return [hparams_pb(shown, trial_id=name), Summary(value=[value])]
