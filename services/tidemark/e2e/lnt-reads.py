"""LNT's own server and Tidemark, given the same reports, must give the same answers.

  lnt-reads.py PROGRAM [--writes]   PROGRAM is the built tidemark; run with the python that has LNT

Both servers are started with empty data. Every address of LNT's v4 REST and of the JSON in its
pages is asked of both, with good and bad parameters; status, content type, CORS header, body, the
order of keys and the way numbers are written must agree. INTENDED lists what differs on purpose.
"""

import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

import requests

TOKEN = "a-token"
SUITES = ("nts", "compile", "mini")
MINI = """
format_version: '2'
name: mini
metrics:
- {name: zeta, type: Real, display_name: Zeta, unit: seconds, unit_abbrev: s}
- {name: alpha, type: Real, bigger_is_better: true}
- {name: alpha_status, type: Status}
- {name: hash, type: Hash}
run_fields:
- {name: llvm_project_revision, order: true}
- {name: git_sha}
machine_fields:
- {name: os}
- {name: board}
"""


class Server:
    """One of the two, as a process of ours."""

    def __init__(self, name, command, log, env=None):
        self.name, self.base, self.log = name, None, log
        self.session = requests.Session()
        self.process = subprocess.Popen(command, stdout=open(log, "w"), stderr=subprocess.STDOUT, env=env)

    def wait(self, ready):
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} did not start:\n" + open(self.log).read()[-3000:])
            self.base = ready()
            if self.base:
                return self
            time.sleep(0.1)
        raise SystemExit(f"{self.name} is not ready:\n" + open(self.log).read()[-3000:])

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def ask(self, method, path, headers=None, data=None):
        headers = {"Accept": "application/json", **(headers or {})}
        prepared = requests.Request(method, self.base, headers=headers, data=data).prepare()
        prepared.url = self.base + path  # as written: requests would quote it in its own way
        return self.session.send(prepared, allow_redirects=False, timeout=60)


def start_lnt(folder):
    lnt = os.path.join(os.path.dirname(sys.executable), "lnt")
    instance = os.path.join(folder, "lnt")
    subprocess.run([lnt, "create", instance, "--api-auth-token", TOKEN], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for name, text in (("nts", NTS), ("compile", COMPILE)):
        with open(os.path.join(instance, "schemas", name + ".yaml"), "w") as schema:
            schema.write(text)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server("LNT", [lnt, "runserver", instance, "--hostname", "127.0.0.1", "--port", str(port)],
                    os.path.join(folder, "lnt.log"))

    def ready():
        try:
            base = f"http://127.0.0.1:{port}"
            return base if requests.get(base + "/api/db_default/v4/nts/fields", timeout=10).ok else None
        except requests.ConnectionError:
            return None
    return server.wait(ready)


def start_tidemark(folder, program):
    log = os.path.join(folder, "tidemark.log")
    command = [program, "up", "--data", os.path.join(folder, "data"), "--listen", "127.0.0.1:0",
               "--sql-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
    server = Server("Tidemark", command, log, env={**os.environ, "TIDEMARK_AUTH_TOKEN": TOKEN})

    def ready():
        found = re.search(r"pages and REST (http://\S+?)/? SQL", open(log).read())
        return found and found.group(1)
    return server.wait(ready)


# --- what both are given ---------------------------------------------------------------------

def report(machine, order, tests, run=None, **attributes):
    return {"format_version": "2", "machine": {"name": machine, **attributes},
            "run": {"llvm_project_revision": order, "start_time": "2026-02-03T04:05:06",
                    "end_time": "2026-02-03T05:00:00", **(run or {})},
            "tests": tests}


# LNT keeps what an instance's schema files say about the two suites that Tidemark has built in.
NTS = """
format_version: '2'
name: nts
metrics:
- {name: compile_time, type: Real, display_name: Compile Time, unit: seconds, unit_abbrev: s}
- {name: compile_status, type: Status}
- {name: execution_time, type: Real, display_name: Execution Time, unit: seconds, unit_abbrev: s, ignore_same_hash: true}
- {name: execution_status, type: Status}
- {name: score, type: Real, bigger_is_better: true, display_name: Score, ignore_same_hash: true}
- {name: mem_bytes, type: Real, display_name: Memory Usage, unit: bytes, unit_abbrev: b}
- {name: hash, type: Hash}
- {name: hash_status, type: Status}
- {name: code_size, type: Real, display_name: Code Size, unit: bytes, unit_abbrev: b}
run_fields:
- {name: llvm_project_revision, order: true}
machine_fields:
- {name: hardware}
- {name: os}
"""
COMPILE = """
format_version: '2'
name: compile
metrics:
- {name: user_time, type: Real, display_name: User Time, unit: seconds, unit_abbrev: s}
- {name: user_status, type: Status}
- {name: sys_time, type: Real, display_name: System Time, unit: seconds, unit_abbrev: s}
- {name: sys_status, type: Status}
- {name: wall_time, type: Real, display_name: Wall Time, unit: seconds, unit_abbrev: s}
- {name: wall_status, type: Status}
- {name: size_bytes, type: Real, display_name: Executable Size, unit: bytes, unit_abbrev: b}
- {name: size_status, type: Status}
- {name: mem_bytes, type: Real, display_name: Memory Usage, unit: bytes, unit_abbrev: b}
- {name: mem_status, type: Status}
run_fields:
- {name: llvm_project_revision, order: true}
machine_fields:
- {name: hardware}
- {name: os_version}
"""

EVERY_TYPE = {"text": "a/b \"c\" \\ \t", "empty": "", "whole": 8, "real": 1.5, "yes": True, "no": False,
              "nothing": None, "list": [1, "two", None, {"k": [False]}], "object": {"z": 1, "a": {"b": 2}},
              "unicode": "größe ✓ 𝄞", "large": 12345678901234567890, "tiny": 1e-7, "Upper": "sorts first", "10": "digits"}


def reports():
    """(suite, parameters, report): every kind of thing that can be submitted."""
    def at(day, hour=4):
        return {"start_time": f"2026-02-{day:02}T{hour:02}:05:06", "end_time": f"2026-02-{day:02}T{hour + 1:02}:00:00"}

    # One machine with a history: several samples, failures, hashes, orders that arrive late.
    values = [10, 10.5, 9.75, 11, 10.25, 20.5, 20, 19.5, 21, 20.25, 30.125, 5]
    orders = [100, 101, 103, 104, 105, 110, 111, 112, 99, 102, 1000, 113]
    for i, (order, value) in enumerate(zip(orders, values)):
        status = 1 if i in (3, 7) else 0
        yield "nts", {}, report("bench", str(order), [
            {"name": "group/one", "execution_time": [value, value + 0.25, value - 0.125], "execution_status": [0, status, 0],
             "compile_time": value / 3, "hash": f"h{i // 4}", "mem_bytes": 1000 + i, "score": [value * 2, value * 3]},
            {"name": "group/two", "execution_time": value * 2, "compile_time": 0.0, "code_size": 2 ** 40 + i},
            {"name": "fails", "execution_status": status, "execution_time": value, "compile_status": 2},
        ], {**at(1 + i), "git_sha": f"{i:040x}"}, hardware="aarch64", os="linux", cores=8)
    # More runs of one order, some at another time of day.
    for i in range(3):
        yield "nts", {"merge": "append"}, report("bench", "105", [
            {"name": "group/one", "execution_time": [8.5 + i, 9.125], "score": 7}, {"name": "late/three", "mem_bytes": 5.5 * i}],
            {**at(20 + i), "again": i}, hardware="aarch64", os="linux", cores=8)
    # Two machines of one name, one whose name looks like an id, names that need quoting.
    for os_name in ("linux", "darwin", "linux"):
        yield "nts", {"select_machine": "split", "merge": "append"}, report("twin", "7", [{"name": "group/one", "execution_time": 1}],
                                                         hardware="x86", os=os_name)
    for name in ("77", "with blank", "plus+and%41", "ünï", "dot.and_under-score"):
        yield "nts", {}, report(name, "7", [{"name": "group/one", "compile_time": 1e-5}])
    # Parameters of every JSON type, unusual times, orders without digits or with many.
    yield "nts", {}, report("types", "1", [{"name": "a", "score": 1}], EVERY_TYPE, **EVERY_TYPE)
    yield "nts", {}, report("types", "2", [], EVERY_TYPE)
    for i, order in enumerate(("abc", "1.2.3", "1.2", "r1.2.3", "0001", " 5", "1a2,3-45:b6;", "ffff", "18446744073709551616")):
        yield "nts", {}, report("orders", order, [{"name": "a", "score": i + 0.5, "execution_time": 1 / (i + 3)}],
                                {"start_time": f"2026-01-0{i + 1}T11:28:23.99107{i}", "end_time": "2026-01-01 00:00:00"})
    # Numbers of every size.
    numbers = [0, -1, 1e16, 1e15, 123456789012345680.0, 1e-4, 1e-5, 0.1 + 0.2, 1 / 3, 5e-324, 1e100, 100]
    yield "nts", {}, report("numbers", "1", [{"name": "n", "score": numbers, "mem_bytes": [float(n) for n in numbers]}])
    # Nothing in it: no tests, tests without values, values that are null.
    yield "nts", {}, report("sparse", "1", [])
    yield "nts", {}, report("sparse", "2", [{"name": "only a name"}, {"name": "empty list", "score": []}])
    yield "nts", {}, report("sparse", "3", [{"name": "nulls", "score": None, "hash": None, "execution_status": None},
                                            {"name": "some nulls", "score": [None, 2, None], "hash": ["x", None]}])
    # Replaced: the run keeps its id.
    yield "nts", {}, report("replaced", "1", [{"name": "a", "score": 1}, {"name": "b", "score": 2}])
    yield "nts", {}, report("after", "1", [{"name": "a", "score": 1}])  # so that SQLite gives no sample id twice
    yield "nts", {"merge": "replace"}, report("replaced", "1", [{"name": "a", "score": 3}])
    # Another built-in suite: its statuses say nothing about its values.
    for i in range(4):
        yield "compile", {}, report("bench", str(i + 1), [
            {"name": "c/x.c", "user_time": [1.5 + i, 1.25], "user_status": [1, 0], "wall_time": 2.5 - i / 4, "size_bytes": 10 ** 6 + i},
            {"name": "c/y.c", "sys_time": 0.5, "mem_status": 1}], {"compiler": "clang"}, hardware="aarch64", os_version="6.1")
    # A suite of ours.
    for i in range(5):
        yield "mini", {}, report("board", f"{i}", [
            {"name": "t1", "zeta": [i + 1, i + 2], "alpha": i, "alpha_status": i % 2, "hash": "same"},
            {"name": "t2", "alpha": [3, 1, 2]}], {"git_sha": f"{i}abc", "free": i}, os="linux", board=None if i else "rev1")


def submit(server, suite, parameters, body):
    form = {"input_data": json.dumps(body), "ignore_regressions": "1", "merge": "reject", **parameters}
    answer = server.session.post(f"{server.base}/db_default/v4/{suite}/submitRun", data=form, timeout=60)
    return answer.status_code, answer.json() if answer.headers.get("content-type", "").startswith("application/json") else answer.text


# --- what both are asked ---------------------------------------------------------------------

def quoted(name):
    return urllib.parse.quote(name, safe="")


def lines(suite):
    """Every line of the first machine, some of the others."""
    for test, field in itertools.product(range(1, TESTS[suite] + 1), range(FIELDS[suite] + 1)):
        yield 1, test, field
    for machine, test in itertools.product(range(2, MACHINES[suite] + 1), range(1, TESTS[suite] + 1)):
        yield machine, test, (machine + test) % FIELDS[suite]
        yield machine, test, 4 % FIELDS[suite]


MACHINES = {"nts": 16, "compile": 1, "mini": 1}
RUNS = {"nts": 41, "compile": 4, "mini": 5}
TESTS = {"nts": 10, "compile": 2, "mini": 2}
FIELDS = {"nts": 9, "compile": 10, "mini": 4}
ODD = ("0", "999999", "abc", "-1", "1.0", "00001", "4294967297", "99999999999999999999", "1%2F2", "%31", "1%20")


def rest():
    """Addresses of the v4 REST."""
    for suite in SUITES:
        v4 = f"/api/db_default/v4/{suite}/"
        for name in ("fields", "tests", "machines", "samples", "schema"):
            yield v4 + name
            yield v4 + name + "/"
            yield v4 + name + "?unknown=1"
            yield v4 + name + "x"
        for i in range(1, MACHINES[suite] + 1):
            yield f"{v4}machines/{i}"
        for kind, count in (("runs", RUNS[suite]), ("orders", RUNS[suite]), ("samples", 120)):
            for i in range(1, count + 1):
                yield f"{v4}{kind}/{i}"
        for kind in ("machines", "runs", "orders", "samples"):
            for odd in ODD:
                yield f"{v4}{kind}/{odd}"
            yield f"{v4}{kind}/1/"
            yield f"{v4}{kind}/1?unknown=1"
            yield f"{v4}{kind}/1/2"
        for query in ("runid=1", "runid=1&runid=2", "runid=2&runid=1", "runid=1&runid=1", "runid=999999", "runid=1&runid=999999",
                      "runid=abc", "runid=", "runid=-1", "runid=1.0", "runid=+1", "other=1", "runid=1&other=2", "runid[]=1"):
            yield f"{v4}samples?{query}"
        for machine, test, field in lines(suite):
            yield f"{v4}graph/{machine}/{test}/{field}"
            if test < 4 and field < 4:
                yield f"{v4}regression/{machine}/{test}/{field}"
        for odd in ODD:
            for kind in ("graph", "regression"):
                yield f"{v4}{kind}/{odd}/1/0"
                yield f"{v4}{kind}/1/{odd}/0"
                yield f"{v4}{kind}/1/1/{odd}"
        for limit in ("1", "2", "3", "0", "", "999999", "-1", "abc", "1.5", "+2", "02"):
            yield f"{v4}graph/1/1/2?limit={limit}"
        for tail in ("", "none", "runs/1/2", "graph/1/1", "graph/1/1/2/", "order/1", "regression/1/1"):
            yield v4 + tail
    v4 = "/api/db_default/v4/nts/"
    for name in ("bench", "twin", "nobody", "with blank", "plus+and%41", "ünï", "dot.and_under-score", "BENCH", "a/b", "x" * 300, "'", '"<'):
        yield v4 + "machines/" + quoted(name)
    for path in ("machines/with%20blank", "machines/with+blank", "machines/%FF", "machines/b%65nch"):
        yield v4 + path
    for suite in ("none", "NTS", "", "nts%20"):
        for tail in ("fields", "machines", "machines/1", "runs/1", "tests", "schema", "graph/1/1/0", "samples?runid=1"):
            yield f"/api/db_default/v4/{suite}/{tail}"
    for database in ("db_none", "db_", "default", "db_default%20"):
        for tail in ("fields", "machines/1", "runs/1", "samples/1"):
            yield f"/api/{database}/v4/nts/{tail}"
    yield "/api/v4/nts/fields"
    yield "/api/"


def other_methods():
    v4 = "/api/db_default/v4/nts/"
    addresses = ("fields", "tests", "machines", "machines/1", "runs/1", "samples", "samples/1", "orders/1", "schema", "graph/1/1/2", "regression/1/1/2", "runs")
    for address in addresses:
        yield "HEAD", v4 + address
        yield "OPTIONS", v4 + address
    for address in ("fields", "tests", "machines", "samples", "samples/1", "orders/1", "graph/1/1/2", "regression/1/1/2"):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            yield method, v4 + address
    yield "GET", v4 + "runs"
    yield "GET", v4 + "runs/"
    yield "PUT", v4 + "runs/1"
    yield "POST", v4 + "runs/1"
    yield "PUT", v4 + "schema"
    yield "DELETE", v4 + "schema"


def pages():
    """Addresses of the JSON in the pages."""
    for suite in SUITES:
        for base in (f"/v4/{suite}", f"/db_default/v4/{suite}"):
            for i in range(1, MACHINES[suite] + 1):
                yield f"{base}/machine/{i}?json=1"
            for i in range(1, RUNS[suite] + 1):
                yield f"{base}/{i}?json=1"
            yield f"{base}/machine/999?json=1"
            yield f"{base}/999?json=1"
        base = f"/v4/{suite}"
        for option in ("aggregation_function=max", "aggregation_function=mean", "aggregation_function=none", "test_filter=one", "MW_confidence_lv=0.1",
                       "num_comparison_runs=2", "compare_to=1", "compare_to=999", "baseline=1", "show_all=1", "json=0"):
            yield f"{base}/2?json=1&{option}"
        for q in ("bench", "bench+1", "ben+ch+10", "%2310", "r10", "105", "nobody", "1", "bench+105", "board", "board+3", "twin", "B", "bench+r1+2", "7", "7x", "with+blank", "%2B"):
            for more in ("", "&m=1", "&l=2", "&m=1&l=1", "&m=999", "&l=0", "&l=100"):
                yield f"{base}/search?q={q}{more}"
        yield f"{base}/search?q="
        yield f"{base}/search"
    for path in ("/v4/none/1?json=1", "/v4/none/machine/1?json=1", "/v4/none/graph?plot.0=1.1.0&json=1", "/v4/none/search?q=a",
                 "/db_none/v4/nts/1?json=1", "/db_none/v4/nts/machine/1?json=1", "/db_none/v4/nts/search?q=a",
                 "/v4/nts/machine/abc?json=1", "/v4/nts/machine/0?json=1", "/v4/nts/0?json=1"):
        yield path


OPTIONS = ("aggregation_function=min", "aggregation_function=max", "aggregation_function=mean", "aggregation_function=median", "aggregation_function=",
           "xaxis_date=1", "limit=3", "limit=0", "limit=1000", "hide_lineplot=1", "hide_all_points=1", "show_stddev=1", "show_mad=1",
           "show_stddev=1&show_mad=1", "show_moving_average=1", "show_moving_median=1", "show_moving_average=1&show_moving_median=1&moving_window_size=2",
           "show_moving_average=1&moving_window_size=0", "show_cumulative_minimum=1", "show_linear_regression=1", "show_linear_regression=1&xaxis_date=1",
           "show_failures=1", "normalize_by_median=1", "logarithmic_scale=1", "hide_highlight=1&highlight_run=4", "highlight_run=4", "highlight_run=1",
           "highlight_run=13", "highlight_run=abc", "baseline.first=1", "baseline.first=1&baseline.a%20b=5", "baseline.sparse=34", "mean=1.2",
           "mean=1.2&xaxis_date=1", "mean=1.4", "mean=1.0&show_cumulative_minimum=1", "mean=1.2&show_moving_average=1&show_linear_regression=1", "csv=1", "unknown=1", "json=0",
           "aggregation_function=mean&show_stddev=1&hide_all_points=1&show_failures=1&xaxis_date=1")
BAD_GRAPHS = ("", "plot.0=1.1", "plot.0=a.b.c", "plot.0=1.1.99", "plot.0=999.1.0", "plot.0=1.999.0", "plot.0=1.1.-1", "plot.0=1.1.2&limit=abc", "plot.0=",
              "plot.0=1.1.2&moving_window_size=x", "plot.0=1.1.2&aggregation_function=none", "plot.0=1.1.2&highlight_run=999", "plot.0=1.1.2&baseline.x=abc",
              "plot.0=1.1.2&baseline.x=999", "mean=1", "mean=999.2", "mean=1.99", "mean=a.b", "plot=1.1.2", "plot.0=1.1.2&limit=-1", "plot.0=1.1.2&limit=")


def graphs():
    plots = {"nts": ("plot.0=1.1.2", "plot.0=1.1.0", "plot.0=1.1.4", "plot.0=1.3.2", "plot.0=1.1.2&plot.1=1.2.2&plot.2=1.1.4", "plot.x=1.1.2&plot.x=1.2.2",
                     "plot.9=1.2.2&plot.10=1.1.2", "plot.0=1.1.2&plot.1=1.1.2", "mean=1.2", "plot.0=6.1.2&plot.1=5.1.2"),
             "compile": ("plot.0=1.1.0", "plot.0=1.1.0&plot.1=1.2.2"), "mini": ("plot.0=1.1.0", "plot.0=1.1.1&plot.1=1.2.1")}
    for suite in SUITES:
        for base in (f"/v4/{suite}", f"/db_default/v4/{suite}"):
            for line in plots[suite]:
                yield f"{base}/graph?{line}&json=1"
                yield f"{base}/graph?{line}&download_json=1"
        for line, option in itertools.product(plots[suite][::3], OPTIONS):
            yield f"/v4/{suite}/graph?{line}&{option}&json=1"
        for bad in BAD_GRAPHS:
            yield f"/v4/{suite}/graph?{bad}&json=1"
        for machine, test, field in lines(suite):
            yield f"/v4/{suite}/graph?plot.0={machine}.{test}.{field}&json=1"


# --- what is compared ------------------------------------------------------------------------

# What differs on purpose: method, path, the two statuses, and why. None is any status.
INTENDED = [(method, re.compile(pattern), statuses, why) for method, pattern, statuses, why in (
    ("GET", r"/(runs|orders|graph|regression)/.*9{20}", (500, 404), "numbers beyond every id: not found rather than a crash"),
    ("GET", r"/(graph|regression)/\d+/\d+/", (500, 404), "a field that the suite has not: not found rather than a crash"),
    ("POST", r"/machines/nobody$", (404, 400), "what is missing from the request is said before it is looked for"),
    ("GET", r"/samples/1(\.0|%20)$", (200, 404), "SQLite takes these for 1"),
    ("GET", r"/samples\?runid=(abc|1\.0)?$", (500, 400), "a run id that is no number: refused rather than a crash"),
    ("GET", r"/graph/.*limit=(abc|1\.5)", (500, 400), "a limit that is no number: refused rather than a crash"),
    ("GET", r"/graph/.*limit=-1", (200, 400), "a negative limit: refused; LNT's depends on the database"),
    ("GET", r"/nts/schema", (200, 200), "LNT says of its oldest metrics that bigger is better when nobody said so"),
    ("POST", r"/(mini|made)/schema", (201, 201), "LNT forgets the display names and units of suites that were not files"),
    ("GET", r"/(mini|made)/schema", (200, 200), "LNT forgets the display names and units of suites that were not files"),
    ("GET", r"graph\?.*(baseline|highlight_run)\.?[a-z]*=9+", (None, 404), "a run that is not there: not found rather than a page that says so"),
    ("GET", r"graph\?(plot=1.1.2&)?json=1|graph\?&json=1", (200, 400), "nothing to draw: refused rather than a page that says so"),
    ("GET", r"graph\?.*(limit|moving_window_size)=(abc|x)", (500, 400), "no number: refused rather than a crash"),
    ("GET", r"graph\?.*(limit)=&", (500, 200), "an empty number is none"),
    ("GET", r"graph\?.*limit=-1", (200, 400), "a negative limit: refused; LNT's depends on the database"),
    ("GET", r"graph\?.*plot\.0=1\.1\.-1", (404, 400), "a malformed line"),
    ("GET", r"graph\?.*plot\.0=\d+\.\d+\.[63]&", (None, 400), "a hash cannot be drawn: refused rather than a crash"),
    ("GET", r"graph\?.*normalize_by_median", (500, 200), "nothing to divide by: left as it is rather than a crash"),
    ("GET", r"graph\?.*plot\.0=1\.3\.2", (500, 200), "a crash"),
    ("GET", r"/search(\?q=)?$", (500, 400), "nothing to look for: refused rather than a crash"),
    ("GET", r"/v4/nts/machine/(abc|0)\?json", (404, 400), "a malformed id"),
    ("GET", r"/v4/nts/0\?json", (404, 400), "a malformed id"),
    ("GET", r"/machine/10\?json=1", (200, 200), "LNT gives runs whose orders compare equal one and the same order"),
)]
# An error's text may say more; these statuses are of requests that LNT has a page for, not JSON.
ERROR_TEXTS = "problems of pages say what is wrong"


def parsed(answer):
    """The body as JSON that keeps the order of keys and how numbers are written, or None."""
    try:
        return json.loads(answer.text, object_pairs_hook=lambda pairs: ("object", pairs), parse_float=lambda text: ("number", text),
                          parse_int=lambda text: ("number", text), parse_constant=lambda text: ("number", text))
    except ValueError:
        return None


def without_version(body):
    """The text without the server's version, without what a YAML reader says of what it cannot read, and exponents without the
    zeros that Python puts before them."""
    body = re.sub(r'"LNT Server v[^"]*"', '"LNT Server"', body)
    body = re.sub(r'(Invalid YAML schema payload: )(?:[^"\\]|\\.)*', r"\1", body)
    return re.sub(r"(\d)e-0+(\d)", r"\1e-\2", body)


def as_drawn(body):
    """A chart without what is chance in LNT: which metric has which axis (the order of a Python set), and
    the last digits of a power, which are the C library's."""
    axes = {}

    def walk(v, name=None):
        if isinstance(v, tuple) and v[0] == "object":
            return "object", [(k, walk(x, k)) for k, x in v[1]]
        if isinstance(v, list):
            return [walk(x, name) for x in v]
        if isinstance(v, tuple) and name == "y" and "." in v[1]:
            return "number", f"{float(v[1]):.13g}"
        if name == "yaxis" and isinstance(v, str):
            return axes.setdefault(v, f"axis {len(axes)}")
        return v
    return walk(body)


def differences(lnt, tidemark):
    found = []

    def differ(what, a, b):
        if a != b:
            found.append(f"{what}: LNT {a!r}, Tidemark {b!r}")
    differ("status", lnt.status_code, tidemark.status_code)
    if lnt.request.method == "OPTIONS":  # browsers look at nothing else
        differ("Allow", *(sorted(re.split(r",\s*", a.headers.get("Allow", ""))) for a in (lnt, tidemark)))
        return found
    differ("CORS", lnt.headers.get("Access-Control-Allow-Origin"), tidemark.headers.get("Access-Control-Allow-Origin"))
    differ("Content-Disposition", lnt.headers.get("Content-Disposition"), tidemark.headers.get("Content-Disposition"))
    types = [a.headers.get("Content-Type", "").split(";")[0] for a in (lnt, tidemark)]
    differ("content type", *types)
    for answer in (lnt, tidemark):
        answer._content = without_version(answer.text).encode()
        answer.encoding = "utf-8"
    bodies = parsed(lnt), parsed(tidemark)
    if "/graph?" in lnt.request.url:
        bodies = tuple(map(as_drawn, bodies))
    if bodies[0] != bodies[1] and (lnt.ok or types[0] == types[1] == "application/json"):
        found.append("body: " + first_difference(*bodies, lnt.text, tidemark.text))
    return found


def first_difference(a, b, text_a, text_b, path="$"):
    if type(a) is not type(b) or a is None or isinstance(a, (str, bool)):
        return f"{path}: {str(a)[:200]} | {str(b)[:200]}" if path != "$" else f"LNT {text_a[:300]!r}\n      Tidemark {text_b[:300]!r}"
    if isinstance(a, tuple) and a[0] == b[0] == "object":
        names = [k for k, _ in a[1]], [k for k, _ in b[1]]
        if names[0] != names[1]:
            return f"{path}: keys {names[0][:30]} | {names[1][:30]}"
        for (k, x), (_, y) in zip(a[1], b[1]):
            if x != y:
                return first_difference(x, y, text_a, text_b, f"{path}.{k}")
    if isinstance(a, list):
        for i, (x, y) in enumerate(zip(a, b)):
            if x != y:
                return first_difference(x, y, text_a, text_b, f"{path}[{i}]")
        return f"{path}: {len(a)} elements | {len(b)}"
    return f"{path}: {a} | {b}"


def reason(method, path, lnt, tidemark):
    """Why the answers may differ, None if they may not."""
    statuses = lnt.status_code, tidemark.status_code
    for m, pattern, allowed, why in INTENDED:
        if m == method and pattern.search(path) and all(a in (None, s) for a, s in zip(allowed, statuses)):
            return why
    if statuses[0] == statuses[1] in (400, 404) and "/api/" not in path:
        return ERROR_TEXTS
    return None


class Comparison:
    def __init__(self, lnt, tidemark):
        self.lnt, self.tidemark = lnt, tidemark
        self.same = self.differ = 0
        self.allowed = {}

    def check(self, method, path, headers=None, data=None):
        a, b = (server.ask(method, path, headers, data) for server in (self.lnt, self.tidemark))
        found = differences(a, b)
        if not found:
            self.same += 1
            return a, b
        why = reason(method, path, a, b)
        if why:
            self.allowed[why] = self.allowed.get(why, 0) + 1
            return a, b
        self.differ += 1
        print(f"DIFF  {method} {path}" + (f" with {data!r}, answered {b.text[:200]!r}" if data else ""))
        for line in found:
            print("      " + line)
        return a, b


def fill(c):
    """Gives both the suite of ours and the reports."""
    c.check("POST", "/api/db_default/v4/mini/schema", YAML, MINI)
    for suite, parameters, body in reports():
        answers = [submit(server, suite, parameters, body) for server in (c.lnt, c.tidemark)]
        ids = [(status, answer.get("run_id") if isinstance(answer, dict) else answer) for status, answer in answers]
        if ids[0] != ids[1]:
            c.differ += 1
            print(f"DIFF  submit {body['machine']['name']} {body['run']['llvm_project_revision']}: {ids}\n      {answers}")


def compare_reads(c, every):
    """Every request, or one in `every` of them, spread over all kinds."""
    asked = itertools.chain((("GET", path) for path in rest()), other_methods(), (("GET", path) for path in itertools.chain(pages(), graphs())))
    for method, path in itertools.islice(asked, 0, None, every):
        c.check(method, path)


# --- writes: what each did is read back through the same comparison ----------------------------

AUTH = {"AuthToken": TOKEN}
YAML = {**AUTH, "Content-Type": "application/x-yaml"}


def compare_writes(c):
    v4 = "/api/db_default/v4/nts/"

    def read_back(*paths):
        for path in paths or ("machines", "machines/1", "machines/2", "machines/3"):
            c.check("GET", v4 + path)

    for headers in ({}, {"AuthToken": "wrong"}):
        for method, path in (("PUT", "machines/1"), ("POST", "machines/1"), ("DELETE", "machines/1"), ("DELETE", "runs/1"), ("POST", "runs"), ("POST", "schema")):
            c.check(method, v4 + path, headers, "{}")
    for method, path in (("DELETE", "machines/nobody"), ("DELETE", "machines/999"), ("DELETE", "machines/twin"), ("DELETE", "runs/999"), ("POST", "machines/nobody"),
                         ("PUT", "machines/nobody"), ("DELETE", "runs/abc")):
        c.check(method, v4 + path, AUTH, '{"machine": {}}' if method == "PUT" else None)
    form = {**AUTH, "Content-Type": "application/x-www-form-urlencoded"}
    for body in ("", "action=unknown", "action=rename", "action=rename&name=bench", "action=merge", "action=merge&into=nobody", "action=merge&into=twin"):
        c.check("POST", v4 + "machines/types", form, body)
    c.check("PUT", v4 + "machines/types", AUTH, json.dumps({"machine": {"name": "types", "id": 77, "os": "new", "cores": 2, "deep": {"a": [1]}}}))
    read_back("machines", "machines/types")
    c.check("POST", v4 + "machines/types", form, "action=rename&name=renamed+one")
    read_back("machines", "machines/types", "machines/renamed%20one")
    c.check("POST", v4 + "machines/dot.and_under-score", form, "action=merge&into=77x")
    c.check("POST", v4 + "machines/dot.and_under-score", form, "action=merge&into=numbers")
    read_back("machines", "machines/numbers", "machines/dot.and_under-score")
    c.check("DELETE", v4 + "runs/2", AUTH)
    c.check("DELETE", v4 + "runs/2", AUTH)
    read_back("runs/2", "machines/bench", "graph/1/1/2", "samples?runid=2", "tests")
    # A round trip: what was read, deleted and posted again is the same but for ids.
    for run in (1, 13, 20, 25, 35):
        a, b = c.check("GET", f"{v4}runs/{run}")
        c.check("DELETE", f"{v4}runs/{run}", AUTH)
        for server, answer in ((c.lnt, a), (c.tidemark, b)):
            answer = server.ask("POST", v4 + "runs?ignore_regressions=1&merge=append", {**AUTH, "Content-Type": "application/json"}, answer.content)
            if answer.status_code != 301:
                c.differ += 1
                print(f"DIFF  {server.name} did not take run {run} back: {answer.status_code} {answer.text[:300]}")
        newest = RUNS_AFTER(c)
        c.check("GET", f"{v4}runs/{newest}")
    c.check("DELETE", v4 + "machines/bench", AUTH)
    read_back("machines", "machines/bench", "machines/1", "tests", "runs/3", "graph/1/1/2")
    for body in BAD_SCHEMAS:
        c.check("POST", "/api/db_default/v4/made/schema", YAML, body)
    for kind in ("application/json", "text/plain", ""):
        c.check("POST", "/api/db_default/v4/made/schema", {**AUTH, "Content-Type": kind}, MADE)
    c.check("POST", "/api/db_default/v4/other/schema", YAML, MADE)
    c.check("POST", "/api/db_default/v4/made/schema", YAML, MADE)
    for path in ("schema", "fields", "machines", "tests"):
        c.check("GET", "/api/db_default/v4/made/" + path)
    for change in (("name: speed", "name: velocity"), ("type: Real", "type: Hash"), ("- {name: os}", "- {name: arch}"), ("- {name: tag}", "- {name: label}"),
                   ("- {name: tag}", "- {name: tag, order: true}"), ("metres per second", "m")):
        c.check("POST", "/api/db_default/v4/made/schema", YAML, MADE.replace(*change))
    c.check("POST", "/api/db_default/v4/made/schema", YAML, MADE.replace("run_fields", "- {name: more, type: Status}\nrun_fields"))
    for path in ("schema", "fields"):
        c.check("GET", "/api/db_default/v4/made/" + path)


def RUNS_AFTER(c):
    return max(run["id"] for m in c.lnt.ask("GET", "/api/db_default/v4/nts/machines").json()["machines"]
               for run in c.lnt.ask("GET", f"/api/db_default/v4/nts/machines/{m['id']}").json()["runs"])


MADE = """
format_version: '2'
name: made
metrics:
- {name: speed, type: Real, bigger_is_better: true, display_name: Speed, unit: metres per second, unit_abbrev: m/s}
run_fields:
- {name: llvm_project_revision, order: true}
- {name: tag}
machine_fields:
- {name: os}
"""
BAD_SCHEMAS = ("", "a: [", "- a", "text", "format_version: '2'", MADE.replace("made", "a b"), MADE.replace("made", "1a"), MADE.replace("'2'", "'1'"), MADE.replace("'2'", "2"),
               MADE.replace("Real", "Integer"), MADE.replace(", order: true", ""))


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that both servers are stopped
    sys.stdout.reconfigure(line_buffering=True)
    program = os.path.abspath(sys.argv[1])
    folder = tempfile.mkdtemp()
    servers = []
    try:
        servers = [start_lnt(folder), start_tidemark(folder, program)]
        c = Comparison(*servers)
        fill(c)
        compare_reads(c, int(os.environ.get("LNT_EVERY", 1)))
        if "--writes" in sys.argv:
            compare_writes(c)
        for why, count in sorted(c.allowed.items()):
            print(f"intended, {count} times: {why}")
        print(f"{c.same} the same, {sum(c.allowed.values())} differ as intended, {c.differ} differ")
        if "--keep" in sys.argv:
            input("both servers run; Enter ends them ")
        return 1 if c.differ else 0
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
