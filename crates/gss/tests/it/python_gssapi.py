"""One side of a context by Debian's python3-gssapi, negotiated or not, with tokens in hexadecimal
on the standard streams.

Called with `init TARGET MECH` or `accept`. When the context stands, each side sends one message.
"""

import sys

import gssapi

SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")


def send(token):
    print((token or b"").hex(), flush=True)


def receive():
    return bytes.fromhex(sys.stdin.readline().strip())


if sys.argv[1] == "init":
    target = gssapi.Name(sys.argv[2], gssapi.NameType.hostbased_service)
    mech = SPNEGO if sys.argv[3] == "spnego" else gssapi.MechType.kerberos
    context = gssapi.SecurityContext(name=target, mech=mech, usage="initiate")
    send(context.step())
else:
    context = gssapi.SecurityContext(usage="accept")
while not context.complete:
    token = context.step(receive())
    if token or not context.complete:
        send(token)
print("complete", context.initiator_name, flush=True)
send(context.wrap(b"from python", True).message)
unwrapped = context.unwrap(receive())
print("heard", unwrapped.message.decode(), unwrapped.encrypted, flush=True)
