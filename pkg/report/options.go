package report

// Options bounds what a submission may cost. A zero field takes its value from DefaultOptions.
type Options struct {
	// MaxBytes bounds the body, and the size of the JSON text a property list stands for.
	MaxBytes int
	// MaxDepth bounds how deep lists and objects nest in a machine or run attribute, and in a property list.
	MaxDepth int
	// MaxTests bounds the entries of tests.
	MaxTests int
	// MaxValues bounds the metric values of all tests together.
	MaxValues int
	// MaxAttrs bounds the attributes of the machine, and separately of the run.
	MaxAttrs int
	// File is the name by which the error of an unreadable body calls it, as LNT does.
	File string

	// take is given the first profile of every entry of Submission.Tests that has one.
	take func(entry int, test string, profile []byte)
}

// MaxBytes is the largest report there can be, in bytes: as much as one event of the log holds. LNT's is 50 MB.
const MaxBytes = 64 << 20

// DefaultOptions holds the largest report there can be and bounds far above any seen in the wild.
func DefaultOptions() Options {
	return Options{
		MaxBytes:  MaxBytes,
		MaxDepth:  64,
		MaxTests:  1_000_000,
		MaxValues: 4_000_000,
		MaxAttrs:  10_000,
		File:      "data.json",
	}
}

func (o Options) withDefaults() Options {
	d := DefaultOptions()
	for _, f := range []struct{ field, fallback *int }{
		{&o.MaxBytes, &d.MaxBytes},
		{&o.MaxDepth, &d.MaxDepth},
		{&o.MaxTests, &d.MaxTests},
		{&o.MaxValues, &d.MaxValues},
		{&o.MaxAttrs, &d.MaxAttrs},
	} {
		if *f.field <= 0 {
			*f.field = *f.fallback
		}
	}
	if o.File == "" {
		o.File = d.File
	}
	return o
}
