import os
import subprocess
import sys
import tempfile
import unittest

from tests.site import Site

OPENSTACK = "/usr/bin/openstack"
PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class LoadingTest(unittest.TestCase):
    def test_an_installed_package_is_found_by_name(self):
        with tempfile.TemporaryDirectory() as folder:
            install(folder)
            names = "from keystoneauth1 import loading as l; print(*[type(l.get_plugin_loader(n)).__name__ for n in ('v3x509', 'v3kerbstone')])"
            told = subprocess.run(
                [sys.executable, "-c", names],
                env=dict(os.environ, PYTHONPATH=folder),
                capture_output=True,
                text=True,
                check=False,
            )
            self.assertEqual(told.stdout.split(), ["X509", "FrontDoor"], told.stderr)

    @unittest.skipUnless(os.path.exists(OPENSTACK), "python3-openstackclient is not here")
    def test_the_openstack_command_takes_what_its_user_has(self):
        document = {
            "entry_points": [
                {"url": "/main/v3", "ways": ["password", "token"]},
                {"url": "/x509/v3", "ways": ["certificate"]},
            ]
        }
        with tempfile.TemporaryDirectory() as folder, Site(document) as site:
            install(folder)
            for has, method in [
                ({"OS_USERNAME": "alice", "OS_USER_DOMAIN_ID": "default", "OS_PASSWORD": "p"}, "password"),
                ({"OS_TOKEN": "t"}, "token"),
                ({"OS_CERT": __file__, "OS_KEY": __file__}, "x509"),
            ]:
                told = token_issue(folder, site, has)
                self.assertEqual(told.stdout.strip(), "gAAA", told.stderr)
                _, body = site.signed_in_at[-1]
                self.assertEqual(body["auth"]["identity"]["methods"], [method])
            told = token_issue(folder, site, {})
            self.assertIn("no ticket; kinit gets one", told.stderr)


def token_issue(folder, site, has):
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": folder,
        "LC_ALL": "C.UTF-8",
        "KRB5CCNAME": "FILE:/nonexistent/cache",
        "OS_AUTH_TYPE": "v3kerbstone",
        "OS_AUTH_URL": site.url,
        "OS_IDENTITY_API_VERSION": "3",
        "OS_PROJECT_NAME": "demo",
        "OS_PROJECT_DOMAIN_ID": "default",
    }
    return subprocess.run(
        [sys.executable, OPENSTACK, "token", "issue", "-f", "value", "-c", "id"],
        env=dict(environment, **has),
        capture_output=True,
        text=True,
        check=False,
    )


def install(folder):
    """As ``pip install`` does, without asking anybody on the network."""
    with tempfile.TemporaryDirectory() as copy:
        subprocess.run(["cp", "-r", PACKAGE, copy], check=True)
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
            + ["--no-build-isolation", "--target", folder]
            + [os.path.join(copy, os.path.basename(PACKAGE))],
            check=True,
            capture_output=True,
            env=dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_ROOT_USER_ACTION="ignore"),
        )
