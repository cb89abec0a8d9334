"""Clients of the local Stripe, and the secret with their keys."""

from collections.abc import Sequence

import stripe

from millrace_local.instance import Instance
from millrace_local.servers import stripe_account
from tests.kit.aws import Aws


def stripe_client(url: str, instance: Instance) -> stripe.StripeClient:
    """The application's: with the secret key, and it leaves it to the caller to try again."""
    key = stripe_account.local(instance).api_key
    return stripe.StripeClient(key, base_addresses={"api": url}, max_network_retries=0)


def stripe_js(url: str) -> stripe.StripeClient:
    """A browser's: with the publishable key."""
    return stripe.StripeClient("pk_test_publishable", base_addresses={"api": url}, max_network_retries=0)


def card(client: stripe.StripeClient, number: str) -> str:
    """The id of a new payment method for the card *number*."""
    expiry = {"exp_month": 12, "exp_year": 2030, "cvc": "123"}
    method = client.raw_request("post", "/v1/payment_methods", type="card", card={"number": number, **expiry})
    return str(method.data["id"])


def put_keys(aws: Aws, api_key: str, webhook_secrets: Sequence[str]) -> None:
    """Put the application's secret with Stripe's keys into *aws*."""
    aws.put_secret("millrace/local/stripe", {"apiKey": api_key, "webhookSecrets": webhook_secrets})
