#!/usr/bin/env bash
# redis-py 8.1.0 and a Redis 7 of the system, Python 3.11: by default a command whose answer did not come within
# socket_timeout is sent again, up to ten times, INCR as well as GET. A Redis that was merely late has then carried
# out one incr() twice, and the caller is told 2. 5.3.1 tried once; retry_on_timeout=False, which still is a
# parameter, changes nothing any more, only retry= does. The same makes socket_timeout no bound of a call: where
# nobody answers, a call with 0.1 s ends after more than eleven times that, and the pauses between the tries.
#
# Seen:
#   default: incr() says 2, Redis has 2
#   retry_on_timeout=False: incr() says 2, Redis has 2
#   retry=Retry(NoBackoff(), 0): incr() says TimeoutError, Redis has 1
#   nobody answers, socket_timeout 0.1 s: TimeoutError after 11 connections
#
# Needs python3 with venv, pip's index and redis-server. Exits 1 if that changes, 2 without redis-server.
set -euo pipefail
command -v redis-server >/dev/null || { echo "no redis-server"; exit 2; }
folder=$(mktemp -d)
redis=
trap '[ -z "$redis" ] || kill "$redis"; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --no-compile --quiet --disable-pip-version-check redis==8.1.0
redis-server --unixsocket "$folder/redis.sock" --port 0 --save "" --dir "$folder" >/dev/null &
redis=$!
for _ in $(seq 100); do [ ! -S "$folder/redis.sock" ] || break; sleep 0.1; done
cat > seen.py <<'PYTHON'
import socket
import sys
import threading
import time
import warnings

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

warnings.simplefilter("ignore", DeprecationWarning)
BUSY = """
local function now() local t = redis.call('TIME') return t[1] + t[2] / 1000000 end
local stop = now() + 2
while now() < stop do end
"""


def late(what, **options):
    """One INCR while Redis is busy for two seconds, by a client that waits for half a second."""
    other = Redis(unix_socket_path=sys.argv[1], socket_timeout=60)
    client = Redis(unix_socket_path=sys.argv[1], socket_timeout=0.5, **options)
    other.delete("counter")
    client.ping()
    connection = other.connection_pool.get_connection()
    connection.send_command("EVAL", BUSY, 0)  # sent, its answer is read below
    time.sleep(0.1)
    try:
        said = client.incr("counter")
    except RedisError as error:
        said = type(error).__name__
    connection.read_response()
    print(f"{what}: incr() says {said}, Redis has {int(other.get('counter'))}")


def mute():
    """One GET of a server that takes connections and says nothing."""
    taken = 0

    def take():
        nonlocal taken
        while True:
            kept.append(listener.accept())
            taken += 1

    kept = []
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=take, daemon=True).start()
    started = time.monotonic()
    try:
        Redis(port=listener.getsockname()[1], socket_timeout=0.1).get("key")
    except RedisError as error:
        assert time.monotonic() - started > 11 * 0.1
        print(f"nobody answers, socket_timeout 0.1 s: {type(error).__name__} after {taken} connections")


late("default")
late("retry_on_timeout=False", retry_on_timeout=False)
late("retry=Retry(NoBackoff(), 0)", retry=Retry(NoBackoff(), 0))
mute()
PYTHON
venv/bin/python seen.py "$folder/redis.sock" > seen
cat seen
diff seen - <<'SEEN'
default: incr() says 2, Redis has 2
retry_on_timeout=False: incr() says 2, Redis has 2
retry=Retry(NoBackoff(), 0): incr() says TimeoutError, Redis has 1
nobody answers, socket_timeout 0.1 s: TimeoutError after 11 connections
SEEN
