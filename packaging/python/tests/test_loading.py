import os
import subprocess
import sys
import tempfile
import unittest

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
