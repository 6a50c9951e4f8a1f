"""Runs a TFLite file on this machine."""

import numpy as np
import tensorflow as tf


def run_tflite(content: bytes, x: np.ndarray) -> np.ndarray:
    """The outputs of the network in a TFLite file for a batch of inputs."""
    interpreter = tf.lite.Interpreter(model_content=content)
    place = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(place, x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(place, x)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
