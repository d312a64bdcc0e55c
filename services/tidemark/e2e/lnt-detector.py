"""Random histories for LNT and for the product, and what both say of them.

Compared, by names: every field change (machine, test, metric, start, end, old and new value), which of them are in one regression,
and each regression's title and state; and what both answer to GET regression/<machine>/<test>/<field>.

Meant to differ, and kept out of the histories:
- a second run of an order: LNT means to renew the changes that it knows, but looks for machine and test in each other's place, so
  that it makes every change a second time and takes none back; here they are renewed and taken back. Histories of odd seeds have
  second runs only with ignore_regressions, which nobody judges. Those of even seeds have others, too, and are held only to this:
  what stands here is what LNT said last of that change, and what LNT alone has is at an order with several runs;
- a run that replaces another: LNT forgets its changes and groups them anew; here they keep their numbers and their regressions;
- what LNT answers 500 to: a change taken back and a like one found by the same run;
- machines that were merged, and deleted ones: there are none;
- tests without a sample for long: LNT goes through tests in the order of a hash table, which is that of their ids here.
"""

import json
import random
import sqlite3
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

MACHINES = ["bench-07__clang__aarch64", "bench-08__clang__aarch64", "box"]
TESTS = ["SingleSource/Benchmarks/fft", "SingleSource/Benchmarks/fft_12", "MultiSource/lu", "a/b/compile/phase/(-O0)", "sort<int>/64", "x"]
METRICS = ["compile_time", "execution_time", "score", "mem_bytes", "code_size"]


def history(seed, runs=36):
    """Submissions in order: (ignore_regressions, merge, report)."""
    r = random.Random(seed)
    level = {}
    step = {}
    newest = {}
    reported = {m: [] for m in MACHINES}
    out = []
    for n in range(runs):
        machine = r.choice(MACHINES)
        kind = r.random()
        merge = "reject"
        if reported[machine] and kind < 0.15:
            order, merge = newest[machine], "append"
        elif len(reported[machine]) > 2 and kind < 0.3:
            order = None
            for _ in range(20):
                late = r.randint(min(reported[machine]), max(reported[machine]))
                if late not in reported[machine]:
                    order = late
                    break
            if order is None:
                continue
        else:
            order = newest.get(machine, r.randint(90, 99)) + r.randint(1, 9)
        reported[machine].append(order)
        newest[machine] = max(newest.get(machine, 0), order)
        tests = []
        for test in TESTS:
            if n > 3 and r.random() < 0.06:
                continue  # not run this time
            entry = {"name": test}
            for metric in METRICS:
                if r.random() < 0.25:
                    continue
                key = (machine, test, metric)
                level.setdefault(key, r.choice([0.004, 1.5, 20.0, 4096.0]) * (1 + r.random()))
                if r.random() < 0.12:
                    level[key] *= r.choice([0.5, 0.9, 0.97, 1.004, 1.03, 1.2, 2.0])
                noise = r.choice([0, 0.001, 0.02])
                count = r.choice([1, 1, 1, 2, 3, 5])
                values = [round(level[key] * (1 + noise * r.uniform(-1, 1)), 4) for _ in range(count)]
                entry[metric] = values[0] if count == 1 else values
            for status in ["execution_status", "compile_status"]:
                if r.random() < 0.06:
                    entry[status] = r.choice([0, 1, 2])
            if r.random() < 0.5:
                entry["hash"] = "h%d" % step.setdefault((machine, test), r.randint(0, 9))
                if r.random() < 0.3:
                    step[machine, test] = r.randint(0, 9)
            tests.append(entry)
        report = {
            "format_version": "2",
            "machine": {"name": machine, "os": "linux"},
            "run": {"llvm_project_revision": str(order), "start_time": "2026-02-03T%02d:%02d:00" % (n // 60, n % 60), "end_time": "2026-02-03T23:00:00"},
            "tests": tests,
        }
        out.append((r.random() < 0.06 or merge == "append" and seed % 2 == 1, merge, report))
    return out


def post(root, ignore, merge, report):
    form = {"input_data": json.dumps(report), "merge": merge, "commit": "1"}
    if ignore:
        form["ignore_regressions"] = "1"
    request = urllib.request.Request(root + "/db_default/v4/nts/submitRun", urllib.parse.urlencode(form).encode())
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as err:
        return err.code, {}


def get(address):
    with urllib.request.urlopen(address, timeout=120) as answer:
        return json.load(answer)


def ask(sql, text):
    request = urllib.request.Request(sql + "/?database=tidemark&default_format=JSONCompact", text.encode())
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)["data"]


def await_judged(sql, runs):
    deadline = time.time() + 600
    while time.time() < deadline:
        done = ask(sql, "SELECT max(to_seq) FROM v_job_runs WHERE job = 'detect_lnt' AND error = ''")
        seen = ask(sql, "SELECT max(data_seq), max(seq) FROM v_positions")
        if int(done[0][0]) >= int(seen[0][0]) and int(ask(sql, "SELECT count() FROM v_runs")[0][0]) == runs:
            time.sleep(2)  # what the last slot appended
            return
        time.sleep(0.5)
    sys.exit("the detector did not come to an end")


def number(x):
    return None if x is None else float("%.9g" % x)


def theirs(database):
    db = sqlite3.connect(database)
    changes = {}
    for row in db.execute(
        """SELECT f."ID", m."Name", t."Name", s."Name", a."llvm_project_revision", b."llvm_project_revision", f."OldValue", f."NewValue"
        FROM "NT_FieldChangeV2" f JOIN "NT_Machine" m ON m."ID" = f."MachineID" JOIN "NT_Test" t ON t."ID" = f."TestID"
        JOIN "TestSuiteSampleFields" s ON s."ID" = f."FieldID"
        JOIN "NT_Order" a ON a."ID" = f."StartOrderID" JOIN "NT_Order" b ON b."ID" = f."EndOrderID" """
    ):
        changes[row[0]] = (*row[1:6], number(row[6]), number(row[7]))
    regressions = []
    for id, title, state in db.execute('SELECT "ID", "Title", "State" FROM "NT_Regression"'):
        members = [changes[c] for (c,) in db.execute('SELECT "FieldChangeID" FROM "NT_RegressionIndicator" WHERE "RegressionID" = ?', (id,))]
        regressions.append((sorted(members), title, state))
    return list(changes.values()), sorted(regressions)


def ours(sql):
    changes = {}
    for id, *names, old, new in ask(
        sql, "SELECT change_id, machine, test, metric, previous_order_name, order_name, before, after FROM v_findings WHERE detector = 'lnt'"
    ):
        changes[id] = (*names, number(old), number(new))
    regressions = []
    for title, state, ids in ask(sql, "SELECT title, state, change_ids FROM v_regressions"):
        regressions.append((sorted(changes[c] for c in ids), title, state))
    return sorted(changes.values()), sorted(regressions)


def lines(root):
    """GET regression of every line, by names."""
    base = root + "/api/db_default/v4/nts/"
    machines = {m["name"]: m["id"] for m in get(base + "machines")["machines"]}
    tests = {t["name"]: t["id"] for t in get(base + "tests")["tests"]}
    fields = {f["column_name"]: f["column_id"] for f in get(base + "fields")["fields"]}
    out = {}
    for m in machines:
        for t in tests:
            for f in METRICS[:2]:
                got = get(base + "regression/%d/%d/%d" % (machines[m], tests[t], fields[f]))
                out[m, t, f] = sorted((r["title"], r["state"], r["end_point"][0], number(r["end_point"][1])) for r in got)
    return out


def compare(seed, root, sql, lnt, database):
    deadline = time.time() + 120
    while True:
        try:
            urllib.request.urlopen(lnt + "/ping", timeout=10)
            break
        except OSError:
            if time.time() > deadline:
                sys.exit("LNT did not start")
            time.sleep(0.2)
    submissions = history(int(seed))
    for i, (ignore, merge, report) in enumerate(submissions):
        a, _ = post(lnt, ignore, merge, report)
        if a != 200:
            print("seed %s: LNT answers %d to run %d; compared up to there" % (seed, a, i))
            submissions = submissions[:i]
            break
        b, answer = post(root, ignore, merge, report)
        if b != 200:
            sys.exit("seed %s: run %d: %d %s" % (seed, i, b, answer))
    await_judged(sql, len(submissions))
    their_changes, their_regressions = theirs(database)
    our_changes, our_regressions = ours(sql)
    if int(seed) % 2 == 0:
        return compare_last(seed, submissions, their_changes, our_changes)
    bad = 0
    for what, want, got in ("change", their_changes, our_changes), ("regression", their_regressions, our_regressions):
        for x in want:
            if x not in got:
                bad += 1
                print("seed %s: only LNT has the %s %s" % (seed, what, x))
        for x in got:
            if x not in want:
                bad += 1
                print("seed %s: LNT has no %s %s" % (seed, what, x))
    want, got = lines(lnt), lines(root)
    for line in want:
        if want[line] != got.get(line):
            bad += 1
            print("seed %s: regression of %s: LNT says %s, not %s" % (seed, line, want[line], got.get(line)))
    states = {}
    for _, _, state in their_regressions:
        states[state] = states.get(state, 0) + 1
    print(
        "seed %s: %d runs, %d changes, %d regressions (by state: %s), %d lines: %s"
        % (seed, len(submissions), len(their_changes), len(their_regressions), states, len(want), "%d differ" % bad if bad else "the same")
    )
    return bad


def compare_last(seed, submissions, their_changes, our_changes):
    last = {change[:5]: change for change in their_changes}
    several = {(m["machine"]["name"], m["run"]["llvm_project_revision"]) for _, merge, m in submissions if merge == "append"}
    known = {change[:5] for change in our_changes}
    bad = 0
    for change in our_changes:
        if last.get(change[:5]) != change:
            bad += 1
            print("seed %s: LNT says %s last, not %s" % (seed, last.get(change[:5]), change))
    for name in last:
        if name not in known and (name[0], name[4]) not in several:
            bad += 1
            print("seed %s: only LNT has the change %s" % (seed, last[name]))
    print(
        "seed %s: %d runs, %d of them second ones, %d changes, LNT has %d by name and %d in all: %s"
        % (
            seed, len(submissions), sum(merge == "append" for _, merge, _ in submissions), len(our_changes), len(last), len(their_changes),
            "%d differ" % bad if bad else "the same",
        )
    )
    return bad


if __name__ == "__main__":
    sys.exit(1 if compare(*sys.argv[1:]) else 0)
