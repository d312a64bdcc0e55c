package e2e

import (
	"bytes"
	"cmp"
	"flag"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"tidemark/pkg/testkit/browser"
)

// pictures is where pictures of all pages go: make screenshots. None are taken without.
var pictures = flag.String("pictures", "", "folder for pictures of all pages")

// tallest is how much of a long page a picture shows.
const tallest = 1200

// photograph keeps what the page looks like, from its head on.
func (v visitor) photograph(t *testing.T, name string, width int64) {
	t.Helper()
	height := browser.See[float64](t, v.Tab, `document.documentElement.scrollHeight`)
	beyond := true
	shot, err := chromedp.Call(v.Context(), page.CaptureScreenshot, page.CaptureScreenshotParams{
		Clip:                  &page.Viewport{Width: float64(width), Height: min(height, tallest), Scale: 1},
		CaptureBeyondViewport: &beyond,
	})
	if err != nil {
		t.Fatal(err)
	}
	small, err := indexed(shot.Data)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*pictures, name+".png"), small, 0o644); err != nil { //nolint:gosec // for everybody to see
		t.Fatal(err)
	}
}

// indexed is a PNG with 256 colours, a third of the size: those that the most pixels have, and of the rest those that are
// farthest from all others, such as the red of one word. Pages have few but the edges of letters, and there the nearest is
// not seen to be another.
func indexed(picture []byte) ([]byte, error) {
	from, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	seen := map[color.Color]int{}
	size := from.Bounds()
	for y := size.Min.Y; y < size.Max.Y; y++ {
		for x := size.Min.X; x < size.Max.X; x++ {
			seen[from.At(x, y)]++
		}
	}
	most := slices.SortedFunc(maps.Keys(seen), func(a, b color.Color) int {
		return cmp.Or(cmp.Compare(seen[b], seen[a]), compareColours(a, b))
	})
	colours := color.Palette(slices.Clone(most[:min(len(most), 224)]))
	for rest := most[len(colours):]; len(colours) < min(len(most), 256); {
		colours = append(colours, slices.MaxFunc(rest, func(a, b color.Color) int {
			return cmp.Compare(distance(a, colours[colours.Index(a)]), distance(b, colours[colours.Index(b)]))
		}))
	}
	nearest := map[color.Color]uint8{}
	for _, c := range most {
		nearest[c] = uint8(colours.Index(c)) //nolint:gosec // below 256
	}
	to := image.NewPaletted(size, colours)
	for y := size.Min.Y; y < size.Max.Y; y++ {
		for x := size.Min.X; x < size.Max.X; x++ {
			to.SetColorIndex(x, y, nearest[from.At(x, y)])
		}
	}
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, to)
	return out.Bytes(), err
}

// distance is how far apart two colours are.
func distance(a, b color.Color) int {
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	r, g, bl := int(ar>>8)-int(br>>8), int(ag>>8)-int(bg>>8), int(ab>>8)-int(bb>>8)
	return r*r + g*g + bl*bl
}

// compareColours puts colours of equally many pixels in an order.
func compareColours(a, b color.Color) int {
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	return cmp.Or(cmp.Compare(ar, br), cmp.Compare(ag, bg), cmp.Compare(ab, bb))
}
