"""Acquires with a password, which stays in this process."""

import gssapi
from gssapi.raw import acquire_cred_with_password

from walk import establish, exchange

name = gssapi.Name("bob@LAB.EXAMPLE", gssapi.NameType.kerberos_principal)
credential = acquire_cred_with_password(name, b"secret", usage="initiate", mechs=[gssapi.MechType.kerberos]).creds
ends = establish(gssapi.Credentials(credential), None)
assert str(ends[1].initiator_name) == "bob@LAB.EXAMPLE"
exchange(*ends)
print("signed in")
