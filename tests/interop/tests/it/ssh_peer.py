"""An SSH client or server (asyncssh) whose GSS library is at the other end of its standard input and output.

    ssh_peer.py client METHOD PORT USER COMMAND
    ssh_peer.py server METHOD REALM

It writes lines of a word and something in Base64, and reads the same as answers. `reset`, `step`, `sign`, `verify` and
`user` ask for what GSS says; `output`, `refused` and `port` report and want no answer.
"""

import asyncio
import base64
import sys

import asyncssh
from asyncssh import connection
from asyncssh.gss import GSSError

# The object identifier of krb5 in DER.
KRB5 = bytes.fromhex("06092a864886f712010202")
GSS_S_FAILURE = 13 << 16


def say(word, message):
    print(word, base64.b64encode(message).decode(), flush=True)


def ask(word, message=b""):
    say(word, message)
    word, answer = sys.stdin.readline().rstrip("\n").split(" ")
    return word, base64.b64decode(answer)


class GssElsewhere:
    """What asyncssh takes for a library."""

    mechs = [KRB5]
    provides_mutual_auth = True
    provides_integrity = True

    def __init__(self, host, delegate_creds=False):
        self.host = "host/" + host
        self.complete = False

    @property
    def user(self):
        return ask("user")[1].decode()

    def reset(self):
        self.complete = False
        ask("reset")

    def step(self, token=None):
        word, answer = ask("step", token or b"")
        if word == "refused":
            raise GSSError(GSS_S_FAILURE, 0, token=answer or None)
        self.complete = word == "done"
        return answer or None

    def sign(self, data):
        return ask("sign", data)[1]

    def verify(self, data, signature):
        word, _ = ask("verify", len(data).to_bytes(4, "big") + data + signature)
        return word == "done"


async def client(method, port, user, command):
    try:
        async with asyncssh.connect(
            "127.0.0.1",
            int(port),
            username=user,
            gss_host="localhost",
            gss_auth=True,
            gss_kex=method == "gssapi-keyex",
            gss_delegate_creds=True,
            preferred_auth=[method],
            known_hosts=None,
            client_keys=None,
            agent_path=None,
            config=None,
        ) as session:
            finished = await session.run(command)
            say("output", finished.stdout.encode())
    except (asyncssh.Error, OSError) as error:
        say("refused", f"{type(error).__name__}: {error}".encode())


def greet(process):
    process.stdout.write("hello " + process.get_extra_info("username") + "\n")
    process.exit(0)


async def server(method, realm):
    class Door(asyncssh.SSHServer):
        def begin_auth(self, username):
            return True

        def connection_lost(self, error):
            say("output", str(error).encode())

        def validate_gss_principal(self, username, user_principal, host_principal):
            return user_principal == username + "@" + realm

    by_key_exchange = method == "gssapi-keyex"
    # With a host's key there is one message more in the exchange, at which Debian's ssh 9.2 fails.
    keys = [] if by_key_exchange else [asyncssh.generate_private_key("ssh-ed25519")]
    listener = await asyncssh.create_server(
        Door,
        "127.0.0.1",
        0,
        server_host_keys=keys,
        gss_host="localhost",
        gss_auth=True,
        gss_kex=by_key_exchange,
        process_factory=greet,
        config=None,
    )
    say("port", str(listener.sockets[0].getsockname()[1]).encode())
    await listener.wait_closed()


connection.GSSClient = GssElsewhere
connection.GSSServer = GssElsewhere
role, *arguments = sys.argv[1:]
asyncio.run({"client": client, "server": server}[role](*arguments))
