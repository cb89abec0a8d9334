"""The files that describe the API, the operations, the consumers and the topics, written from their code.

`./millrace openapi` writes them, tests/test_openapi.py compares.
"""

from collections.abc import Callable
from pathlib import Path

from tools import consumers, openapi, operations, topics
from tools.postman import collection

FILES: dict[Path, Callable[[], str]] = {
    openapi.FILE: openapi.text,
    collection.FILE: collection.text,
    operations.FILE: operations.text,
    consumers.FILE: consumers.text,
    topics.FILE: topics.text,
}

if __name__ == "__main__":
    for file, text in FILES.items():
        file.write_text(text())
