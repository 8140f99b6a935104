"""Delegates, and uses what was delegated."""

import gssapi
from gssapi.raw import RequirementFlag

from walk import FLAGS, establish

begins, accepts = establish(None, None, FLAGS | RequirementFlag.delegate_to_peer)
delegated = accepts.delegated_creds
assert delegated is not None
again, service = establish(delegated, None)
assert str(service.initiator_name) == "alice@LAB.EXAMPLE"
print("delegated", delegated.name)
