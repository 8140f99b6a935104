"""Many threads, one process."""

from concurrent.futures import ThreadPoolExecutor

import gssapi

from walk import establish, exchange

shared = gssapi.Credentials(usage="accept")
begins = gssapi.Credentials(usage="initiate")


def work(_):
    for _ in range(5):
        exchange(*establish(begins, shared))
    try:
        gssapi.Credentials(usage="initiate", name=gssapi.Name("nobody@LAB.EXAMPLE"))
        raise AssertionError("nobody has credentials")
    except gssapi.exceptions.GSSError as error:
        str(error)


with ThreadPoolExecutor(12) as pool:
    list(pool.map(work, range(12)))
print("all threads walked")
