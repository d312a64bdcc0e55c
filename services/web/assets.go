package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"path"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// The chart library is not in the repository: fetch-assets.sh puts it there
// before the build.
const (
	chartScript = "vendor/uplot/uPlot.iife.min.js"
	chartStyle  = "vendor/uplot/uPlot.min.css"
)

//go:embed static
var embedded embed.FS

// assets are the static files, each known by the hash of its content.
type assets struct{ files map[string]asset }

type asset struct {
	body        []byte
	packed      []byte // gzip; nil where that is no smaller
	contentType string
	hash        string
}

func loadAssets(from fs.FS) (*assets, error) {
	root, err := fs.Sub(from, "static")
	if err != nil {
		return nil, fmt.Errorf("open static files: %w", err)
	}
	found := &assets{files: map[string]asset{}}
	err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		found.files[name] = newAsset(name, body)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read static files: %w", err)
	}
	return found, nil
}

func newAsset(name string, body []byte) asset {
	sum := sha256.Sum256(body)
	a := asset{body: body, hash: hex.EncodeToString(sum[:8]), contentType: contentType(name)}
	var packed bytes.Buffer
	zip, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return a
	}
	_, err = zip.Write(body)
	if errors.Join(err, zip.Close()) == nil && packed.Len() < len(body) {
		a.packed = packed.Bytes()
	}
	return a
}

// contentType does not ask the system, whose tables differ.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case "":
		return "text/plain; charset=utf-8"
	}
	if known := mime.TypeByExtension(path.Ext(name)); known != "" {
		return known
	}
	return "application/octet-stream"
}

// HasChart says whether the chart library was there at build time.
func (a *assets) HasChart() bool {
	_, script := a.files[chartScript]
	_, style := a.files[chartStyle]
	return script && style
}

// path is where a file is served: its address changes with its content, so it
// may be kept for ever.
func (a *assets) path(name string) (string, error) {
	f, ok := a.files[name]
	if !ok {
		return "", fmt.Errorf("static file %s is not there", name)
	}
	return "static/" + name + "?v=" + f.hash, nil
}

// serve answers /static/*.
func (a *assets) serve(c *fiber.Ctx) error {
	f, ok := a.files[c.Params("*")]
	if !ok {
		return c.Status(fiber.StatusNotFound).SendString("There is no such file.")
	}
	tag := `"` + f.hash + `"`
	c.Set(fiber.HeaderETag, tag)
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	if c.Query("v") == f.hash {
		c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	} else {
		c.Set(fiber.HeaderCacheControl, "no-cache")
	}
	if matches(c.Get(fiber.HeaderIfNoneMatch), tag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, f.contentType)
	if f.packed != nil && strings.Contains(c.Get(fiber.HeaderAcceptEncoding), "gzip") {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(f.packed)
	}
	return c.Send(f.body)
}

// matches says whether an If-None-Match header names tag, weakly compared.
func matches(header, tag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}
