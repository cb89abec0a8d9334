"""The files that describe the API, the operations and the consumers, written from their code.

`./millrace openapi` writes them, tests/test_openapi.py compares.
"""

from collections.abc import Callable
from pathlib import Path

from tools import consumers, openapi, operations
from tools.postman import collection

FILES: dict[Path, Callable[[], str]] = {
    openapi.FILE: openapi.text,
    collection.FILE: collection.text,
    operations.FILE: operations.text,
    consumers.FILE: consumers.text,
}

if __name__ == "__main__":
    for file, text in FILES.items():
        file.write_text(text())
