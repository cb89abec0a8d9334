"""Entry point: LocalStack's provider of the MSK API."""

from localstack.services.plugins import Service, aws_provider

from millrace_plugin.msk.provider import MskProvider


@aws_provider(api="kafka")
def kafka() -> Service:
    return Service.for_provider(MskProvider())
