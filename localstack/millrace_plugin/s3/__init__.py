"""Keep the objects of S3 in the local cloud's own folder."""
