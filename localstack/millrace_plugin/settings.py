"""What the plugin is told by its environment, and where it listens."""

import os

HOST = "127.0.0.1"
REGION = "us-east-1"
ACCOUNT = "000000000000"
"""LocalStack's own account."""
STAGE = os.environ.get("MILLRACE_STAGE", "local")
"""The stage of the REST API that has a port of its own."""
STACK = os.environ.get("MILLRACE_STACK", f"millrace-{STAGE}")
"""The application's stack on CloudFormation, and so the beginning of its functions' names."""
