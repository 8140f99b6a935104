"""Exports an acceptor's context, or imports one."""

import sys

import gssapi

from walk import establish

action, path = sys.argv[1:]
if action == "export":
    begins, accepts = establish(None, None)
    sealed = begins.wrap(b"for whoever has the context", True).message
    token = accepts.export()
    with open(path, "wb") as file:
        file.write(len(sealed).to_bytes(4, "big") + sealed + token)
else:
    with open(path, "rb") as file:
        content = file.read()
    length = int.from_bytes(content[:4], "big")
    context = gssapi.SecurityContext(token=content[4 + length :])
    assert context.unwrap(content[4 : 4 + length]).message == b"for whoever has the context"
    print(context.initiator_name)
