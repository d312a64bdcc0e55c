#!/bin/sh
# History of LNT's own server, filled through its REST, comes in over REST and from its database (SQLite, and PostgreSQL), and both
# servers then answer the same.
#
#   lnt-import.sh [PROGRAM]   PROGRAM is the built tidemark, bin/tidemark by default
#
# LNT comes from lnt-client.sh. PostgreSQL is the one of this machine; where there is none, root installs it and everybody else
# goes without.
set -eu

program=${1:-bin/tidemark}

die() {
	printf '%s\n' "$*" >&2
	exit 2
}

[ -x "$program" ] || die "$program is not there: run \`make build\`"
program=$(CDPATH='' cd -- "$(dirname -- "$program")" && pwd)/$(basename -- "$program")
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
venv=$(sh "$here/lnt-client.sh")
psycopg=2.9.13

work=$(mktemp -d)
pids=
postgres=
stop() {
	status=$?
	for pid in $pids; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || :
	done
	[ -z "$postgres" ] || as_postgres "$postgres/pg_ctl" -D "$work/pg/data" -m immediate -w stop >/dev/null 2>&1 || :
	rm -rf "$work"
	exit "$status"
}
trap stop EXIT
trap 'exit 130' HUP INT TERM
cd "$work"

passed=0
failed=0
ok() {
	passed=$((passed + 1))
	echo "ok    $1"
}

no() {
	failed=$((failed + 1))
	echo "FAIL  $1"
	shift
	[ $# = 0 ] || printf '%s\n' "$@"
}

# is NAME WANT GOT
is() {
	[ "$2" = "$3" ] && ok "$1" || no "$1" "want $2" "got  $3"
}

# until COMMAND succeeds, for a minute.
await() {
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -lt 300 ] || die "waited too long for: $* $(tail -n 5 ./*.log)"
		sleep 0.2
	done
}

free_port() {
	"$venv/bin/python" -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

answers() {
	"$venv/bin/python" -c 'import sys, urllib.request
urllib.request.urlopen(sys.argv[1]).read()' "$1"
}

tool() {
	"$venv/bin/python" "$here/lnt-import.py" "$@"
}

# start_lnt FOLDER starts the instance and sets lnt.
start_lnt() {
	port=$(free_port)
	lnt=http://127.0.0.1:$port
	"$venv/bin/lnt" runserver "$1" --hostname 127.0.0.1 --port "$port" >"$1.log" 2>&1 &
	pids="$pids $!"
	await answers "$lnt/api/db_default/v4/nts/fields"
}

# import_lnt DATABASE ARGUMENT... imports into a database of the target; what it says goes to out and err.
import_lnt() {
	to=$1
	shift
	code=0
	"$program" import lnt --to "$root" --auth-token a-token --database "default=$to" --state "state-$to" --verify=-1 "$@" >out 2>err || code=$?
}

# complete NAME DATABASE [--ids] holds when both servers answer the same about every run.
complete() {
	name=$1 to=$2
	shift 2
	if got=$(tool compare "$@" "$lnt" default "$root" "$to" 2>&1); then
		is "$name" "$(tool count "$lnt" default)" "$got"
	else
		no "$name" "$got"
	fi
}

# imported NAME holds when the last import ended well.
imported() {
	[ "$code" = 0 ] && ok "$1" || no "$1: exit code $code" "$(cat out err)"
}

"$venv/bin/lnt" create lnt --api-auth-token lnt-token >/dev/null 2>&1
start_lnt lnt
tool fill "$lnt" lnt-token

TIDEMARK_AUTH_TOKEN=a-token "$program" up --data data --listen 127.0.0.1:0 --sql-listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 \
	--databases default,rest,file,killed,kept,keptrest,some,pg,keptpg >ready 2>tidemark.log &
pids="$pids $!"
await grep -q 'tidemark is ready' ready
root=$(sed -n 's|.*pages and REST \(http://[^ ]*\)/ SQL.*|\1|p' ready)

import_lnt rest --from "$lnt" --dry-run
imported "dry run"
is "a dry run says what there is" "rest/nts: would import 37 runs of 5 machines" "$(grep -o 'rest/nts: would import .* machines' out)"
is "a dry run sends nothing" 0 "$(tool count "$root" rest)"

import_lnt rest --from "$lnt"
imported "import over REST"
complete "the same answers after an import over REST" rest
import_lnt rest --from "$lnt"
imported "import over REST, again"
is "nothing is imported twice" "3" "$(grep -c ': 0 runs of .* imported now' out)"

import_lnt file --db lnt
imported "import from SQLite"
complete "the same answers after an import from SQLite" file
is "regressions are written down" "$("$venv/bin/python" -c 'import json, sqlite3, glob
have = [[r["id"], r["title"], r["state"], len(r["changes"])] for r in json.load(open(glob.glob("state-file/file-nts-*.judgements.json")[0]))["regressions"]]
db = sqlite3.connect("lnt/data/lnt.db")
want = [list(r) for r in db.execute("""select r.ID, r.Title, r.State, (select count(*) from NT_RegressionIndicator i where i.RegressionID = r.ID) from NT_Regression r order by r.ID""")]
print(len(want) > 0 and have == want)')" True

import_lnt some --from "$lnt" --suite nts --machine twin --since 2026-01-15
imported "import of one machine"
is "only that machine's runs" "6" "$(tool count "$root" some)"

# Killed on its way, with and without what it knew.
"$program" import lnt --to "$root" --auth-token a-token --database default=killed --state state-killed --from "$lnt" --jobs 1 --readers 1 >out 2>err &
import=$!
lines() { [ "$(cat state-killed/*.runs 2>/dev/null | wc -l)" -gt 15 ]; }
await lines
kill -KILL "$import"
wait "$import" 2>/dev/null || :
left=$(tool count "$root" killed)
[ "$left" -lt "$(tool count "$lnt" default)" ] && ok "killed on its way" || no "the import was over before it was killed"
import_lnt killed --from "$lnt"
imported "the import goes on"
complete "the same answers after an import that was killed" killed
rm -rf state-killed
import_lnt killed --from "$lnt"
imported "import without its state"
complete "runs count once" killed

# With LNT's own ids.
import_lnt kept --db lnt --keep-ids
imported "import with ids from SQLite"
complete "the same answers, ids included" kept --ids
is "old links lead there" True "$(tool links "$lnt" default "$root" kept 2>&1)"
is "links to regressions lead to them" "$("$venv/bin/python" -c 'import json, sqlite3, sys, urllib.request
def there(number):
    got = json.load(urllib.request.urlopen("%s/db_kept/v4/nts/regressions/%d?json=true" % (sys.argv[1], number)))
    said = got["Regression"]
    return [said["id"], said["title"], said["bug"] or "", said["state"], len(got["Changes"])]
db = sqlite3.connect("lnt/data/lnt.db")
want = [list(r) for r in db.execute("""select r.ID, r.Title, coalesce(r.BugLink, ""), r.State, (select count(*) from NT_RegressionIndicator i where i.RegressionID = r.ID) from NT_Regression r order by r.ID""")]
print(len(want) > 0 and [there(r[0]) for r in want] == want)' "$root" 2>&1)" True
import_lnt keptrest --from "$lnt" --keep-ids
imported "import with ids over REST"
complete "the same answers, ids included, over REST" keptrest --ids

# A run that came since, and one that went here.
tool one "$lnt" lnt-token
import_lnt file --db lnt
imported "import of what came since"
complete "the same answers with what came since" file
tool delete "$root" a-token file
import_lnt file --db lnt
is "a run that is missing is noticed" 1 "$code"
is "it is named" 1 "$(grep -c 'the first that is missing is run 1$' out)"

# PostgreSQL.
if [ "$(id -u)" = 0 ]; then
	as_postgres() { setpriv --reuid "$(id -u postgres)" --regid "$(id -g postgres)" --clear-groups "$@"; }
else
	as_postgres() { "$@"; }
fi
find_postgres() {
	for dir in /usr/lib/postgresql/*/bin "$(dirname -- "$(command -v initdb 2>/dev/null || echo /nowhere/initdb)")"; do
		[ -x "$dir/initdb" ] && [ -x "$dir/pg_ctl" ] && [ -x "$dir/createdb" ] && echo "$dir" && return
	done
	return 1
}
if ! postgres=$(find_postgres) && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "installing postgresql" >&2
	{ apt-get update -qq && apt-get install -qq -y postgresql; } >/dev/null || die "apt-get install postgresql did not work"
	postgres=$(find_postgres) || :
fi
if [ -z "$postgres" ]; then
	echo "note  no PostgreSQL on this machine: not tried"
else
	drivers=$venv/../psycopg2-$psycopg
	if [ ! -e "$drivers/complete" ]; then
		"$venv/bin/pip" install -q --disable-pip-version-check --no-deps --target "$drivers" "psycopg2-binary==$psycopg" || die "pip install psycopg2-binary did not work"
		: >"$drivers/complete"
	fi
	export PYTHONPATH="$drivers"
	mkdir pg
	chmod 711 "$work"
	[ "$(id -u)" != 0 ] || chown postgres pg
	port=$(free_port)
	(
		cd pg
		as_postgres "$postgres/initdb" -D "$work/pg/data" -U lnt --auth=trust -E UTF8 --locale=C >/dev/null
		as_postgres "$postgres/pg_ctl" -D "$work/pg/data" -w -l "$work/pg/log" -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off" start >/dev/null
		as_postgres "$postgres/createdb" -h 127.0.0.1 -p "$port" -U lnt lnt
	)
	"$venv/bin/lnt" create lntpg --api-auth-token lnt-token --db-dir "postgresql://lnt@127.0.0.1:$port" --default-db lnt >/dev/null 2>&1
	db=postgresql://lnt@127.0.0.1:$port/lnt
	start_lnt lntpg
	tool fill "$lnt" lnt-token
	import_lnt pg --db "$db"
	imported "import from PostgreSQL"
	complete "the same answers after an import from PostgreSQL" pg
	import_lnt keptpg --db "postgresql+psycopg2${db#postgresql}" --keep-ids
	imported "import with ids from PostgreSQL"
	complete "the same answers, ids included, from PostgreSQL" keptpg --ids
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
