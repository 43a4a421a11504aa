#!/usr/bin/env bash
# granian 2.8.9, gunicorn 27.0.1, Python 3.11: a header value with one byte beyond ASCII (obs-text, which RFC 9110,
# section 5.5, lets a value hold) reaches a WSGI application of granian as '': present and empty, with no line about
# it in the log. PEP 3333 wants it decoded as Latin-1, as gunicorn does and as granian's own ASGI interface hands the
# bytes over. `User-Agent: Café` is lost with every other character of it.
#
# Seen:
#   granian, wsgi: ''
#   granian, asgi: 'Café'
#   gunicorn: 'Café'
#
# Exits with another code than 0 if that changes.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --no-compile --quiet --disable-pip-version-check granian==2.8.9 gunicorn==27.0.1
cat > house.py <<'PY'
async def asgi(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    value = repr(dict(scope["headers"])[b"user-agent"].decode("latin-1")).encode()
    head = [(b"content-length", str(len(value)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": value})


def wsgi(environ, start_response):
    value = repr(environ["HTTP_USER_AGENT"]).encode()
    start_response("200 OK", [("Content-Length", str(len(value)))])
    return [value]
PY
cat > ask.py <<'PY'
import sys
import time
from http.client import HTTPConnection

until = time.monotonic() + 60
while True:
    line = HTTPConnection("127.0.0.1", int(sys.argv[1]))
    try:
        line.request("GET", "/", headers={"User-Agent": "Caf\xe9".encode("latin-1"), "Connection": "close"})
        break
    except ConnectionRefusedError:  # it does not listen yet
        assert time.monotonic() < until, "no server"
        time.sleep(0.1)
answer = line.getresponse()
assert answer.status == 200
sys.stdout.buffer.write(answer.read())
PY
port=$(venv/bin/python -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
behind() {
  local name=$1
  shift
  venv/bin/"$@" > log 2>&1 &
  server=$!
  echo "$name: $(venv/bin/python ask.py "$port")" >> seen
  kill "$server"
  wait "$server" || true
  server=
}
behind "granian, wsgi" granian --interface wsgi --port "$port" house:wsgi
if grep -i -e header -e agent -e error log; then exit 1; fi
behind "granian, asgi" granian --interface asgi --port "$port" house:asgi
behind gunicorn gunicorn --bind "127.0.0.1:$port" house:wsgi
cat seen
diff seen - <<'SEEN'
granian, wsgi: ''
granian, asgi: 'Café'
gunicorn: 'Café'
SEEN
