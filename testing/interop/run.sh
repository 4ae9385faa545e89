#!/usr/bin/env bash
# Checks the service against other people's JWT libraries, with each algorithm: they take its tokens, it takes theirs, and each
# refuses what the other must not take.
# Usage: testing/interop/run.sh LOCAL PYTHON NODE_MODULES
# The first two are executables: the service, and a Python with PyJWT[crypto] and joserfc. The third is a folder with the packages
# of testing/interop/package.json.
set -euo pipefail

if [[ $# -ne 3 ]]; then
  echo "usage: $0 LOCAL PYTHON NODE_MODULES" >&2
  exit 2
fi
local_binary=$(realpath "$1")
python=$(realpath --no-symlinks "$2")
node_modules=$(realpath "$3")
here=$(realpath "$(dirname "$0")")
audience=postern-interop
scratch=$(mktemp -d)
pid=

stop() {
  if [[ -n $pid ]]; then
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    pid=
  fi
}
trap 'stop; rm -rf "$scratch"' EXIT

# Starts the service with the keys in scratch; sets issuer. The port has to be known before: it is in the issuer's URL.
start() {
  local port
  port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  issuer=http://127.0.0.1:$port
  : >"$scratch/out"
  env -i JWT_ALGORITHM="$1" JWT_SECRET_ARN="file:$scratch/keys.json" JWT_ISSUER="$issuer" JWT_AUDIENCE="$audience" \
    "$local_binary" --port "$port" --dynamodb-port 0 >"$scratch/out" 2>"$scratch/err" &
  pid=$!
  for _ in {1..100}; do
    if grep -q '^API on ' "$scratch/out"; then return; fi
    if ! kill -0 "$pid" 2>/dev/null; then break; fi
    sleep 0.1
  done
  echo "the service did not start:" >&2
  cat "$scratch/err" >&2
  exit 1
}

# Where Node looks for packages: beside the scripts and above them.
cp "$here"/*.mjs "$here/package.json" "$scratch"
ln -s "$node_modules" "$scratch/node_modules"

export PYTHONDONTWRITEBYTECODE=1
for algorithm in HS256 EdDSA ES256 RS256; do
  "$python" "$here/keys.py" "$algorithm" "$scratch"
  start "$algorithm"
  "$python" "$here/begin.py" "$algorithm" "$issuer" "$audience" "$scratch"
  "$python" "$here/libraries.py" "$scratch/task.json"
  node "$scratch/libraries.mjs" "$scratch/task.json"
  stop
done
