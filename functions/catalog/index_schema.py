"""How OpenSearch keeps products. A change here takes effect with the next `./millrace reindex`, and not before."""

import hashlib
import json
from typing import Any

# A field that the mapping does not name yet is kept and not searched: no release waits for a reindex to be indexed.
DEFINITION: dict[str, Any] = {
    "settings": {
        "number_of_shards": 1,
        "auto_expand_replicas": "0-1",
        "analysis": {
            "filter": {"stems": {"type": "stemmer", "language": "light_english"}},
            "analyzer": {
                "words": {
                    "type": "custom",
                    "tokenizer": "standard",
                    "filter": ["lowercase", "asciifolding", "stems"],
                }
            },
        },
    },
    "mappings": {
        "dynamic": False,
        "properties": {
            "id": {"type": "keyword"},
            "name": {"type": "text", "analyzer": "words"},
            "description": {"type": "text", "analyzer": "words"},
            "category": {"type": "keyword", "fields": {"words": {"type": "text", "analyzer": "words"}}},
            "priceCents": {"type": "long"},
            "currency": {"type": "keyword"},
            "stock": {"type": "integer"},
            "version": {"type": "integer"},
            "createdAt": {"type": "date"},
            "updatedAt": {"type": "date"},
            "deleted": {"type": "boolean"},
        },
    },
}
HASH = hashlib.sha256(json.dumps(DEFINITION, sort_keys=True).encode()).hexdigest()[:12]
