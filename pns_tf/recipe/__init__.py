"""What a run is: its settings, declared once, and all that follows from them. No TensorFlow."""
