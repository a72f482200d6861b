package reconcile_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// crmNames are words by which code would name a CRM.
var crmNames = regexp.MustCompile(`(?i)salesforce|dynamics|dataverse|__c\b|statuscode|StageName`)

// The merge, the mapping, the matching and the engine name no CRM: what is special to one is in its adapter or its document.
func TestTheCoreNamesNoCRM(t *testing.T) {
	for _, directory := range []string{"../deal", "../mapping", "../match", "."} {
		files, err := filepath.Glob(filepath.Join(directory, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has %d files: %v", directory, len(files), err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for n, line := range strings.Split(string(content), "\n") {
				if found := crmNames.FindString(line); found != "" {
					t.Errorf("%s:%d names %s", file, n+1, found)
				}
			}
		}
	}
}
