"""An application that uses GSS-API: Debian's python3-gssapi on MIT's library, with whatever plugin
the environment lets the library load.

Reads commands as lines of JSON on standard input, answers each with one line.
"""

import json
import sys

import gssapi
from gssapi.raw import misc

KRB5 = gssapi.MechType.kerberos
SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
HOST_BASED = gssapi.NameType.hostbased_service
kept = {}


def name_of(command, key="name"):
    text = command.get(key)
    if text is None:
        return None
    if command.get("uid"):
        return gssapi.Name(text, gssapi.OID.from_int_seq("1.2.840.113554.1.2.1.3"))
    kind = HOST_BASED if "@" in text and text.split("@")[0] in ("http", "host") else None
    return gssapi.Name(text, kind or gssapi.NameType.user)


def acquire(command):
    options = {"usage": command.get("usage", "both"), "mechs": [KRB5]}
    if "store" in command:
        options["store"] = command["store"]
    credential = gssapi.Credentials(name=name_of(command), **options)
    kept[command["as"]] = credential
    return describe(credential)


def describe(credential):
    return {
        "name": str(credential.name),
        "usage": credential.usage,
        "lifetime": credential.lifetime,
        "mechs": [mech.dotted_form for mech in credential.mechs],
    }


def by_mech(command):
    found = kept[command["as"]].inquire_by_mech(KRB5)
    return {"name": str(found.name), "usage": found.usage, "lifetime": found.init_lifetime}


def impersonate(command):
    credential = kept[command["by"]].impersonate(name=name_of(command), mechs=[KRB5])
    kept[command["as"]] = credential
    return describe(credential)


def step(context, command):
    token = command.get("token")
    token = context.step(bytes.fromhex(token) if token is not None else None)
    answer = {"token": token.hex() if token else None, "complete": context.complete}
    if context.complete:
        answer.update(about(context))
    return answer


def about(context):
    return {
        "initiator": str(context.initiator_name),
        "target": str(context.target_name),
        "flags": int(context.actual_flags),
        "lifetime": context.lifetime,
        "mech": context.mech.dotted_form,
    }


def init(command):
    if command["as"] not in kept:
        flags = command.get("flags")
        bindings = command.get("bindings")
        kept[command["as"]] = gssapi.SecurityContext(
            name=name_of(command, "target"),
            creds=kept.get(command.get("with")),
            mech=SPNEGO if command.get("spnego") else KRB5,
            usage="initiate",
            flags=flags if flags is None else gssapi.IntEnumFlagSet(gssapi.RequirementFlag, flags),
            channel_bindings=bindings and gssapi.raw.ChannelBindings(application_data=bindings.encode()),
        )
    return step(kept[command["as"]], command)


def accept(command):
    if command["as"] not in kept:
        bindings = command.get("bindings")
        kept[command["as"]] = gssapi.SecurityContext(
            creds=kept.get(command.get("with")),
            usage="accept",
            channel_bindings=bindings and gssapi.raw.ChannelBindings(application_data=bindings.encode()),
        )
    context = kept[command["as"]]
    answer = step(context, command)
    delegated = context.delegated_creds if context.complete else None
    if delegated:
        kept[command["as"] + " delegated"] = delegated
        answer["delegated"] = describe(delegated)
    return answer


def wrap(command):
    wrapped = kept[command["as"]].wrap(command["text"].encode(), command.get("seal", True))
    return {"token": wrapped.message.hex(), "sealed": wrapped.encrypted}


def unwrap(command):
    unwrapped = kept[command["as"]].unwrap(bytes.fromhex(command["token"]))
    return {"text": unwrapped.message.decode(), "sealed": unwrapped.encrypted}


def sign(command):
    return {"token": kept[command["as"]].get_signature(command["text"].encode()).hex()}


def verify(command):
    kept[command["as"]].verify_signature(command["text"].encode(), bytes.fromhex(command["token"]))
    return {}


def localname(command):
    name = kept[command["as"]].initiator_name
    return {"user": gssapi.raw.localname(name, KRB5).decode()}


def export_name(command):
    return {"exported": kept[command["as"]].initiator_name.export().hex()}


def export(command):
    return {"token": kept.pop(command["as"]).export().hex()}


def canonicalize(command):
    name = name_of(command).canonicalize(KRB5)
    return {"name": str(name), "exported": name.export().hex()}


def mechs(_):
    return {
        mech.dotted_form: sorted(attr.dotted_form for attr in gssapi.raw.inquire_attrs_for_mech(mech).mech_attrs)
        for mech in gssapi.raw.indicate_mechs()
    }


def answer(command):
    try:
        return globals()[command["do"]](command)
    except misc.GSSError as error:
        return {
            "major": error.maj_code,
            "minor": error.min_code,
            "words": error.get_all_statuses(error.maj_code, True)
            + error.get_all_statuses(error.min_code, False),
        }


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
