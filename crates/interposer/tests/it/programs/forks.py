"""Children that are forked while threads of their parent work, and their children."""

import os
import sys
import threading

import gssapi

from walk import establish, exchange

accepts = gssapi.Credentials(usage="accept")
begins = gssapi.Credentials(usage="initiate")
done = threading.Event()


def work():
    while not done.is_set():
        exchange(*establish(begins, accepts))


def child(depth):
    pid = os.fork()
    if pid == 0:
        exchange(*establish(begins, accepts))
        code = 0 if depth == 0 or child(depth - 1) == 0 else 1
        exchange(*establish(None, None))
        sys.stdout.flush()
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
codes = [child(2) for _ in range(10)]
done.set()
for thread in threads:
    thread.join()
exchange(*establish(begins, accepts))
assert codes == [0] * 10, codes
print("all children walked")
