"""Event source mappings as operators see them: listed, explained, paused, resumed and moved, on any stage."""
