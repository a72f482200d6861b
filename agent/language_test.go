package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// The flag chooses the language, then the locale; an error is told in it with its code and detail as they are.
func TestLanguageOfTheCommandLine(t *testing.T) {
	for _, c := range []struct {
		flag string
		env  map[string]string
		want problem.Language
	}{
		{"", nil, problem.English},
		{"ja", map[string]string{"LANG": "de_DE.UTF-8"}, problem.Japanese},
		{"", map[string]string{"LANG": "de_DE.UTF-8"}, problem.German},
		{"", map[string]string{"LANG": "de_DE.UTF-8", "LC_MESSAGES": "it_IT.UTF-8"}, problem.Italian},
		{"", map[string]string{"LANG": "de_DE.UTF-8", "LC_ALL": "C.UTF-8"}, problem.English},
	} {
		if got := languageOf(c.flag, func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%q with %v gives %s", c.flag, c.env, got)
		}
	}
	err := fmt.Errorf("agent.json: %w", problem.New(problem.DocumentInvalid, "agent document", "it has no version"))
	if got := errorText(err, problem.German); !strings.HasPrefix(got, "agent.json: CS402 agent document: Das Dokument") || !strings.Contains(got, "(it has no version)") {
		t.Error(got)
	}
}
