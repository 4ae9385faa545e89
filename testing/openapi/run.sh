#!/usr/bin/env bash
# Checks the service against openapi.yaml with Schemathesis, in both profiles, with a token and without one, and where it throttles.
# Usage: testing/openapi/run.sh LOCAL SCHEMATHESIS [OPTION...]
# The first two are executables; the options go to "schemathesis run", such as --seed 1 or --max-examples 1000.
set -euo pipefail

if [[ $# -lt 2 ]]; then
  echo "usage: $0 LOCAL SCHEMATHESIS [OPTION...]" >&2
  exit 2
fi
local_binary=$(realpath "$1")
schemathesis=$(realpath --no-symlinks "$2")
options=("${@:3}")
root=$(realpath "$(dirname "$0")/../..")
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

# Starts the service on free ports, with these settings and no others; sets api and dynamodb.
start() {
  : >"$scratch/out"
  env -i "$@" "$local_binary" --port 0 --dynamodb-port 0 >"$scratch/out" 2>"$scratch/err" &
  pid=$!
  for _ in {1..100}; do
    api=$(sed -n 's/^API on //p' "$scratch/out")
    dynamodb=$(sed -n 's/^DynamoDB on \([^ ]*\) .*/\1/p' "$scratch/out")
    if [[ -n $api && -n $dynamodb ]]; then return; fi
    if ! kill -0 "$pid" 2>/dev/null; then break; fi
    sleep 0.1
  done
  echo "the service did not start:" >&2
  cat "$scratch/err" >&2
  exit 1
}

post() {
  curl --silent --show-error --fail --max-time 10 --header 'Content-Type: application/json' "$@"
}

# The value of a text field in a JSON object on standard input.
field() {
  sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"
}

# Signs up the example user of openapi.yaml, puts them in the group that may list users in the strict profile, and
# prints a token of theirs.
sign_in() {
  local credentials='"email": "ada@example.com", "password": "correct horse battery staple"' id
  id=$(post --data "{\"name\": \"Ada Lovelace\", $credentials}" "$api/signup" | field public_id)
  post --output "$scratch/update" --aws-sigv4 aws:amz:us-east-1:dynamodb --user local:local \
    --header 'Content-Type: application/x-amz-json-1.0' --header 'X-Amz-Target: DynamoDB_20120810.UpdateItem' \
    --data "{\"TableName\": \"Users\", \"Key\": {\"public_id\": {\"S\": \"$id\"}}, \"UpdateExpression\": \"SET groups = :groups\",
             \"ExpressionAttributeValues\": {\":groups\": {\"SS\": [\"admin\"]}}}" "$dynamodb"
  post --data "{$credentials}" "$api/login" | field token
}

check() {
  # In an empty directory, since it leaves files where it runs.
  (cd "$scratch" && "$schemathesis" --config-file "$root/schemathesis.toml" run "$root/openapi.yaml" --url "$api" "$@" \
    ${options[@]+"${options[@]}"}) || failed=yes
  if ! kill -0 "$pid" 2>/dev/null; then
    local status=0
    wait "$pid" || status=$?
    pid=
    echo "the service ended with status $status; the end of its log:" >&2
    tail -n 20 "$scratch/err" >&2
    exit 1
  fi
}

# Repeats a call until it is answered with 429, which it has to be within a hundred times.
until_throttled() {
  local status
  for _ in {1..100}; do
    status=$(curl --silent --show-error --max-time 10 --header 'Content-Type: application/json' --output /dev/null \
      --write-out '%{http_code}' "$@")
    if [[ $status == 429 ]]; then return; fi
  done
  echo "never throttled, but answered with $status: curl $*" >&2
  exit 1
}

# These calls end the token that they come with, and each of their requests needs another one: of somebody new, who has the
# example user's password.
ending='^(logOut|changePassword|deleteMe|deleteMeByForm)$'
cat >"$scratch/somebody_new.py" <<'PYTHON'
import uuid

import requests
import schemathesis


@schemathesis.auth(refresh_interval=None)
class SomebodyNew:
    def get(self, case, context):
        api = context.operation.schema.config.base_url
        credentials = {"email": f"{uuid.uuid4()}@example.com", "password": "correct horse battery staple"}
        requests.post(f"{api}/signup", json={"name": "Ada Lovelace", **credentials}).raise_for_status()
        return requests.post(f"{api}/login", json=credentials).json()["token"]

    def set(self, case, token, context):
        case.headers["x-access-token"] = token
PYTHON

# check_all SETTING...
check_all() {
  local token
  start "$@"
  token=$(sign_in)
  echo "== $*: signed in"
  # A random token beside the good one would be refused.
  check --header "x-access-token: $token" --generation-with-security-parameters false --exclude-operation-id-regex "$ending"
  echo "== $*: signed in, calls that end the token"
  # Few, since each costs a sign-up and a log-in.
  SCHEMATHESIS_HOOKS=$scratch/somebody_new.py check --include-operation-id-regex "$ending" --phases examples,coverage,fuzzing \
    --max-examples 20
  echo "== $*: without a token"
  # Nobody is signed in on purpose, which is what the warnings are about.
  check --warnings off
  stop
}

# check_throttled SETTING...
# With the limits as they are by default: each of the four calls that hash is throttled, then checked.
check_throttled() {
  local token signup='{"name": "Ada Lovelace", "email": "ada@example.com", "password": "correct horse battery staple"}'
  start "$@"
  token=$(sign_in)
  echo "== $*: throttled"
  until_throttled --data "$signup" "$api/signup"
  until_throttled --data '{"email": "ada@example.com", "password": "tortoise lamp quarrel"}' "$api/login"
  until_throttled --header "x-access-token: $token" \
    --data '{"current_password": "tortoise lamp quarrel", "new_password": "tortoise lamp quarrel"}' "$api/password"
  until_throttled --header "x-access-token: $token" --request DELETE --data '{"password": "tortoise lamp quarrel"}' "$api/user/me"
  # Once a wait is over, a password of the dictionary may be right, and the token ends. Then the rest is refused, as documented.
  check --header "x-access-token: $token" --generation-with-security-parameters false --warnings off \
    --include-operation-id-regex '^(signUp|logIn|changePassword|deleteMe)$' --phases examples,coverage,fuzzing --max-examples 20
  stop
}

# The requests all come from one address, and by the thousand.
unthrottled=(THROTTLE_PAIR_FAILURES=100 THROTTLE_ACCOUNT_GUESSES=0 THROTTLE_ADDRESS_GUESSES=0 THROTTLE_ADDRESS_SIGNUPS=0)

failed=
check_all AUTH_PROFILE=tutorial "${unthrottled[@]}"
# With keys to publish, and a place to publish them at.
check_all AUTH_PROFILE=strict JWT_ALGORITHM=EdDSA JWT_ISSUER=https://auth.example.com "${unthrottled[@]}"
check_throttled AUTH_PROFILE=strict
[[ -z $failed ]]
