"""The servers of the local cloud."""

from millrace_local.servers.kafka import Kafka
from millrace_local.servers.localstack import LocalStack
from millrace_local.servers.opensearch import OpenSearch
from millrace_local.servers.postgres import Postgres
from millrace_local.servers.redis import Redis
from millrace_local.servers.server import Server
from millrace_local.servers.stripe import Stripe

# All start at once; they stop in the reverse order, so that LocalStack's consumers commit while Kafka still answers.
SERVERS: tuple[Server, ...] = (Postgres(), Redis(), Kafka(), OpenSearch(), Stripe(), LocalStack())
