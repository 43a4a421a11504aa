#!/usr/bin/env bash
# uvicorn 0.54.0, gunicorn 27.0.1, hypercorn 0.18.0, granian 2.8.9, Python 3.11: after a graceful stop by SIGTERM
# uvicorn never runs the application's atexit functions: it finishes requests and the lifespan, then raises the signal
# anew with the handler that was there before, which ends the process on the spot (exit code 143). granian's workers
# end without them too, with code 0. gunicorn and hypercorn run them. What an application writes at exit is lost at
# every deploy, though the server logs a clean stop; lifespan.shutdown is the only call that uvicorn makes.
#
# Seen:
#   uvicorn: exit code 143, lifespan.shutdown
#   granian: exit code 0, lifespan.shutdown
#   hypercorn: exit code 0, lifespan.shutdown, atexit
#   gunicorn: exit code 0, atexit
#
# Exits with another code than 0 if that changes.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --no-compile --quiet --disable-pip-version-check \
  uvicorn==0.54.0 granian==2.8.9 hypercorn==0.18.0 gunicorn==27.0.1
cat > house.py <<'PY'
import atexit


def note(what):
    with open("notes", "a") as notes:
        notes.write(f", {what}")


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        note("lifespan.shutdown")
        await send({"type": "lifespan.shutdown.complete"})
        return
    atexit.register(note, "atexit")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"registered"})


def wsgi(environ, start_response):
    atexit.register(note, "atexit")
    start_response("200 OK", [])
    return [b"registered"]
PY
cat > ask.py <<'PY'
import sys
import time
from http.client import HTTPConnection

until = time.monotonic() + 60
while True:
    line = HTTPConnection("127.0.0.1", int(sys.argv[1]))
    try:
        line.request("GET", "/", headers={"Connection": "close"})
        break
    except ConnectionRefusedError:  # it does not listen yet
        assert time.monotonic() < until, "no server"
        time.sleep(0.1)
assert line.getresponse().read() == b"registered"
PY
port=$(venv/bin/python -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
stopped() {
  local name=$1 code=0
  shift
  : > notes
  venv/bin/"$name" "$@" 2> log > log &
  server=$!
  venv/bin/python ask.py "$port"
  kill -TERM "$server"
  wait "$server" || code=$?
  server=
  echo "$name: exit code $code$(cat notes)" >> seen
}
stopped uvicorn --port "$port" house:asgi
stopped granian --interface asgi --port "$port" house:asgi
stopped hypercorn --bind "127.0.0.1:$port" house:asgi
stopped gunicorn --bind "127.0.0.1:$port" house:wsgi
cat seen
diff seen - <<'SEEN'
uvicorn: exit code 143, lifespan.shutdown
granian: exit code 0, lifespan.shutdown
hypercorn: exit code 0, lifespan.shutdown, atexit
gunicorn: exit code 0, atexit
SEEN
