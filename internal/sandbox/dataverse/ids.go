package dataverse

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// idSource makes ids from a secret and a counter, so that a request that is taken back can give back the ids that it used.
type idSource struct {
	secret [32]byte
	next   uint64
}

func newIDSource(random io.Reader) (*idSource, error) {
	s := &idSource{}
	if _, err := io.ReadFull(random, s.secret[:]); err != nil {
		return nil, fmt.Errorf("dataverse: read random bytes for ids: %w", err)
	}
	return s, nil
}

func (s *idSource) guid() string {
	s.next++
	return guidOf(s.secret[:], binary.BigEndian.AppendUint64(nil, s.next))
}

// guidOf is a guid of version 4's form that the parts determine.
func guidOf(parts ...[]byte) string {
	hash := sha256.New()
	for _, part := range parts {
		_, _ = hash.Write(part) // a hash takes everything
	}
	b := hash.Sum(nil)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// fixedID is the id of something that every environment has under the same id, such as a message of the platform.
func fixedID(kind, name string) string { return guidOf([]byte(kind), []byte{0}, []byte(name)) }

// normalGUID gives a guid in the form of answers: lower case without braces.
func normalGUID(text string) (string, bool) {
	text = strings.ToLower(strings.Trim(text, "{}"))
	if len(text) != 36 {
		return "", false
	}
	for i := range len(text) {
		c := text[i]
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return "", false
		}
	}
	return text, true
}
