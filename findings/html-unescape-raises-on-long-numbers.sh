#!/usr/bin/env bash
# Version: CPython 3.11.7 (any since 3.11.0 and 3.10.7, which brought sys.set_int_max_str_digits): html.unescape(), for which no
# error is documented, raises ValueError for a decimal character reference of more than 4,300 digits, also where it
# is "A" behind zeros. A hexadecimal one of any length is fine. html.parser.HTMLParser unescapes by default, so feed()
# raises too, though it promises to take invalid markup; the XML parser reads the same reference.
#
# Seen:
#   unescape, 4300 digits: A
#   unescape, 4301 digits: ValueError
#   unescape, 4301 hexadecimal digits: A
#   HTMLParser, 4301 digits: ValueError
#   ElementTree, 4301 digits: A
#
# Exits with another code than 0 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > seen.py <<'PY'
from html import unescape
from html.parser import HTMLParser
from xml.etree import ElementTree


def parsed(text):
    found = []
    parser = HTMLParser()
    parser.handle_data = found.append
    parser.feed(f"<p>{text}</p>")
    parser.close()
    return "".join(found)


def show(what, read, text):
    try:
        print(f"{what}: {read(text)}")
    except ValueError as error:
        print(f"{what}: {type(error).__name__}")


longest = "&#" + "65".zfill(4300) + ";"
longer = "&#" + "65".zfill(4301) + ";"
show("unescape, 4300 digits", unescape, longest)
show("unescape, 4301 digits", unescape, longer)
show("unescape, 4301 hexadecimal digits", unescape, "&#x" + "41".zfill(4301) + ";")
show("HTMLParser, 4301 digits", parsed, longer)
show("ElementTree, 4301 digits", lambda text: ElementTree.fromstring(f"<p>{text}</p>").text, longer)
PY
python3 seen.py > seen
cat seen
diff seen - <<'SEEN'
unescape, 4300 digits: A
unescape, 4301 digits: ValueError
unescape, 4301 hexadecimal digits: A
HTMLParser, 4301 digits: ValueError
ElementTree, 4301 digits: A
SEEN
