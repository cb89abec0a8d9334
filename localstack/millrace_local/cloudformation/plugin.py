"""Entry point: LocalStack's provider of CloudFormation, chosen by PROVIDER_OVERRIDE_CLOUDFORMATION=millrace."""

from localstack.services.plugins import Service, aws_provider


@aws_provider(api="cloudformation", name="millrace")
def cloudformation() -> Service:
    # Imported when CloudFormation is first used: its engine takes a second.
    from localstack.services.cloudformation.v2.provider import CloudformationProviderV2  # noqa: PLC0415

    from millrace_local.cloudformation import (  # noqa: PLC0415
        functions,
        nested,
        rest_apis,
        rollback,
        unsupported,
        updates,
    )

    for part in (rollback, unsupported, updates, rest_apis, functions, nested):
        part.install()
    return Service.for_provider(CloudformationProviderV2())
