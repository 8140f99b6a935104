"""What a site's front door offers: URLs, and the ways in at each."""

import collections
import urllib.parse

from keystoneauth1 import exceptions

#: Where a site describes its entry points, below its own address.
WELL_KNOWN = "/.well-known/kerbstone"

#: The ways that this package knows, by their names in the document.
APPLICATION_CREDENTIAL = "application_credential"
TOKEN = "token"
KERBEROS = "negotiate"
CERTIFICATE = "certificate"
PASSWORD = "password"

#: A URL of the identity API, version 3, and a way in there. ``method`` is
#: what the body calls it, where the document says so.
EntryPoint = collections.namedtuple("EntryPoint", ["url", "way", "method"])

#: What the methods of an identity service are for its clients.
_WAYS_OF_METHODS = {
    "application_credential": APPLICATION_CREDENTIAL,
    "token": TOKEN,
    "password": PASSWORD,
    "kerberos": KERBEROS,
    "x509": CERTIFICATE,
}


def of_site(session, base):
    """The entry points of the site at this address.

    They are read from its document, or found out at the address itself.
    """
    document = _document(session, base)
    if document is None:
        return _asked(session, base)
    return _read(document, base)


def _document(session, base):
    origin = urllib.parse.urlsplit(base)
    url = urllib.parse.urlunsplit((origin.scheme, origin.netloc, WELL_KNOWN, "", ""))
    try:
        answer = session.get(
            url,
            headers={"Accept": "application/json"},
            authenticated=False,
            raise_exc=False,
            redirect=False,
        )
        document = answer.json() if answer.status_code == 200 else None
    except (exceptions.ClientException, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _read(document, base):
    """Entry points of the document; what it says of other hosts is not believed."""
    found = []
    for entry in document.get("entry_points") or []:
        if not isinstance(entry, dict):
            continue
        url = urllib.parse.urljoin(base, str(entry.get("url", "")))
        if not _is_same_site(url, base):
            continue
        for way in entry.get("ways") or []:
            if way in _WAYS_OF_METHODS.values():
                found.append(EntryPoint(url.rstrip("/"), way, entry.get("method")))
    return found


def _is_same_site(url, base):
    """Whether credentials meant for ``base`` may go to ``url``: same host, no weaker transport."""
    there, here = urllib.parse.urlsplit(url), urllib.parse.urlsplit(base)
    return there.hostname == here.hostname and there.scheme == here.scheme


def _asked(session, base):
    """Send an empty sign-in and look at what comes back: a challenge, or methods."""
    url = _with_version(base)
    answer = session.post(
        url + "/auth/tokens",
        json={"auth": {"identity": {"methods": []}}},
        headers={"Accept": "application/json"},
        authenticated=False,
        raise_exc=False,
        redirect=False,
    )
    challenges = answer.headers.get("WWW-Authenticate", "")
    schemes = [part.strip().split(" ")[0].lower() for part in challenges.split(",")]
    if "negotiate" in schemes:
        return [EntryPoint(url, KERBEROS, None)]
    methods = _methods(answer) or ["application_credential", "token", "password"]
    ways = [_WAYS_OF_METHODS[name] for name in methods if name in _WAYS_OF_METHODS]
    if session.cert and CERTIFICATE not in ways:
        ways.append(CERTIFICATE)
    return [EntryPoint(url, way, None) for way in ways]


def _methods(answer):
    try:
        methods = answer.json()["error"]["identity"]["methods"]
    except (KeyError, TypeError, ValueError):
        return None
    return methods if isinstance(methods, list) else None


def _with_version(base):
    base = base.rstrip("/")
    return base if base.endswith("/v3") else base + "/v3"
