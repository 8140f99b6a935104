"""One side of a GSS context in a C library, MIT's or Heimdal's, driven by JSON over pipes.

Called with the library's file. Each line of input is a request with its verb in "do"; each line
of output is the answer, with the major status in "major" and the library's words in "words".
Bytes are written in hexadecimal.
"""

import ctypes
import json
import sys
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_size_t, c_ssize_t, c_uint32, c_void_p

lib = ctypes.CDLL(sys.argv[1])


class Oid(Structure):
    _fields_ = [("length", c_uint32), ("elements", c_void_p)]


class Buffer(Structure):
    _fields_ = [("length", c_size_t), ("value", c_void_p)]


class Bindings(Structure):
    _fields_ = [
        ("initiator_type", c_uint32),
        ("initiator", Buffer),
        ("acceptor_type", c_uint32),
        ("acceptor", Buffer),
        ("data", Buffer),
    ]


class Iov(Structure):
    _fields_ = [("type", c_uint32), ("buffer", Buffer)]


KEPT = []


def oid(contents):
    raw = ctypes.create_string_buffer(contents, len(contents))
    KEPT.append(raw)
    return Oid(len(contents), ctypes.cast(raw, c_void_p))


def buffer(contents):
    raw = ctypes.create_string_buffer(contents, max(len(contents), 1))
    KEPT.append(raw)
    return Buffer(len(contents), ctypes.cast(raw, c_void_p))


def contents(filled):
    return ctypes.string_at(filled.value, filled.length) if filled.length else b""


def taken(filled):
    copy = contents(filled)
    minor = c_uint32()
    lib.gss_release_buffer(byref(minor), byref(filled))
    return copy


KRB5 = oid(bytes.fromhex("2a864886f712010202"))
SPNEGO = oid(bytes.fromhex("2b0601050502"))
HOST_BASED = oid(bytes.fromhex("2a864886f71201020104"))
USER = oid(bytes.fromhex("2a864886f71201020101"))
COMPOSITE = oid(bytes.fromhex("2b0601050606"))
SESSION_KEY = oid(bytes.fromhex("2a864886f71201020205 05".replace(" ", "")))

context = c_void_p()
delegated = c_void_p()
has_failed = 0xFFFF0000


class Refused(Exception):
    def __init__(self, major, minor, token=b""):
        self.answer = {
            "major": major,
            "minor": minor,
            "words": status(major, 1) + ": " + status(minor, 2),
            "token": token.hex(),
        }


def status(code, kind):
    minor, more, text = c_uint32(), c_uint32(0), Buffer()
    lib.gss_display_status(byref(minor), c_uint32(code), c_int(kind), byref(KRB5), byref(more), byref(text))
    return taken(text).decode(errors="replace")


def call(function, *arguments):
    minor = c_uint32()
    major = function(byref(minor), *arguments) & 0xFFFFFFFF
    if major & has_failed:
        raise Refused(major, minor.value)
    return major


def bindings(request):
    if "bindings" not in request:
        return None
    made = Bindings()
    made.data = buffer(bytes.fromhex(request["bindings"]))
    KEPT.append(made)
    return byref(made)


def mechanism(request):
    return byref(SPNEGO if request.get("mech") == "spnego" else KRB5)


def name_of(text, kind):
    name = c_void_p()
    given = buffer(text.encode())
    call(lib.gss_import_name, byref(given), byref(kind), byref(name))
    return name


def words_of(name):
    text, kind = Buffer(), c_void_p()
    call(lib.gss_display_name, name, byref(text), byref(kind))
    return taken(text).decode()


def establish(request):
    token = bytes.fromhex(request.get("token", ""))
    given = buffer(token)
    output, flags, lifetime, actual = Buffer(), c_uint32(), c_uint32(), c_void_p()
    minor = c_uint32()
    if request["do"] == "init":
        target = name_of(request["target"], HOST_BASED)
        major = lib.gss_init_sec_context(
            byref(minor), None, byref(context), target, mechanism(request), c_uint32(request.get("flags", 0)),
            c_uint32(0), bindings(request), byref(given) if token else None, byref(actual), byref(output),
            byref(flags), byref(lifetime))
    else:
        source = c_void_p()
        major = lib.gss_accept_sec_context(
            byref(minor), byref(context), acceptor(request), byref(given), bindings(request), byref(source),
            byref(actual), byref(output), byref(flags), byref(lifetime), byref(delegated))
    major &= 0xFFFFFFFF
    sent = taken(output)
    if major & has_failed:
        raise Refused(major, minor.value, sent)
    answer = {"token": sent.hex(), "done": major & 1 == 0, "flags": flags.value}
    if answer["done"]:
        answer["lifetime"] = lifetime.value
    if request["do"] == "accept" and answer["done"]:
        answer["initiator"] = words_of(source)
        answer["delegated"] = delegated_name()
    return major, answer


def acceptor(request):
    if "service" not in request:
        return None
    credential = c_void_p()
    call(lib.gss_acquire_cred, name_of(request["service"], HOST_BASED), c_uint32(0xFFFFFFFF), None, c_int(2),
         byref(credential), None, None)
    return credential


def delegated_name():
    if not delegated.value:
        return None
    name = c_void_p()
    call(lib.gss_inquire_cred, delegated, byref(name), None, None, None)
    return words_of(name)


def wrap(request):
    sealed, output = c_int(), Buffer()
    message = buffer(bytes.fromhex(request["message"]))
    call(lib.gss_wrap, context, c_int(request["conf"]), c_uint32(0), byref(message), byref(sealed), byref(output))
    return 0, {"token": taken(output).hex(), "conf": bool(sealed.value)}


def unwrap(request):
    sealed, quality, output = c_int(), c_uint32(), Buffer()
    token = buffer(bytes.fromhex(request["token"]))
    major = call(lib.gss_unwrap, context, byref(token), byref(output), byref(sealed), byref(quality))
    return major, {"message": taken(output).hex(), "conf": bool(sealed.value)}


def mic(request):
    output = Buffer()
    message = buffer(bytes.fromhex(request["message"]))
    call(lib.gss_get_mic, context, c_uint32(0), byref(message), byref(output))
    return 0, {"token": taken(output).hex()}


def verify(request):
    quality = c_uint32()
    message, token = buffer(bytes.fromhex(request["message"])), buffer(bytes.fromhex(request["token"]))
    return call(lib.gss_verify_mic, context, byref(message), byref(token), byref(quality)), {}


def limit(request):
    most = c_uint32()
    call(lib.gss_wrap_size_limit, context, c_int(request["conf"]), c_uint32(0), c_uint32(request["limit"]), byref(most))
    return 0, {"limit": most.value}


def prf(request):
    output = Buffer()
    given = buffer(bytes.fromhex(request["input"]))
    call(lib.gss_pseudo_random, context, c_int(request["full"]), byref(given), c_ssize_t(request["length"]),
         byref(output))
    return 0, {"output": taken(output).hex()}


HEADER, DATA, TRAILER, PADDING, SIGN_ONLY, ALLOCATE = 2, 1, 7, 9, 11, 0x10000


def wrap_parts(request):
    pieces = []
    for kind, piece in request["parts"]:
        if kind in (HEADER, PADDING, TRAILER):
            pieces.append(Iov(kind | ALLOCATE, Buffer()))
        else:
            pieces.append(Iov(kind, buffer(bytes.fromhex(piece))))
    iov = (Iov * len(pieces))(*pieces)
    sealed = c_int()
    call(lib.gss_wrap_iov, context, c_int(request["conf"]), c_uint32(0), byref(sealed), iov, c_int(len(pieces)))
    return 0, {"parts": [[each.type & 0xFFFF, contents(each.buffer).hex()] for each in iov]}


def unwrap_parts(request):
    pieces = [Iov(kind, buffer(bytes.fromhex(piece))) for kind, piece in request["parts"]]
    iov = (Iov * len(pieces))(*pieces)
    sealed, quality = c_int(), c_uint32()
    major = call(lib.gss_unwrap_iov, context, byref(sealed), byref(quality), iov, c_int(len(pieces)))
    found = [[each.type & 0xFFFF, contents(each.buffer).hex()] for each in iov]
    return major, {"parts": found, "conf": bool(sealed.value)}


def export(_):
    output = Buffer()
    call(lib.gss_export_sec_context, byref(context), byref(output))
    return 0, {"token": taken(output).hex()}


def import_context(request):
    token = buffer(bytes.fromhex(request["token"]))
    call(lib.gss_import_sec_context, byref(token), byref(context))
    return 0, {}


def inquire(_):
    source, target, lifetime, mech = c_void_p(), c_void_p(), c_uint32(), c_void_p()
    flags, ours, stands = c_uint32(), c_int(), c_int()
    call(lib.gss_inquire_context, context, byref(source), byref(target), byref(lifetime), byref(mech), byref(flags),
         byref(ours), byref(stands))
    return 0, {
        "initiator": words_of(source),
        "acceptor": words_of(target),
        "lifetime": lifetime.value,
        "flags": flags.value,
        "initiates": bool(ours.value),
        "stands": bool(stands.value),
    }


class BufferSet(Structure):
    _fields_ = [("count", c_size_t), ("elements", POINTER(Buffer))]


def session_key(_):
    found = POINTER(BufferSet)()
    call(lib.gss_inquire_sec_context_by_oid, context, byref(SESSION_KEY), byref(found))
    return 0, {"key": contents(found.contents.elements[0]).hex()}


def exported_name(request):
    name, canonical, output = name_of(request["name"], USER), c_void_p(), Buffer()
    call(lib.gss_canonicalize_name, name, byref(KRB5), byref(canonical))
    call(lib.gss_export_name, canonical, byref(output))
    return 0, {"name": taken(output).hex()}


def attribute(request):
    """An attribute of the initiator's name, or of the composite name that is given."""
    name, target = c_void_p(), c_void_p()
    if "composite" in request:
        given = buffer(bytes.fromhex(request["composite"]))
        call(lib.gss_import_name, byref(given), byref(COMPOSITE), byref(name))
    else:
        call(lib.gss_inquire_context, context, byref(name), byref(target), None, None, None, None, None)
    value, shown, more = Buffer(), Buffer(), c_int(-1)
    authenticated, complete = c_int(), c_int()
    asked_for = buffer(request["attribute"].encode())
    call(lib.gss_get_name_attribute, name, byref(asked_for), byref(authenticated), byref(complete), byref(value),
         byref(shown), byref(more))
    return 0, {"value": taken(value).hex(), "authenticated": bool(authenticated.value)}


def forget(_):
    """Lets go of the context, as for a second one."""
    call(lib.gss_delete_sec_context, byref(context), None)
    return 0, {}


VERBS = {
    "init": establish,
    "accept": establish,
    "wrap": wrap,
    "unwrap": unwrap,
    "mic": mic,
    "verify": verify,
    "limit": limit,
    "prf": prf,
    "wrap_parts": wrap_parts,
    "unwrap_parts": unwrap_parts,
    "export": export,
    "import": import_context,
    "inquire": inquire,
    "session_key": session_key,
    "exported_name": exported_name,
    "attribute": attribute,
    "forget": forget,
}

for line in sys.stdin:
    asked = json.loads(line)
    try:
        outcome, reply = VERBS[asked["do"]](asked)
        reply["major"] = outcome
    except Refused as refused:
        reply = refused.answer
    print(json.dumps(reply), flush=True)
