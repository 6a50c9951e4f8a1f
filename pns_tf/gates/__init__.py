"""Gates: one trainable number for each parameter decides whether a frozen network uses it."""
