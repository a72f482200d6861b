package salesforce

import (
	"strings"
)

const (
	idAlphabet       = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	checksumAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
)

// id18 appends the case checksum to a 15-character record id: one character per group of five, whose bits say
// which letters of the group are upper case.
func id18(id15 string) string {
	var suffix [3]byte
	for group := range 3 {
		bits := 0
		for i := range 5 {
			if c := id15[group*5+i]; c >= 'A' && c <= 'Z' {
				bits |= 1 << i
			}
		}
		suffix[group] = checksumAlphabet[bits]
	}
	return id15 + string(suffix[:])
}

// normalizeID turns a 15- or 18-character id into the 18-character form that the API returns. An 18-character id is
// compared without regard to case, as Salesforce does: its checksum restores the case. ok is false for anything else.
func normalizeID(id string) (string, bool) {
	if len(id) != 15 && len(id) != 18 {
		return "", false
	}
	for i := range len(id) {
		if strings.IndexByte(idAlphabet, id[i]) < 0 {
			return "", false
		}
	}
	if len(id) == 15 {
		return id18(id), true
	}
	restored := []byte(id[:15])
	suffix := strings.ToUpper(id[15:])
	for group := range 3 {
		bits := strings.IndexByte(checksumAlphabet, suffix[group])
		if bits < 0 {
			return "", false
		}
		for i := range 5 {
			c := restored[group*5+i]
			upper := bits&(1<<i) != 0
			switch {
			case upper && c >= 'a' && c <= 'z':
				restored[group*5+i] = c - 'a' + 'A'
			case upper && (c < 'A' || c > 'Z'):
				return "", false
			case !upper && c >= 'A' && c <= 'Z':
				restored[group*5+i] = c - 'A' + 'a'
			}
		}
	}
	return string(restored) + suffix, true
}

// idSource numbers the rows of one org. Ids grow with time within a key prefix, as in a real org.
type idSource struct {
	pod  string // three characters after the key prefix that name the instance
	next map[string]uint64
}

func newIDSource(orgID string) *idSource {
	return &idSource{pod: orgID[3:6], next: map[string]uint64{}}
}

func (s *idSource) make(prefix string) string {
	s.next[prefix]++
	n := s.next[prefix]
	digits := []byte("000000000")
	for i := len(digits) - 1; n > 0 && i >= 0; i-- {
		digits[i] = idAlphabet[n%62]
		n /= 62
	}
	return id18(prefix + s.pod + string(digits))
}
