package salesforce

import (
	"errors"
	"strings"
)

// ID is a record id in its 18-character form, whose last three characters make it safe to compare without regard to case.
type ID string

// ErrInvalidID marks a text that is not a record id.
var ErrInvalidID = errors.New("not a Salesforce id: it must have 15 or 18 letters and digits")

const checksumAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

// ParseID accepts the 15- and the 18-character form and gives the latter. An 18-character id that lost its case, as in a
// spreadsheet, gets it back from the checksum; one in mixed case must agree with its checksum.
func ParseID(text string) (ID, error) {
	text = strings.TrimSpace(text)
	if len(text) != 15 && len(text) != 18 {
		return "", ErrInvalidID
	}
	for i := range len(text) {
		if !isAlphanumeric(text[i]) {
			return "", ErrInvalidID
		}
	}
	if len(text) == 15 {
		return ID(text + checksum(text)), nil
	}
	body := text[:15]
	if body != strings.ToLower(body) && body != strings.ToUpper(body) {
		if checksum(body) != strings.ToUpper(text[15:]) {
			return "", ErrInvalidID
		}
		return ID(body + checksum(body)), nil
	}
	return restoreCase(text)
}

// SameID reports whether two texts name the same record, in either form.
func SameID(a, b string) bool {
	x, errA := ParseID(a)
	y, errB := ParseID(b)
	return errA == nil && errB == nil && x == y
}

// Short gives the 15-character form.
func (id ID) Short() string { return string(id[:min(len(id), 15)]) }

// checksum has one character for each five, a bit for each upper-case letter.
func checksum(id string) string {
	var suffix [3]byte
	for block := range suffix {
		bits := 0
		for i := range 5 {
			if ch := id[block*5+i]; ch >= 'A' && ch <= 'Z' {
				bits |= 1 << i
			}
		}
		suffix[block] = checksumAlphabet[bits]
	}
	return string(suffix[:])
}

func restoreCase(text string) (ID, error) {
	body, suffix := []byte(text[:15]), strings.ToUpper(text[15:])
	for block := range 3 {
		bits := strings.IndexByte(checksumAlphabet, suffix[block])
		if bits < 0 {
			return "", ErrInvalidID
		}
		for i := range 5 {
			at := block*5 + i
			if upper := bits&(1<<i) != 0; upper && !isLetter(body[at]) {
				return "", ErrInvalidID
			} else if isLetter(body[at]) {
				body[at] = withCase(body[at], upper)
			}
		}
	}
	return ID(string(body) + suffix), nil
}

func isLetter(ch byte) bool       { return ch|0x20 >= 'a' && ch|0x20 <= 'z' }
func isAlphanumeric(ch byte) bool { return isLetter(ch) || ch >= '0' && ch <= '9' }

func withCase(ch byte, upper bool) byte {
	if upper {
		return ch &^ 0x20
	}
	return ch | 0x20
}
