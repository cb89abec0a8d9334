"""The HTTP edge: typed requests in, JSON and problem documents out."""
