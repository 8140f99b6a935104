"""The service is root's: somebody else must not be served over root's connection."""

import os

import gssapi

gssapi.Credentials(usage="accept")
os.seteuid(65534)
try:
    gssapi.Credentials(usage="accept")
    raise SystemExit("nobody was served as root")
except gssapi.exceptions.GSSError as error:
    assert "the proxy hung up" in str(error), error
os.seteuid(0)
gssapi.Credentials(usage="accept")
print("the daemon knows the difference")
