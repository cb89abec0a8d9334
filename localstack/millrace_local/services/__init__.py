"""The servers of the local cloud, one module each."""

from millrace_local.services.kafka import Kafka
from millrace_local.services.localstack import LocalStack
from millrace_local.services.opensearch import OpenSearch
from millrace_local.services.postgres import Postgres
from millrace_local.services.redis import Redis
from millrace_local.services.service import Service
from millrace_local.services.stripe import Stripe

# All start at once; they stop in the reverse order, so that LocalStack's consumers commit while Kafka still answers.
SERVICES: tuple[Service, ...] = (Postgres(), Redis(), Kafka(), OpenSearch(), Stripe(), LocalStack())
