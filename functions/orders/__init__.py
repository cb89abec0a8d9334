"""Orders, event sourced: what happened to each is stored and never edited, and what it is now follows from that."""
