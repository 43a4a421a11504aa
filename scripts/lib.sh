# Shared by the scripts beside it; to be sourced from the project's folder, not run.

# The newest Python that is supported; with it comes the newest Django.
NEWEST_PYTHON=3.13

fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Sets PYTHON to a Python of version 3.11 or later that can make virtual environments.
find_python() {
  local candidate found=""
  for candidate in python3.13 python3.12 python3.11 python3; do
    # Run it: a name on PATH may be a version manager's empty shell.
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue
    found=$candidate
    "$candidate" -c 'import venv, ensurepip' >/dev/null 2>&1 || continue
    PYTHON=$candidate
    return
  done
  [ -z "$found" ] || fail "$found cannot make virtual environments: install its venv module (on Debian: apt install python3-venv)."
  fail "Python 3.11 or later is needed, and none of python3.13, python3.12, python3.11, python3 is that."
}

# install REQUIREMENTS [FOLDER PYTHON]: makes .venv, or another environment by another Python, and installs a
# requirements file into it, unless this very list is installed already.
install() {
  local requirements=$1 venv=${2:-.venv} python=${3:-} stamp all hash
  stamp="$venv/.installed-${1%.txt}" all="$venv/.installed-requirements-dev"
  if ! "$venv/bin/python" -c '' 2>/dev/null; then
    [ -n "$python" ] || { find_python; python=$PYTHON; }
    echo "Making $venv with $("$python" --version) ..."
    "$python" -m venv --clear "$venv" || fail "could not make $venv."
  fi
  hash=$(cat requirements.txt requirements-dev.txt | "$venv/bin/python" -c '
import hashlib, sys
print(hashlib.sha256(sys.stdin.buffer.read() + sys.version.encode()).hexdigest())')
  # requirements-dev.txt includes requirements.txt.
  if [ "$(cat "$stamp" 2>/dev/null)" != "$hash" ] && [ "$(cat "$all" 2>/dev/null)" != "$hash" ]; then
    echo "Installing $requirements ..."
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements" ||
      fail "could not install $requirements; pip says why above."
    printf '%s\n' "$hash" >"$stamp"
  fi
}

# Prints a Python of a version, such as 3.12; nothing where there is none.
python_of() {
  local candidate
  for candidate in "python$1" "$(command -v pyenv >/dev/null && pyenv root || true)/versions/$1".*/bin/python; do
    "$candidate" -c "import sys, venv; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" >/dev/null 2>&1 || continue
    printf '%s\n' "$candidate"
    return
  done
}

# install_hosts FOLDER PYTHON DJANGO: makes an environment with what host projects have beside the library.
install_hosts() {
  local folder=$1 python=$2 django=$3 hash
  hash=$({ cat requirements-hosts.txt; echo "$django"; "$python" -V; } | sha256sum)
  [ "$(cat "$folder/.installed" 2>/dev/null)" != "$hash" ] || return 0
  echo "Installing requirements-hosts.txt with $django ..."
  [ -x "$folder/bin/python" ] || "$python" -m venv "$folder" || fail "could not make $folder."
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check -r requirements-hosts.txt ||
    fail "could not install requirements-hosts.txt; pip says why above."
  # By itself: packages that do not say yet that they support a release are tried with it all the same.
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$django" 2>/dev/null ||
    fail "could not install $django."
  printf '%s\n' "$hash" >"$folder/.installed"
}
