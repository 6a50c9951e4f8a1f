"""How visible a planted ticket is to someone who sees the host's weights and nothing else."""
