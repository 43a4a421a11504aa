#!/usr/bin/env bash
# mutmut 3.8.1 with pytest 9.2.0, Python 3.11: a function with a decorator gets no mutant, unless staticmethod or
# classmethod is its only one: nothing under @cache, @property, @contextmanager, @transaction.atomic or @api_view is
# tried. Neither the run nor `mutmut results --all true` names what was left out ("1 files mutated, 0 ignored"), so a
# module whose functions are all decorated has no survivors and looks perfectly tested.
#
# Seen:
#   cached: 0
#   plain: 2
#   price: 0
#   static: 2
#
# Exits with another code than 0 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --no-compile --quiet --disable-pip-version-check mutmut==3.8.1 pytest==9.2.0
cat > house.py <<'PY'
from functools import cache


def plain(number):
    return number + 1


@cache
def cached(number):
    return number + 1


class House:
    @staticmethod
    def static(number):
        return number + 1

    @property
    def price(self):
        return 1 + 1
PY
mkdir tests
cat > tests/test_house.py <<'PY'
from house import House, cached, plain


def test_all():
    assert [plain(1), cached(1), House.static(1), House().price] == [2, 2, 2, 2]
PY
printf '[mutmut]\nsource_paths=house.py\n' > setup.cfg
venv/bin/mutmut run > run 2>&1
grep -q "1 files mutated, 0 ignored" run
venv/bin/mutmut results --all true > results 2>&1
for name in cached plain price static; do
  echo "$name: $(grep -c "$name.*: killed" results || true)"
done > seen
cat seen
[ "$(grep -c __mutmut_ results)" = 4 ]
diff seen - <<'SEEN'
cached: 0
plain: 2
price: 0
static: 2
SEEN
