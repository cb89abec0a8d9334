"""Let LocalStack end in an orderly way."""
