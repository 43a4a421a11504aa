#!/usr/bin/env bash
# uvicorn 0.54.0, httptools 0.9.0, h11 0.16.0, hypercorn 0.18.0, gunicorn 27.0.1, Python 3.11: uvicorn hands the blanks
# and tabs behind a header's value to the application where httptools is installed, and none where it is not (h11);
# hypercorn and gunicorn hand over none. RFC 9110, section 5.5: a parser must leave out such whitespace before the
# value is looked at. So whether `X-Key: abc ` is right depends on an optional package.
#
# Seen:
#   uvicorn --http httptools: 'abc \t'
#   uvicorn --http h11: 'abc'
#   hypercorn: 'abc'
#   gunicorn: 'abc'
#
# Exits with another code than 0 if that changes.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server"; wait "$server" || true; }; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --no-compile --quiet --disable-pip-version-check \
  uvicorn==0.54.0 httptools==0.9.0 h11==0.16.0 hypercorn==0.18.0 gunicorn==27.0.1
cat > house.py <<'PY'
async def asgi(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    value = dict(scope["headers"])[b"x-key"].decode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": repr(value).encode()})


def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [repr(environ["HTTP_X_KEY"]).encode()]
PY
cat > ask.py <<'PY'
import socket
import sys
import time


def connected(line):
    try:
        line.connect(sys.argv[1])
    except OSError:  # it does not listen yet
        time.sleep(0.1)
        return False
    return True


with socket.socket(socket.AF_UNIX) as line:
    until = time.monotonic() + 60
    while not connected(line):
        assert time.monotonic() < until, "no server"
    line.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Key:  \t abc \t\r\nConnection: close\r\n\r\n")
    answer = b"".join(iter(lambda: line.recv(4096), b"")).decode()
print(answer[answer.index("'") : answer.rindex("'") + 1])
PY
behind() {
  local name=$1
  shift
  "$@" 2> log &
  server=$!
  echo "$name: $(venv/bin/python ask.py socket)" >> seen
  kill "$server"
  wait "$server" || true
  server=
  rm -f socket
}
behind "uvicorn --http httptools" venv/bin/uvicorn --log-level error --uds socket --http httptools house:asgi
behind "uvicorn --http h11" venv/bin/uvicorn --log-level error --uds socket --http h11 house:asgi
behind hypercorn venv/bin/hypercorn --bind unix:socket --log-level error house:asgi
behind gunicorn venv/bin/gunicorn --bind unix:socket --log-level error house:wsgi
cat seen
diff seen - <<'SEEN'
uvicorn --http httptools: 'abc \t'
uvicorn --http h11: 'abc'
hypercorn: 'abc'
gunicorn: 'abc'
SEEN
