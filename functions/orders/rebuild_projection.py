"""Invoked by an operator: rebuild the known products from product-events beside the live ones, compare, and swap."""

from kernel.messaging import rebuilding
from orders import on_product_events

handler = rebuilding.handler(__name__, on_product_events.handler)
