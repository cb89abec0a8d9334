"""LocalStack plugin: LocalStack's end, while which no service starts."""
