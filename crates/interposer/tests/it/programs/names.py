"""Names in all their forms."""

import copy

import gssapi
from gssapi import MechType, NameType

from walk import establish

# What an application writes.
service = gssapi.Name("host@server.lab", NameType.hostbased_service)
alice = gssapi.Name("alice@LAB.EXAMPLE", NameType.kerberos_principal)
plain = gssapi.Name("alice")

# As the mechanism knows them.
canonical = alice.canonicalize(MechType.kerberos)
assert str(canonical) == "alice@LAB.EXAMPLE"
assert canonical == plain.canonicalize(MechType.kerberos)
assert canonical != gssapi.Name("bob").canonicalize(MechType.kerberos)
assert canonical != gssapi.Name("alicf@LAB.EXAMPLE").canonicalize(MechType.kerberos)

# Exported names are the mechanism's own, for access lists of any program.
exported = canonical.export()
expected = b"\x04\x01\x00\x0b\x06\x09" + bytes(MechType.kerberos) + b"\x00\x00\x00\x11alice@LAB.EXAMPLE"
assert exported == expected, exported
assert gssapi.Name(exported, NameType.export).canonicalize(MechType.kerberos) == canonical

# A name that came with a context.
begins, accepts = establish(None, None)
source = accepts.initiator_name
assert source.export() == expected, source.export()
# The mechglue takes no name with a context for the same as one that was written, under any plugin.
assert source != gssapi.Name("bob").canonicalize(MechType.kerberos)
assert source == begins.initiator_name
assert source.name_type == NameType.kerberos_principal, source.name_type
assert str(source) == "alice@LAB.EXAMPLE"
assert copy.copy(source) == source
print("named")
