"""The events that domains exchange. Every change reaches all consumers: fields may be added, and nothing else."""
