package provider_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// capability is one row of the table that drives the generic tests: what a type can do, and what the tests need to know
// to try it. Every type has a row; a field that is left out says that the type cannot do that.
type capability struct {
	// config is complete HCL without a provider block. The resource under test is called "test"; where the type has
	// deletion_protection, the text contains "deletion_protection = false".
	config string
	// prepare makes what must be there before the first plan; nil: nothing.
	prepare func(t *testing.T, w *world)
	// env changes the environment that configures the provider; an empty value removes a variable.
	env map[string]string
	// logical types have nothing remote: no drift, no removal, no import, no lost answer.
	logical bool

	changes map[string]func(t *testing.T, w *world) // by attribute: somebody else changes it; apply must mend it
	remove  func(t *testing.T, w *world)            // somebody else deletes the object; nil: that cannot happen
	// exists asks the remote system whether the object is there. Where the system has no deletion, it is about our part.
	exists func(t *testing.T, w *world) bool

	importID     string   // empty: cannot be imported
	importIgnore []string // attributes that an import cannot know, such as deletion_protection

	// unknown is like config, but an input comes from terraform_data.later.output, which is not known before apply. The
	// tests add that resource; its output is laterValue.
	unknown    string
	laterValue string

	// invalid holds configurations that must fail at plan, by name.
	invalid map[string]invalid

	// creates recognises the request that makes the object. Its answer is lost in the test of an interrupted apply.
	creates func(request *http.Request, body string) bool
}

// invalid is a configuration and what the diagnostic must say.
type invalid struct {
	config  string
	message *regexp.Regexp // see words
}

// words matches a text of a diagnostic, which the command-line tool breaks into lines.
func words(text string) *regexp.Regexp {
	parts := strings.Fields(text)
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(strings.Join(parts, `[\s│]+`))
}

// capabilities has a row for every type of the provider. Rows stand beside each other by package: see capabilities_*_test.go.
func capabilities() map[string]capability {
	all := map[string]capability{}
	for _, rows := range []map[string]capability{connectorCapabilities, partnerCenterCapabilities, salesforceCapabilities, dataverseCapabilities} {
		for name, row := range rows {
			all[name] = row
		}
	}
	return all
}
