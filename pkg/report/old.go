package report

import (
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// upgradeTable says how the names of versions 0 and 1 become those of version 2, by the run's tag.
type upgradeTable struct {
	// metrics maps the end of a test's name to a metric; the first that fits wins.
	metrics []suffix
	machine map[string]string
}

type suffix struct{ end, metric string }

var upgradeTables = map[string]upgradeTable{
	"nts": {
		metrics: []suffix{
			{".code_size", "code_size"},
			{".compile", "compile_time"},
			{".compile.status", "compile_status"},
			{".exec", "execution_time"},
			{".exec.status", "execution_status"},
			{".hash", "hash"},
			{".hash.status", "hash_status"},
			{".mem", "mem_bytes"},
			{".score", "score"},
			{".profile", "profile"},
		},
		machine: map[string]string{"name": "hostname"},
	},
	"compile": {
		metrics: []suffix{
			{".mem", "mem_bytes"},
			{".mem.status", "mem_status"},
			{".size", "size_bytes"},
			{".size.status", "size_status"},
			{".sys", "sys_time"},
			{".sys.status", "sys_status"},
			{".user", "user_time"},
			{".user.status", "user_status"},
			{".wall", "wall_time"},
			{".wall.status", "wall_status"},
		},
		machine: map[string]string{"hw.model": "hardware", "kern.version": "os_version", "name": "hostname"},
	},
}

// runRenames holds for every tag.
var runRenames = map[string]string{"run_order": "llvm_project_revision"}

// oldReport is a report of version 0 or 1, split but not yet renamed.
type oldReport struct {
	machine, run         []member
	machineInfo, runInfo []member
	tests                []jsontext.Value
	tag                  string
	hasTag               bool
}

// upgrade reads a report of version 0 or 1 as the report of version 2 it stands for.
func (d *document) upgrade(version int) (*Submission, error) {
	old, err := d.oldSections()
	if err != nil {
		return nil, err
	}
	if version == 0 {
		if old.runInfo, err = zeroToOne(old.runInfo); err != nil {
			return nil, err
		}
	}
	if err := old.takeTag(); err != nil {
		return nil, err
	}
	s := &Submission{SourceVersion: version}
	machine, err := old.upgradedMachine()
	if err != nil {
		return nil, err
	}
	if s.Machine, err = d.machine(machine, "Machine.Name"); err != nil {
		return nil, err
	}
	run, err := old.upgradedRun()
	if err != nil {
		return nil, err
	}
	if s.Run, err = d.run(run); err != nil {
		return nil, err
	}
	m := merger{opts: d.opts, old: old, byName: map[string]int{}, byMetric: map[metricKey]int{}}
	for i, test := range old.tests {
		if err := m.add(i, test); err != nil {
			return nil, err
		}
	}
	if s.Tests, err = m.merged(); err != nil {
		return nil, err
	}
	return s, nil
}

func (d *document) oldSections() (*oldReport, error) {
	var old oldReport
	var err error
	if old.run, err = d.object("Run"); err != nil {
		return nil, err
	}
	if old.machine, err = d.object("Machine"); err != nil {
		return nil, err
	}
	if old.runInfo, err = infoOf(old.run, "Run", d.opts.MaxAttrs); err != nil {
		return nil, err
	}
	if old.machineInfo, err = infoOf(old.machine, "Machine", d.opts.MaxAttrs); err != nil {
		return nil, err
	}
	tests, ok := d.sections["Tests"]
	if !ok {
		return nil, invalid("Tests", "No 'Tests' section in submission")
	}
	if tests.Kind() != jsontext.KindBeginArray {
		return nil, malformed("Tests", "is %s, want a list", describe(tests.Kind()))
	}
	if old.tests, err = elements(tests, "Tests", d.opts.MaxTests); err != nil {
		return nil, err
	}
	return &old, nil
}

func infoOf(section []member, path string, most int) ([]member, error) {
	path += ".Info"
	info, ok := find(section, "Info")
	if !ok {
		return nil, malformed(path, "is missing")
	}
	if info.value.Kind() != jsontext.KindBeginObject {
		return nil, malformed(path, "is %s, want an object", describe(info.value.Kind()))
	}
	list, err := members(info.value, path, most)
	if err != nil {
		return nil, err
	}
	return list, nil
}

// zeroToOne settles the order of a version 0 run: what the submitter gave and what was inferred from the
// compiler must be one thing.
func zeroToOne(info []member) ([]member, error) {
	order, ok := find(info, "run_order")
	if !ok || order.value.Kind() == jsontext.KindNull {
		return info, nil
	}
	given, ok := text(order.value)
	if !ok {
		return nil, malformed(order.path, "is %s, want a string", describe(order.value.Kind()))
	}
	if inferred, ok := find(info, "inferred_run_order"); ok && inferred.value.Kind() != jsontext.KindNull {
		if s, isText := text(inferred.value); !isText || s != given {
			return info, nil
		}
	}
	revision := strings.TrimSpace(given)
	if build, ok := productionBuild(info, revision); ok {
		revision = build
		info = set(info, "cc_src_tag", build)
	}
	return set(set(info, "run_order", revision), "inferred_run_order", revision), nil
}

var (
	versionLine = regexp.MustCompile(`(.*) version ([^ ]*) (\([^(]*\))`)
	clangBuild  = regexp.MustCompile(`clang-([0-9.]+)`)
)

// productionBuild finds the build number of a production clang, which is the better order for it than
// the source tag it was built from.
func productionBuild(info []member, revision string) (string, bool) {
	attr := func(name string) string {
		m, _ := find(info, name)
		s, _ := text(m.value)
		return s
	}
	tag := attr("cc_src_tag")
	if !strings.Contains(attr("cc_name"), "clang") || attr("cc_build") != "PROD" || tag == "" || strings.TrimSpace(tag) != revision {
		return "", false
	}
	for line := range strings.Lines(attr("cc_version")) {
		if !strings.Contains(line, " version ") {
			continue
		}
		parts := versionLine.FindStringSubmatch(line)
		if parts == nil {
			return "", false
		}
		build := clangBuild.FindStringSubmatch(parts[3])
		if build == nil {
			return "", false
		}
		return build[1], true
	}
	return "", false
}

// set replaces or adds a text attribute, leaving the list it was given as it is.
func set(list []member, name, value string) []member {
	list = slices.Clone(list)
	for i := range list {
		if list[i].name == name {
			list[i].value = quote(value)
			return list
		}
	}
	return append(list, member{name: name, path: join("Run.Info", name), value: quote(value)})
}

// takeTag removes what version 2 has no place for from the run's attributes.
func (o *oldReport) takeTag() error {
	if m, ok := find(o.runInfo, "tag"); ok && m.value.Kind() != jsontext.KindNull {
		if o.tag, o.hasTag = text(m.value); !o.hasTag {
			return malformed(m.path, "is %s, want a string", describe(m.value.Kind()))
		}
	}
	o.runInfo = slices.DeleteFunc(slices.Clone(o.runInfo), func(m member) bool {
		return m.name == "tag" || m.name == reportVersion
	})
	return nil
}

func (o *oldReport) upgradedMachine() ([]member, error) {
	var list []member
	if m, ok := find(o.machine, "Name"); ok {
		list = append(list, member{name: "name", path: m.path, value: m.value})
	}
	return renamed(list, o.machineInfo, upgradeTables[o.tag].machine, "machine")
}

func (o *oldReport) upgradedRun() ([]member, error) {
	var list []member
	for _, rename := range [][2]string{{"Start Time", "start_time"}, {"End Time", "end_time"}} {
		if m, ok := find(o.run, rename[0]); ok && m.value.Kind() != jsontext.KindNull {
			list = append(list, member{name: rename[1], path: m.path, value: m.value})
		}
	}
	return renamed(list, o.runInfo, runRenames, "run")
}

func renamed(list, info []member, renames map[string]string, what string) ([]member, error) {
	taken := map[string]bool{}
	for _, m := range list {
		taken[m.name] = true
	}
	for _, m := range info {
		if name, ok := renames[m.name]; ok {
			m.name = name
		}
		if taken[m.name] {
			return nil, invalid(m.path, "Name clash for %s info '%s'", what, clip(m.name))
		}
		taken[m.name] = true
		list = append(list, m)
	}
	return list, nil
}

// merger gathers the one-metric entries of the old versions into one entry per test.
type merger struct {
	opts   Options
	old    *oldReport
	tests  []oldTest
	byName map[string]int
	// byMetric finds a metric's place among those of a test, by the test's place and the metric's name.
	byMetric map[metricKey]int
	values   int
}

type metricKey struct {
	test   int
	metric string
}

type oldTest struct {
	name    string
	metrics []oldMetric
}

type oldMetric struct {
	name, path string // path of its first entry
	values     []Value
}

func (m *merger) add(i int, entry jsontext.Value) error {
	path := index("Tests", i)
	name, data, err := m.entry(entry, path)
	if err != nil {
		return err
	}
	test, metric, err := m.split(name, path)
	if err != nil {
		return err
	}
	values, err := m.data(data, path+".Data")
	if err != nil {
		return err
	}
	at, ok := m.byName[test]
	if !ok {
		at = len(m.tests)
		m.byName[test] = at
		m.tests = append(m.tests, oldTest{name: test})
	}
	t := &m.tests[at]
	key := metricKey{test: at, metric: metric}
	if j, ok := m.byMetric[key]; ok {
		t.metrics[j].values = append(t.metrics[j].values, values...)
		return nil
	}
	m.byMetric[key] = len(t.metrics)
	t.metrics = append(t.metrics, oldMetric{name: metric, path: path, values: values})
	return nil
}

// entry takes an element of Tests apart: its name, and its data as raw text.
func (m *merger) entry(entry jsontext.Value, path string) (name string, data jsontext.Value, err error) {
	if entry.Kind() != jsontext.KindBeginObject {
		return "", nil, malformed(path, "is %s, want an object", describe(entry.Kind()))
	}
	list, err := members(entry, path, m.opts.MaxAttrs)
	if err != nil {
		return "", nil, err
	}
	parts := map[string]jsontext.Value{}
	for _, want := range []struct {
		key  string
		kind jsontext.Kind
	}{{"Name", jsontext.KindString}, {"Info", jsontext.KindBeginObject}, {"Data", jsontext.KindBeginArray}} {
		part, ok := find(list, want.key)
		if !ok {
			return "", nil, malformed(join(path, want.key), "is missing")
		}
		if got := part.value.Kind(); got != want.kind {
			return "", nil, malformed(part.path, "is %s, want %s", describe(got), describe(want.kind))
		}
		parts[want.key] = part.value
	}
	name = unquote(parts["Name"])
	if info, err := members(parts["Info"], path, 0); err != nil || len(info) > 0 {
		return "", nil, invalid(path+".Info", "Tests/%s: cannot convert non-empty Info record", clip(name))
	}
	return name, parts["Data"], nil
}

// split cuts "<tag>.<test>.<suffix>" into test and metric.
func (m *merger) split(full, path string) (test, metric string, err error) {
	path += ".Name"
	if !m.old.hasTag {
		return "", "", invalid("Run.Info.tag", "v1 report has no 'tag' field")
	}
	rest, ok := strings.CutPrefix(full, m.old.tag+".")
	if !ok {
		return "", "", invalid(path, "Tests/%s: test name does not start with '%s.'", clip(full), clip(m.old.tag))
	}
	for _, s := range upgradeTables[m.old.tag].metrics {
		if test, ok := strings.CutSuffix(rest, s.end); ok {
			return test, s.metric, nil
		}
	}
	dot := strings.LastIndexByte(rest, '.')
	if dot < 0 {
		return "", "", invalid(path, "Tests/%s: name does not end in .metric", clip(full))
	}
	return rest[:dot], rest[dot+1:], nil
}

func (m *merger) data(list jsontext.Value, path string) ([]Value, error) {
	raw, err := elements(list, path, m.opts.MaxValues-m.values)
	if err != nil {
		return nil, err
	}
	m.values += len(raw)
	values := make([]Value, len(raw))
	for i, v := range raw {
		if k := v.Kind(); k == jsontext.KindBeginObject || k == jsontext.KindBeginArray {
			return nil, misfit(index(path, i), "is %s, want a number or a string", describe(k))
		}
		value, ok := scalar(v)
		if !ok {
			return nil, misfit(index(path, i), "%s is not a finite number", clip(string(v)))
		}
		values[i] = value
	}
	return values, nil
}

// merged gives the tests as version 2 has them.
func (m *merger) merged() ([]Test, error) {
	tests := make([]Test, len(m.tests))
	for i, old := range m.tests {
		t := &tests[i]
		t.Name, t.Values = old.name, []MetricValues{}
		for _, metric := range old.metrics {
			switch roleOf(metric.name) {
			case metricRole:
				t.Values = append(t.Values, MetricValues{Metric: metric.name, Values: metric.values})
			case nameRole:
				return nil, invalid(metric.path+".Name", "a metric cannot be called 'name'")
			case profileRole:
				if err := m.profiles(i, t, &old, metric); err != nil {
					return nil, err
				}
			case ignoredRole:
			}
		}
	}
	return tests, nil
}

func (m *merger) profiles(at int, t *Test, old *oldTest, metric oldMetric) error {
	t.ProfileOnly = len(old.metrics) == 1
	if t.ProfileOnly && len(metric.values) != 1 {
		return misfit(metric.path+".Data", "has %d values, want one base64 text", len(metric.values))
	}
	for i, v := range metric.values {
		path := index(metric.path+".Data", i)
		if v.Kind != String {
			return misfit(path, "is a %s, want base64 text", v.Kind)
		}
		counters, data, err := readProfile([]byte(v.Str), path)
		if err != nil {
			return err
		}
		t.Profiles = append(t.Profiles, counters)
		if i == 0 && m.opts.take != nil {
			m.opts.take(at, t.Name, data)
		}
	}
	return nil
}
