"""An SSH client (paramiko) whose GSS library is at the other end of its standard input and output.

Each line it writes is a word and something in Base64: `token` and `mic` ask for what GSS makes of it, `output` and
`refused` are its last.
"""

import base64
import sys

import paramiko
from paramiko import auth_handler, ssh_gss

# The object identifier of krb5 in DER.
KRB5 = bytes.fromhex("06092a864886f712010202")


def say(word, message):
    print(word, base64.b64encode(message).decode(), flush=True)


def ask(word, message):
    say(word, message)
    return base64.b64decode(sys.stdin.readline())


class GssElsewhere(ssh_gss._SSH_GSSAuth):
    def ssh_gss_oids(self, mode="client"):
        return self._make_uint32(1) + self._make_uint32(len(KRB5)) + KRB5

    def ssh_init_sec_context(self, target, desired_mech=None, username=None, recv_token=None):
        self._username = username
        return ask("token", recv_token or b"") or None

    def ssh_get_mic(self, session_id, gss_kex=False):
        field = self._ssh_build_mic(session_id, self._username, self._service, self._auth_method)
        return ask("mic", field)


def main():
    port, user, command = sys.argv[1:]
    auth_handler.GSSAuth = GssElsewhere
    transport = paramiko.Transport(("127.0.0.1", int(port)))
    transport.start_client(timeout=60)
    try:
        transport.auth_gssapi_with_mic(user, "localhost", True)
    except paramiko.AuthenticationException as error:
        say("refused", str(error).encode())
        return
    session = transport.open_session()
    session.exec_command(command)
    say("output", session.makefile("rb").read())
    transport.close()


main()
