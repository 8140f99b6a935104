"""A plugin that finds the way in by itself."""

from keystoneauth1 import exceptions
from keystoneauth1.identity import v3

from kerbstone_keystoneauth import entry_points, ticket
from kerbstone_keystoneauth.entry_points import (
    APPLICATION_CREDENTIAL,
    CERTIFICATE,
    KERBEROS,
    PASSWORD,
    TOKEN,
)
from kerbstone_keystoneauth.x509 import METHODS, X509

#: What was given for this purpose alone comes first: it may be meant to hold
#: less than the rights that a ticket would bring.
ORDER = (APPLICATION_CREDENTIAL, TOKEN, KERBEROS, CERTIFICATE, PASSWORD)

_USER = ("user_id", "username", "user_domain_id", "user_domain_name")
_APPLICATION_CREDENTIAL = tuple(
    "application_credential_" + part for part in ("id", "name", "secret")
)
_OWN = _USER + _APPLICATION_CREDENTIAL + ("token", "password", "mutual_auth")


class FrontDoor(v3.BaseAuth):
    """Signs in at the entry point of a site that suits what the user has.

    :param str auth_url: The site's address; an entry point's will do.
    :param ways: The ways to try, in this order; a list, or a string with
                 commas. Without it: :data:`ORDER`.

    The other parameters are those of the plugins for each way: ``token``;
    ``application_credential_id``, ``_name`` and ``_secret``; ``user_id``,
    ``username``, ``user_domain_id``, ``user_domain_name`` and ``password``;
    ``mutual_auth``. The certificate is the session's.
    """

    def __init__(self, auth_url, ways=None, **kwargs):
        given = {name: kwargs.pop(name, None) for name in _OWN}
        super().__init__(auth_url, **kwargs)
        self.site = auth_url
        self.ways = _ways(ways)
        self._given = given
        self._plugin = None

    def get_auth_ref(self, session, **kwargs):
        """Choose once, then let the chosen plugin sign in."""
        if self._plugin is not None:
            return self._plugin.get_auth_ref(session, **kwargs)
        plugins = self._choose(session)
        while True:
            plugin = plugins.pop(0)
            try:
                access = plugin.get_auth_ref(session, **kwargs)
            except exceptions.Unauthorized:
                if not plugins:
                    raise
                continue
            self._plugin, self.auth_url = plugin, plugin.auth_url
            return access

    def get_cache_id_elements(self):
        """What a stored token is good for, as long as nothing ambient decides it."""
        secrets = {name: value for name, value in self._given.items() if value}
        if not secrets or KERBEROS in self.ways or CERTIFICATE in self.ways:
            raise NotImplementedError()
        return dict(
            secrets,
            auth_url=self.site,
            ways=self.ways,
            project_id=self.project_id,
            project_name=self.project_name,
            project_domain_id=self.project_domain_id,
            project_domain_name=self.project_domain_name,
            domain_id=self.domain_id,
            domain_name=self.domain_name,
            trust_id=self.trust_id,
            system_scope=self.system_scope,
        )

    def _choose(self, session):
        offered = entry_points.of_site(session, self.site)
        missing = []
        for way in self.ways:
            entry = next((one for one in offered if one.way == way), None)
            lacks = self._lacks(way, session)
            if entry and not lacks:
                return self._plugins_for(entry)
            missing.append("%s: %s" % (way, lacks or "not offered there"))
        raise exceptions.AuthorizationFailure(
            "there is no way in at %s (%s)" % (self.site, "; ".join(missing))
        )

    def _lacks(self, way, session):
        """What of the user's is missing for a way; empty when nothing is."""
        given = self._given
        has_user = given["user_id"] or given["username"]
        if way == APPLICATION_CREDENTIAL:
            named = given["application_credential_id"] or (
                given["application_credential_name"] and has_user
            )
            return "" if named and given["application_credential_secret"] else "none given"
        if way == TOKEN:
            return "" if given["token"] else "none given"
        if way == CERTIFICATE:
            return "" if session.cert else "none given"
        if way == PASSWORD:
            return "" if has_user and given["password"] else "no user and password given"
        return self._lacks_ticket()

    def _lacks_ticket(self):
        principal = ticket.owner()
        if principal is None:
            return "no ticket; kinit gets one"
        if not ticket.belongs_to(principal, self._given["username"]):
            return "the ticket is of %s" % principal
        return "" if _kerberos() else "requests-kerberos is not installed"

    def _plugins_for(self, entry):
        """The plugin for a way in; for certificates one for each name that sites may have for it."""
        if entry.way == CERTIFICATE and entry.method is None:
            return [self._plugin_for(entry._replace(method=name)) for name in METHODS]
        return [self._plugin_for(entry)]

    def _plugin_for(self, entry):
        given = self._given
        user = {name: given[name] for name in _USER}
        common = dict(include_catalog=self.include_catalog, reauthenticate=self.reauthenticate)
        scope = dict(
            common,
            trust_id=self.trust_id,
            system_scope=self.system_scope,
            domain_id=self.domain_id,
            domain_name=self.domain_name,
            project_id=self.project_id,
            project_name=self.project_name,
            project_domain_id=self.project_domain_id,
            project_domain_name=self.project_domain_name,
        )
        if entry.way == APPLICATION_CREDENTIAL:
            # It is bound to its project: a scope is refused beside it.
            secret = {name: given[name] for name in _APPLICATION_CREDENTIAL}
            return v3.ApplicationCredential(entry.url, **secret, **user, **common)
        if entry.way == TOKEN:
            return v3.Token(entry.url, given["token"], **scope)
        if entry.way == CERTIFICATE:
            return X509(entry.url, auth_method=entry.method, **scope)
        if entry.way == PASSWORD:
            return v3.Password(entry.url, password=given["password"], **user, **scope)
        return _kerberos().Kerberos(entry.url, mutual_auth=given["mutual_auth"], **scope)


def _kerberos():
    """The stock plugin's module, when what it needs is there."""
    try:
        from keystoneauth1.extras import kerberos
    except ImportError:
        return None
    return kerberos if kerberos.requests_kerberos else None


def _ways(ways):
    if not ways:
        return list(ORDER)
    if isinstance(ways, str):
        ways = [way.strip() for way in ways.split(",") if way.strip()]
    unknown = [way for way in ways if way not in ORDER]
    if unknown:
        raise exceptions.OptionError(
            "%s is no way in; these are: %s" % (unknown[0], ", ".join(ORDER))
        )
    return list(ways)
