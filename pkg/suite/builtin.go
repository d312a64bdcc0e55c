package suite

// RevisionField is the order field of both built-in suites, and of nearly every suite in the wild.
const RevisionField = "llvm_project_revision"

// BuiltIns returns the suites that exist without being defined: nts and compile.
func BuiltIns() []Schema { return []Schema{nts(), compile()} }

// BuiltIn finds a built-in suite by name.
func BuiltIn(name string) (Schema, bool) {
	for _, s := range BuiltIns() {
		if s.Name == name {
			return s, true
		}
	}
	return Schema{}, false
}

// nts is LNT's nightly test suite, with the status links that its old databases carry.
func nts() Schema {
	return Schema{
		Name: "nts",
		Metrics: []Metric{
			{Name: "compile_time", Type: Real, DisplayName: "Compile Time", Unit: "seconds", UnitAbbrev: "s", Status: "compile_status"},
			{Name: "compile_status", Type: Status},
			{Name: "execution_time", Type: Real, DisplayName: "Execution Time", Unit: "seconds", UnitAbbrev: "s", IgnoreSameHash: true, Status: "execution_status"},
			{Name: "execution_status", Type: Status},
			{Name: "score", Type: Real, DisplayName: "Score", BiggerIsBetter: true, IgnoreSameHash: true},
			{Name: "mem_bytes", Type: Real, DisplayName: "Memory Usage", Unit: "bytes", UnitAbbrev: "b"},
			{Name: "hash", Type: Hash, Status: "hash_status"},
			{Name: "hash_status", Type: Status},
			{Name: "code_size", Type: Real, DisplayName: "Code Size", Unit: "bytes", UnitAbbrev: "b"},
		},
		RunFields:     []Field{{Name: RevisionField, Order: true}},
		MachineFields: []Field{{Name: "hardware"}, {Name: "os"}},
	}
}

// compile measures the compiler itself. LNT links none of its statuses to its values.
func compile() Schema {
	return Schema{
		Name: "compile",
		Metrics: []Metric{
			{Name: "user_time", Type: Real, DisplayName: "User Time", Unit: "seconds", UnitAbbrev: "s"},
			{Name: "user_status", Type: Status},
			{Name: "sys_time", Type: Real, DisplayName: "System Time", Unit: "seconds", UnitAbbrev: "s"},
			{Name: "sys_status", Type: Status},
			{Name: "wall_time", Type: Real, DisplayName: "Wall Time", Unit: "seconds", UnitAbbrev: "s"},
			{Name: "wall_status", Type: Status},
			{Name: "size_bytes", Type: Real, DisplayName: "Executable Size", Unit: "bytes", UnitAbbrev: "b"},
			{Name: "size_status", Type: Status},
			{Name: "mem_bytes", Type: Real, DisplayName: "Memory Usage", Unit: "bytes", UnitAbbrev: "b"},
			{Name: "mem_status", Type: Status},
		},
		RunFields:     []Field{{Name: RevisionField, Order: true}},
		MachineFields: []Field{{Name: "hardware"}, {Name: "os_version"}},
	}
}
