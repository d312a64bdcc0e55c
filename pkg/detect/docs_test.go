package detect_test

import (
	"os"
	"strings"
	"testing"

	"tidemark/pkg/detect"
)

func TestDocs_DescribedDetectors_HaveTheParametersOfTheirFiles(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/detection-detectors.md")
	if err != nil {
		t.Fatal(err)
	}
	good, _ := detect.List()
	described := 0
	for _, d := range good {
		_, section, ok := strings.Cut(string(text), "\n## "+d.Name+"\n")
		if !ok {
			continue
		}
		described++
		section, _, _ = strings.Cut(section, "\n## ")
		for _, p := range d.Tunables {
			if row := "| `" + p.Name + "` | " + p.Default + " |"; !strings.Contains(section, row) {
				t.Errorf("%s: the docs have no row %q", d.Name, row)
			}
		}
		for _, p := range d.Presets {
			if !strings.Contains(section, "`"+p.Name+"`") {
				t.Errorf("%s: the docs do not name preset %s", d.Name, p.Name)
			}
		}
	}
	if described < 4 {
		t.Errorf("only %d detectors are described", described)
	}
}
