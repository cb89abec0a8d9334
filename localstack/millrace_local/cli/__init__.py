"""The `millrace` command: one module per command."""
