"""Rows per second of one, two and four relays of one outbox, each in a process of its own.

Budget: two and four are no slower than one.
"""

import os
import statistics
import time

from kernel.messaging import outbox
from tests.benchmarks.kernel_relay import message
from tests.benchmarks.kernel_servers import activity_database, topic
from tests.benchmarks.machine import describe
from tests.kit import relays
from tests.kit.databases import Database
from tests.kit.servers import wait_until

ROWS = 20_000
ROUNDS = 5
COUNTS = (1, 2, 4)


def drain(database: Database, bootstrap: str, name: str, count: int) -> float:
    """Commit all rows at once while *count* relays wait, and measure until none is left."""
    with relays.at_work(database, bootstrap, count) as crew:
        wait_until(lambda: crew.listening() == count, what="the relays to listen")
        with database.connect("app") as connection:
            with connection.transaction():
                for first in range(0, ROWS, 1000):
                    outbox.add_messages(connection, [message(name, first + number) for number in range(1000)])
            started = time.perf_counter()
            query = "SELECT FROM outbox WHERE published_at IS NULL LIMIT 1"
            while connection.execute(query).fetchone() is not None:
                time.sleep(0.01)
            return ROWS / (time.perf_counter() - started)


def main() -> None:
    print(describe())
    with activity_database() as database, topic() as name:
        bootstrap = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
        rates: dict[int, list[float]] = {count: [] for count in COUNTS}
        for _ in range(ROUNDS):
            for count in COUNTS:
                rates[count].append(drain(database, bootstrap, name, count))
        alone = statistics.median(rates[1])
        for count, several in rates.items():
            middle = statistics.median(several)
            spread = f"{min(several):,.0f} to {max(several):,.0f}"
            print(f"relays {count}: {middle:,.0f} rows/s ({spread}), ratio {middle / alone:.2f}")


if __name__ == "__main__":
    main()
