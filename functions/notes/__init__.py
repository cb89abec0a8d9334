"""Notes: pages within pages, seen by their owner alone."""
