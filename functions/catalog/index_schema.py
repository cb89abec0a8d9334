"""The mapping of products in OpenSearch. A change takes effect with the next `./millrace reindex`."""

import hashlib
import json
from typing import Any

# Fields that the mapping does not name are stored but not searched, so that a new release can index without a rebuild.
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
