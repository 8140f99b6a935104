import os
import unittest
from unittest import mock

from keystoneauth1 import exceptions, session

from kerbstone_keystoneauth import FrontDoor, ticket
from tests.site import Site

CERTIFICATE = __file__
SITE = {
    "entry_points": [
        {"url": "/main/v3", "ways": ["password", "token", "application_credential"]},
        {"url": "/krb/v3", "ways": ["negotiate"]},
        {"url": "/x509/v3", "ways": ["certificate"], "method": "external"},
    ]
}
PASSWORD = {"username": "alice", "user_domain_id": "default", "password": "secret"}
SECRET = {"application_credential_id": "ac", "application_credential_secret": "s"}


class FrontDoorTest(unittest.TestCase):
    def setUp(self):
        without_ticket = mock.patch.dict(os.environ, KRB5CCNAME="FILE:/nonexistent/cache")
        without_ticket.start()
        self.addCleanup(without_ticket.stop)

    def sign_in(self, site, cert=None, **options):
        plugin = FrontDoor(site.url, **options)
        self.assertEqual(session.Session(auth=plugin, cert=cert).get_token(), "gAAA")
        return site.signed_in_at[0]

    def way_taken(self, cert=None, **options):
        with Site(SITE) as site:
            path, body = self.sign_in(site, cert, **options)
            return path, body["auth"]["identity"]["methods"]

    def test_takes_the_entry_point_that_suits_what_the_user_has(self):
        for cert, options, path, methods in [
            (None, PASSWORD, "/main/v3/auth/tokens", ["password"]),
            (None, {"token": "t", "project_id": "77"}, "/main/v3/auth/tokens", ["token"]),
            (None, SECRET, "/main/v3/auth/tokens", ["application_credential"]),
            (CERTIFICATE, {}, "/x509/v3/auth/tokens", ["external"]),
        ]:
            with self.subTest(methods):
                self.assertEqual(self.way_taken(cert, **options), (path, methods))

    def test_what_is_given_for_the_purpose_comes_before_what_lies_around(self):
        everything = dict(PASSWORD, **SECRET)
        _, methods = self.way_taken(CERTIFICATE, **everything)
        self.assertEqual(methods, ["application_credential"])
        _, methods = self.way_taken(CERTIFICATE, **PASSWORD)
        self.assertEqual(methods, ["external"])

    def test_the_order_is_the_users_when_they_say_one(self):
        _, methods = self.way_taken(CERTIFICATE, ways="password, certificate", **PASSWORD)
        self.assertEqual(methods, ["password"])
        with self.assertRaises(exceptions.OptionError):
            FrontDoor("http://localhost", ways=["smartcard"])

    def test_an_application_credential_goes_without_a_scope(self):
        with Site(SITE) as site:
            _, body = self.sign_in(site, project_id="77", **SECRET)
            self.assertNotIn("scope", body["auth"])

    def test_without_a_document_the_address_is_asked(self):
        with Site(methods=["password", "x509"]) as site:
            path, body = self.sign_in(site, CERTIFICATE)
            self.assertEqual(path, "/v3/auth/tokens")
            self.assertEqual(body["auth"]["identity"]["methods"], ["x509"])

    def test_a_certificate_is_shown_under_the_other_name_when_the_first_is_refused(self):
        with Site(methods=["password", "x509"], refused=["x509"]) as site:
            self.sign_in(site, CERTIFICATE)
            names = [body["auth"]["identity"]["methods"][0] for _, body in site.signed_in_at]
            self.assertEqual(names, ["x509", "external"])

    def test_a_challenge_means_that_nothing_but_a_ticket_counts_there(self):
        with Site(challenge="Negotiate") as site:
            with self.assertRaisesRegex(exceptions.AuthorizationFailure, "kinit"):
                self.sign_in(site, CERTIFICATE, **PASSWORD)
            self.assertEqual(site.signed_in_at, [])

    def test_credentials_do_not_go_to_other_hosts_whatever_the_document_says(self):
        elsewhere = {"entry_points": [{"url": "http://evil.example/v3", "ways": ["password"]}]}
        with Site(elsewhere) as site:
            with self.assertRaisesRegex(exceptions.AuthorizationFailure, "not offered"):
                self.sign_in(site, **PASSWORD)

    def test_whoever_has_nothing_is_told_what_each_way_lacks(self):
        with Site(SITE) as site:
            with self.assertRaises(exceptions.AuthorizationFailure) as caught:
                self.sign_in(site)
            self.assertIn("negotiate: no ticket", str(caught.exception))
            self.assertIn("password: no user", str(caught.exception))


class TicketTest(unittest.TestCase):
    def test_no_cache_is_no_ticket(self):
        with mock.patch.dict(os.environ, KRB5CCNAME="FILE:/nonexistent/cache"):
            self.assertIsNone(ticket.owner())
            self.assertIsNone(ticket._owner_by_klist())

    def test_a_ticket_of_somebody_else_does_not_count(self):
        self.assertTrue(ticket.belongs_to("alice@EXAMPLE.ORG", None))
        self.assertTrue(ticket.belongs_to("alice@EXAMPLE.ORG", "alice"))
        self.assertTrue(ticket.belongs_to("alice@EXAMPLE.ORG", "alice@EXAMPLE.ORG"))
        self.assertFalse(ticket.belongs_to("alice@EXAMPLE.ORG", "bob"))
        self.assertFalse(ticket.belongs_to("alice@EXAMPLE.ORG", "alice@OTHER.ORG"))
