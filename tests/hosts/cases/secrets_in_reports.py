"""What tools for faults and traces are sent of keys, with the lines of the page."""

from __future__ import annotations

import json
import re

from tests.hosts import canary
from tests.hosts.host import Host
from tests.hosts.kept import BLOCKS, host, rows, travel
from tests.hosts.visit import Visit

# Sentry ------------------------------------------------------------------------------------------

KEEPS = """
import sentry_sdk
from sentry_sdk.transport import Transport

heard = []


class Keeps(Transport):
    def capture_envelope(self, envelope):
        heard.append(envelope.serialize().decode())
"""
SENTRY = """
import functools, os
from mysite import keeps
os.environ["SENTRY_DSN"] = "https://public@sentry.example/1"
_init = keeps.sentry_sdk.init
keeps.sentry_sdk.init = lambda **given: _init(
    transport=keeps.Keeps, traces_sample_rate=1.0, enable_logs=True,
    max_request_body_size="always", include_local_variables=True, {more} **given
)
"""

STREAMED = """
    send_default_pii=True, trace_lifecycle="stream",
    before_send_span=__import__("apikeys.scrubbing").scrubbing.before_send,
"""


def sent(visit: Visit) -> str:
    import sentry_sdk
    from mysite import keeps

    sentry_sdk.flush()
    text = "".join(keeps.heard)
    assert re.search(r'"type":"(transaction|span)"', text), "Sentry was sent no spans"
    assert "this view fails" in text, "Sentry was sent no error"
    assert '"vars"' in text, "Sentry was sent no variables"
    return text


def _sentry_host(name: str, more: str, kind: str) -> Host:
    return host(
        name,
        SENTRY.replace("{more}", more) + BLOCKS["sentry"],
        travel(sent, kind=kind),
        "sentry-sdk",
        files={"mysite/keeps.py": KEEPS},
    )


# OpenTelemetry -----------------------------------------------------------------------------------

OTEL = """
import os
os.environ["OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST"] = ".*"
os.environ["OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE"] = ".*"
"""
OTEL_SPANS = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
"""
OTEL_DJANGO = """
from mysite import spans
from opentelemetry.instrumentation.django import DjangoInstrumentor
from django.core.{kind} import get_{kind}_application
import django
django.setup()
DjangoInstrumentor().instrument()
application = get_{kind}_application()
"""
OTEL_WSGI = """
from mysite import spans
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from django.core.wsgi import get_wsgi_application
application = OpenTelemetryMiddleware(get_wsgi_application())
"""
OTEL_ASGI = """
from mysite import spans
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from django.core.asgi import get_asgi_application
application = OpenTelemetryMiddleware(get_asgi_application())
"""


def _spans(visit: Visit) -> str:
    from mysite import spans

    text = "".join(span.to_json() for span in spans.exporter.get_finished_spans())
    assert "http.request.header.x_door" in text, text[-3000:]
    return text


def _otel_host(name: str, kind: str, server: str) -> Host:
    return host(
        name,
        OTEL + BLOCKS["opentelemetry"],
        travel(_spans, kind=kind),
        "opentelemetry-sdk",
        "opentelemetry-instrumentation-django",
        "opentelemetry-instrumentation-wsgi",
        "opentelemetry-instrumentation-asgi",
        files={"mysite/spans.py": OTEL_SPANS, f"mysite/{kind}.py": server},
    )


# The debug toolbar -------------------------------------------------------------------------------

TOOLBAR = """
DEBUG = True
INSTALLED_APPS += ["debug_toolbar"]
MIDDLEWARE = ["debug_toolbar.middleware.DebugToolbarMiddleware", *MIDDLEWARE]
INTERNAL_IPS = ["127.0.0.1"]
DEBUG_TOOLBAR_CONFIG = {"SHOW_TOOLBAR_CALLBACK": lambda request: True, "RESULTS_CACHE_SIZE": 500}
"""
TOOLBAR_URLS = (
    canary.URLS
    + """
urlpatterns.append(path("__debug__/", include("debug_toolbar.urls")))
"""
)


def _panels(visit: Visit) -> str:
    from debug_toolbar.store import get_store

    store = get_store()
    ids = list(store.request_ids())
    return "".join(json.dumps(dict(store.panels(one)), default=str) for one in ids)


# Elastic APM -------------------------------------------------------------------------------------

ELASTIC = """
INSTALLED_APPS += ["elasticapm.contrib.django"]
MIDDLEWARE = ["elasticapm.contrib.django.middleware.TracingMiddleware", *MIDDLEWARE]
"""
ELASTIC_KEEPS = """
import json
from elasticapm.transport.base import Transport

heard = []


class Keeps(Transport):
    def queue(self, event_type, data, flush=False):
        if data is not None:
            event = self._process_event(event_type, data)
            heard.append(json.dumps([event_type, event], default=str))

    def start_thread(self, pid=None):
        pass

    def flush(self):
        pass

    def close(self):
        pass
"""
ELASTIC_OFFLINE = """
ELASTIC_APM |= {
    "SERVICE_NAME": "host", "TRANSPORT_CLASS": "mysite.keeps.Keeps", "CAPTURE_BODY": "all",
    "TRANSACTION_SAMPLE_RATE": 1.0, "VERIFY_SERVER_CERT": False, "CLOUD_PROVIDER": False,
    "CENTRAL_CONFIG": False, "METRICS_INTERVAL": "0s", "DISABLE_SEND": False, "DEBUG": True,
}
"""


def _elastic(visit: Visit) -> str:
    from mysite import keeps

    text = "".join(keeps.heard)
    assert '"error"' in text, text[:500]
    assert '"transaction"' in text, text[:500]
    return text


def _silk_host(name: str, pages: str) -> Host:
    urls = canary.URLS.replace('include("dashboard.urls")', f'include("{pages}.urls")')
    first = f'INSTALLED_APPS[INSTALLED_APPS.index("dashboard")] = "{pages}"\n'
    return host(
        name,
        first + BLOCKS["silk"],
        travel(rows("silk.Request", "silk.Response", "silk.SQLQuery")),
        "django-silk",
        files={
            "mysite/urls.py": urls
            + 'urlpatterns.append(path("silk/", include("silk.urls", namespace="silk")))\n'
        },
    )


HOSTS = [
    _sentry_host("Sentry", "send_default_pii=False,", "wsgi"),
    _sentry_host("Sentry with send_default_pii", "send_default_pii=True,", "wsgi"),
    _sentry_host("Sentry under ASGI", "send_default_pii=True,", "asgi"),
    _sentry_host("Sentry with streamed spans", STREAMED, "wsgi"),
    _otel_host("OpenTelemetry in Django", "wsgi", OTEL_DJANGO.replace("{kind}", "wsgi")),
    _otel_host("OpenTelemetry in Django under ASGI", "asgi", OTEL_DJANGO.replace("{kind}", "asgi")),
    _otel_host("OpenTelemetry around WSGI", "wsgi", OTEL_WSGI),
    _otel_host("OpenTelemetry around ASGI", "asgi", OTEL_ASGI),
    _silk_host("silk", "dashboard"),
    _silk_host("silk, our pages by the second name", "apikeys_dashboard"),
    host(
        "the debug toolbar",
        TOOLBAR,
        travel(_panels, digests=False),
        "django-debug-toolbar",
        files={"mysite/wsgi.py": BLOCKS["wsgi"], "mysite/urls.py": TOOLBAR_URLS},
    ),
    host(
        "Elastic APM",
        ELASTIC + BLOCKS["elastic-apm"] + ELASTIC_OFFLINE,
        travel(_elastic),
        "elastic-apm",
        files={"mysite/keeps.py": ELASTIC_KEEPS},
    ),
]
