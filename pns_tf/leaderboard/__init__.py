"""Which pruner comes nearest to the planted tickets, and what that costs."""
