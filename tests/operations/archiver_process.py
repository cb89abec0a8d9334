"""Runs the archive of one topic in a process of its own, to be killed."""

import sys

from operations import archive_events, archive_files, topics
from tests.kit.lambda_events import Context

if __name__ == "__main__":
    archive_files.FILE_OFFSETS = 100
    topics.names = lambda: sys.argv[1:]
    print("begins", flush=True)  # noqa: T201 - for the test, which kills it after that
    archive_events.handler({}, Context(milliseconds=900_000))
