// Package problem is the error catalogue that the provider's diagnostics, the CRM's Audit field, the logs and the docs share.
//
// An [Entry] is what we know about a kind of problem: a code that never changes, its cause and fix in plain words, and its
// [Class], which decides what the agent does next. A [Problem] is one occurrence: an entry, the object it happened to, and
// the detail that the remote system gave.
package problem

import (
	"errors"
)

// Class says what happens after a problem.
type Class int

const (
	// Later problems pass by themselves: try again after a while, other deals go on.
	Later Class = iota + 1
	// NeedsPerson problems stay until somebody changes the deal or the configuration; they are tried again only then.
	NeedsPerson
	// Gone problems say that the object no longer exists or was never ours.
	Gone
)

func (c Class) String() string {
	switch c {
	case Later:
		return "later"
	case NeedsPerson:
		return "needs a person"
	case Gone:
		return "gone"
	default:
		return "unclassified"
	}
}

// MarshalText gives the class by its name.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Code names a kind of problem for ever: codes are not renamed and not used again.
type Code string

// Entry is one row of the catalogue.
type Entry struct {
	Code  Code   `json:"code"`
	Class Class  `json:"class"`
	Cause string `json:"cause"` // a whole sentence without values
	Fix   string `json:"fix"`   // a whole sentence: what the reader does about it
}

// Problem is one occurrence of an [Entry]. It is an error; errors.As finds it, and errors.Is matches by code.
type Problem struct {
	Entry
	Object string // what it happened to, e.g. "opportunity 0065g00000XyZ"
	Detail string // what the remote system said, or the offending value; never a secret
	Said   Saying // what Detail says in English, where it can be said in other languages; empty otherwise
	Err    error  // the error underneath, if any
}

// New makes an occurrence. It panics when the code is not in the catalogue: that is a mistake in our code.
func New(code Code, object, detail string) *Problem {
	entry, ok := byCode[code]
	if !ok {
		panic("problem: code " + string(code) + " is not in the catalogue")
	}
	return &Problem{Entry: entry, Object: object, Detail: detail}
}

// Explain makes an occurrence whose detail can be said in every language.
func Explain(code Code, object string, detail Saying) *Problem {
	p := New(code, object, detail.String())
	p.Said = detail
	return p
}

// Wrap makes an occurrence that keeps the error underneath and shows its text as detail.
func Wrap(code Code, object string, err error) *Problem {
	p := New(code, object, err.Error())
	p.Err = err
	return p
}

// Error gives one line in English: code, object, cause, detail, fix. [Language.Problem] gives it in another language.
func (p *Problem) Error() string { return English.Problem(p) }

// Unwrap gives the error underneath.
func (p *Problem) Unwrap() error { return p.Err }

// Is matches another Problem of the same code.
func (p *Problem) Is(target error) bool {
	other, ok := target.(*Problem)
	return ok && other.Code == p.Code
}

// Classified is what errors of the typed clients offer so that [ClassOf] need not know them.
type Classified interface{ Class() Class }

// ClassOf tells the class of any error: that of the [Problem] or [Classified] error inside it, else Later, because an
// error nobody has thought about must never lose a deal.
func ClassOf(err error) Class {
	var p *Problem
	if errors.As(err, &p) {
		return p.Class
	}
	var c Classified
	if errors.As(err, &c) {
		return c.Class()
	}
	return Later
}

// Catalogue lists all entries, ordered by code.
func Catalogue() []Entry { return append([]Entry(nil), catalogue...) }
