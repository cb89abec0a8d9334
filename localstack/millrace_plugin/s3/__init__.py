"""LocalStack plugin: S3 keeps its objects in the local cloud's own folder."""
