"""A small service behind keystonemiddleware: says who asks."""

import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

from keystonemiddleware import auth_token

PORT, URL, USER, PASSWORD = sys.argv[1:]


def service(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["{HTTP_X_USER_NAME} {HTTP_X_PROJECT_NAME} {HTTP_X_ROLES}".format(**environ).encode()]


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


guarded = auth_token.AuthProtocol(
    service,
    {
        "auth_type": "v3password",
        "auth_url": URL,
        "username": USER,
        "password": PASSWORD,
        "user_domain_id": "default",
        "project_name": "admin",
        "project_domain_id": "default",
        "www_authenticate_uri": URL,
        "service_type": "compute",
        "service_token_roles_required": True,
        "token_cache_time": -1,
        "interface": "public",
    },
)
make_server("127.0.0.1", int(PORT), guarded, handler_class=Quiet).serve_forever()
