"""The names of all topics, for functions: `functions/operations/topics.json`, made of infra/topics.yaml.

`./millrace openapi` writes it, tests/test_openapi.py compares.
"""

import json

from millrace_local.instance import ROOT
from tools.template import topics

FILE = ROOT / "functions" / "operations" / "topics.json"


def text() -> str:
    """Return what `topics.json` must contain."""
    return json.dumps(sorted(topics()), indent=2) + "\n"
