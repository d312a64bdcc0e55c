package event

import (
	"sync"

	"github.com/klauspost/compress/zstd"
)

// One encoder and one decoder serve all goroutines: both keep their buffers and are safe for the stateless calls made here.
// Constructing them with these options cannot fail; a nil here would be a programming error that every test sees.
var (
	encoder = sync.OnceValue(func() *zstd.Encoder {
		enc, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
		return enc
	})
	decoder = sync.OnceValue(func() *zstd.Decoder {
		dec, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(MaxBody), zstd.WithDecoderMaxWindow(MaxBody))
		return dec
	})
)
