"""Fills an LNT server with history that is hard to copy, and compares what two servers answer.

  lnt-import.py fill ROOT TOKEN
  lnt-import.py compare [--ids] [--machine NAME] SOURCE DATABASE TARGET DATABASE
  lnt-import.py links SOURCE DATABASE TARGET DATABASE
  lnt-import.py count ROOT DATABASE
  lnt-import.py one ROOT TOKEN               posts one more run
  lnt-import.py delete ROOT TOKEN DATABASE   deletes the first run of nts
"""
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

SUITES = ["nts", "compile", "odd"]
VALUES = {"nts": 4, "compile": 0, "odd": 1}  # the index of a field that has a graph


def ask(method, url, body=None, headers=(), may=()):
    request = urllib.request.Request(url, method=method, data=body, headers=dict(headers))
    opener = urllib.request.build_opener(Still)
    try:
        with opener.open(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        if error.code in may:
            return error.code, error.read()
        raise SystemExit("%s %s: %d %s" % (method, url, error.code, error.read()[:500]))


class Still(urllib.request.HTTPRedirectHandler):
    """Does not follow: a POST is answered with the address of the run."""

    def redirect_request(self, *_):
        return None


def get(root, database, suite, path):
    status, body = ask("GET", "%s/api/db_%s/v4/%s/%s" % (root, database, suite, path), may=(404,))
    return json.loads(body) if status == 200 else None


class Filler:
    def __init__(self, root, token):
        self.root, self.token = root, token

    def api(self, suite, path):
        return "%s/api/db_default/v4/%s/%s" % (self.root, suite, path)

    def write(self, method, suite, path, body=None, kind="application/json"):
        return ask(method, self.api(suite, path), body, {"AuthToken": self.token, "Content-Type": kind}, may=(301,))

    def post(self, suite, machine, run, tests, merge="append", select="split", detect=False):
        report = {"format_version": "2", "machine": machine, "run": run, "tests": tests}
        query = {"merge": merge, "select_machine": select}
        if not detect:
            query["ignore_regressions"] = "1"
        _, body = self.write("POST", suite, "runs?" + urllib.parse.urlencode(query), json.dumps(report).encode())
        return json.loads(body)["run_id"]

    def schema(self, text):
        name = re.search("name: (.*)", text).group(1)
        self.write("POST", name, "schema", text.encode(), "application/x-yaml")

    def fill(self):
        self.schema(COMPILE)
        self.schema(ODD)
        self.nts()
        self.compile()
        self.odd()

    def nts(self):
        big = {"name": "big", "hardware": "aarch64", "os": "linux", "cores": 8, "turbo": False, "flags": ["-O3", 1.5, None],
               "cache": {"l1": 65536, "names": ["ä", "\u65e5\u672c"]}, "digits": 12345678901234567890, "quote": 'a "b" <c> & \\'}
        for n in range(20):
            slow = 2.0 if n >= 12 else 1.0
            self.post("nts", big, {"llvm_project_revision": str(1000 + (n * 7) % 20), "start_time": "2026-01-%02dT10:00:00.%06d" % (n + 1, n * 7919),
                                   "end_time": "2026-01-%02d 09:59:00" % (n + 1), "bot": "https://ci.example.org/%d" % n, "try": n, "ok": n % 2 == 0, "none": None},
                      [{"name": "group/alpha", "execution_time": [slow + 0.01 * n, slow, 1e-300], "compile_time": 0.1 * n, "execution_status": 0, "hash": "h%d" % (n // 3)},
                       {"name": "group/beta", "execution_time": [1, None, 3], "score": [None, 2.5]},
                       {"name": "group/alpha", "execution_time": slow + 0.5},
                       {"name": "failing", "execution_status": 1, "compile_status": 2},
                       {"name": "nothing but null", "mem_bytes": None},
                       {"name": "wide \u00e9\u4e2d", "code_size": 123456789012, "mem_bytes": 4096.5, "score": -0.0}], detect=n > 10)
        # Namesakes: what differs makes another machine.
        for n in range(6):
            self.post("nts", {"name": "twin", "os": ["linux", "plan9"][n % 2], "n": n % 2}, {"llvm_project_revision": "r%d.%d" % (n, n), "start_time": "2026-02-01T00:00:00"},
                      [{"name": "group/alpha", "execution_time": n / 3.0}])
        # Runs without samples, without an end, with a zone, and a test without samples.
        self.post("nts", {"name": "bare"}, {"llvm_project_revision": "no digits"}, [])
        self.post("nts", {"name": "bare"}, {"llvm_project_revision": "5", "start_time": "2026-03-01T12:00:00+02:00", "end_time": "2026-03-01T12:30:00+02:00"}, [{"name": "never"}])
        # A run that is replaced keeps its id, unless there were several; deleted ones leave gaps.
        for value in (1, 2):
            self.post("nts", {"name": "bare"}, {"llvm_project_revision": "6", "start_time": "2026-03-02T12:00:00"}, [{"name": "group/alpha", "score": value}], merge="replace")
        twice = [self.post("nts", {"name": "bare"}, {"llvm_project_revision": "7", "start_time": "2026-03-03T12:00:00"}, [{"name": "group/alpha", "score": n}]) for n in range(3)]
        self.post("nts", {"name": "bare"}, {"llvm_project_revision": "7", "start_time": "2026-03-03T13:00:00"}, [{"name": "late", "score": 9}], merge="replace")
        gone = [self.post("nts", {"name": "gone"}, {"llvm_project_revision": str(n), "start_time": "2026-03-04T12:00:00"}, [{"name": "only there", "score": n}]) for n in range(3)]
        self.write("DELETE", "nts", "machines/gone")
        again = [self.post("nts", {"name": "renamed"}, {"llvm_project_revision": str(n), "start_time": "2026-03-05T12:00:00"}, [{"name": "group/alpha", "score": n}]) for n in range(4)]
        self.write("DELETE", "nts", "runs/%d" % again[1])
        self.write("POST", "nts", "machines/renamed?action=rename&name=new%20name")
        self.post("nts", {"name": "merged", "os": "x"}, {"llvm_project_revision": "8", "start_time": "2026-03-06T12:00:00"}, [{"name": "group/alpha", "score": 1}])
        self.write("POST", "nts", "machines/merged?action=merge&into=bare")
        # Newer runs than all the gaps.
        for n in range(3):
            self.post("nts", {"name": "bare"}, {"llvm_project_revision": str(20 + n), "start_time": "2026-04-01T12:00:00"}, [{"name": "group/beta", "score": [n, n, n]}])
        assert twice and gone

    def compile(self):
        for n in range(10):
            self.post("compile", {"name": "big", "hardware": "x86", "os_version": "9"}, {"llvm_project_revision": str(n), "start_time": "2026-01-01T00:00:%02d" % n},
                      [{"name": "compile/a.c/parse/(-O%d)" % k, "user_time": [0.5, 0.25], "user_status": 0, "mem_bytes": 1 << (20 + k)} for k in range(4)])

    def odd(self):
        for n in range(8):
            self.post("odd", {"name": "m%d" % (n % 3), "sdk": "1.%d" % n, "extra": n}, {"llvm_project_revision": str(n), "git_sha": "%040x" % n, "start_time": "2026-01-01T00:00:%02d" % n, "other": [n]},
                      [{"name": "t%d" % k, "cycles": k * n, "checksum": "c%d" % k, "passed": k % 3} for k in range(5)], select="split" if n < 3 else "update")


COMPILE = """
format_version: '2'
name: compile
metrics:
""" + "".join("""- {name: %s, type: %s}
""" % m for m in [("user_time", "Real"), ("user_status", "Status"), ("sys_time", "Real"), ("sys_status", "Status"), ("wall_time", "Real"),
                  ("wall_status", "Status"), ("size_bytes", "Real"), ("size_status", "Status"), ("mem_bytes", "Real"), ("mem_status", "Status")]) + """
run_fields:
- {name: llvm_project_revision, order: true}
machine_fields:
- name: hardware
- name: os_version
"""

ODD = """
format_version: '2'
name: odd
metrics:
- {name: passed, type: Status}
- {name: cycles, type: Real, bigger_is_better: true, display_name: Cycles, unit: cycles, unit_abbrev: cy}
- {name: checksum, type: Hash}
run_fields:
- {name: llvm_project_revision, order: true}
- name: git_sha
machine_fields:
- name: sdk
"""


def plain(o, *but):
    """An object without nulls, which one side may leave out."""
    return {k: v for k, v in o.items() if v is not None and k not in but}


def rows(run):
    return [{k: v for k, v in t.items() if k not in ("id", "run_id")} for t in sorted(run["tests"], key=lambda t: t["id"])]


def key(machine, run, ids):
    """What identifies a run on both sides."""
    if ids:
        return run["id"]
    return json.dumps([plain(machine, "id"), plain(run, "id", "order_id")], sort_keys=True)


def everything(root, database, suite, ids, only):
    """All runs by what identifies them, with what is compared; the runs of equal keys in the order of their ids."""
    out = {}
    for machine in get(root, database, suite, "machines")["machines"]:
        if only and machine["name"] != only:
            continue
        for run in get(root, database, suite, "machines/%d" % machine["id"])["runs"]:
            whole = get(root, database, suite, "runs/%d" % run["id"])
            seen = {"run": plain(whole["run"], *(() if ids else ("id", "order_id"))), "machine": plain(whole["machine"], *(() if ids else ("id",))), "tests": rows(whole)}
            if ids:
                seen["order"] = get(root, database, suite, "orders/%d" % run["order_id"])["orders"]
            out.setdefault(key(machine, run, ids), []).append((run["id"], seen))
    return {k: [seen for _, seen in sorted(v, key=lambda pair: pair[0])] for k, v in out.items()}


def compare(args):
    ids = "--ids" in args
    only = args[args.index("--machine") + 1] if "--machine" in args else None
    source, of, target, to = args[-4:]
    runs = 0
    for suite in SUITES:
        here, there = everything(source, of, suite, ids, only), everything(target, to, suite, ids, only)
        if sorted(map(str, here)) != sorted(map(str, there)):
            sys.exit("%s: not the same runs: %s" % (suite, sorted(set(map(str, here)) ^ set(map(str, there)))[:3]))
        for k, want in here.items():
            if want != there[k]:
                sys.exit("%s: run %s differs\nwant %s\n got %s" % (suite, k, json.dumps(want), json.dumps(there[k])))
            runs += len(want)
        if ids and not only:
            for what in ("machines", "tests"):
                want, got = ([plain(o) for o in sorted(get(r, d, suite, what)[what], key=lambda o: o["id"])] for r, d in ((source, of), (target, to)))
                if want != got:
                    sys.exit("%s: %s differ\nwant %s\n got %s" % (suite, what, want, got))
    print(runs)


def links(source, of, target, to):
    """Follows the addresses of runs, machines, orders and graphs that were good at the source."""
    seen = 0
    for suite in SUITES:
        for machine in get(source, of, suite, "machines")["machines"]:
            base = "%s/db_%s/v4/%s/" % (target, to, suite)
            paths = {"machine/%d" % machine["id"]: machine["name"], "graph?plot.0=%d.1.%d" % (machine["id"], VALUES[suite]): ""}
            for run in get(source, of, suite, "machines/%d" % machine["id"])["runs"][:3]:
                paths["%d" % run["id"]] = paths["order/%d" % run["order_id"]] = run["llvm_project_revision"]
            for path, text in paths.items():
                _, page = ask("GET", base + path)
                if text not in page.decode():
                    sys.exit("%s%s does not say %s" % (base, path, text))
                seen += 1
    print(seen > 0)


def count(root, database):
    total = 0
    for suite in SUITES:
        listed = get(root, database, suite, "machines")
        for machine in listed["machines"] if listed else []:
            total += len(get(root, database, suite, "machines/%d" % machine["id"])["runs"])
    print(total)


if sys.argv[1] == "fill":
    Filler(*sys.argv[2:]).fill()
elif sys.argv[1] == "compare":
    compare(sys.argv[2:])
elif sys.argv[1] == "links":
    links(*sys.argv[2:])
elif sys.argv[1] == "one":
    Filler(*sys.argv[2:]).post("nts", {"name": "big"}, {"llvm_project_revision": "2000", "start_time": "2026-05-01T00:00:00"}, [{"name": "group/alpha", "score": 1}])
elif sys.argv[1] == "delete":
    ask("DELETE", "%s/api/db_%s/v4/nts/runs/1" % (sys.argv[2], sys.argv[4]), headers={"AuthToken": sys.argv[3]})
else:
    count(*sys.argv[2:])
