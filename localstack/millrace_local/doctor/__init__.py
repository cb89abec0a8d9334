"""Everything that is wrong now, on any stage, each with the command that mends it."""
