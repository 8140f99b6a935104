"""Begins a context with whatever credentials there are, or with those of a cache."""

import sys

import gssapi

from walk import TARGET

own = None
if len(sys.argv) > 1:
    own = gssapi.Credentials(usage="initiate", store={"ccache": sys.argv[1]})
context = gssapi.SecurityContext(name=TARGET, creds=own, usage="initiate")
assert context.step()
print("begun")
