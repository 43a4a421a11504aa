"""The proxies that are tried in front of a server, each with the lines that docs/servers.md shows.

Values alone. A configuration listens on {port}, and with TLS by {pem} on {tls}; the server is at
{behind}.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.servers.rows import GRANIAN, GUNICORN, UVICORN, WSGI

NO_HEADERS = ("--forwarded-allow-ips", "")

NGINX_LINES = """\
proxy_set_header Host $http_host;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Proto $scheme;"""
NGINX = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    listen 127.0.0.1:{tls} ssl;
    ssl_certificate {pem};
    ssl_certificate_key {pem};
    location / {{
      proxy_pass http://{behind};
      {lines}
    }}
  }}
}}
"""
APACHE_LINES = """\
ProxyPreserveHost On
RequestHeader set X-Forwarded-Proto expr=%{REQUEST_SCHEME}"""
APACHE = """
ServerRoot {folder}
ServerName localhost
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
Listen 127.0.0.1:{port}
Listen 127.0.0.1:{tls}
ProxyPass / http://{behind}/
{lines}
<VirtualHost 127.0.0.1:{tls}>
SSLEngine on
SSLCertificateFile {pem}
ProxyPass / http://{behind}/
{lines}
</VirtualHost>
"""
HAPROXY_LINES = """\
option forwardfor
http-request set-header X-Forwarded-Proto http
http-request set-header X-Forwarded-Proto https if { ssl_fc }"""
HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen app
  bind 127.0.0.1:{port}
  bind 127.0.0.1:{tls} ssl crt {pem}
  {lines}
  server app {behind}
"""
HAPROXY_PROXY = """
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
listen plain
  bind 127.0.0.1:{port}
  {lines}
"""
CADDY = """
{{
  admin off
  auto_https off
}}
http://127.0.0.1:{port} {{
  {lines}
}}
https://127.0.0.1:{tls} {{
  tls {pem} {pem}
  {lines}
}}
"""
LIGHTTPD = """
server.document-root = "{folder}"
server.errorlog = "{folder}/error.log"
server.bind = "127.0.0.1"
server.port = {port}
server.modules = ("mod_proxy")
{lines}
"""
VARNISH = """
vcl 4.1;
backend default {{ .host = "{host}"; .port = "{number}"; }}
sub vcl_recv {{
  {lines}
}}
"""
SQUID = """
http_port 127.0.0.1:{port} accel defaultsite=localhost no-vhost
http_access allow all
{lines}
pid_filename none
cache_log {folder}/cache.log
access_log none
coredump_dir {folder}
"""
SQUID_LINES = """\
cache_peer {host} parent {number} 0 no-query originserver login=PASSTHRU
request_header_access X-Forwarded-Proto deny all
request_header_add X-Forwarded-Proto http"""


@dataclass(frozen=True)
class Proxy:
    """One proxy, its configuration, and the server behind it.

    Attributes:
        name: the proxy, and what is special.
        program: its program.
        lines: the lines of its configuration that matter, as the documentation shows them.
        config: the whole configuration, with {lines}.
        arguments: the program's; {config} is the file.
        tls: it ends TLS here.
        server: the command of the server behind it.
        socket: how the server is told of a Unix socket, with {} for its path; "": it has a port.
        trusted: TRUSTED_PROXIES of the project.
    """

    name: str
    program: str
    lines: str
    config: str
    arguments: tuple[str, ...]
    tls: bool = True
    server: tuple[str, ...] = (*GUNICORN, *NO_HEADERS)
    socket: str = ""
    trusted: str = "127.0.0.1/32"


_NGINX = ("-p", "{folder}", "-c", "{config}")
PROXIES = (
    Proxy("nginx", "nginx", NGINX_LINES, NGINX, _NGINX),
    Proxy(
        "nginx, uvicorn",
        "nginx",
        NGINX_LINES,
        NGINX,
        _NGINX,
        server=(*UVICORN, "--no-proxy-headers"),
    ),
    Proxy("nginx, granian", "nginx", NGINX_LINES, NGINX, _NGINX, server=(*GRANIAN, "wsgi", WSGI)),
    Proxy(
        "nginx, gunicorn on a Unix socket",
        "nginx",
        NGINX_LINES,
        NGINX,
        _NGINX,
        socket="unix:{}",
        trusted="unix",
    ),
    Proxy(
        "nginx, uvicorn on a Unix socket",
        "nginx",
        NGINX_LINES,
        NGINX,
        _NGINX,
        server=("uvicorn", UVICORN[1], "--uds", "{at}", "--no-proxy-headers"),
        socket="{}",
        trusted="unix",
    ),
    Proxy("Apache", "apache2", APACHE_LINES, APACHE, ("-DFOREGROUND", "-f", "{config}")),
    Proxy("haproxy", "haproxy", HAPROXY_LINES, HAPROXY, ("-f", "{config}")),
    Proxy(
        "haproxy, PROXY protocol",
        "haproxy",
        "server app {host}:{number} send-proxy",
        HAPROXY_PROXY,
        ("-f", "{config}"),
        tls=False,
        server=(*GUNICORN, *NO_HEADERS, "--proxy-protocol"),
        trusted="",
    ),
    Proxy(
        "caddy",
        "caddy",
        "reverse_proxy {host}:{number}",
        CADDY,
        ("run", "--adapter", "caddyfile", "--config", "{config}"),
    ),
    Proxy(
        "lighttpd",
        "lighttpd",
        'proxy.server = ("" => (("host" => "{host}", "port" => {number})))',
        LIGHTTPD,
        ("-D", "-f", "{config}"),
        tls=False,
    ),
    Proxy(
        "Varnish",
        "varnishd",
        'set req.http.X-Forwarded-Proto = "http";',
        VARNISH,
        ("-F", "-j", "none", "-n", "{folder}/v", "-a", "127.0.0.1:{port}", "-f", "{config}"),
        tls=False,
    ),
    Proxy("squid", "squid", SQUID_LINES, SQUID, ("-N", "-f", "{config}"), tls=False),
)
