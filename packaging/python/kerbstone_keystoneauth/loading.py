"""The options of the plugins, for command lines, the environment and clouds.yaml."""

from keystoneauth1 import loading

from kerbstone_keystoneauth import front_door, x509

# The openstack command insists on a token, or on a user's name, where a plugin
# has something called `token` or `password`. Here both are left to the user.
_TOKEN = "token_to_show"
_PASSWORD = "password_to_show"


class X509(loading.BaseV3Loader):
    """``v3x509``"""

    @property
    def plugin_class(self):
        """What is loaded."""
        return x509.X509

    def get_options(self):
        """The scope, and which method is named."""
        return super().get_options() + [
            loading.Opt(
                "auth-method",
                default=x509.METHODS[0],
                help="Method to name: x509, or external",
            ),
        ]


class FrontDoor(loading.BaseV3Loader):
    """``v3kerbstone``"""

    @property
    def plugin_class(self):
        """What is loaded."""
        return front_door.FrontDoor

    def get_options(self):
        """The scope, and what each way needs."""
        return super().get_options() + [
            loading.Opt("ways", help="Ways to try in this order, with commas between"),
            loading.Opt("token", dest=_TOKEN, secret=True, help="Token to sign in with"),
            loading.Opt("application-credential-id", help="Application credential ID"),
            loading.Opt("application-credential-name", help="Application credential name"),
            loading.Opt(
                "application-credential-secret",
                secret=True,
                help="Application credential secret",
            ),
            loading.Opt("user-id", help="User ID"),
            loading.Opt(
                "username", help="Username", deprecated=[loading.Opt("user-name")]
            ),
            loading.Opt("user-domain-id", help="User's domain id"),
            loading.Opt("user-domain-name", help="User's domain name"),
            loading.Opt("password", dest=_PASSWORD, secret=True, help="User's password"),
            loading.Opt(
                "mutual-auth",
                default="optional",
                help="Whether the site must prove itself too: required, optional, disabled",
            ),
        ]

    def load_from_options(self, **kwargs):
        """As :class:`FrontDoor` names things; files may name them plainly too."""
        for plain, own in (("token", _TOKEN), ("password", _PASSWORD)):
            value = kwargs.pop(own, None)
            if value is not None:
                kwargs[plain] = value
        return super().load_from_options(**kwargs)
