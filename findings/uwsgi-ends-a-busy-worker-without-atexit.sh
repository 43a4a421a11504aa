#!/usr/bin/env bash
# uWSGI 2.0.30 (pyuwsgi), Python 3.11: SIGINT to the master, or SIGTERM with --die-on-term, ends a worker that has a
# request at that moment on the spot, and runs none of the application's atexit functions then; for a worker that waits it
# runs them. The log is the same in both cases, and the exit code 0. So what an application writes at exit is lost now and
# then, the more the busier it is. "q" written to the master's FIFO lets the request end first, and runs them.
#
# Seen:
#   SIGINT, worker waits: exit code 0, atexit
#   SIGINT, worker has a request: exit code 0
#   SIGTERM, worker has a request: exit code 0
#   q, worker has a request: exit code 0, atexit, answered
#
# Exits with another code than 0 if that changes.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -KILL "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --no-compile --quiet --disable-pip-version-check pyuwsgi==2.0.30.post1
cat > house.py <<'PY'
import atexit
import pathlib
import time


def note(what):
    with open("notes", "a") as notes:
        notes.write(f", {what}")


def application(environ, start_response):
    if environ["PATH_INFO"] == "/begin":
        atexit.register(note, "atexit")
    else:
        pathlib.Path("busy").touch()
        time.sleep(2)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
PY
cat > ask.py <<'PY'
import sys
import time
from http.client import HTTPConnection

until = time.monotonic() + 60
while True:
    line = HTTPConnection("127.0.0.1", int(sys.argv[1]))
    try:
        line.request("GET", sys.argv[2], headers={"Connection": "close"})
        break
    except ConnectionRefusedError:  # it does not listen yet
        assert time.monotonic() < until, "no server"
        time.sleep(0.1)
assert line.getresponse().read() == b"ok"
PY
port=$(venv/bin/python -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
# stopped WORD BUSY
stopped() {
  local code=0 client=
  rm -f notes busy fifo
  : > notes
  venv/bin/uwsgi --http-socket "127.0.0.1:$port" --module house --master --die-on-term --master-fifo fifo > log 2>&1 &
  server=$!
  venv/bin/python ask.py "$port" /begin
  sleep 1
  if [ "$2" = "has a request" ]; then
    venv/bin/python ask.py "$port" /slow 2> /dev/null &
    client=$!
    until [ -e busy ]; do sleep 0.1; done
  fi
  if [ "$1" = q ]; then echo -n q > fifo; else kill "-${1#SIG}" "$server"; fi
  wait "$server" || code=$?
  server=
  [ -z "$client" ] || { wait "$client" && echo -n ", answered" >> notes; } || true
  echo "$1, worker $2: exit code $code$(cat notes)" >> seen
}
stopped SIGINT waits
stopped SIGINT "has a request"
stopped SIGTERM "has a request"
stopped q "has a request"
cat seen
diff seen - <<'SEEN'
SIGINT, worker waits: exit code 0, atexit
SIGINT, worker has a request: exit code 0
SIGTERM, worker has a request: exit code 0
q, worker has a request: exit code 0, atexit, answered
SEEN
