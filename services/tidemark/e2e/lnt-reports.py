"""The same reports given to LNT's own server code and to Tidemark: both must do the same with them.

  lnt-reports.py PROGRAM [--seed N] [--seconds S] [--verbose]

PROGRAM is the built tidemark; run with the python that has LNT. LNT runs in this process with SQLite, Tidemark as a process of ours
with empty data. First come reports that are each about one rule, then reports made up at random, good and slightly broken, of
format versions 0, 1 and 2, as JSON and as property lists, until the time is over. Of each are compared: taken or refused, the
error's words, and run, machine and tests as both read them back. INTENDED lists what differs on purpose.
"""

import argparse
import base64
import collections
import concurrent.futures
import copy
import datetime
import http.client
import itertools
import json
import logging
import os
import plistlib
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

logging.disable(logging.CRITICAL)

import aniso8601  # noqa: E402
import lnt.server.db.fieldchange  # noqa: E402
import lnt.server.db.testsuitedb  # noqa: E402
import lnt.server.ui.app  # noqa: E402
import lnt.testing.profile.perf  # noqa: E402
import lnt.util.ImportData  # noqa: E402
import lnt.util.NTEmailReport  # noqa: E402
from lnt.testing.profile.profilev1impl import ProfileV1  # noqa: E402
from lnt.testing.profile.profilev2impl import ProfileV2  # noqa: E402

# What differs on purpose: what LNT and Tidemark do (ok, or the status and a pattern of the error), and why.
OK = "ok"
INTENDED = [
    # (reason, LNT, Tidemark); the first that fits counts.
    ("LNT fails with 500; the report is at fault, so it is 400 and says where", (500, r""), (400, r"")),
    ("LNT answers a form without a report by a page", (400, r"^a page$"), (400, r"")),
    ("numbers that are not finite have no JSON", OK, (400, r"is not a finite number")),
    ("numbers that are not finite have no JSON", (400, r"^import failure: "), (400, r"is not a finite number")),
    ("a key that occurs twice is a mistake; LNT takes the last", OK, (400, r"the key occurs twice")),
    ("values have the type of their metric; LNT's SQLite takes anything, PostgreSQL fails with 500", OK,
     (400, r"is a (boolean|number|string), want a (number|status|string)|want a status|is not a number: ")),
    ("names are bounded and have no NUL; SQLite does without, PostgreSQL fails with 500", OK, (400, r"has more than 256 characters|contains a NUL")),
    ("a machine has a name", OK, (400, r"name: is empty")),
    ("names, orders and declared fields are texts; LNT's SQLite turns numbers into them, PostgreSQL refuses them", OK,
     (400, r"is (a number|a boolean|null|a list|an object), want a string")),
    ("years are those the storage holds", OK, (400, r"is not between the years")),
    ("a date names year, month and day, and no day has an hour 24", OK, (400, r"want a date and time such as|is not a time that exists: hour out of range")),
    ("one time with a zone and one without cannot be compared; LNT's report of the run fails with 500", OK, (400, r"one has a time zone")),
    ("lists are lists", OK, (400, r"tests: is (a|an) \w+, want a list|Data: is (a|an) \w+, want a list|Data\[\d+\]: is a list, want a number")),
    ("a list in a list is none of values; LNT's SQLite takes some", OK, (400, r"is a list, want a number, a string or a list of them|is an object, want a number, a string")),
    ("a profile is refused that LNT would unpickle", OK, (400, r"is a pickled profile")),
    ("what is no value of any metric is refused before the metric is looked for", (400, r"Metric '.*' unknown in suite "), (400, r"want a number, a string or a list of them|has more than 256")),
    ("Info of a test is an object", (400, r"non-empty Info record"), (400, r"Info: is ")),
    ("LNT's SQLite once took a test without a name, and trips over it", (400, r"'NoneType' object has no attribute 'startswith'"), OK),
    ("the suite's name is a text", (400, r"^Importing '.*' data into|^Unknown test suite '.*'"), (400, r"schema: is |Run.Info.tag: is ")),
    ("an empty tag names no suite, so it is nts", (400, r"^Unknown test suite ''"), (400, r"")),
    ("the suite is guessed from property lists, too", (400, r"Metric '.*' unknown in suite "), (400, r"^Unknown test suite")),
    ("errors do not repeat long texts whole", (400, r"\w{101}"), (400, r"\w{99,100}…")),
    ("the words of Python's exceptions help nobody; Tidemark names the place and the rule",
     (400, r"^import failure: (?!Duplicate submission|'.*' on machine|Supplied run is missing|test .*: Metric '|Invalid Run merge)"), (400, r"^(import failure|Invalid input format): ")),
    ("the words of Python's exceptions help nobody; Tidemark names the place and the rule",
     (400, r"^Invalid input format: (?!No |Unknown|Name clash|Tests/|v1 report)"), (400, r"^(import failure|Invalid input format): ")),
]

# What Tidemark takes, or takes otherwise, on purpose, by the name of the case.
LENIENT = [
    (r"^__report_version__ ", "a version that is as good as the text \"1\" is read; LNT fails with 500"),
    (r"^Run .* in version 2", "a top-level key that says nothing is passed over; LNT fails with 500"),
    (r"^(BOM|text '\\ufeff)", "a byte order mark is passed over"),
    (r"^lone surrogate", "texts are Unicode; half a character is refused"),
    (r"^format_version '٢'", "digits are those of ASCII"),
    (r"^(start_time|end_time) None", "a time that is null is absent"),
    (r"^(start_time|end_time|Start Time) '2026-02-03 04:05|-00:00'", "a blank may stand for the T, and -00:00 for a zone"),
    (r"cc_version': 'Apple LLVM version 7.0 \(clang-\)", "no order is replaced by nothing"),
    (r"cc_(version|name)': None", "what a compiler does not say is passed over; LNT fails with 500"),
    (r"^machine field 'True'", "a boolean is stored as it is written; LNT's SQLite makes it a number, PostgreSQL refuses it"),
    (r"^guessed from tag .*, (XML|binary)", "the suite is guessed from property lists, too"),
]

# The suite both know besides nts. LNT has it only when it is told.
COMPILE = """
format_version: '2'
name: compile
metrics:
""" + "".join(f"- {{name: {m}_time, type: Real}}\n- {{name: {m}_status, type: Status}}\n" for m in ("user", "sys", "wall")) + """
- {name: size_bytes, type: Real}
- {name: size_status, type: Status}
- {name: mem_bytes, type: Real}
- {name: mem_status, type: Status}
run_fields:
- {name: llvm_project_revision, order: true}
machine_fields:
- {name: hardware}
- {name: os_version}
"""


def profile(cycles=1):
    data = {"counters": {"cycles": float(cycles), "misses": 2.0}, "disassembly-format": "raw",
            "functions": {"f": {"counters": {"cycles": 50.0}, "data": [[{"cycles": 100.0}, 4096, "\tret"]]}}}
    return base64.b64encode(ProfileV2.upgrade(ProfileV1(data)).serialize()).decode()


class Case:
    """One submission. body is text, or bytes (a binary property list); suite None leaves it to the report."""

    def __init__(self, name, body, suite="nts", merge="replace"):
        self.name, self.body, self.suite, self.merge = name, body, suite, merge


class Zones:
    """Times as PostgreSQL stores them: SQLite forgets the zone instead of taking it into account."""

    @staticmethod
    def parse_datetime(text):
        t = aniso8601.parse_datetime(text)
        return t.astimezone(datetime.timezone.utc).replace(tzinfo=None) if t.tzinfo else t


class Perf:
    """LNT's reader of perf.data divides by a size that the file names: a file cut short ends the process with SIGFPE, and this one with it."""

    @staticmethod
    def importPerf(*args):
        raise ValueError("perf.data is not read")


class LNT:
    def __init__(self, folder):
        subprocess.run([os.path.join(os.path.dirname(sys.executable), "lnt"), "create", folder, "--api-auth-token", "a-token"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(os.path.join(folder, "schemas", "compile.yaml"), "w") as schema:
            schema.write(COMPILE)
        # What is compared is what is stored: neither the report of the run nor the search for regressions adds to it.
        lnt.util.NTEmailReport.emailReport = lambda *args, **kwargs: None
        lnt.server.db.fieldchange.post_submit_tasks = lambda *args, **kwargs: None
        lnt.server.db.testsuitedb.aniso8601 = Zones
        lnt.testing.profile.perf.cPerf = Perf
        self.app = lnt.server.ui.app.App.create_standalone(folder)
        self.app.logger.handlers.clear()
        self.client = self.app.test_client()
        self.db = None  # opened when first needed, which takes long

    def submit(self, case):
        if isinstance(case.body, bytes):
            return self.imported(case)
        path = f"/db_default/v4/{case.suite}/submitRun" if case.suite else "/db_default/submitRun"
        answer = self.client.post(path, data={"input_data": case.body, "merge": case.merge}, headers={"Accept": "application/json"})
        if answer.status_code != 200:
            return answer.status_code, (answer.json or {}).get("error"), None
        if not answer.is_json:
            return 400, "a page", None
        return 200, None, answer.json["result_url"]

    def imported(self, case):
        """LNT's forms cannot carry a binary list; its import of files can."""
        config = self.app.old_config
        with tempfile.NamedTemporaryFile(suffix=".plist") as file, self.app.test_request_context():
            file.write(case.body)
            file.flush()
            self.db = self.db or config.get_database("default")
            session = self.db.make_session()
            try:
                result = lnt.util.ImportData.import_and_report(config, "default", self.db, session, file.name, "<auto>", case.suite or "nts", merge_run=case.merge)
            except Exception as e:  # what its server answers 500
                session.rollback()
                return 500, repr(e), None
            finally:
                session.close()
        if result["error"]:
            return 400, result["error"], None
        return 200, None, "/" + result["result_url"]

    def run(self, url):
        suite, run = url.split("/")[-2:]
        return json.loads(self.client.get(f"/api/db_default/v4/{suite}/runs/{run}").data)


class Tidemark:
    def __init__(self, program, folder):
        os.makedirs(folder)
        self.log = open(os.path.join(folder, "log"), "w")
        ready = os.path.join(folder, "ready")
        self.process = subprocess.Popen(
            [program, "up", "--data", os.path.join(folder, "data"), "--listen", "127.0.0.1:0", "--sql-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
             "--intake-wait", "1m", "--intake-results-wait", "0s"],
            stdout=open(ready, "w"), stderr=self.log, env={**os.environ, "TIDEMARK_AUTH_TOKEN": "a-token"})
        deadline = time.monotonic() + 120
        while not (found := re.search(r"pages and REST http://(\S+?):(\d+)", open(ready).read())):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("tidemark did not start:\n" + open(self.log.name).read()[-3000:])
            time.sleep(0.1)
        self.address = found[1], int(found[2])
        self.own = threading.local()

    def stop(self):
        self.process.terminate()
        self.process.wait(60)

    def ask(self, method, path, body=None, headers=None):
        if not hasattr(self.own, "http"):
            self.own.http = http.client.HTTPConnection(*self.address, timeout=60)
        self.own.http.request(method, path, body, {"Accept": "application/json", **(headers or {})})
        answer = self.own.http.getresponse()
        return answer.status, answer.read()

    def submit(self, case):
        path = f"/db_default/v4/{case.suite}/submitRun" if case.suite else "/db_default/submitRun"
        if isinstance(case.body, bytes):
            form, kind = multipart(case)
        else:
            form = urllib.parse.urlencode({"input_data": case.body, "merge": case.merge}, errors="surrogatepass")
            kind = "application/x-www-form-urlencoded"
        status, text = self.ask("POST", path, form, {"Content-Type": kind})
        answer = json.loads(text)
        if status != 200:
            return status, answer.get("error"), None
        return 200, None, answer["result_url"]

    def run(self, url):
        suite, run = url.split("/")[-2:]
        for _ in range(60):
            status, text = self.ask("GET", f"/api/db_default/v4/{suite}/runs/{run}")
            if status != 503:  # busy
                break
            time.sleep(1)
        if status != 200:
            raise SystemExit(f"run {run} of {suite}: {status} {text[:500]}")
        return json.loads(text)

    def submit_and_read(self, case):
        did = self.submit(case)
        return did, self.run(did[2]) if did[0] == 200 else None


def multipart(case):
    edge = "edge-of-a-part-5d1c"
    parts = [f'--{edge}\r\nContent-Disposition: form-data; name="merge"\r\n\r\n{case.merge}\r\n'.encode(),
             f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="a.plist"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode(),
             case.body, f"\r\n--{edge}--\r\n".encode()]
    return b"".join(parts), f"multipart/form-data; boundary={edge}"


# ---- reports about one rule each


def v2(tests=None, machine=None, run=None, **top):
    return {"format_version": "2", "machine": {"name": "m", **(machine or {})},
            "run": {"llvm_project_revision": "1", "start_time": "2026-02-03T04:05:06", "end_time": "2026-02-03T05:00:00", **(run or {})},
            "tests": [{"name": "a", "execution_time": 1.5}] if tests is None else tests, **top}


def old(tests=None, machine=None, info=None, version="1", tag="nts", **run):
    if tests is None:
        tests = [entry("a.exec", [1.5, 2.5]), entry("a.compile", [0.5]), entry("a.exec.status", [0])]
    meta = {"run_order": "1", **({"tag": tag} if tag is not None else {}), **({"__report_version__": version} if version is not None else {})}
    return {"Machine": {"Name": "m", "Info": machine or {}},
            "Run": {"Start Time": "2026-02-03 04:05:06", "End Time": "2026-02-03 05:00:00", **run, "Info": {**meta, **(info or {})}},
            "Tests": [{**t, "Name": f"{tag}.{t['Name']}"} for t in tests]}


def entry(name, data, info=None):
    return {"Name": name, "Info": info or {}, "Data": data}


def without(report, *path):
    report = copy.deepcopy(report)
    at = report
    for key in path[:-1]:
        at = at[key]
    del at[path[-1]]
    return report


def rules():
    """Yields (name, report or text, suite)."""
    # Which version it is.
    for value in ("2", 2, "3", "abc", "1", "0", " 2 ", "+2", "2_0", "", None, 2.0, 1.5, True, [], {}, -1, "-1", "٢", 10**30, "1" * 50):
        yield f"format_version {value!r}", {**v2(), "format_version": value}, "nts"
    for value in ("1", "0", "2", "3", 1, 0, "abc", None, "", " 1", True, 1.0, [], "01"):
        yield f"__report_version__ {value!r}", old(version=value, info={"__report_version__": value}), "nts"
    yield "no version", without(v2(), "format_version"), "nts"
    yield "Run without Info", {"Run": {}, "Machine": {}, "Tests": []}, "nts"
    for value in (None, [], "", 0, "x", 5, {}):
        yield f"Run is {value!r}", {"Run": value}, "nts"
        yield f"Info is {value!r}", {"Run": {"Info": value}, "Machine": {"Name": "m", "Info": {}}, "Tests": []}, "nts"
        yield f"Run {value!r} in version 2", {**without(v2(), "format_version"), "Run": value}, "nts"
    for section in ("machine", "run", "tests"):
        yield f"no {section}", without(v2(), section), "nts"
        for value in (None, [], {}, "x", 5, [1], [None], {"a": 1}):
            yield f"{section} is {value!r}", {**v2(), section: value}, "nts"
    yield "nothing but run", {"run": {}}, "nts"
    yield "nothing", {}, "nts"
    for section in ("Machine", "Tests"):
        yield f"v1 without {section}", without(old(), section), "nts"
    yield "v1 machine without name", without(old(), "Machine", "Name"), "nts"
    yield "v1 machine without info", without(old(), "Machine", "Info"), "nts"
    # Containers.
    for text in ("", " ", "null", "[]", '"x"', "5", "true", "{", "{}x", "\ufeff{}", "<plist>", "<plist><dict/></plist>", "hello", "NaN", "{'a':1}",
                 '{"a":1,}', "// x\n{}", '<?xml version="1.0"?><plist version="1.0"><array/></plist>', "bplist00", "[" * 300 + "]" * 300):
        yield f"text {text[:40]!r}", text, "nts"
    yield "blanks around", "\n\t " + json.dumps(v2()) + "\r\n ", "nts"
    yield "BOM", "\ufeff" + json.dumps(v2()), "nts"
    yield "escapes and other alphabets", json.dumps(v2([{"name": "ä\t\"/\\ 日本 😀", "score": 1}], {"os": "ünïx"}, {"branch": "\u2028"})), "nts"
    yield "plain unicode", json.dumps(v2([{"name": "日本 😀", "score": 1}]), ensure_ascii=False), "nts"
    yield "duplicate key", json.dumps(v2())[:-1] + ', "tests": []}', "nts"
    yield "lone surrogate", '{"a": "\\ud800", ' + json.dumps(v2())[1:], "nts"
    # Suites.
    for schema in ("nts", "compile", None, "", 5, "NTS"):
        yield f"schema {schema!r}", v2(schema=schema), "nts"
    yield "suite unknown", v2(), "badsuite"
    for tag in ("nts", "compile", "other", "", None, 5):
        yield f"guessed from tag {tag!r}", old(tests=[entry("a.exec", [1])] if tag != "compile" else [entry("a.user", [1])], tag=tag, info={"tag": tag}), None
    yield "guessed without tag, without tests", {**old(tag=None), "Tests": []}, None
    yield "guessed, version 2", v2(), None
    # Old versions.
    nts_suffixes = (".code_size", ".compile", ".compile.status", ".exec", ".exec.status", ".mem", ".score")
    for suffix in nts_suffixes:
        yield f"nts {suffix}", old([entry("a.b" + suffix, [0])]), "nts"
    for suffix in (".hash", ".hash.status", ".link", ".time", ".execution_time", ".compile_time", "", ".", ".name", ".x_id", ".id", ".profile"):
        yield f"nts {suffix!r}", old([entry("a" + suffix, ["x"])]), "nts"
        yield f"nts {suffix!r} as number", old([entry("a" + suffix, [1])]), "nts"
        yield f"nts {suffix!r} as the whole name", old([entry(suffix.lstrip("."), [1])]), "nts"
        yield f"compile {suffix!r}", old([entry("a" + suffix, [1])], tag="compile"), "compile"
    for suffix in (".mem", ".size", ".sys", ".user", ".wall", ".mem.status", ".size.status", ".sys.status", ".user.status", ".wall.status"):
        yield f"compile {suffix}", old([entry("a.b" + suffix, [0])], tag="compile"), "compile"
    yield "other tag", old([entry("a.execution_time", [1])], tag="other"), "nts"
    yield "other tag, old suffix", old([entry("a.exec", [1])], tag="other"), "nts"
    yield "tag of another suite", old([entry("a.execution_time", [1])], tag="compile"), "nts"
    yield "no tag, no tests", {**old(tag=None), "Tests": []}, "nts"
    yield "no tag", old(tag=None), "nts"
    yield "wrong prefix", {**old(), "Tests": [entry("other.a.exec", [1])]}, "nts"
    yield "no prefix", {**old(), "Tests": [entry("a", [1])]}, "nts"
    yield "prefix only", {**old(), "Tests": [entry("nts.", [1])]}, "nts"
    yield "Info of a test", old([entry("a.exec", [1], {"x": 1})]), "nts"
    for data in ([], [1], [1, 2], [None], [None, 1], ["1.5"], [True], [[1]], [{}], None, 1, "12", {}, {"a": 1}):
        yield f"Data {data!r}", old([entry("a.exec", data)]), "nts"
        yield f"Data {data!r} and more", old([entry("a.exec", [5]), entry("a.exec", data), entry("a.compile", [1])]), "nts"
        yield f"Data {data!r} before more", old([entry("a.exec", data), entry("a.exec", [5, 6])]), "nts"
    for key in ("Name", "Info", "Data"):
        yield f"test without {key}", {**old(), "Tests": [without(entry("nts.a.exec", [1]), key)]}, "nts"
    for info in ({"name": "x"}, {"hostname": "x", "name": "y"}, {"hw.model": "x", "hardware": "y"}, {"hw.model": "x"}, {"kern.version": "v"}, {"id": 5}, {"Name": "q"}, {"os": "linux"}):
        for tag, suite in (("nts", "nts"), ("compile", "compile"), ("other", "nts")):
            yield f"machine info {info} of {tag}", {**old(machine=info, tag=tag), "Tests": []}, suite
    for info in ({"llvm_project_revision": "7"}, {"start_time": "x"}, {"start_time": "2026-02-03T04:05:06"}, {"end_time": "x"}, {"order_id": 5, "id": 6}, {"inferred_run_order": "2"},
                 {"run_order": "  9 "}, {"run_order": 5}, {"run_order": None}, {"run_order": ""}, {"x": [1, {"y": None}], "t": True}):
        for version in ("1", None):
            yield f"run info {info}, version {version}", old(info=info, version=version), "nts"
            yield f"run info {info}, version {version}, no times", without(without(old(info=info, version=version), "Run", "Start Time"), "Run", "End Time"), "nts"
    clang = {"cc_name": "clang", "cc_build": "PROD", "cc_src_tag": "700", "run_order": "700",
             "cc_version": "x\nApple clang version 7.0.0 (clang-700.1.76)\nTarget: y"}
    for change in ({}, {"cc_name": "gcc"}, {"cc_name": "apple-clang-7"}, {"cc_build": "DEV"}, {"cc_src_tag": " 700 "}, {"cc_src_tag": ""}, {"cc_src_tag": "701"},
                   {"run_order": " 700"}, {"inferred_run_order": "700"}, {"inferred_run_order": "701"}, {"inferred_run_order": None}, {"cc_version": ""},
                   {"cc_version": "Apple LLVM version 7.0 (clang-)"}, {"cc_version": "Apple LLVM version 7.0 (gcc)"}, {"cc_version": "a version b (clang-1) version c (clang-2)"},
                   {"cc_version": "a version  (clang-3.)"}, {"cc_version": "a version b  (clang-3)"}, {"cc_version": " version b (clang-4 (x))"}, {"cc_version": "a version b (clang-5.6.) c"},
                   {"cc_version": "a version 1 clang-6\nb version 2 (clang-7)"}, {"cc_version": "a version b (clang-8)\r\nc"}, {"cc_version": None}, {"cc_name": None},
                   {"cc_version": "a version b (x)(clang-9)"}, {"cc_version": "a version b ()"}, {"cc_version": "a version b (clang-10"}):
        yield f"production clang {change}", old(info={**clang, **change}, version=None), "nts"
        yield f"production clang {change}, version 1", old(info={**clang, **change}), "nts"
    # Metrics.
    values = (1, 1.5, -0.0, 1e308, 1e-320, 0, 2, 3, -1, 10**30, 2**63, "1.5", " 1.5 ", "1e5", "x", "", "0x10", "1_000", "inf", "nan", "٣", "1.", ".5", "+5", None, True, False, [], {},
              [1, 2, 3], [None], [1, None, 2], ["1", 2], [[1]], [{}], [True])
    for metric in ("execution_time", "execution_status", "hash", "hash_status", "code_size", "nosuch", "id", "x_id", "_id", "profile"):
        for value in values:
            yield f"{metric} {value!r}", v2([{"name": "a", metric: value}]), "nts"
            if metric in ("execution_time", "hash", "id"):
                yield f"{metric} {value!r} beside others", v2([{"name": "a", "compile_time": [1, 2], metric: value, "compile_status": 0}]), "nts"
    for literal in ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "01", "1.", "0x1"):
        yield f"literal {literal}", json.dumps(v2([{"name": "a", "score": "@"}])).replace('"@"', literal), "nts"
        yield f"attribute {literal}", json.dumps(v2(machine={"x": "@"})).replace('"@"', literal), "nts"
    yield "lists of several lengths", v2([{"name": "a", "execution_time": [1, 2, 3], "hash": "h", "compile_time": [4, 5], "compile_status": [0, 1, 0, 1]}]), "nts"
    yield "empty list", v2([{"name": "a", "execution_time": []}]), "nts"
    yield "name only", v2([{"name": "a"}]), "nts"
    yield "repeated tests", v2([{"name": "a", "score": 1}, {"name": "b", "score": 2}, {"name": "a", "score": [3, 4]}, {"name": "a"}]), "nts"
    yield "empty test", v2([{}]), "nts"
    for value in (None, 5, "", True, [], {}, "x" * 256, "x" * 257, "x\0y"):
        yield f"test name {str(value)[:9]!r} {len(str(value))}", v2([{"name": value, "score": 1}]), "nts"
        yield f"machine name {str(value)[:9]!r} {len(str(value))}", v2(machine={"name": value}), "nts"
        yield f"order {str(value)[:9]!r} {len(str(value))}", v2(run={"llvm_project_revision": value}), "nts"
        yield f"machine field {str(value)[:9]!r} {len(str(value))}", v2(machine={"os": value}), "nts"
    yield "tests without samples", v2([]), "nts"
    yield "unknown metric of a later test", v2([{"name": "a", "score": 1}, {"name": "b/c", "speed": 1}]), "nts"
    for hashed in ("h" * 32, "h" * 33, "h" * 256, "h" * 257):
        yield f"hash of {len(hashed)}", v2([{"name": "a", "hash": hashed}]), "nts"
    # Machine and run.
    for value in (None, True, False, 0, 1, -1, 1.0, 1.5, 1e21, 1e-7, 2**53 + 1, 2**64, "x", "", [], {}, [1, "2", None], {"b": 1, "a": {"c": []}}, "1.0", "true"):
        yield f"machine attribute {value!r}", v2(machine={"x": value, "os": "linux"}), "nts"
        yield f"run attribute {value!r}", v2(run={"x": value}), "nts"
    for key in ("id", "order_by", "order_id", "machine_id", "imported_from", "simple_run_id", "parameters", "name", "order", "machine", "fields", ""):
        yield f"run key {key!r}", v2(run={key: 5}), "nts"
        yield f"machine key {key!r}", v2(machine={"name": "m", **({key: 5} if key != "name" else {})}), "nts"
    yield "top-level keys", v2(generated_by="x", other=[1], Machine=5, Tests=7), "nts"
    yield "deep attribute", v2(run={"x": json.loads("[" * 50 + "]" * 50)}), "nts"
    # Times.
    yield "no times", without(without(v2(), "run", "start_time"), "run", "end_time"), "nts"
    yield "no start", without(v2(), "run", "start_time"), "nts"
    yield "no end", without(v2(), "run", "end_time"), "nts"
    times = ("2026-02-03 04:05:06", "2026-02-03T04:05:06", "2026-02-03T04:05", "2026-02-03T04", "2026-02-03", "20260203T040506", "20260203T0405", "2026-02-03T040506", "20260203T04:05:06",
             "2026-02-03T04:05:06.5", "2026-02-03T04:05:06,25", "2026-02-03T04:05:06.123456", "2026-02-03T04:05:06.1234567", "2026-02-03T04:05:06.9999999", "2026-02-03T04:05.5", "2026-02-03T04.5",
             "2026-02-03T04:05:06Z", "2026-02-03T04:05:06+02:00", "2026-02-03T04:05:06-0230", "2026-02-03T04:05:06+02", "2026-02-03T04:05:06-00:00", "2026-02-03T04:05:06+00:00", "2026-02-03T04:05:06 Z",
             "2026-02-03T04:05:06+24:00", "2026-02-03T04:05:06+14:00", "2026-02-03T04:05:06z", "2026-02-03t04:05:06", "2026-02-03 04:05:06.5", "2026-02-03 04:05:06Z", "2026-02-03 04:05", "2026-02-03  04:05:06",
             "2026-2-3 4:5:6", "2026-02-03 4:5:6", " 2026-02-03 04:05:06", "2026-02-03 04:05:06 ", "2026-02-30T04:05:06", "2026-02-30 04:05:06", "2026-13-01T00:00:00", "2026-02-03T24:00:00", "2026-02-03T24:00:01",
             "2026-02-03T25:00:00", "2026-02-03T04:60:00", "2026-02-03T23:59:60", "2026-02-03 23:59:60", "2026-02-03 23:59:61", "2024-02-29T00:00:00", "1969-12-31T23:59:59", "1900-01-01T00:00:00", "1899-12-31T23:59:59",
             "0001-01-01T00:00:00", "9999-12-31T23:59:59", "2299-12-31T23:59:59", "2300-01-01T00:00:00", "2026-034T04:05:06", "2026034T04:05:06", "2026-W06-2T04:05:06", "2026W062T040506", "2026-W06T04:05:06",
             "2026-02T04:05:06", "2026T04:05:06", "26T04:05:06", "+02026-02-03T04:05:06", "T04:05:06", "2026-02-03T", "", "x", "now", "1770000000", "٢٠٢٦-02-03T04:05:06",
             1770000000, 1.5, None, True, [], {})
    for value in times:
        yield f"start_time {value!r}", without(v2(run={"start_time": value}), "run", "end_time"), "nts"
        yield f"end_time {value!r}", v2(run={"end_time": value}), "nts"
        yield f"Start Time {value!r}", old(**{"Start Time": value}), "nts"
    for value in ("2026-02-03T04:05:06.5+02:00", "2026-02-03T23:59:59.999999-11:30", "2026-01-01T00:00:00+01:00"):
        yield f"both times {value}", v2(run={"start_time": value, "end_time": value}), "nts"
    # Profiles.
    good = profile()
    yield "profile", v2([{"name": "a", "score": 1, "profile": good}]), "nts"
    yield "profile only", v2([{"name": "a", "score": [1, 2]}, {"name": "a.test:x", "score": 1}, {"name": "a", "profile": good}, {"name": "nobody", "profile": good}]), "nts"
    yield "profiles", v2([{"name": "a", "score": 1, "profile": [good, profile(7)]}]), "nts"
    yield "profile without a sample", v2([{"name": "a", "profile": good, "id": 7}]), "nts"
    yield "profile in version 1", old([entry("a.exec", [1]), entry("a.profile", [good])]), "nts"
    yield "profile of version 1", v2([{"name": "a", "score": 1, "profile": base64.b64encode(ProfileV1({"counters": {}, "functions": {}}).serialize()).decode()}]), "nts"
    for value in ("", "x", "AgAB", "!!", good[:-4], good[:40], base64.b64encode(b"PERFILE2..").decode(), base64.b64encode(b"\x78\x9c").decode(), None, 5, [], {}, [None], [good, 5]):
        yield f"profile {str(value)[:12]!r}", v2([{"name": "a", "score": 1, "profile": value}]), "nts"
        yield f"profile only {str(value)[:12]!r}", v2([{"name": "a", "score": 1}, {"name": "a", "profile": value}]), "nts"


def property_lists(report, rng=None):
    """The report as XML and binary property lists, where it can be one."""
    def plain(v):
        if isinstance(v, dict):
            return all(isinstance(k, str) for k in v) and all(map(plain, v.values()))
        if isinstance(v, list):
            return all(map(plain, v))
        if isinstance(v, int) and not isinstance(v, bool):
            return -2**63 <= v < 2**64
        return v is not None and not (isinstance(v, str) and re.search("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff\r]", v))
    if isinstance(report, dict) and plain(report):
        yield "XML", plistlib.dumps(report, sort_keys=False).decode()
        yield "binary", plistlib.dumps(report, fmt=plistlib.FMT_BINARY, sort_keys=False)


# ---- reports at random


class Maker:
    NTS = {"Real": ["compile_time", "execution_time", "score", "mem_bytes", "code_size"], "Status": ["compile_status", "execution_status", "hash_status"], "Hash": ["hash"]}
    COMPILE = {"Real": ["user_time", "sys_time", "wall_time", "size_bytes", "mem_bytes"], "Status": ["user_status", "sys_status", "wall_status", "size_status", "mem_status"], "Hash": []}
    OLD = {"nts": [".code_size", ".compile", ".compile.status", ".exec", ".exec.status", ".hash", ".mem", ".score"],
           "compile": [".mem", ".mem.status", ".size", ".size.status", ".sys", ".sys.status", ".user", ".user.status", ".wall", ".wall.status"]}

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.profiles = [profile(n) for n in (1, 2)]

    def report(self):
        """A good report, and its suite."""
        suite = self.r.choice(["nts", "nts", "nts", "compile"])
        if self.r.random() < 0.5:
            return self.v2(suite), suite
        return self.old(suite), suite

    def name(self):
        return "/".join(self.r.choice(["a", "b.c", "x y", "ünï", "bench-7", "a.test:b", "CTMark"]) for _ in range(self.r.randint(1, 3)))

    def number(self):
        return self.r.choice([self.r.randint(0, 9), self.r.random() * 10 ** self.r.randint(-9, 9), self.r.randint(-2**53, 2**53), 0.1, 1e22, -5.5])

    def many(self, one):
        return self.r.choice([lambda: one(), lambda: one(), lambda: [one() for _ in range(self.r.randint(0, 4))], lambda: None,
                              lambda: [self.r.choice([None, one()]) for _ in range(3)]])()

    def attribute(self):
        return self.r.choice(["text", "", "7", 7, 1.5, True, None, [1, "b", None], {"k": [1.25], "a": "é"}, 2**40, 1e-9])

    def time(self):
        day = f"2026-{self.r.randint(1, 12):02}-{self.r.randint(1, 28):02}"
        clock = f"{self.r.randint(0, 23):02}:{self.r.randint(0, 59):02}:{self.r.randint(0, 59):02}"
        return self.r.choice([f"{day} {clock}", f"{day}T{clock}", f"{day}T{clock}.{self.r.randint(0, 999999):06}"])

    def v2(self, suite):
        metrics = self.COMPILE if suite == "compile" else self.NTS
        tests = []
        for _ in range(self.r.randint(0, 5)):
            t = {"name": self.name()}
            for m in self.r.sample(metrics["Real"], self.r.randint(0, 3)):
                t[m] = self.many(self.number)
            for m in self.r.sample(metrics["Status"], self.r.randint(0, 2)):
                t[m] = self.many(lambda: self.r.randint(0, 2))
            for m in metrics["Hash"][:self.r.randint(0, 1)]:
                t[m] = self.many(lambda: f"{self.r.getrandbits(64):x}")
            if self.r.random() < 0.1:
                t["id"] = t["run_id"] = 5
            if self.r.random() < 0.1:
                t["profile"] = self.r.choice(self.profiles)
            if self.r.random() < 0.3:
                t = dict(self.r.sample(list(t.items()), len(t)))
            tests.append(t)
            if self.r.random() < 0.1:
                tests.append({"name": t["name"], "profile": self.r.choice(self.profiles)})
        run = {f"k{i}": self.attribute() for i in range(self.r.randint(0, 3))}
        start = self.time()
        run.update({"llvm_project_revision": str(self.r.randint(1, 10**6)), "start_time": start, "end_time": self.time()})
        if self.r.random() < 0.2:
            del run["end_time"]
        machine = {"name": "", **{f"k{i}": self.attribute() for i in range(self.r.randint(0, 3))}}
        for field in self.r.sample(["hardware", "os", "hostname", "os_version"], 2):
            machine[field] = self.r.choice(["x86", "é", "", None])
        report = {"format_version": "2", "machine": machine, "run": run, "tests": tests}
        if self.r.random() < 0.2:
            del report["format_version"]
        if self.r.random() < 0.2:
            report["schema"] = suite
        return report

    def old(self, suite):
        version = self.r.choice(["1", "1", None])
        tests = []
        names = [self.name() for _ in range(3)]
        for _ in range(self.r.randint(0, 8)):
            suffix = self.r.choice(self.OLD[suite])
            one = (lambda: self.r.randint(0, 2)) if suffix.endswith("status") else (lambda: f"{self.r.getrandbits(32):x}") if suffix == ".hash" else self.number
            tests.append(entry(self.r.choice(names) + suffix, [one() for _ in range(self.r.choice([1, 1, 1, 0, 2, 3]))]))
        info = {f"k{i}": self.attribute() for i in range(self.r.randint(0, 3))}
        info["run_order"] = self.r.choice(["{}", "{}", " {}", "{} "]).format(self.r.randint(1, 10**6))
        if self.r.random() < 0.4:
            info["inferred_run_order"] = self.r.choice([info["run_order"], "5"])
        times = {"Start Time": self.time(), "End Time": self.time()}
        return old(tests, {f"m{i}": self.attribute() for i in range(self.r.randint(0, 3))}, info, version, suite, **times)

    def breakage(self, report):
        """Changes one place of a report: drops it, or puts something else there."""
        places = []

        def walk(v, path):
            items = v.items() if isinstance(v, dict) else enumerate(v) if isinstance(v, list) else ()
            for k, inner in items:
                places.append(path + [k])
                walk(inner, path + [k])
        walk(report, [])
        report = copy.deepcopy(report)
        *path, last = self.r.choice(places)
        at = report
        for k in path:
            at = at[k]
        what = self.r.choice(["drop", "value", "value", "key"])
        if what == "drop":
            del at[last]
        elif what == "key" and isinstance(at, dict):
            at[self.r.choice(["name", "x", "id", "Name", "tag", "run_order", "profile", "hash", "execution_time", "start_time", str(last) + " "])] = at.pop(last)
        else:
            at[last] = self.r.choice([None, True, 0, 1, 3, -1.5, "", "x", "1", " 2", [], {}, [1, 2], [[1]], {"a": 1}, "2026-02-03", "x" * 300, 10**25])
        return report

    def cases(self):
        n = 0
        while True:
            n += 1
            report, suite = self.report()
            broken = self.r.random() < 0.5
            if broken:
                report = self.breakage(report)
            text = json.dumps(report, ensure_ascii=self.r.random() < 0.5)
            forms = [("JSON", text)] + list(property_lists(report))
            form, body = self.r.choice(forms)
            yield f"random {n}, {'broken' if broken else 'good'} {form}", report, suite if self.r.random() < 0.9 or form != "JSON" else None, form


# ---- comparing


def named(report, machine):
    """The report with a machine name of its own, so that no case meets what another left behind."""
    report = copy.deepcopy(report)
    for section, key in (("machine", "name"), ("Machine", "Name")):
        if isinstance(report, dict) and isinstance(report.get(section), dict) and report[section].get(key) in ("m", ""):
            report[section][key] = machine
    return report


def plain(run, arrival):
    """What both must read back alike: all but ids, and times of arrival in place of missing ones."""
    out = {"machine": {k: v for k, v in run["machine"].items() if k != "id"}}
    out["run"] = {k: v for k, v in run["run"].items() if k not in ("id", "order_id", "machine_id", "imported_from")}
    for key in ("start_time", "end_time"):
        if out["run"].get(key, "") >= arrival:
            out["run"][key] = "arrival"
    # The rows of a test keep their order; LNT says nothing about that of tests.
    out["tests"] = sorted(({k: v for k, v in t.items() if k not in ("id", "run_id")} for t in run["tests"]), key=lambda t: t["name"])
    return numbers(out)


def numbers(v):
    """JSON has one kind of number: 1.0 is 1, and SQLite's -0.0 is 0."""
    if isinstance(v, float) and abs(v) < 2**63 and v == int(v):
        return int(v)
    if isinstance(v, dict):
        return {k: numbers(inner) for k, inner in v.items()}
    if isinstance(v, list):
        return [numbers(inner) for inner in v]
    return v


def same(a, b):
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def reason(lnt_did, tidemark_did):
    """The reason why a difference is meant to be, or None."""
    def fits(want, did):
        status, error, _ = did
        if want == OK:
            return status == 200
        return status == want[0] and (want[1] is None or re.search(want[1], error or ""))
    for why, lnt_does, tidemark_does in INTENDED:
        if fits(lnt_does, lnt_did) and fits(tidemark_does, tidemark_did):
            return why
    return None


class Comparison:
    def __init__(self, lnt_server, tidemark, verbose):
        self.lnt, self.tidemark, self.verbose = lnt_server, tidemark, verbose
        self.same, self.refused, self.different = 0, 0, 0
        self.intended = collections.Counter()
        self.pool = concurrent.futures.ThreadPoolExecutor(16)
        self.arrival = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 3600))

    def check(self, cases):
        """Cases have nothing to do with each other, so Tidemark gets many at once."""
        theirs = [self.pool.submit(self.tidemark.submit_and_read, case) for case in cases]
        for case, future in zip(cases, theirs):
            self.compare(case, self.lnt.submit(case), *future.result())

    def compare(self, case, mine, theirs, read):
        if mine[0] == theirs[0] == 200:
            a, b = plain(self.lnt.run(mine[2]), self.arrival), plain(read, self.arrival)
            if same(a, b):
                self.same += 1
                return
            return self.differs(case, a, b)
        if mine[0] == theirs[0] == 400 and mine[1] == theirs[1]:
            self.refused += 1
            return
        why = reason(mine, theirs)
        if why is None:
            return self.differs(case, mine, theirs)
        self.intended[why] += 1
        if self.verbose:
            print(f"meant  {case.name}\n       LNT      {mine[:2]}\n       Tidemark {theirs[:2]}")

    def differs(self, case, mine, theirs):
        for pattern, why in LENIENT:
            if re.search(pattern, case.name):
                self.intended[why] += 1
                return
        self.different += 1
        if self.different <= 400 or self.verbose:
            print(f"FAIL   {case.name}\n       LNT      {json.dumps(mine, ensure_ascii=False)[:1500]}\n       Tidemark {json.dumps(theirs, ensure_ascii=False)[:1500]}")
            print(f"       report   {case.body[:700]!r}")


def ruled_cases(seed):
    every = list(enumerate(rules()))
    random.Random(seed).shuffle(every)  # so that nothing is never reached where there is little time
    for n, (name, report, suite) in every:
        if isinstance(report, str):
            yield Case(name, report.replace('"name": "m"', f'"name": "rule {n}"'), suite)
            continue
        report = named(report, f"rule {n}")
        yield Case(name, json.dumps(report), suite)
        if n % 5 == 0:
            report = named(report, f"rule {n} as a list")
            for form, body in list(property_lists(report))[n % 2:n % 2 + 1]:
                yield Case(f"{name}, {form}", body, suite)


def made_cases(seed):
    for n, (name, report, suite, form) in enumerate(Maker(seed).cases()):
        report = named(report, f"machine {n}")
        yield Case(name, json.dumps(report) if form == "JSON" else dict(property_lists(report))[form], suite)


def chunks(cases, size):
    cases = iter(cases)
    while chunk := list(itertools.islice(cases, size)):
        yield chunk


def main():
    args = argparse.ArgumentParser()
    args.add_argument("program")
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--seconds", type=float, default=45, help="no new reports after so long")
    args.add_argument("--verbose", action="store_true")
    args = args.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tidemark = Tidemark(os.path.abspath(args.program), os.path.join(folder, "tidemark"))
        try:
            c = Comparison(LNT(os.path.join(folder, "lnt")), tidemark, args.verbose)
            end = time.monotonic() + args.seconds
            ruled, made = 0, 0
            for cases in chunks(ruled_cases(args.seed), 64):
                if time.monotonic() > end - args.seconds / 4:
                    break
                c.check(cases)
                ruled += len(cases)
            for cases in chunks(made_cases(args.seed), 64):
                if time.monotonic() > end:
                    break
                c.check(cases)
                made += len(cases)
        finally:
            tidemark.stop()
        for why, times in sorted(c.intended.items()):
            print(f"meant to differ, {times:4} times: {why}")
        print(f"{ruled} reports about rules and {made} at random (seed {args.seed}): {c.same} stored alike, {c.refused} refused in the same words, "
              f"{sum(c.intended.values())} meant to differ, {c.different} different")
        sys.exit(1 if c.different else 0)


if __name__ == "__main__":
    main()
