"""Everything that two ends do with a context, each end with whatever credentials it finds."""

import sys

import gssapi
from gssapi.raw import RequirementFlag

TARGET = gssapi.Name("host@server.lab", gssapi.NameType.hostbased_service)
FLAGS = (
    RequirementFlag.mutual_authentication
    | RequirementFlag.integrity
    | RequirementFlag.confidentiality
    | RequirementFlag.replay_detection
    | RequirementFlag.out_of_sequence_detection
)


SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")


def establish(initiator, acceptor, flags=FLAGS, mech=None):
    """An established context at each end."""
    begins = gssapi.SecurityContext(name=TARGET, creds=initiator, usage="initiate", flags=flags, mech=mech)
    accepts = gssapi.SecurityContext(creds=acceptor, usage="accept")
    token = None
    while not (begins.complete and accepts.complete):
        token = begins.step(token)
        if token is not None:
            token = accepts.step(token)
    return begins, accepts


def exchange(begins, accepts):
    """Messages in both directions."""
    for sender, receiver in ((begins, accepts), (accepts, begins)):
        for secret in (True, False):
            sealed = sender.wrap(b"a message", secret)
            assert sealed.encrypted == secret
            opened = receiver.unwrap(sealed.message)
            assert opened.message == b"a message" and opened.encrypted == secret, opened
        receiver.verify_signature(b"another", sender.get_signature(b"another"))
        try:
            receiver.verify_signature(b"forged", sender.get_signature(b"another"))
            raise AssertionError("a forged message was believed")
        except gssapi.exceptions.GSSError:
            pass
    assert begins.get_wrap_size_limit(1000) < 1000


def inquire(begins, accepts):
    """What both ends say of the context."""
    assert begins.locally_initiated and not accepts.locally_initiated
    assert str(begins.initiator_name) == str(accepts.initiator_name) == "alice@LAB.EXAMPLE"
    assert accepts.initiator_name == begins.initiator_name
    assert accepts.initiator_name != gssapi.Name("malice@LAB.EXAMPLE").canonicalize(gssapi.MechType.kerberos)
    assert str(accepts.target_name) == "host/server.lab@LAB.EXAMPLE", accepts.target_name
    assert begins.mech == accepts.mech == gssapi.MechType.kerberos
    assert 0 < accepts.lifetime <= 90000 and 0 < begins.lifetime <= 90000
    for end in (begins, accepts):
        assert end.actual_flags & RequirementFlag.confidentiality


def credentials():
    """Credentials, and what they say of themselves."""
    accepts = gssapi.Credentials(usage="accept")
    assert accepts.usage == "accept", accepts.usage
    assert str(accepts.name) == "host/server.lab@LAB.EXAMPLE", accepts.name
    begins = gssapi.Credentials(usage="initiate", mechs=[gssapi.MechType.kerberos])
    assert begins.usage == "initiate", begins.usage
    assert str(begins.name) == "alice@LAB.EXAMPLE", begins.name
    assert 0 < begins.lifetime <= 90000, begins.lifetime
    assert gssapi.MechType.kerberos in begins.mechs
    by_mech = begins.inquire_by_mech(gssapi.MechType.kerberos)
    assert str(by_mech.name) == "alice@LAB.EXAMPLE"
    return begins, accepts


def main():
    begins, accepts = credentials()
    ends = establish(begins, accepts)
    inquire(*ends)
    exchange(*ends)
    inquire(*ends)
    if "default" in sys.argv:
        exchange(*establish(None, None))
        exchange(*establish(None, None, mech=SPNEGO))
    print("walked")


if __name__ == "__main__":
    main()
