#!/bin/sh
# LNT's own client against a fresh server: what it prints and how it exits. What it prints of results is also held against
# LNT's own server.
#
#   lnt-submit.sh [PROGRAM]   PROGRAM is the built tidemark, bin/tidemark by default
#
# The client comes from lnt-client.sh.
set -eu

program=${1:-bin/tidemark}

die() {
	printf '%s\n' "$*" >&2
	exit 2
}

[ -x "$program" ] || die "$program is not there: run \`make build\`"
program=$(CDPATH='' cd -- "$(dirname -- "$program")" && pwd)/$(basename -- "$program")

client=$(sh "$(dirname -- "$0")/lnt-client.sh")

work=$(mktemp -d)
server='' theirs=''
stop() {
	for one in $server $theirs; do
		{ kill "$one" 2>/dev/null && wait "$one" 2>/dev/null; } || :
	done
	rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' HUP INT TERM
cd "$work"

TIDEMARK_AUTH_TOKEN=a-token "$program" up --data "$work/data" --listen 127.0.0.1:0 --sql-listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 \
	--databases default,perf --intake-wait 100s --intake-results-wait 100s >ready 2>log &
server=$!
tries=0
until grep -q 'tidemark is ready' ready; do
	kill -0 "$server" 2>/dev/null || die "the server did not start: $(tail -n 5 log)"
	tries=$((tries + 1))
	[ "$tries" -lt 600 ] || die "the server is not ready: $(tail -n 5 log)"
	sleep 0.2
done
root=$(sed -n 's|.*pages and REST \(http://[^ ]*\)/ SQL.*|\1|p' ready)
submit=$root/db_default/v4/nts/submitRun

passed=0
failed=0
steady='s/[0-9a-f]\{8\}-[0-9a-f-]\{27\}/ID/g; s/_time":[0-9.e+-]*/_time":T/g; s/^\([A-Z][a-z]* *: \)[0-9.]*s$/\1T/'

# expect NAME CODE STDOUT STDERR ARGUMENT... runs lnt. In what it prints, event ids read ID and durations T.
expect() {
	name=$1 code=$2 stdout=$3 stderr=$4
	shift 4
	got=0
	"$client/bin/lnt" "$@" >out 2>err || got=$?
	sed -i.raw "$steady" out err
	# The shell cuts newlines from the end of both.
	if [ "$got" = "$code" ] && [ "$(cat out)" = "$stdout" ] && [ "$(cat err)" = "$stderr" ]; then
		ok "$name"
		return
	fi
	no "$name: lnt $*"
	echo "exit code $got, want $code"
	differ out "$stdout"
	differ err "$stderr"
}

# holds NAME FILE JSON compares what the client wrote.
holds() {
	if [ "$(cat "$2")" = "$3" ]; then
		ok "$1"
		return
	fi
	no "$1"
	differ "$2" "$3"
}

ok() {
	passed=$((passed + 1))
	echo "ok    $1"
}

no() {
	failed=$((failed + 1))
	echo "FAIL  $1"
}

differ() {
	[ "$(cat "$1")" = "$2" ] || { printf '%s\n' "$2" | diff -u - "$1"; } || :
}

# stored RUN TESTED ADDED KINDS is what -v prints: the lines of the results, of what is new, and of the counts.
stored() {
	printf "Importing 'ID'\nImport succeeded.\n\n%s\n" "$2"
	printf 'Processing Times\n----------------\nLoad   : T\nImport : T\nReport : T\nTotal  : T\n\n'
	[ -z "$3" ] || printf 'Imported Data\n-------------\n%s\n\n' "$3"
	printf 'Results\n----------------\n%s\n' "$4"
	printf 'Results available at: %s/db_default/v4/nts/%s' "$root" "$1"
}

# passing TEST... are the lines of tests that pass, for each metric of nts.
passing() {
	echo "--- Tested: $(($# * 5)) tests --"
	at=0
	for metric in compile_time execution_time score mem_bytes code_size; do
		for test in "$@"; do
			at=$((at + 1))
			echo "PASS: $test.$metric ($at of $(($# * 5)))"
		done
	done
}

# v2 MACHINE OS ORDER is a version 2 report.
v2() {
	cat <<-TEXT
		{"format_version": "2",
		 "machine": {"name": "$1", "hardware": "aarch64", "os": "$2"},
		 "run": {"llvm_project_revision": "$3", "start_time": "2026-02-03T04:05:06", "end_time": "2026-02-03T05:00:00", "compiler": "clang"},
		 "tests": [{"name": "group/alpha", "execution_time": [1.25, 1.5], "compile_time": 0.5}, {"name": "beta", "score": 7}]}
	TEXT
}

# old ORDER VERSION is a report of version 0 (VERSION empty) or 1.
old() {
	cat <<-TEXT
		{"Machine": {"Name": "old", "Info": {"os": "linux", "hardware": "aarch64"}},
		 "Run": {"Start Time": "2026-02-03 04:05:06", "End Time": "2026-02-03 05:00:00",
		         "Info": {$2 "tag": "nts", "run_order": "$1", "inferred_run_order": "$1", "cc_name": "clang"}},
		 "Tests": [{"Name": "nts.group/alpha.exec", "Info": {}, "Data": [1.25, 1.5]}, {"Name": "nts.group/alpha.compile", "Info": {}, "Data": [0.5]}]}
	TEXT
}

# as FORMAT turns JSON into a property list.
as() {
	"$client/bin/python" -c 'import json, plistlib, sys
plistlib.dump(json.load(sys.stdin), sys.stdout.buffer, fmt=getattr(plistlib, sys.argv[1]))' "$1"
}

v1='"__report_version__": "1",'
old 1 '' >v0.json
old 2 "$v1" >v1.json
old 3 '' | as FMT_XML >v0.plist
old 4 "$v1" | as FMT_XML >v1.plist
old 5 "$v1" | as FMT_BINARY >v1-binary.plist
v2 new linux 6 >v2.json
v2 new linux 7 | as FMT_XML >v2.plist
v2 new linux 8 >v2-verbose.json
old 9 "$v1" >v1-verbose.json
old 10 '' | as FMT_XML >v0-verbose.plist

# Reports of every version and form.
run=0
for file in v0.json v1.json v0.plist v1.plist v1-binary.plist v2.json v2.plist; do
	run=$((run + 1))
	expect "submit $file" 0 "$root/db_default/v4/nts/$run" '' submit "$submit" $file
done
expect "submit -v v2-verbose.json" 0 "$(stored 8 "$(passing beta group/alpha)" 'Added Runs    : 1' 'PASS : 10')" '' submit -v "$submit" v2-verbose.json
expect "submit -v v1-verbose.json" 0 "$(stored 9 "$(passing group/alpha)" 'Added Runs    : 1' 'PASS : 5')" '' submit -v "$submit" v1-verbose.json
expect "submit -v v0-verbose.plist" 0 "$(stored 10 "$(passing group/alpha)" 'Added Runs    : 1' 'PASS : 5')" '' submit -v "$submit" v0-verbose.plist
run=10

# What happens when the machine has a run of that order.
v2 new linux 6 >again.json
duplicate="error: lnt server: import failure: Duplicate submission for '6'"
expect "submit --merge reject" 1 '' "$duplicate" submit --merge reject "$submit" again.json
expect "submit -v --merge reject" 1 '' "$duplicate" submit -v --merge reject "$submit" again.json
expect "submit without --merge replaces" 0 "$root/db_default/v4/nts/6" '' submit "$submit" again.json
expect "submit --merge replace" 0 "$root/db_default/v4/nts/6" '' submit --merge replace "$submit" again.json
expect "submit --merge append" 0 "$root/db_default/v4/nts/11" '' submit --merge append "$submit" again.json
expect "submit -v --merge replace takes the last run's place" 0 "$(stored 11 "--- Tested: 10 tests --
PASS: group/alpha.compile_time (1 of 10)
PASS: beta.compile_time (2 of 10)
PASS: group/alpha.execution_time (3 of 10)
PASS: beta.execution_time (4 of 10)
PASS: beta.score (5 of 10)
PASS: group/alpha.score (6 of 10)
PASS: beta.mem_bytes (7 of 10)
PASS: group/alpha.mem_bytes (8 of 10)
PASS: beta.code_size (9 of 10)
PASS: group/alpha.code_size (10 of 10)" 'Added Runs    : -1' 'PASS : 10')" '' submit -v --merge replace "$submit" again.json

# What happens when the machine says something else about itself.
v2 new darwin 20 >other.json
v2 new plan9 21 >third.json
changed="error: lnt server: import failure: 'os' on machine 'new' changed.
MachineInfoChanged: 'os' on machine 'new' changed."
note='Note: Use --select-machine=update to update the existing machine information.'
expect "submit, machine changed" 1 '' "$changed
os was \"linux\" and is \"darwin\"
$note" submit "$submit" other.json
expect "submit --select-machine match" 1 '' "$changed
os was \"linux\" and is \"darwin\"
$note" submit --select-machine match "$submit" other.json
expect "submit --select-machine split" 0 "$root/db_default/v4/nts/12" '' submit --select-machine split "$submit" other.json
expect "submit --select-machine update" 0 "$root/db_default/v4/nts/13" '' submit --select-machine update "$submit" third.json
expect "submit, the machine as it was updated" 0 "$root/db_default/v4/nts/13" '' submit "$submit" third.json

# Refused reports, and addresses that lead nowhere.
echo garbage >garbage.json
printf '{"format_version": "2", "machine": {"name": "x"}, "tests": []}' >no-run.json
printf '{"format_version": "3", "machine": {"name": "x"}, "run": {}, "tests": []}' >version.json
sed 's/"llvm_project_revision": "6", //' v2.json >no-order.json
sed 's/score/colour/' v2.json >metric.json
unreadable="error: lnt server: could not parse input format
json: invalid character 'g' at start of value at byte 0, in \"\"
ValueError: unable to guess input format for 'data.json'"
expect "submit, no report" 1 '' "$unreadable" submit "$submit" garbage.json
expect "submit -v, no report" 1 '' "$unreadable" submit -v "$submit" garbage.json
expect "submit, no run" 1 '' "error: lnt server: Invalid input format: No 'run' section in submission
run: No 'run' section in submission" submit "$submit" no-run.json
expect "submit, unknown version" 1 '' "error: lnt server: Invalid input format: Unknown format version
format_version: want the string \"2\"" submit "$submit" version.json
expect "submit, no order" 1 '' "error: lnt server: import failure: Supplied run is missing parameter: 'llvm_project_revision'
run.llvm_project_revision: Supplied run is missing parameter: 'llvm_project_revision'" submit "$submit" no-order.json
expect "submit, unknown metric" 1 '' "error: lnt server: import failure: test beta: Metric 'colour' unknown in suite 
tests[1].colour: suite 'nts' declares no such metric" submit "$submit" metric.json
expect "submit, one of two refused" 1 "$root/db_default/v4/nts/11" "$unreadable" submit "$submit" garbage.json again.json
expect "submit, unknown database" 1 '' 'error: lnt server: The page you are looking for does not exist.' submit "$root/db_none/v4/nts/submitRun" v2.json
expect "submit, unknown suite" 1 '' "error: lnt server: Unknown test suite 'none'!" submit "$root/db_default/v4/none/submitRun" v2.json

# Addresses that name less: the report says its suite, the database is the default one.
expect "submit to /submitRun" 0 "$root/db_default/v4/nts/11" '' submit "$root/submitRun" again.json
expect "submit to /db_perf/submitRun" 0 "$root/db_perf/v4/nts/1" '' submit "$root/db_perf/submitRun" v1.json
expect "submit to /v4/nts/submitRun" 0 "$root/db_default/v4/nts/2" '' submit "$root/v4/nts/submitRun" v1.json

cat >lntadmin.yaml <<TEXT
lnt_url: "$root"
database: default
testsuite: nts
auth_token: a-token
TEXT

# Reading.
expect "admin list-machines" 0 'old:1
new:2
new:3' '' admin list-machines
expect "admin -v list-machines" 0 'old:1
	name: old
	id: 1
	hardware: aarch64
	os: linux
new:2
	name: new
	id: 2
	hardware: aarch64
	os: linux
new:3
	name: new
	id: 3
	hardware: aarch64
	os: plan9' '' admin -v list-machines
expect "admin list-machines of another database" 0 'old:1' '' admin --database perf list-machines
expect "admin list-machines of an unknown database" 1 '' '404: Not Found

{"message":"Unknown database."}' admin --database none list-machines
expect "admin machine-info by name" 0 'name: old
id: 1
hardware: aarch64
os: linux' '' admin machine-info old
expect "admin machine-info by id" 0 'name: new
id: 3
hardware: aarch64
os: plan9' '' admin machine-info 3
expect "admin machine-info of a name that two machines have" 1 '' "404: Not Found

{\"msg\":\"Name 'new' is ambiguous; specify machine id\"}" admin machine-info new
expect "admin machine-info of nobody" 1 '' "404: Not Found

{\"msg\":\"Did not find machine 'nobody'\"}" admin machine-info nobody
expect "admin list-runs" 0 'llvm_project_revision=1 1
llvm_project_revision=2 2
llvm_project_revision=3 3
llvm_project_revision=4 4
llvm_project_revision=5 5
llvm_project_revision=9 9
llvm_project_revision=10 10' '' admin list-runs old
expect "admin -v list-runs" 0 'order run-id
------------
llvm_project_revision=20 12
	id: 12
	compiler: clang
	end_time: 2026-02-03T05:00:00
	llvm_project_revision: 20
	order_by: llvm_project_revision
	order_id: 11
	start_time: 2026-02-03T04:05:06
llvm_project_revision=21 13
	id: 13
	compiler: clang
	end_time: 2026-02-03T05:00:00
	llvm_project_revision: 21
	order_by: llvm_project_revision
	order_id: 12
	start_time: 2026-02-03T04:05:06' '' admin -v list-runs 3

mkdir got
cd got
expect "admin get-machine" 0 'machine_3.json created.' '' admin -C ../lntadmin.yaml get-machine 3
holds "what get-machine wrote" machine_3.json '{
  "generated_by": "LNT Server v0.5.0",
  "machine": {
    "hardware": "aarch64",
    "id": 3,
    "name": "new",
    "os": "plan9"
  },
  "runs": [
    {
      "compiler": "clang",
      "end_time": "2026-02-03T05:00:00",
      "id": 12,
      "llvm_project_revision": "20",
      "order_by": "llvm_project_revision",
      "order_id": 11,
      "start_time": "2026-02-03T04:05:06"
    },
    {
      "compiler": "clang",
      "end_time": "2026-02-03T05:00:00",
      "id": 13,
      "llvm_project_revision": "21",
      "order_by": "llvm_project_revision",
      "order_id": 12,
      "start_time": "2026-02-03T04:05:06"
    }
  ]
}'
expect "admin get-run" 0 'run_1.json created.
run_2.json created.' '' admin -C ../lntadmin.yaml get-run 1 2
holds "what get-run wrote" run_1.json '{
  "generated_by": "LNT Server v0.5.0",
  "machine": {
    "hardware": "aarch64",
    "id": 1,
    "name": "old",
    "os": "linux"
  },
  "run": {
    "cc_name": "clang",
    "end_time": "2026-02-03T05:00:00",
    "id": 1,
    "inferred_run_order": "1",
    "llvm_project_revision": "1",
    "order_by": "llvm_project_revision",
    "order_id": 1,
    "start_time": "2026-02-03T04:05:06"
  },
  "tests": [
    {
      "code_size": null,
      "compile_status": null,
      "compile_time": 0.5,
      "execution_status": null,
      "execution_time": 1.25,
      "hash": null,
      "hash_status": null,
      "id": 1,
      "mem_bytes": null,
      "name": "group/alpha",
      "run_id": 1,
      "score": null
    },
    {
      "code_size": null,
      "compile_status": null,
      "compile_time": null,
      "execution_status": null,
      "execution_time": 1.5,
      "hash": null,
      "hash_status": null,
      "id": 2,
      "mem_bytes": null,
      "name": "group/alpha",
      "run_id": 1,
      "score": null
    }
  ]
}'
expect "admin get-run of nothing" 1 '' '404: Not Found

{"msg":"Did not find run 99"}' admin -C ../lntadmin.yaml get-run 99
cd ..

# Posting. The client prints the Location of the 301.
v2 posted linux 30 >post.json
expect "admin post-run" 0 "$root/api/db_default/v4/nts/runs/14" '' admin post-run post.json
expect "admin post-run replaces" 0 "$root/api/db_default/v4/nts/runs/14" '' admin post-run post.json
expect "admin post-run --merge append" 0 "$root/api/db_default/v4/nts/runs/15" '' admin post-run --merge append post.json
expect "admin post-run --merge reject" 1 '' '400: Bad Request

{"error":"import failure: Duplicate submission for '"'30'"'","import_file":"ledger/default/nts/ID","import_time":T,"load_time":T,"report_time":T,"success":false,"total_time":T}' admin post-run --merge reject post.json
expect "admin post-run of two files" 0 "$root/api/db_default/v4/nts/runs/2
$root/api/db_default/v4/nts/runs/15" '' admin post-run v1.json post.json
expect "admin post-run, what get-run wrote" 0 "$root/api/db_default/v4/nts/runs/1" '' admin post-run got/run_1.json
mkdir again
cd again
expect "admin get-run of it" 0 'run_1.json created.' '' admin -C ../lntadmin.yaml get-run 1
sed '/"id": [0-9]*,/d' run_1.json >without
holds "the same but for ids" without "$(sed '/"id": [0-9]*,/d' ../got/run_1.json)"
cd ..
expect "admin post-run, refused" 1 '' '400: Bad Request

{"error":"Invalid input format: No '"'run'"' section in submission","import_file":"ledger/default/nts/ID","load_time":T,"message":"run: No '"'run'"' section in submission","success":false}' admin post-run no-run.json
printf 'lnt_url: "%s"\n' "$root" >no-token.yaml
expect "admin post-run without a token" 1 '' 'No auth_token specified in config' admin -C no-token.yaml post-run post.json
sed 's/a-token/another/' lntadmin.yaml >stranger.yaml
expect "admin post-run with another token" 1 '' '401: Unauthorized

{"msg":"Auth Token must be passed in AuthToken header, and included in LNT config."}' admin -C stranger.yaml post-run post.json

# Changing. Most of it the client does in silence.
missing() { printf '404: Not Found\n\n{"msg":"%s"}' "$1"; }
expect "admin rename-machine" 0 '' '' admin rename-machine 3 renamed
expect "admin rename-machine to a name that is taken" 1 '' '400: Bad Request

{"msg":"Machine with name '"'old'"' already exists"}' admin rename-machine renamed old
expect "admin rename-machine of nobody" 1 '' "$(missing "Did not find machine 'nobody'")" admin rename-machine nobody somebody
expect "admin list-machines after renaming" 0 'old:1
new:2
renamed:3
posted:4' '' admin list-machines
expect "admin merge-machine-into" 0 '' '' admin merge-machine-into posted renamed
expect "admin merge-machine-into nobody" 1 '' "$(missing "Did not find machine 'nobody'")" admin merge-machine-into renamed nobody
expect "admin list-runs after merging" 0 'llvm_project_revision=20 12
llvm_project_revision=21 13
llvm_project_revision=30 15' '' admin list-runs renamed
expect "admin machine-info of a merged machine" 1 '' "$(missing "Did not find machine 'posted'")" admin machine-info posted
expect "admin rm-run" 0 '' '' admin rm-run 12 13
expect "admin rm-run of nothing" 1 '' "$(missing 'Did not find run 12')" admin rm-run 12
expect "admin get-run of a removed one" 1 '' "$(missing 'Did not find run 12')" admin get-run 12
expect "admin rm-machine" 0 'Deleting runs 15 (1/1)
Deleted machine renamed:3' '' admin rm-machine renamed
expect "admin rm-machine of nobody" 1 '' "$(missing "Did not find machine 'renamed'")" admin rm-machine renamed
expect "admin list-machines after removing" 0 'old:1
new:2' '' admin list-machines
cat >schema.yaml <<TEXT
format_version: '2'
name: lib
metrics: [{name: size, type: Real}]
run_fields: [{name: revision, order: true}]
machine_fields: [{name: os}]
TEXT
expect "admin test-suite add" 0 'lib' '' admin --testsuite lib test-suite add schema.yaml
expect "admin test-suite add under another name" 1 '' '400: Bad Request

{"msg":"Schema name '"'lib'"' does not match URL testsuite '"'other'"'."}' admin --testsuite other test-suite add schema.yaml
sed 's/Real/Integer/' schema.yaml >type.yaml
expect "admin test-suite add of an unknown type" 1 '' '400: Bad Request

{"msg":"Unknown metric type '"'Integer'"'"}' admin --testsuite lib test-suite add type.yaml
printf '{"format_version": "2", "machine": {"name": "m"}, "run": {"revision": "7"}, "tests": [{"name": "a", "size": 1}]}' >lib.json
expect "admin post-run to it" 0 "$root/api/db_default/v4/lib/runs/1" '' admin --testsuite lib post-run lib.json
expect "admin list-runs of it" 0 'revision=7 1' '' admin --testsuite lib list-runs m
for verb in 'rm-run 1' 'rm-machine old' 'rename-machine old x' 'merge-machine-into old new' 'test-suite add schema.yaml'; do
	expect "admin $verb with another token" 1 '' '401: Unauthorized

{"msg":"Auth Token must be passed in AuthToken header, and included in LNT config."}' admin -C stranger.yaml $verb
done

# What becomes of tests from run to run, as the client tells it with -v: of this server exactly, and of LNT's own the same.
# told ORDER TESTS is a report of a machine of its own.
told() {
	cat <<-TEXT
		{"format_version": "2", "machine": {"name": "told"},
		 "run": {"llvm_project_revision": "$1", "start_time": "2026-02-03T04:05:06", "end_time": "2026-02-03T05:00:00"},
		 "tests": [$2]}
	TEXT
}
told 101 '{"name": "a", "execution_time": 10, "score": 5}, {"name": "b", "execution_time": 2, "execution_status": 0}' >told-first.json
told 102 '{"name": "a", "execution_time": 10, "score": 5}, {"name": "b", "execution_time": 2, "execution_status": 0}' >told-unchanged.json
told 103 '{"name": "a", "execution_time": 12, "score": 4}, {"name": "b", "execution_time": 2, "execution_status": 0}' >told-regressed.json
told 104 '{"name": "a", "execution_time": [9, 9.1], "score": 5}, {"name": "b", "execution_time": 2, "execution_status": 0}' >told-improved.json
told 105 '{"name": "a", "execution_time": 9, "score": 5}, {"name": "b", "execution_status": 1}' >told-failing.json
told 106 '{"name": "a", "execution_time": 9, "score": 5}, {"name": "b", "execution_status": 1}' >told-still-failing.json
told 107 '{"name": "a", "execution_time": 9, "score": 5}, {"name": "b", "execution_time": 2, "execution_status": 0}' >told-fixed.json
told 108 '{"name": "c", "compile_time": 1, "hash": "0a"}' >told-others.json
told 109 '' >told-nothing.json

# marked KIND NAME PLACE WORDS is a result with a banner.
marked() {
	printf '%s: %s (%s)\n%s\n%s\n%s' "$1" "$2" "$3" "******************** TEST '$2' ********************" "$4" '********************'
}
same='PASS: a.mem_bytes (7 of 10)
PASS: b.mem_bytes (8 of 10)
PASS: a.code_size (9 of 10)
PASS: b.code_size (10 of 10)'
compiled='--- Tested: 10 tests --
PASS: a.compile_time (1 of 10)
PASS: b.compile_time (2 of 10)'
scores='PASS: a.score (5 of 10)
PASS: b.score (6 of 10)'
expect "submit -v, first run" 0 "$(stored 16 "$(passing a b)" 'Added Machines: 1
Added Runs    : 1
Added Tests   : 2' 'PASS : 10')" '' submit -v "$submit" told-first.json
expect "submit -v, unchanged" 0 "$(stored 17 "$(passing a b)" 'Added Runs    : 1' 'PASS : 10')" '' submit -v "$submit" told-unchanged.json
expect "submit -v, regressed" 0 "$(stored 18 "$compiled
$(marked REGRESSED a.execution_time '3 of 10' 'Performance regressed.')
PASS: b.execution_time (4 of 10)
$(marked REGRESSED a.score '5 of 10' 'Performance regressed.')
PASS: b.score (6 of 10)
$same" 'Added Runs    : 1' 'PASS : 8
REGRESSED : 2')" '' submit -v "$submit" told-regressed.json
expect "submit -v, improved" 0 "$(stored 19 "$compiled
$(marked IMPROVED a.execution_time '3 of 10' 'Performance improved.')
PASS: b.execution_time (4 of 10)
$(marked IMPROVED a.score '5 of 10' 'Performance improved.')
PASS: b.score (6 of 10)
$same" 'Added Runs    : 1' 'PASS : 8
IMPROVED : 2')" '' submit -v "$submit" told-improved.json
failing="$compiled
FAIL: b.execution_time (3 of 10)
PASS: a.execution_time (4 of 10)
$scores
$same"
expect "submit -v, failing" 0 "$(stored 20 "$failing" 'Added Runs    : 1' 'PASS : 9
FAIL : 1')" '' submit -v "$submit" told-failing.json
expect "submit -v, still failing" 0 "$(stored 21 "$failing" 'Added Runs    : 1' 'PASS : 9
FAIL : 1')" '' submit -v "$submit" told-still-failing.json
expect "submit -v, fixed" 0 "$(stored 22 "$compiled
$(marked IMPROVED b.execution_time '3 of 10' 'Test started passing.')
PASS: a.execution_time (4 of 10)
$scores
$same" 'Added Runs    : 1' 'PASS : 9
IMPROVED : 1')" '' submit -v "$submit" told-fixed.json
for file in told-others.json told-nothing.json; do "$client/bin/lnt" submit -v "$submit" $file >/dev/null; done

# LNT's own server, on a port that the system chooses.
"$client/bin/lnt" create "$work/theirs" >create.log 2>&1 || die "lnt create did not work: $(tail -n 5 create.log)"
port=$("$client/bin/python" -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
"$client/bin/lnt" runserver "$work/theirs" --hostname 127.0.0.1 --port "$port" >theirs.log 2>&1 &
theirs=$!
tries=0
until "$client/bin/python" -c 'import socket, sys
socket.create_connection(("127.0.0.1", int(sys.argv[1])))' "$port" 2>/dev/null; do
	kill -0 "$theirs" 2>/dev/null || die "LNT's server did not start: $(tail -n 5 theirs.log)"
	tries=$((tries + 1))
	[ "$tries" -lt 600 ] || die "LNT's server is not ready: $(tail -n 5 theirs.log)"
	sleep 0.2
done
their=http://127.0.0.1:$port/db_default/v4/nts/submitRun
# The machine is as new to this server's other database as to theirs.
ours=$root/db_perf/v4/nts/submitRun
neutral="$steady; s/Importing '.*'/Importing FILE/; s/^Results available at: .*/Results available at: URL/"
for name in first unchanged regressed improved failing still-failing fixed others nothing; do
	"$client/bin/lnt" submit -v "$ours" "told-$name.json" 2>&1 | sed "$neutral" >ours.out
	"$client/bin/lnt" submit -v "$their" "told-$name.json" 2>&1 | sed "$neutral" >theirs.out
	holds "submit -v, $name, as LNT's own server has it" ours.out "$(cat theirs.out)"
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
