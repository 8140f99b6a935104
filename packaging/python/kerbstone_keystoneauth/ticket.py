"""Whether a Kerberos ticket is there to be used, as ``klist -s`` says it."""

import os
import subprocess

try:
    import gssapi
except ImportError:
    gssapi = None


def owner():
    """The principal of the default cache when its ticket still holds; else ``None``."""
    return _owner_by_gssapi() if gssapi else _owner_by_klist()


def _owner_by_gssapi():
    try:
        credentials = gssapi.Credentials(usage="initiate")
        return str(credentials.name) if credentials.lifetime else None
    except gssapi.exceptions.GSSError:
        return None


def _owner_by_klist():
    try:
        if subprocess.run(["klist", "-s"], check=False).returncode != 0:
            return None
        listed = subprocess.run(
            ["klist"],
            check=False,
            capture_output=True,
            text=True,
            env=dict(os.environ, LC_ALL="C"),
        )
    except OSError:
        return None
    for line in listed.stdout.splitlines():
        label, colon, name = line.partition(":")
        if colon and label.strip().lower() in ("default principal", "principal"):
            return name.strip()
    return None


def belongs_to(principal, username):
    """Whether the ticket of ``principal`` is that of the user so named.

    A user named without a realm is meant in any realm.
    """
    if not username:
        return True
    if "@" in username:
        return principal == username
    return principal.rpartition("@")[0] == username
