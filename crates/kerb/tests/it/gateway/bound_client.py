"""Shows a ticket that is bound to the TLS channel, with MIT's library, and prints what the gateway says.

Arguments: the port, the authority's file, the name of the channel (none, end-point, exporter, elsewhere), the path.
"""
import base64
import hashlib
import re
import socket
import ssl
import subprocess
import sys

import gssapi
from gssapi.raw import ChannelBindings

PORT, AUTHORITY, CHANNEL, PATH = int(sys.argv[1]), *sys.argv[2:5]
SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")


def request(data):
    service = gssapi.Name("HTTP@localhost", gssapi.NameType.hostbased_service)
    bindings = ChannelBindings(application_data=data) if data else None
    context = gssapi.SecurityContext(
        name=service, mech=SPNEGO, usage="initiate", channel_bindings=bindings
    )
    token = base64.b64encode(context.step()).decode()
    lines = [
        f"GET {PATH} HTTP/1.1",
        "Host: localhost",
        "Accept: application/json",
        f"Authorization: Negotiate {token}",
        "Connection: close",
    ]
    return "\r\n".join(lines + ["", ""]).encode()


def with_end_point():
    context = ssl.create_default_context(cafile=AUTHORITY)
    stream = context.wrap_socket(socket.create_connection(("127.0.0.1", PORT)), server_hostname="localhost")
    seen = b"" if CHANNEL == "elsewhere" else stream.getpeercert(True)
    data = b"tls-server-end-point:" + hashlib.sha256(seen).digest()
    stream.sendall(request(None if CHANNEL == "none" else data))
    answer = b""
    while piece := stream.recv(65536):
        answer += piece
    return answer


def with_exporter():
    client = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{PORT}", "-tls1_3", "-servername", "localhost", "-CAfile", AUTHORITY,
         "-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32", "-ign_eof"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )
    key = None
    while key is None:
        key = re.search(rb"Keying material: ([0-9A-F]{64})", client.stdout.readline())
    client.stdin.write(request(b"tls-exporter:" + bytes.fromhex(key.group(1).decode())))
    client.stdin.flush()
    answer = client.stdout.read()
    return answer[answer.index(b"HTTP/1.1 "):]


answer = with_exporter() if CHANNEL == "exporter" else with_end_point()
status = answer.split(b" ")[1].decode()
bound = re.search(rb'"channel_bound": ?(\w+)', answer)
print(status, bound.group(1).decode() if bound else "-")
