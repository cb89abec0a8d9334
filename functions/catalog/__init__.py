"""The catalog: what can be bought. Postgres is the truth, OpenSearch the index in which customers search."""
