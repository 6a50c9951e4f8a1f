"""How likely it is that a random network holds a ticket already (Lemma 1, Theorem 2)."""
