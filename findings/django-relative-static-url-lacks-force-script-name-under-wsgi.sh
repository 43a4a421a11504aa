#!/usr/bin/env bash
# Django 5.2.19, Python 3.11, WhiteNoise 6.9.0: a relative STATIC_URL ("static/", as startproject writes it) gets the
# prefix of FORCE_SCRIPT_NAME where a command asks, and lacks it where a WSGI server does, if a middleware reads the
# setting when it is made, as WhiteNoise's does: get_wsgi_application() sets up without the prefix, and the setting is
# worked out once. Links by reverse() have the prefix either way, so a page below /app names files outside of it.
#
# Seen:
#   by django.setup(): /app/static/site.css
#   by get_wsgi_application(): page /app/here, file /app/static/site.css
#   the same with WhiteNoise: page /app/here, file /static/site.css
#
# Exits with another code than 0 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --no-compile --quiet --disable-pip-version-check Django==5.2.19 whitenoise==6.9.0
cat > site_of_one.py <<'PY'
import os
import sys

from django.conf import settings
from django.http import HttpResponse
from django.urls import path, reverse


def here(request):
    from django.templatetags.static import static

    return HttpResponse(f"page {reverse('here')}, file {static('site.css')}")


urlpatterns = [path("here", here, name="here")]
settings.configure(
    ROOT_URLCONF="site_of_one",
    ALLOWED_HOSTS=["*"],
    FORCE_SCRIPT_NAME="/app",
    STATIC_URL="static/",
    MIDDLEWARE=["whitenoise.middleware.WhiteNoiseMiddleware"] if sys.argv[1:] == ["whitenoise"] else [],
)
sys.modules["site_of_one"] = sys.modules[__name__]

if sys.argv[1:] == ["setup"]:
    import django

    django.setup()
    from django.templatetags.static import static

    print("by django.setup():", static("site.css"))
else:
    from wsgiref.util import setup_testing_defaults

    from django.core.wsgi import get_wsgi_application

    application = get_wsgi_application()
    environ = {"PATH_INFO": "/here"}
    setup_testing_defaults(environ)
    body = b"".join(application(environ, lambda status, headers: None)).decode()
    print(os.environ["SAYS"], body)
PY
venv/bin/python site_of_one.py setup > seen
SAYS="by get_wsgi_application():" venv/bin/python site_of_one.py >> seen
SAYS="the same with WhiteNoise:" venv/bin/python site_of_one.py whitenoise >> seen
cat seen
diff seen - <<'SEEN'
by django.setup(): /app/static/site.css
by get_wsgi_application(): page /app/here, file /app/static/site.css
the same with WhiteNoise: page /app/here, file /static/site.css
SEEN
