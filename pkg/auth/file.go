package auth

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"
)

// MaxFile is the largest tokens file read, in bytes.
const MaxFile = 1 << 20

// entry is a token as it is written.
type entry struct {
	Name      string   `yaml:"name"`
	Scope     string   `yaml:"scope"`
	Databases []string `yaml:"databases"`
	SHA256    string   `yaml:"sha256"`
}

// Parse reads a tokens file: a YAML list of entries with the keys name, scope, databases and sha256 (64 hexadecimal digits).
// Every problem is told, each with its entry.
func Parse(data []byte) (tokens []Token, err error) {
	if len(data) > MaxFile {
		return nil, fmt.Errorf("%d bytes are more than %d", len(data), MaxFile)
	}
	defer func() {
		// The file is the operator's own; what its author mistyped must not end the process.
		if p := recover(); p != nil {
			tokens, err = nil, fmt.Errorf("read YAML: %v", p)
		}
	}()
	var entries []entry
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.DisallowUnknownField()).Decode(&entries); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read YAML: %s", yaml.FormatError(err, false, true))
	}
	var problems []error
	names, digests := map[string]bool{}, map[[32]byte]bool{}
	for i, e := range entries {
		t, err := e.token()
		if err == nil && names[t.Name] {
			err = fmt.Errorf("name: %q is taken by another entry", t.Name)
		}
		if err == nil && digests[t.Digest] {
			err = errors.New("sha256: is that of another entry")
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("token %d (%s): %w", i+1, e.Name, err))
			continue
		}
		names[t.Name], digests[t.Digest] = true, true
		tokens = append(tokens, t)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return tokens, nil
}

func (e entry) token() (Token, error) {
	t := Token{Name: e.Name, Databases: e.Databases}
	var err error
	if t.Scope, err = ParseScope(e.Scope); err != nil {
		return Token{}, err
	}
	digest, err := hex.DecodeString(e.SHA256)
	if err != nil || len(digest) != len(t.Digest) {
		return Token{}, errors.New("sha256: is not 64 hexadecimal digits")
	}
	copy(t.Digest[:], digest)
	return t, t.Validate()
}

// Load reads the tokens file at path.
func Load(path string) ([]Token, error) {
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	return parseFile(path, data)
}

// Follower reads a tokens file again and again, and says when it has changed. It is not safe for concurrent use.
type Follower struct {
	path string
	seen []byte
	any  bool
}

// Follow is a follower of the file at path, which it has not read yet.
func Follow(path string) *Follower { return &Follower{path: path} }

// Next reads the file and gives its tokens to take, if it says anything else than what was taken last. The content is compared,
// not the time, which may stay the same. After an error, take's own among them, the file counts as not read.
func (f *Follower) Next(take func([]Token) error) (taken bool, err error) {
	data, err := read(f.path)
	if err != nil {
		return false, err
	}
	if f.any && bytes.Equal(data, f.seen) {
		return false, nil
	}
	tokens, err := parseFile(f.path, data)
	if err != nil {
		return false, err
	}
	if err := take(tokens); err != nil {
		return false, fmt.Errorf("tokens file %s: %w", f.path, err)
	}
	f.seen, f.any = data, true
	return true, nil
}

func read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("tokens file: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("tokens file: %w", err)
	}
	return data, nil
}

func parseFile(path string, data []byte) ([]Token, error) {
	tokens, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("tokens file %s: %w", path, err)
	}
	return tokens, nil
}

// Add writes t at the end of the tokens file at path, which need not exist. The file is replaced as a whole, so that a reader,
// or a crash, finds the old one or the new one.
func Add(path string, t Token) error {
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("tokens file: %w", err)
	}
	after := bytes.Clone(before)
	if len(after) > 0 && !bytes.HasSuffix(after, []byte("\n")) {
		after = append(after, '\n')
	}
	after = append(after, t.YAML()...)
	if _, err := Parse(after); err != nil {
		return fmt.Errorf("tokens file %s: %w", path, err)
	}
	return replace(path, after)
}

func replace(path string, data []byte) error {
	mode := os.FileMode(0o600)
	if old, err := os.Stat(path); err == nil {
		mode = old.Mode().Perm()
		if target, err := filepath.EvalSymlinks(path); err == nil {
			path = target
		}
	}
	next, err := os.CreateTemp(filepath.Dir(path), ".tokens-*")
	if err != nil {
		return fmt.Errorf("tokens file: %w", err)
	}
	defer os.Remove(next.Name())
	_, err = next.Write(data)
	if err = errors.Join(err, next.Chmod(mode), next.Sync(), next.Close()); err != nil {
		return fmt.Errorf("tokens file: %w", err)
	}
	if err := os.Rename(next.Name(), path); err != nil {
		return fmt.Errorf("tokens file: %w", err)
	}
	return nil
}
