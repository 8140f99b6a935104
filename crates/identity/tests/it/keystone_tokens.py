"""Makes and opens tokens with the installed Keystone's own code: one JSON command per line, one JSON answer per line."""

import json
import sys

import msgpack
import keystone.conf
from keystone.common import fernet_utils
from keystone.receipt import receipt_formatters
from keystone.token import token_formatters

CONF = keystone.conf.CONF
FIELDS = (
    "user_id", "methods", "audit_ids", "system", "domain_id", "project_id", "trust_id", "federated_group_ids",
    "identity_provider_id", "protocol_id", "access_token_id", "app_cred_id", "issued_at", "expires_at",
)
PAYLOADS = {payload.version: payload for payload in token_formatters._PAYLOAD_CLASSES}


def make(command):
    fields = dict(command["fields"])
    groups = fields.get("federated_group_ids")
    if groups is not None:
        fields["federated_group_ids"] = [{"id": group} for group in groups]
    expires_at = fields.pop("expires_at")
    user_id = fields.pop("user_id")
    audit_ids = fields.pop("audit_ids")
    payload = PAYLOADS[command["version"]]
    return token_formatters.TokenFormatter().create_token(user_id, expires_at, audit_ids, payload, **fields)


def open_(command):
    values = token_formatters.TokenFormatter().validate_token(command["token"])
    fields = dict(zip(FIELDS, values))
    if fields["federated_group_ids"] is not None:
        fields["federated_group_ids"] = [group["id"] for group in fields["federated_group_ids"]]
    return fields


def make_oauth2(command):
    """Version 10 is newer than the Keystone that is installed; its packing of each field is not."""
    base, fields = token_formatters.BasePayload, command["fields"]
    payload = (
        10,
        base.attempt_convert_uuid_hex_to_bytes(fields["user_id"]),
        token_formatters.auth_plugins.convert_method_list_to_integer(fields["methods"]),
        base.attempt_convert_uuid_hex_to_bytes(fields["project_id"]),
        base.attempt_convert_uuid_hex_to_bytes(fields["domain_id"]),
        base._convert_time_string_to_float(fields["expires_at"]),
        [base.random_urlsafe_str_to_bytes(audit_id) for audit_id in fields["audit_ids"]],
        (False, fields["thumbprint"]),
    )
    return token_formatters.TokenFormatter().pack(msgpack.packb(payload))


def old_msgpack(command):
    """As a Keystone packed that had msgpack before 1.0."""
    formatter = token_formatters.TokenFormatter()
    payload = msgpack.unpackb(formatter.unpack(command["token"]))
    return formatter.pack(msgpack.packb(payload, use_bin_type=False))


def make_receipt(command):
    return receipt_formatters.ReceiptFormatter().create_receipt(
        command["user_id"], command["methods"], command["expires_at"])


def open_receipt(command):
    return receipt_formatters.ReceiptFormatter().validate_receipt(command["token"])


def rotate(command):
    utils = fernet_utils.FernetUtils(CONF.fernet_tokens.key_repository, 3, "fernet_tokens")
    utils.rotate_keys()


def payload(command):
    """The payload's octets, in hexadecimal."""
    return token_formatters.TokenFormatter().unpack(command["token"]).hex()


def main():
    keystone.conf.configure()
    CONF([], project="keystone", default_config_files=[], default_config_dirs=[])
    folder, methods = sys.argv[1], sys.argv[2].split(",")
    CONF.set_override("key_repository", folder, "fernet_tokens")
    CONF.set_override("key_repository", folder, "fernet_receipts")
    CONF.set_override("methods", methods, "auth")
    commands = {
        "make": make, "open": open_, "make_oauth2": make_oauth2, "old_msgpack": old_msgpack,
        "make_receipt": make_receipt, "open_receipt": open_receipt, "rotate": rotate, "payload": payload,
    }
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = {"result": commands[command["do"]](command)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
