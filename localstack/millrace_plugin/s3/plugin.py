"""Entry point: LocalStack's provider of S3, chosen by PROVIDER_OVERRIDE_S3=millrace."""

import tempfile
from pathlib import Path

from localstack.services.plugins import Service, aws_provider

FOLDER = "localstack-s3-storage"


@aws_provider(api="s3", name="millrace")
def s3() -> Service:
    """Return S3 with a store below TMPDIR. LocalStack's is a literal /tmp, which all local clouds would share."""
    # Imported when S3 is first used.
    from localstack.services.s3.provider import S3Provider  # noqa: PLC0415
    from localstack.services.s3.storage.ephemeral import EphemeralS3ObjectStore  # noqa: PLC0415

    return Service.for_provider(S3Provider(EphemeralS3ObjectStore(str(Path(tempfile.gettempdir()) / FOLDER))))
