"""Entry point: LocalStack's provider of CloudFormation, chosen by PROVIDER_OVERRIDE_CLOUDFORMATION=millrace."""

from localstack.services.plugins import Service, aws_provider


@aws_provider(api="cloudformation", name="millrace")
def cloudformation() -> Service:
    # Imported when CloudFormation is first used, because its engine takes a second.
    from millrace_plugin.cloudformation import (  # noqa: PLC0415
        decisions,
        deployed,
        functions,
        literals,
        nested,
        operations,
        rest_apis,
        rollback,
        unfinished,
        unsupported,
        updates,
    )
    from millrace_plugin.cloudformation.provider import Provider  # noqa: PLC0415

    engine = (decisions, deployed, literals, operations, rollback, unfinished, unsupported, updates)
    for part in (*engine, rest_apis, functions, nested):
        part.install()
    return Service.for_provider(Provider())
