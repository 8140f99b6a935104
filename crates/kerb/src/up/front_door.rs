//! How the gateway of a new site is set up.

/// What its section of `kerbstone.toml` says first.
pub(super) const SECTION: &str = r#"listen = []
metrics = ""
certificate = "tls/server.pem"
key = "tls/server.key"
proxy = "run/proxy"
krb5_conf = "krb5.conf"
audit = "gateway.jsonl"
# People with certificates are asked for them; nobody else notices. Those of the site's people are in tls/people.
client_certificates = "optional"

[gateway.limits]
stop = "3s"

[gateway.certificates]
ca = "tls/people-ca.pem"

[[gateway.certificates.map]]
from = "cn"
principal = "{cn}@REALM"

# Whoever opens the front page sees who they are; an entry with `back_end` or `pool` passes requests on.
[[gateway.entry]]
path = "/"
page = "whoami"

# A certificate buys a token of the identity service here.
[[gateway.entry]]
path = "/x509/v3"
ways = ["certificate"]
tell = ["user", "auth-type", "subject-dn", "issuer-dn"]
rewrite = "/v3"
pool = "identity"
"#;
