#!/usr/bin/env bash
# nginx 1.22.1 and Varnish 7.1.1 of Debian 12: with proxy_cache and proxy_cache_valid alone nginx stores the answer to
# a request with Authorization and gives it to the next caller, though it carries no Cache-Control. RFC 9111, section
# 3.5: a shared cache must not, unless the answer allows it (public, s-maxage, must-revalidate). Varnish's built-in
# rules pass such requests by. nginx looks at the answer alone, so the application behind it must say "private".
#
# Seen (callers a, b and one without Authorization, in this order):
#   nginx, no Cache-Control: 'Bearer a', 'Bearer a', 'Bearer a'
#   nginx, private: 'Bearer a', 'Bearer b', None
#   varnish, no Cache-Control: 'Bearer a', 'Bearer b', None
#
# Needs python3, nginx and varnishd. Exits 1 if that changes, 2 where one of them is missing.
set -euo pipefail
for tool in nginx varnishd; do command -v "$tool" > /dev/null || { echo "no $tool"; exit 2; }; done
folder=$(mktemp -d)
chmod 755 "$folder" # nginx's and Varnish's workers are other users
started=()
trap 'for each in "${started[@]}"; do kill "$each"; wait "$each" || true; done; rm -rf "$folder"' EXIT
cd "$folder"
cat > behind.py <<'PY'
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Caller(BaseHTTPRequestHandler):
    def do_GET(self):
        body = repr(self.headers["Authorization"]).encode()
        self.send_response(200)
        if self.path == "/private":
            self.send_header("Cache-Control", "private")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Caller).serve_forever()
PY
cat > ask.py <<'PY'
import sys
import time
from http.client import HTTPConnection


def asked(path, headers):
    line = HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
    line.request("GET", path, headers=headers)
    answer = line.getresponse()
    assert answer.status == 200, answer.status
    return answer.read().decode()


until = time.monotonic() + 60
while True:
    try:
        asked("/ready", {})
        break
    except (AssertionError, OSError):  # it, or what is behind it, does not listen yet
        assert time.monotonic() < until, "no server"
        time.sleep(0.1)
callers = {"Authorization": "Bearer a"}, {"Authorization": "Bearer b"}, {}
print(", ".join(asked(sys.argv[2], headers) for headers in callers))
PY
port() { python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])'; }
behind=$(port)
nginx=$(port)
varnish=$(port)
cat > nginx.conf <<CONF
daemon off;
pid $folder/nginx.pid;
error_log $folder/nginx.log;
events {}
http {
  access_log off;
  proxy_cache_path $folder/cache keys_zone=answers:1m;
  server {
    listen 127.0.0.1:$nginx;
    location / {
      proxy_pass http://127.0.0.1:$behind;
      proxy_cache answers;
      proxy_cache_valid 200 1m;
    }
  }
}
CONF
python3 behind.py "$behind" &
started+=($!)
nginx -e "$folder/nginx.log" -c "$folder/nginx.conf" &
started+=($!)
varnishd -F -n "$folder/varnish" -a "127.0.0.1:$varnish" -b "127.0.0.1:$behind" -s malloc,16m > varnish.log 2>&1 &
started+=($!)
{
  echo "nginx, no Cache-Control: $(python3 ask.py "$nginx" /)"
  echo "nginx, private: $(python3 ask.py "$nginx" /private)"
  echo "varnish, no Cache-Control: $(python3 ask.py "$varnish" /)"
} > seen
cat seen
diff seen - <<'SEEN'
nginx, no Cache-Control: 'Bearer a', 'Bearer a', 'Bearer a'
nginx, private: 'Bearer a', 'Bearer b', None
varnish, no Cache-Control: 'Bearer a', 'Bearer b', None
SEEN
