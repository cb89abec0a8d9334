"""An archive of a test's own: the topic, the bucket on LocalStack's S3, and what is done to both."""

import gzip
import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from operations import archive_events, verify_archive
from operations.archive import Archive
from operations.archive_bucket import Bucket
from tests.kit import operations
from tests.kit.lambda_events import Context


@dataclass(frozen=True)
class OwnArchive:
    """*client*: of S3."""

    bootstrap: str
    topic: str
    name: str
    client: Any

    @property
    def reader(self) -> Archive:
        return Archive(self.bucket)

    @property
    def bucket(self) -> Bucket:
        return Bucket(self.client, self.name)

    def produce(self, partition: int, count: int, size: int = 20) -> None:
        """Write *count* records of *size* bytes, each with a value of its own."""
        producer = Producer({"bootstrap.servers": self.bootstrap})
        for number in range(count):
            value = f"{number} {uuid4().hex} ".encode().ljust(size, b"\xfe")
            producer.produce(self.topic, value, b"k", partition, headers=[("n", b"1"), ("n", None)])
        assert producer.flush(30) == 0

    def delete_before(self, partition: int, offset: int) -> None:
        """Delete records as retention does."""
        place = TopicPartition(self.topic, partition, offset)
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        admin.delete_records([place])[place].result(30)

    def run(self, **command: object) -> dict[str, Any]:
        found: dict[str, Any] = operations.run(archive_events.handler, **command)
        return found

    def error(self, **command: object) -> str:
        """Run it, and return why it stopped."""
        answer = archive_events.handler(command, Context(milliseconds=operations.LONGEST))
        assert answer["error"] is not None
        return str(answer["error"]["message"])

    def verify(self, **command: object) -> dict[str, Any]:
        """Return the findings about the topic."""
        found: dict[str, dict[str, Any]] = operations.run(verify_archive.handler, **command)
        return found[self.topic]

    def objects(self) -> dict[str, bytes]:
        """Return every file of the archive, and its lines."""
        listed = self.client.list_objects_v2(Bucket=self.name, Prefix="topics/").get("Contents", [])
        return {each["Key"]: gzip.decompress(self.content(each["Key"])) for each in listed}

    def content(self, key: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return content

    def rewrite(self, key: str, lines: list[bytes]) -> None:
        """Replace what a file has, and nothing that is kept beside it."""
        about = self.client.head_object(Bucket=self.name, Key=key)["Metadata"]
        body = gzip.compress(b"".join(line + b"\n" for line in lines))
        self.client.put_object(Bucket=self.name, Key=key, Body=body, Metadata=about)

    def offsets(self, partition: int) -> list[int]:
        """Return the offsets in the files of *partition*, in the order of files and lines."""
        return [
            json.loads(line)["metadata"]["offset"]
            for key, content in self.objects().items()
            if f"/partition={partition}/" in key
            for line in content.splitlines()
        ]

    def key(self, partition: int, first: int) -> str:
        return f"topics/{self.topic}/partition={partition}/{self.topic}+{partition}+{first:010}.jsonl.gz"
