package notifier

func glob(pattern, name string) bool {
	if pattern == "" {
		return name == ""
	}
	if pattern[0] == '*' {
		return glob(pattern[1:], name) || name != "" && glob(pattern, name[1:])
	}
	return name != "" && (pattern[0] == '?' || pattern[0] == name[0]) && glob(pattern[1:], name[1:])
}
