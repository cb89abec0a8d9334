"""The running local cloud: its start, its end, its status and its logs."""
