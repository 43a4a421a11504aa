"""What loggers of requests and tables of changes keep of keys, with the lines of the page."""

from __future__ import annotations

from tests.hosts import canary
from tests.hosts.kept import BLOCKS, host, rows, travel
from tests.hosts.visit import Visit

# Loggers of APIs and requests --------------------------------------------------------------------

DRF_API_LOGGER = """
INSTALLED_APPS += ["drf_api_logger"]
MIDDLEWARE += ["drf_api_logger.middleware.api_logger_middleware.APILoggerMiddleware"]
DRF_API_LOGGER_DATABASE = True
DRF_API_LOGGER_CONTENT_TYPES = ["application/problem+json", "text/html", "text/plain"]
"""


def _api_log(visit: Visit) -> str:
    import time

    from drf_api_logger.models import APILogsModel

    deadline = time.monotonic() + 40
    while APILogsModel.objects.count() < 20 and time.monotonic() < deadline:
        time.sleep(0.5)
    return rows("drf_api_logger.APILogsModel")(visit)


TRACKING_VIEWS = (
    canary.VIEWS
    + """
from apikeys import scrubbing
from mysite.tracking import Tracks


class DoorsView(Tracks, DoorsView):
    pass


class FailingView(Tracks, FailingView):
    pass


class FailingDoorsView(Tracks, FailingDoorsView):
    pass
"""
)
LOGGED = """
LOGGING["handlers"]["kept"] = {"class": "mysite.keeps.Keeps"}
LOGGING["root"] = {"handlers": ["kept"], "level": "DEBUG"}
LOGGING["loggers"]["django"] = {"level": "DEBUG", "propagate": True}
LOGGING["loggers"]["django.db.backends"] = {"level": "INFO"}
"""
LOG_KEEPS = """
import logging

heard = []


class Keeps(logging.Handler):
    def emit(self, record):
        heard.append(self.format(record))
"""
REQUEST_LOGGING = """
MIDDLEWARE = ["request_logging.middleware.LoggingMiddleware", *MIDDLEWARE]
"""


def _log(visit: Visit) -> str:
    from mysite import keeps

    return "\n".join(keeps.heard)


STRUCTLOG = """
INSTALLED_APPS += ["django_structlog"]
MIDDLEWARE += ["django_structlog.middlewares.RequestMiddleware"]
"""
STRUCTLOG_VIEWS = canary.VIEWS.replace(
    '        raise RuntimeError("this view fails")',
    "        import structlog\n"
    "        structlog.get_logger().info('asked', headers=headers, path=request.path)\n"
    '        raise RuntimeError("this view fails")',
).replace(
    "    headers = dict(request.headers)\n    raise",
    "    headers = dict(request.headers)\n"
    "    import structlog\n"
    "    structlog.get_logger().info('asked', headers=headers)\n    raise",
)
LOGURU_VIEWS = canary.VIEWS.replace(
    '        raise RuntimeError("this view fails")',
    "        from loguru import logger\n"
    "        logger.bind(headers=headers).info('asked {} with {}', request.path, headers)\n"
    '        raise RuntimeError("this view fails")',
)
LOGURU = """
from loguru import logger as _logger
from mysite import keeps
_logger.remove()
_logger.add(keeps.heard.append, format="{message} {extra}", level="DEBUG")
"""
JUST_A_LIST = "heard = []\n"

# Tables of changes -------------------------------------------------------------------------------

EASY_AUDIT = """
INSTALLED_APPS += ["easyaudit"]
MIDDLEWARE += ["easyaudit.middleware.easyaudit.EasyAuditMiddleware"]
"""
AUDITLOG = """
INSTALLED_APPS += ["auditlog"]
MIDDLEWARE += ["auditlog.middleware.AuditlogMiddleware"]
"""


def _register_with_auditlog(visit: Visit) -> None:
    from auditlog.registry import auditlog

    from apikeys.models import AccessToken

    auditlog.register(AccessToken)


PROMETHEUS = """
INSTALLED_APPS += ["django_prometheus"]
MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware", *MIDDLEWARE,
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
"""


def _metrics(visit: Visit) -> str:
    from prometheus_client import generate_latest

    return generate_latest().decode()


HOSTS = [
    host(
        "drf-api-logger",
        DRF_API_LOGGER + BLOCKS["drf-api-logger"],
        travel(_api_log),
        "drf-api-logger",
    ),
    host(
        "drf-api-tracking",
        'INSTALLED_APPS += ["rest_framework_tracking"]\n',
        travel(rows("rest_framework_tracking.APIRequestLog"), expects="/doors"),
        "drf-api-tracking",
        files={
            "mysite/views.py": TRACKING_VIEWS,
            "mysite/tracking.py": BLOCKS["drf-api-tracking"],
        },
    ),
    host(
        "django-request-logging",
        REQUEST_LOGGING + LOGGED + BLOCKS["django-request-logging"],
        travel(_log),
        "django-request-logging",
        files={"mysite/keeps.py": LOG_KEEPS},
    ),
    host(
        "django-structlog",
        STRUCTLOG + LOGGED + BLOCKS["structlog"],
        travel(_log),
        "django-structlog",
        files={"mysite/keeps.py": LOG_KEEPS, "mysite/views.py": STRUCTLOG_VIEWS},
    ),
    host(
        "loguru",
        LOGURU + BLOCKS["loguru"],
        travel(_log),
        "loguru",
        files={"mysite/keeps.py": JUST_A_LIST, "mysite/views.py": LOGURU_VIEWS},
    ),
    host(
        "django-easy-audit",
        EASY_AUDIT + BLOCKS["easy-audit"],
        travel(rows("easyaudit.RequestEvent", "easyaudit.CRUDEvent"), expects="On a page"),
        "django-easy-audit",
    ),
    host(
        "django-auditlog with tokens",
        AUDITLOG,
        travel(rows("auditlog.LogEntry"), expects="On a page", before=_register_with_auditlog),
        "django-auditlog",
    ),
    host(
        "django-prometheus",
        PROMETHEUS,
        travel(_metrics, expects="django_http"),
        "django-prometheus",
    ),
]
