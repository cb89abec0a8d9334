"""The local Stripe: localstripe's API with the additions of `local_stripe`."""

import json
import urllib.request
from collections.abc import Mapping
from importlib.metadata import distributions

from local_stripe.settings import Settings
from millrace_local.instance import Instance, environment, site_packages
from millrace_local.servers import stripe_account
from millrace_local.servers.server import Command, NotReadyError, Server

WEBHOOK_PATH = "/api/v1/payments/webhook"


class Stripe(Server):
    name = "stripe"
    ports = ("stripe",)

    def prepare(self, instance: Instance) -> None:
        instance.data(self.name).mkdir(parents=True, exist_ok=True)
        stripe_account.local(instance)

    def command(self, instance: Instance) -> Command:  # noqa: ARG002 - the settings are in the environment
        return [environment("local") / "bin" / "python", "-m", "local_stripe"]

    def environment(self, instance: Instance) -> Mapping[str, str]:
        settings = Settings(
            instance.ports[self.name],
            instance.data(self.name) / "state.pickle",
            stripe_account.local_file(instance),
            instance.api_url + WEBHOOK_PATH,
        )
        # The supervisor hands on nothing of its own, and the table of currencies is the kernel's.
        return settings.as_environment() | {"PYTHONPATH": instance.as_environment()["PYTHONPATH"]}

    def check_ready(self, instance: Instance) -> None:
        try:
            with urllib.request.urlopen(f"{instance.stripe_url}/_millrace/health", timeout=2) as answer:  # noqa: S310 - loopback
                json.load(answer)
        except (OSError, ValueError) as error:
            message = f"The local Stripe does not answer at {instance.stripe_url} ({error})."
            raise NotReadyError(message) from error

    def version(self) -> str:
        [found] = distributions(name="localstripe", path=[str(site_packages("local"))])
        return found.version
