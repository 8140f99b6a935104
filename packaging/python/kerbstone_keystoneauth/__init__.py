"""keystoneauth plugins for sites with a Kerbstone front door.

``v3x509`` earns a token with a TLS client certificate; ``v3kerbstone`` finds
out which entry points a site offers and takes the one that suits what the
user has.
"""

from kerbstone_keystoneauth.front_door import FrontDoor
from kerbstone_keystoneauth.x509 import X509, X509Method

__all__ = ("FrontDoor", "X509", "X509Method")
