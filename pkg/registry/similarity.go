package registry

import "unicode"

// similarity says how alike two names are, from 0 to 1: 2M/T, where T is the number of characters of both and M that of the
// characters in matching blocks. Blocks are found as Ratcliff and Obershelp do (Dr. Dobb's Journal, July 1988): the longest common
// one, then the same to its left and to its right. Digits never begin a block, they only lengthen one that is there; nor do, in a
// second name of 200 characters and more, characters that make up more than a hundredth of it. So do LNT, and the library it uses,
// to the last bit. The two names cannot be swapped.
func similarity(a, b string) float64 {
	if a == b {
		return 1
	}
	m := newMatcher([]rune(a), []rune(b))
	length := len(m.a) + len(m.b)
	if length == 0 {
		return 1
	}
	return 2 * float64(m.matches()) / float64(length)
}

// popularFrom is the length from which on characters can be too frequent to begin a block.
const popularFrom = 200

type matcher struct {
	a, b []rune
	// places lists, by character, where in b a block may begin, ascending.
	places map[rune][]int
	// run and next hold, by place in b from 1, how long the block is that ends there.
	run, next []int
}

func newMatcher(a, b []rune) *matcher {
	m := &matcher{a: a, b: b, places: make(map[rune][]int, len(b)), run: make([]int, len(b)+1), next: make([]int, len(b)+1)}
	for j, r := range b {
		m.places[r] = append(m.places[r], j)
	}
	most := len(b)
	if len(b) >= popularFrom {
		most = len(b)/100 + 1
	}
	for r, at := range m.places {
		if isDigit(r) || len(at) > most {
			delete(m.places, r)
		}
	}
	return m
}

// part is a stretch of a and one of b whose blocks are still to be found.
type part struct{ aFrom, aTo, bFrom, bTo int }

// matches is the number of characters in matching blocks.
func (m *matcher) matches() int {
	total := 0
	todo := []part{{0, len(m.a), 0, len(m.b)}}
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		i, j, size := m.longest(p)
		if size == 0 {
			continue
		}
		total += size
		if p.aFrom < i && p.bFrom < j {
			todo = append(todo, part{p.aFrom, i, p.bFrom, j})
		}
		if i+size < p.aTo && j+size < p.bTo {
			todo = append(todo, part{i + size, p.aTo, j + size, p.bTo})
		}
	}
	return total
}

// longest is the longest block of a part; of several the one that is first in a, then first in b.
func (m *matcher) longest(p part) (i, j, size int) {
	i, j, size = m.longestBegun(p)
	i, j, size = m.lengthened(p, i, j, size, false)
	return m.lengthened(p, i, j, size, true)
}

// longestBegun is the longest block of characters that may begin one.
func (m *matcher) longestBegun(p part) (besti, bestj, best int) {
	besti, bestj = p.aFrom, p.bFrom
	for i := p.aFrom; i < p.aTo; i++ {
		for _, j := range m.places[m.a[i]] {
			if j < p.bFrom {
				continue
			}
			if j >= p.bTo {
				break
			}
			k := m.run[j] + 1
			m.next[j+1] = k
			if k > best {
				besti, bestj, best = i-k+1, j-k+1, k
			}
		}
		m.advance(p, i)
	}
	clear(m.run)
	return besti, bestj, best
}

// advance makes next the current row and the row before it empty.
func (m *matcher) advance(p part, i int) {
	if i > p.aFrom {
		for _, j := range m.places[m.a[i-1]] {
			m.run[j+1] = 0
		}
	}
	m.run, m.next = m.next, m.run
}

// lengthened adds equal neighbours to a block on both sides: those that are digits, or those that are not.
func (m *matcher) lengthened(p part, i, j, size int, digits bool) (int, int, int) {
	for i > p.aFrom && j > p.bFrom && isDigit(m.b[j-1]) == digits && m.a[i-1] == m.b[j-1] {
		i, j, size = i-1, j-1, size+1
	}
	for i+size < p.aTo && j+size < p.bTo && isDigit(m.b[j+size]) == digits && m.a[i+size] == m.b[j+size] {
		size++
	}
	return i, j, size
}

// isDigit says whether a character is a digit to Python: one of a decimal system, or one in a circle, raised or lowered.
func isDigit(r rune) bool {
	if r < 0x80 {
		return '0' <= r && r <= '9'
	}
	return unicode.Is(unicode.Nd, r) || unicode.Is(otherDigits, r)
}

// otherDigits are the characters with the property Numeric_Type=Digit (Unicode 14) that belong to no decimal system.
var otherDigits = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0xb2, Hi: 0xb3, Stride: 1},
		{Lo: 0xb9, Hi: 0xb9, Stride: 1},
		{Lo: 0x1369, Hi: 0x1371, Stride: 1},
		{Lo: 0x19da, Hi: 0x19da, Stride: 1},
		{Lo: 0x2070, Hi: 0x2070, Stride: 1},
		{Lo: 0x2074, Hi: 0x2079, Stride: 1},
		{Lo: 0x2080, Hi: 0x2089, Stride: 1},
		{Lo: 0x2460, Hi: 0x2468, Stride: 1},
		{Lo: 0x2474, Hi: 0x247c, Stride: 1},
		{Lo: 0x2488, Hi: 0x2490, Stride: 1},
		{Lo: 0x24ea, Hi: 0x24ea, Stride: 1},
		{Lo: 0x24f5, Hi: 0x24fd, Stride: 1},
		{Lo: 0x24ff, Hi: 0x24ff, Stride: 1},
		{Lo: 0x2776, Hi: 0x277e, Stride: 1},
		{Lo: 0x2780, Hi: 0x2788, Stride: 1},
		{Lo: 0x278a, Hi: 0x2792, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x10a40, Hi: 0x10a43, Stride: 1},
		{Lo: 0x10e60, Hi: 0x10e68, Stride: 1},
		{Lo: 0x11052, Hi: 0x1105a, Stride: 1},
		{Lo: 0x1f100, Hi: 0x1f10a, Stride: 1},
	},
}
