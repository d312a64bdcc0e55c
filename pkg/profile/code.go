package profile

import (
	"bufio"
	"bytes"
	stdbzip2 "compress/bzip2"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Line is one instruction of a function.
type Line struct {
	// Shares has what part of the function's counters fell on it, in percent, sorted by name.
	Shares  []Share
	Address uint64
	Text    string
}

// Code reads the instructions of a function: [ErrNoFunction] if there is none of that name, [ErrDamaged] if they cannot be read.
func (p *Profile) Code(function string) ([]Line, error) {
	at, ok := p.places[function]
	if !ok {
		return nil, ErrNoFunction
	}
	f := &p.Functions[at]
	lines := make([]Line, 0, min(f.Length, 1<<12))
	if err := p.shares(f, &lines); err != nil {
		return nil, err
	}
	if err := p.addresses(f, lines); err != nil {
		return nil, err
	}
	return lines, p.texts(f, lines)
}

// shares makes the lines, with what fell on each.
func (p *Profile) shares(f *Function, lines *[]Line) error {
	names := make([]string, len(f.Shares))
	for i, s := range f.Shares {
		names[i] = s.Name
	}
	slices.Sort(names)
	if len(names) == 0 {
		*lines = make([]Line, f.Length)
		return nil
	}
	in, err := p.expand(lineCounters, f.counters)
	if err != nil {
		return err
	}
	for range f.Length {
		shares := make([]Share, len(names))
		for i, name := range names {
			bits, err := in.number()
			if err != nil {
				return err
			}
			if bits > math.MaxInt32 {
				return damaged("an instruction has a share that is no float")
			}
			shares[i] = Share{name, math.Float32frombits(uint32(bits))}
		}
		*lines = append(*lines, Line{Shares: shares})
	}
	return nil
}

// addresses are written as the steps between them.
func (p *Profile) addresses(f *Function, lines []Line) error {
	in, err := p.expand(lineAddresses, f.addresses)
	if err != nil {
		return err
	}
	last := uint64(0)
	for i := range lines {
		step, err := in.number()
		if err != nil {
			return err
		}
		if step > math.MaxUint64-last {
			return damaged("an instruction's address has more than 64 bits")
		}
		last += step
		lines[i].Address = last
	}
	return nil
}

// texts are written as places in the pool.
func (p *Profile) texts(f *Function, lines []Line) error {
	if len(lines) == 0 {
		return nil
	}
	in, err := p.expand(lineTexts, f.texts)
	if err != nil {
		return err
	}
	pool, err := p.pool()
	if err != nil {
		return err
	}
	total := 0
	for i := range lines {
		at, err := in.number()
		if err != nil {
			return err
		}
		if at > uint64(len(pool)) {
			return damaged("an instruction's text lies outside the text pool")
		}
		text, _, ended := strings.Cut(pool[at:], "\n")
		if !ended || !utf8.ValidString(text) {
			return damaged("an instruction's text is none")
		}
		if total += len(text); total > maxText {
			return damaged("the texts of a function's instructions have more than %d bytes", maxText)
		}
		lines[i].Text = text
	}
	return nil
}

func (p *Profile) pool() (string, error) {
	in, err := p.expand(textPool, 0)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if _, err := io.Copy(&b, in.Reader); err != nil {
		return "", in.problem(err)
	}
	return b.String(), nil
}

// expanded reads a compressed section.
type expanded struct {
	*bufio.Reader
	what string
}

var errTooLong = errors.New("expands to too many bytes")

// expand opens a compressed section at a place in its expanded bytes.
func (p *Profile) expand(section int, at uint64) (*expanded, error) {
	data := p.sections[section]
	var plain io.Reader = bytes.NewReader(nil)
	if len(data) > 0 {
		plain = &bounded{in: stdbzip2.NewReader(bytes.NewReader(data)), left: maxExpanded}
	}
	e := &expanded{bufio.NewReader(plain), sectionNames[section]}
	if at > maxExpanded {
		return nil, e.problem(errTooLong)
	}
	if _, err := io.CopyN(io.Discard, e, int64(at)); err != nil { //nolint:gosec // bounded above
		return nil, e.problem(err)
	}
	return e, nil
}

func (e *expanded) number() (uint64, error) {
	n, err := binary.ReadUvarint(e)
	if err != nil {
		return 0, e.problem(err)
	}
	return n, nil
}

func (e *expanded) problem(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return damaged("section %q ends early", e.what)
	}
	return damaged("section %q: %s", e.what, err)
}

// bounded fails once more than left bytes came.
type bounded struct {
	in   io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, errTooLong
	}
	return n, err
}
