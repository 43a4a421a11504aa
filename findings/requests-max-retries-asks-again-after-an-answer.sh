#!/usr/bin/env bash
# requests 2.34.2 with urllib3 2.8.0, Python 3.11: HTTPAdapter(max_retries=2) sends a request again that was answered.
# Its documentation says that the number "applies only to failed DNS lookups, socket connections and connection
# timeouts, never to requests where data has made it to the server". But the number becomes urllib3's Retry(2), which
# takes every 413, 429 and 503 with Retry-After for a reason to sleep for that long and to ask again, DELETE and PUT
# too, whatever its status_forcelist says; POST and PATCH are not sent again. Retry(connect=2) has no effect on it:
# with the ten of its total it asks eleven times. So a client with max_retries counts several times against a limit.
#
# Seen:
#   requests, no adapter, GET: asked 1 time
#   requests, max_retries=2, GET: asked 3 times
#   requests, max_retries=2, DELETE: asked 3 times
#   requests, max_retries=2, POST: asked 1 time
#   urllib3, Retry(2, status_forcelist=[500]), GET: asked 3 times
#   urllib3, Retry(connect=2), GET: asked 11 times
#
# Exits with another code than 0 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check requests==2.34.2 urllib3==2.8.0
cat > seen.py <<'PY'
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
import urllib3
from requests.adapters import HTTPAdapter

asked = 0


class Limited(BaseHTTPRequestHandler):
    def answer(self):
        global asked
        asked += 1
        self.send_response(429)
        self.send_header("Retry-After", "1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_DELETE = do_POST = answer

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Limited)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/"


def times(what, ask):
    global asked
    asked = 0
    assert getattr(ask(), "status_code", 429) == 429
    print(f"{what}: asked {asked} time{'s' if asked > 1 else ''}")


assert "never to requests where data has made it to the server" in " ".join(HTTPAdapter.__doc__.split())
plain, patient, pool = requests.Session(), requests.Session(), urllib3.PoolManager()
patient.mount("http://", HTTPAdapter(max_retries=2))
plain.trust_env = patient.trust_env = False
times("requests, no adapter, GET", lambda: plain.get(url))
for method in ("GET", "DELETE", "POST"):
    times(f"requests, max_retries=2, {method}", lambda: patient.request(method, url))
listed = urllib3.Retry(2, status_forcelist=[500])
times("urllib3, Retry(2, status_forcelist=[500]), GET", lambda: pool.request("GET", url, retries=listed))
connects = urllib3.Retry(connect=2)
times("urllib3, Retry(connect=2), GET", lambda: pool.request("GET", url, retries=connects))
PY
venv/bin/python seen.py > seen
cat seen
diff seen - <<'SEEN'
requests, no adapter, GET: asked 1 time
requests, max_retries=2, GET: asked 3 times
requests, max_retries=2, DELETE: asked 3 times
requests, max_retries=2, POST: asked 1 time
urllib3, Retry(2, status_forcelist=[500]), GET: asked 3 times
urllib3, Retry(connect=2), GET: asked 11 times
SEEN
