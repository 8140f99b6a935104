import unittest

from keystoneauth1 import exceptions, session

from kerbstone_keystoneauth import X509
from tests.site import Site

#: Any file will do: the site speaks no TLS, and nobody reads it.
CERTIFICATE = __file__


class X509Test(unittest.TestCase):
    def token_by(self, **options):
        with Site() as site:
            plugin = X509(site.url + "/x509/v3", project_id="77", **options)
            client = session.Session(auth=plugin, cert=CERTIFICATE)
            self.assertEqual(client.get_token(), "gAAA")
            return site.signed_in_at[0]

    def test_names_the_method_and_the_scope(self):
        path, body = self.token_by()
        self.assertEqual(path, "/x509/v3/auth/tokens")
        self.assertEqual(body["auth"]["identity"], {"methods": ["x509"], "x509": {}})
        self.assertEqual(body["auth"]["scope"], {"project": {"id": "77"}})

    def test_names_external_where_a_site_wants_that(self):
        _, body = self.token_by(auth_method="external")
        self.assertEqual(body["auth"]["identity"], {"methods": ["external"], "external": {}})

    def test_says_that_a_certificate_is_missing_before_anything_is_sent(self):
        with Site() as site:
            client = session.Session(auth=X509(site.url + "/v3"))
            with self.assertRaisesRegex(exceptions.MissingAuthPlugin, "--os-cert"):
                client.get_token()
            self.assertEqual(site.asked, [])

    def test_refuses_methods_that_take_no_certificate(self):
        with self.assertRaises(exceptions.OptionError):
            X509("http://localhost/v3", auth_method="password")
