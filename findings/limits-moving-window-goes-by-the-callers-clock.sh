#!/usr/bin/env bash
# limits 5.8.0 with redis-py 8.1.0 and a Redis 7 of the system: a moving window that hosts share in Redis
# is measured by the clock of whichever host asks (time.time() is handed to the script), while a fixed
# window is measured by Redis's own. After one request of a host whose clock is an hour ahead the others
# are told to wait for an hour and a minute, on a limit of a minute.
#
# Seen:
#   fixed window: resets in 60 s
#   moving window: resets in 3660 s
#
# Needs python3 with venv, pip's index and redis-server. Exits 1 if that changes, 2 without redis-server.
set -euo pipefail
command -v redis-server >/dev/null || { echo "no redis-server"; exit 2; }
folder=$(mktemp -d)
cd "$folder"
redis=
trap '[ -z "$redis" ] || kill "$redis"; rm -rf "$folder"' EXIT
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check limits==5.8.0 redis==8.1.0
redis-server --unixsocket "$folder/redis.sock" --port 0 --save "" --dir "$folder" >/dev/null &
redis=$!
for _ in $(seq 100); do [ ! -S "$folder/redis.sock" ] || break; sleep 0.1; done
venv/bin/python - "$folder/redis.sock" >seen <<'PYTHON'
import sys
import time

from limits import RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

storage = RedisStorage(f"redis+unix://{sys.argv[1]}")
limit = RateLimitItemPerMinute(1)
right = time.time
for name, kind in (("fixed", FixedWindowRateLimiter), ("moving", MovingWindowRateLimiter)):
    strategy = kind(storage)
    time.time = lambda: right() + 3600  # the host that is ahead
    assert strategy.hit(limit, name)
    time.time = right
    assert not strategy.hit(limit, name)
    left = strategy.get_window_stats(limit, name).reset_time - right()
    print(f"{name} window: resets in {round(left / 60) * 60} s")
PYTHON
cat seen
diff seen - <<'SEEN'
fixed window: resets in 60 s
moving window: resets in 3660 s
SEEN
