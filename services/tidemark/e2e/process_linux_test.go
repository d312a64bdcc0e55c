package e2e

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"syscall"
)

// diesWithUs ends servers with the test process, however that ends.
func diesWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

var memoryLine = regexp.MustCompile(`(?m)^(VmRSS|VmHWM):\s+(\d+) kB$`)

// memory is the server's memory in bytes: now, and the most since the last call of forgetPeak.
func (s *server) memory() (now, peak int64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	for _, m := range memoryLine.FindAllStringSubmatch(string(status), -1) {
		kib, err := strconv.ParseInt(m[2], 10, 64)
		if err != nil {
			return 0, 0, err
		}
		if m[1] == "VmRSS" {
			now = kib << 10
		} else {
			peak = kib << 10
		}
	}
	return now, peak, nil
}
