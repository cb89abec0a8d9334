"""The functions that this checkout's template names."""

import re

from millrace_local.instance import ROOT

_FUNCTION = re.compile(
    r"^  (\w+):\n    Type: AWS::Serverless::Function\n(?:.*\n)*?      Handler: (\S+)\.\w+$", re.MULTILINE
)


def modules() -> dict[str, str]:
    """Return the path of each function (`orders.create_order`), by its logical id in template.yaml."""
    return dict(_FUNCTION.findall((ROOT / "template.yaml").read_text()))
