import pytest
import stripe

from millrace_local.instance import Instance
from tests.kit.stripe_clients import stripe_client


@pytest.fixture
def client(stripe_api: str, instance: Instance) -> stripe.StripeClient:
    return stripe_client(stripe_api, instance)
