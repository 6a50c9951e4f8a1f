"""Training: compiled epochs, and what goes with them."""
