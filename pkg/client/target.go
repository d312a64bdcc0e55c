package client

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// target is where reports go.
type target struct {
	url string
	// place is the target as it goes into idempotency keys: database and suite, however the address spells them.
	place string
}

var (
	submitPath = regexp.MustCompile(`^.*?/(?:db_([^/]+)/)?(?:v4/([^/]+)/)?submitRun/?$`)
	restPath   = regexp.MustCompile(`/api/db_([^/]+)/v4/([^/]+)/runs/?$`)
)

// resolve turns the options into the address to post to, with the choices as its query.
func resolve(o Options) (target, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return target{}, fmt.Errorf("url: %w", err)
	}
	database, suite := o.Database, o.Suite
	switch named := namedIn(u.Path); {
	case named == nil:
		path := strings.TrimSuffix(u.Path, "/")
		if database != "" {
			path += "/db_" + database
		}
		if suite != "" {
			path += "/v4/" + suite
		}
		u.Path, u.RawPath = path+"/submitRun", ""
	case database != "" && database != named[0] || suite != "" && suite != named[1]:
		return target{}, fmt.Errorf("url: %s is an address to post to; leave the database and suite out, or give the server's root", o.URL)
	default:
		database, suite = named[0], named[1]
	}
	if database == "" {
		database = "default"
	}
	query := u.Query()
	query.Set("merge", o.Merge)
	query.Set("select_machine", o.SelectMachine)
	if o.IgnoreRegressions {
		query.Set("ignore_regressions", "1")
	}
	u.RawQuery, u.Fragment = query.Encode(), ""
	return target{url: u.String(), place: database + "/" + suite}, nil
}

// namedIn gives the database and suite an address to post to names, or nil for a root.
func namedIn(path string) []string {
	for _, shape := range []*regexp.Regexp{submitPath, restPath} {
		if m := shape.FindStringSubmatch(path); m != nil {
			return m[1:]
		}
	}
	return nil
}

// key identifies the submission of this content, with these choices, to this place.
func (t target) key(o Options, c content) string {
	h := sha256.New()
	for _, part := range []string{"tidemark submit 1", t.place, o.Merge, o.SelectMachine, fmt.Sprint(o.IgnoreRegressions), o.Salt, string(c.sum[:])} {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(part)))
		h.Write(n[:])
		h.Write([]byte(part))
	}
	return "submit-" + hex.EncodeToString(h.Sum(nil)[:20])
}
