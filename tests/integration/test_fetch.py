"""The fetch ends in peace: librdkafka takes the process with it where a client is asked while it
goes.
"""

from collections.abc import Callable

import processes

from schemas import topics

# Three threads ask for the ends of a topic, as the worker's tick does, while the client is closed,
# thirty times.
ASKED_TO_THE_END = """
import sys, threading, time
from streams import access, fetch

for number in range(30):
    fetcher, over = fetch.Fetcher(access.Access(sys.argv[1]), sys.argv[2]), threading.Event()
    fetcher.assign({0: fetch.Start(0)})

    def ask(fetcher=fetcher, over=over):
        while not over.is_set():
            fetcher.look()

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(number / 200)
    fetcher.close()
    over.set()
    for thread in threads:
        thread.join()
    assert fetcher.look() is None
print("ended")
"""


def test_who_asks_while_the_client_is_closed_does_not_crash(
    kafka: str, new_topic: Callable[..., topics.Topic]
) -> None:
    done = processes.run(["-c", ASKED_TO_THE_END, kafka, new_topic().name], {})
    assert (done.returncode, done.stdout) == (0, "ended\n"), done.stderr
