"""Stores a credential in a cache, and acquires it from there."""

import sys

import gssapi

from walk import establish, exchange

cache = {"ccache": sys.argv[1]}
credential = gssapi.Credentials(usage="initiate")
stored = credential.store(cache, mech=gssapi.MechType.kerberos, overwrite=True)
assert gssapi.MechType.kerberos in stored.mechs, stored
found = gssapi.Credentials(usage="initiate", store=cache)
assert str(found.name) == "alice@LAB.EXAMPLE"
exchange(*establish(found, None))
exported = credential.export()
assert str(gssapi.Credentials(token=exported).name) == "alice@LAB.EXAMPLE"
exchange(*establish(gssapi.Credentials(token=exported), None))
print("stored")
