"""Tokens for whoever holds a TLS client certificate."""

from keystoneauth1 import exceptions
from keystoneauth1.identity import v3

#: The methods by which Keystone takes a certificate that its front door has
#: verified: the plugin for certificates, or whatever ``external`` is set to.
METHODS = ("x509", "external")


class X509Method(v3.AuthMethod):
    """The certificate travels in the TLS handshake; the body only names the method.

    :param str auth_method: ``x509`` (default) or ``external``.
    """

    _method_parameters = ["auth_method"]

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.auth_method = self.auth_method or METHODS[0]
        if self.auth_method not in METHODS:
            raise exceptions.OptionError(
                "auth_method is %s or %s, not %s" % (*METHODS, self.auth_method)
            )

    def get_auth_data(self, session, auth, headers, **kwargs):
        """Name the method, provided that the session has a certificate to show."""
        if not session.cert:
            raise exceptions.MissingAuthPlugin(
                "a client certificate is needed: --os-cert FILE and --os-key FILE,"
                " or OS_CERT and OS_KEY"
            )
        return self.auth_method, {}

    def get_cache_id_elements(self):
        """Nothing here tells one certificate from another, so nothing is cached."""
        raise NotImplementedError()


class X509(v3.AuthConstructor):
    """Identity API v3, method ``x509`` or ``external``."""

    _auth_method_class = X509Method
