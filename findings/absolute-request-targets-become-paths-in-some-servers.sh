#!/usr/bin/env bash
# uvicorn 0.54.0 with h11 0.16.0 or httptools 0.9.0, hypercorn 0.18.0, granian 2.8.9, gunicorn 27.0.1, Python 3.11:
# of `GET http://localhost/notes HTTP/1.1`, which every server must accept (RFC 9112, section 3.2.2), uvicorn with h11
# and hypercorn hand the whole URI to the application as its path, which then knows no such page. uvicorn with
# httptools, granian and gunicorn hand over the path of it.
#
# Seen:
#   uvicorn --http h11: http://localhost/notes
#   hypercorn: http://localhost/notes
#   uvicorn --http httptools: /notes
#   granian: /notes
#   gunicorn: /notes
#
# Exits with another code than 0 if that changes.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --no-compile --quiet --disable-pip-version-check \
  uvicorn==0.54.0 httptools==0.9.0 h11==0.16.0 hypercorn==0.18.0 granian==2.8.9 gunicorn==27.0.1
cat > house.py <<'PY'
async def asgi(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    path = scope["path"].encode()
    head = [(b"content-length", str(len(path)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": path})


def wsgi(environ, start_response):
    path = environ["PATH_INFO"].encode()
    start_response("200 OK", [("Content-Length", str(len(path)))])
    return [path]
PY
cat > ask.py <<'PY'
import sys
import time
from http.client import HTTPConnection

until = time.monotonic() + 60
while True:
    line = HTTPConnection("127.0.0.1", int(sys.argv[1]))
    try:
        line.request("GET", "http://localhost/notes", headers={"Host": "localhost", "Connection": "close"})
        break
    except ConnectionRefusedError:  # it does not listen yet
        assert time.monotonic() < until, "no server"
        time.sleep(0.1)
answer = line.getresponse()
assert answer.status == 200
print(answer.read().decode())
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
behind "uvicorn --http h11" uvicorn --http h11 --port "$port" house:asgi
behind hypercorn hypercorn --bind "127.0.0.1:$port" house:asgi
behind "uvicorn --http httptools" uvicorn --http httptools --port "$port" house:asgi
behind granian granian --interface asgi --port "$port" house:asgi
behind gunicorn gunicorn --bind "127.0.0.1:$port" house:wsgi
cat seen
diff seen - <<'SEEN'
uvicorn --http h11: http://localhost/notes
hypercorn: http://localhost/notes
uvicorn --http httptools: /notes
granian: /notes
gunicorn: /notes
SEEN
