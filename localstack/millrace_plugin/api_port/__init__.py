"""LocalStack plugin: the application's API on a port of its own, at production's paths."""
