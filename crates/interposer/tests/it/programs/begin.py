"""Begins a context with whatever credentials there are."""

import gssapi

from walk import TARGET

context = gssapi.SecurityContext(name=TARGET, usage="initiate")
assert context.step()
print("begun")
