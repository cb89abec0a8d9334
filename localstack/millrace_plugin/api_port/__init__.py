"""Serve the application's REST API on a port of its own, at the paths of production."""
