"""LocalStack plugin: the end of LocalStack."""
