"""What an application does with MIT's library, one case per word of the command line.

Each case prints its name when it has passed; the first that fails ends the program with its traceback. Where the keys
come from is not the application's business: the environment says it.

TARGET  the acceptor's host-based name        SELF  the initiator's principal
USER    whom services act for                 SECOND  another service of the same keytab
"""

import ctypes
import os
import sys

import gssapi
import gssapi.raw as raw
from gssapi import MechType, NameType, RequirementFlag

KRB5 = MechType.kerberos
SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
NO_CI_FLAGS = gssapi.OID.from_int_seq("1.2.752.43.13.29")
ALLOWED_ENCTYPES = gssapi.OID.from_int_seq("1.2.840.113554.1.2.2.5.4")
FLAGS = (
    RequirementFlag.mutual_authentication
    | RequirementFlag.replay_detection
    | RequirementFlag.out_of_sequence_detection
    | RequirementFlag.confidentiality
    | RequirementFlag.integrity
)
LIBRARY = ctypes.CDLL("libgssapi_krb5.so.2")


def target(which="TARGET"):
    return gssapi.Name(os.environ[which], NameType.hostbased_service)


def own(usage, name=None):
    return gssapi.Credentials(usage=usage, name=name, mechs=[KRB5])


def principal(which):
    return gssapi.Name(os.environ[which], NameType.kerberos_principal)


def converse(initiator, acceptor):
    """Passes tokens until both ends are content."""
    token = None
    for _ in range(8):
        token = initiator.step(token)
        if token:
            token = acceptor.step(token)
        if initiator.complete and acceptor.complete:
            return initiator, acceptor
    raise AssertionError("the ends do not agree")


def contexts(flags=FLAGS, mech=KRB5, creds=None, accept_creds=None, name=None, bindings=None):
    initiator = gssapi.SecurityContext(
        name=name or target(), mech=mech, creds=creds, flags=flags, usage="initiate", channel_bindings=bindings
    )
    acceptor = gssapi.SecurityContext(creds=accept_creds, usage="accept", channel_bindings=bindings)
    return converse(initiator, acceptor)


def refused(action, *words):
    """The action fails, and the message has the words."""
    try:
        action()
    except gssapi.exceptions.GSSError as error:
        message = str(error)
        missing = [word for word in words if word not in message]
        assert not missing, f"{missing} not in {message}"
        return
    raise AssertionError("that should have been refused")


def case_acquire():
    initiate = own("initiate")
    accept = own("accept")
    assert str(initiate.name) == os.environ["SELF"], initiate.name
    assert initiate.lifetime and initiate.lifetime > 60, initiate.lifetime
    assert accept.usage == "accept"


def case_acquire_by_name():
    creds = own("accept", target())
    _, acceptor = contexts(accept_creds=creds)
    assert acceptor.complete


def case_init_and_accept():
    initiator, acceptor = contexts()
    assert initiator.complete and acceptor.complete
    assert initiator.actual_flags & RequirementFlag.mutual_authentication
    assert str(acceptor.initiator_name) == os.environ["SELF"], acceptor.initiator_name


def case_without_mutual():
    initiator, acceptor = contexts(flags=RequirementFlag.integrity)
    assert not initiator.actual_flags & RequirementFlag.mutual_authentication


def case_acquired_once():
    initiate = own("initiate")
    accept = own("accept")
    for _ in range(5):
        contexts(creds=initiate, accept_creds=accept)


def case_wrap():
    initiator, acceptor = contexts()
    for size in (0, 1, 1000, 70000):
        for confidential in (True, False):
            message = bytes(size)
            for ends in ((initiator, acceptor), (acceptor, initiator)):
                wrapped = ends[0].wrap(message, confidential)
                unwrapped = ends[1].unwrap(wrapped.message)
                assert unwrapped.message == message and unwrapped.encrypted == confidential
    assert initiator.get_wrap_size_limit(1000, True) < 1000


def case_mic():
    initiator, acceptor = contexts()
    signature = initiator.get_signature(b"a message")
    acceptor.verify_signature(b"a message", signature)
    refused(lambda: initiator.verify_signature(b"another", acceptor.get_signature(b"a message")))


def case_replayed_message():
    initiator, acceptor = contexts()
    wrapped = initiator.wrap(b"once", True).message
    acceptor.unwrap(wrapped)
    refused(lambda: acceptor.unwrap(wrapped))


def case_replayed_request():
    initiator = gssapi.SecurityContext(name=target(), mech=KRB5, flags=FLAGS, usage="initiate")
    token = initiator.step()
    gssapi.SecurityContext(usage="accept").step(token)
    refused(lambda: gssapi.SecurityContext(usage="accept").step(token), "eplay")


def case_inquire():
    initiator, acceptor = contexts()
    for context, initiates in ((initiator, True), (acceptor, False)):
        told = raw.inquire_context(context)
        assert told.locally_init == initiates and told.complete
        assert str(gssapi.Name(told.initiator_name)) == os.environ["SELF"]
        assert told.lifetime > 60, told.lifetime
        assert told.mech == KRB5
    assert raw.context_time(initiator) > 60


def case_names():
    name = target()
    canonical = name.canonicalize(KRB5)
    exported = canonical.export()
    assert exported[:2] == b"\x04\x01"
    again = gssapi.Name(exported, NameType.export)
    # The mechglue takes an imported export for a name of another mechanism as soon as there is a plugin.
    assert str(again) == str(canonical) and again.canonicalize(KRB5) == canonical
    assert str(canonical).startswith(os.environ["TARGET"].split("@")[0] + "/")
    display = raw.display_name(canonical, name_type=True)
    assert display.name_type == NameType.kerberos_principal, display
    user = gssapi.Name(os.environ["SELF"].split("@")[0], NameType.user)
    assert raw.compare_name(principal("SELF").canonicalize(KRB5), user.canonicalize(KRB5))


class Buffer(ctypes.Structure):
    _fields_ = [("length", ctypes.c_size_t), ("value", ctypes.c_void_p)]


class Enctypes(ctypes.Structure):
    """What gss_krb5_set_allowable_enctypes hands to the mechanism."""

    _fields_ = [("count", ctypes.c_uint32), ("numbers", ctypes.c_void_p)]


def localname(name):
    """gss_localname, which python3-gssapi does not have; the name goes in as its C value."""
    minor, text = ctypes.c_uint32(), Buffer()
    display = Buffer(len(name), ctypes.cast(ctypes.c_char_p(name), ctypes.c_void_p))
    imported = ctypes.c_void_p()
    oid = ctypes.c_void_p.in_dll(LIBRARY, "GSS_C_NT_USER_NAME")
    major = LIBRARY.gss_import_name(ctypes.byref(minor), ctypes.byref(display), oid, ctypes.byref(imported))
    assert major == 0, hex(major)
    krb5 = ctypes.c_void_p.in_dll(LIBRARY, "gss_mech_krb5")
    major = LIBRARY.gss_localname(ctypes.byref(minor), imported, krb5, ctypes.byref(text))
    assert major == 0, hex(major)
    return ctypes.string_at(text.value, text.length)


def case_localname():
    own = os.environ["SELF"]
    assert localname(own.encode()) == own.split("@")[0].encode()


def case_delegation():
    initiator, acceptor = contexts(flags=FLAGS | RequirementFlag.delegate_to_peer)
    assert acceptor.actual_flags & RequirementFlag.delegate_to_peer
    creds = acceptor.delegated_creds
    assert str(creds.name) == os.environ["SELF"], creds.name
    again, other = contexts(creds=creds)
    assert str(other.initiator_name) == os.environ["SELF"]


def case_delegated_stored():
    _, acceptor = contexts(flags=FLAGS | RequirementFlag.delegate_to_peer)
    path = "FILE:" + os.path.join(os.environ["FOLDER"], "delegated")
    acceptor.delegated_creds.store({b"ccache": path.encode()}, usage="initiate", overwrite=True)
    creds = gssapi.Credentials(usage="initiate", store={b"ccache": path.encode()})
    _, acceptor = contexts(creds=creds)
    assert str(acceptor.initiator_name) == os.environ["SELF"]


def case_no_delegation_by_policy():
    """The service's configuration takes the flag away."""
    _, acceptor = contexts(flags=FLAGS | RequirementFlag.delegate_to_peer)
    assert not acceptor.actual_flags & RequirementFlag.delegate_to_peer


def case_several_keys():
    for which in ("TARGET", "SECOND"):
        _, acceptor = contexts(name=target(which))
        told = str(acceptor.target_name)
        assert told.startswith(os.environ[which].split("@")[0] + "/"), told


def case_wrong_key():
    """A credential for one name does not accept for another."""
    creds = own("accept", target("SECOND"))
    refused(lambda: contexts(accept_creds=creds))


def case_spnego():
    initiator, acceptor = contexts(mech=SPNEGO)
    acceptor.unwrap(initiator.wrap(b"hidden", True).message)
    assert str(acceptor.initiator_name) == os.environ["SELF"]


def case_channel_bindings():
    bindings = raw.ChannelBindings(application_data=b"tls-server-end-point:anything")
    contexts(bindings=bindings)
    others = raw.ChannelBindings(application_data=b"tls-server-end-point:another")
    initiator = gssapi.SecurityContext(
        name=target(), mech=KRB5, flags=FLAGS, usage="initiate", channel_bindings=bindings
    )
    acceptor = gssapi.SecurityContext(usage="accept", channel_bindings=others)
    refused(lambda: acceptor.step(initiator.step()))


def case_export_context():
    initiator, acceptor = contexts()
    again = gssapi.SecurityContext(token=acceptor.export())
    assert again.unwrap(initiator.wrap(b"carried on", True).message).message == b"carried on"


def case_export_credential():
    creds = own("initiate")
    again = gssapi.Credentials(token=creds.export())
    contexts(creds=again)


def case_protocol_transition():
    service = own("both")
    user = principal("USER")
    acting = service.impersonate(user)
    initiator, acceptor = contexts(creds=acting, name=principal("SELF"))
    assert str(acceptor.initiator_name) == os.environ["USER"], acceptor.initiator_name


def case_constrained_delegation():
    service = own("both")
    acting = service.impersonate(principal("USER"))
    _, acceptor = contexts(creds=acting, name=target("SECOND"))
    assert str(acceptor.initiator_name) == os.environ["USER"], acceptor.initiator_name


def case_no_constrained_delegation():
    service = own("both")
    acting = service.impersonate(principal("USER"))
    refused(lambda: contexts(creds=acting, name=target("SECOND")))


def case_allowed_enctypes():
    creds = own("initiate")
    enctypes = (ctypes.c_int32 * 1)(17)
    wanted = Enctypes(1, ctypes.addressof(enctypes))
    raw.set_cred_option(ALLOWED_ENCTYPES, creds=creds, value=bytes(wanted))
    initiator, _ = contexts(creds=creds)
    session_key = gssapi.OID.from_int_seq("1.2.840.113554.1.2.2.5.5")
    data = raw.inquire_sec_context_by_oid(initiator, session_key)
    assert len(data[0]) == 16, len(data[0])


def case_no_ci_flags():
    creds = own("initiate")
    raw.set_cred_option(NO_CI_FLAGS, creds=creds, value=b"")
    initiator, acceptor = contexts(creds=creds, flags=RequirementFlag.mutual_authentication)
    for context in (initiator, acceptor):
        assert not context.actual_flags & RequirementFlag.confidentiality
        assert not context.actual_flags & RequirementFlag.integrity


def case_unknown_service():
    name = gssapi.Name("nobody@nowhere.invalid", NameType.hostbased_service)
    refused(lambda: contexts(name=name))


def case_garbage():
    refused(lambda: gssapi.SecurityContext(usage="accept").step(b"garbage"))


def case_no_credential():
    """Neither the process nor a daemon has keys for it."""
    refused(lambda: gssapi.SecurityContext(name=target(), mech=KRB5, usage="initiate").step())


def main():
    for name in sys.argv[1:]:
        globals()["case_" + name]()
        print(name, flush=True)


main()
