"""Acquires an initiator's credential."""

import gssapi

print(gssapi.Credentials(usage="initiate").name)
