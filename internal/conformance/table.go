package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The table stands between these lines of README.md.
const (
	begin = "<!-- conformance: written by make conformance from what the tests saw -->"
	end   = "<!-- conformance: end -->"
)

// kind is a row of the table: the features whose tests' names begin so.
type kind struct {
	prefix, title string
	named         list // how the row lists its features
}

// list says how features are listed.
type list int

const (
	counted list = iota // only their number
	asCode
	asWords
)

var kinds = []kind{
	{"TestApplyTwice/", "Resources: apply, then an empty plan, then destroy", asCode},
	{"TestChangedRemotely/", "… changed by somebody else: the plan names it, the apply mends it", counted},
	{"TestImport/", "… import by id", counted},
	{"TestConformance/data_source/", "Data sources", asCode},
	{"TestConformance/function/", "Functions", asCode},
	{"TestConformance/list_resource/", "List resources (`terraform query`)", asCode},
	{"TestConformance/action/", "Actions, on a running agent", asCode},
	{"TestConformance/language/", "Language", asWords},
	{"TestAdopt/", "Taking over fields that are there, without touching data", asWords},
	{"TestExamplesNeedNoCredentials/", "Examples: `validate`, and `test` with mocks, without credentials", counted},
}

// features are the names of a kind's features that any of the results knows, sorted.
func (k kind) features(results []result) []string {
	var all []string
	for _, r := range results {
		for _, name := range slices.Concat(r.Passed, r.Failed, r.Skipped) {
			if feature, ok := strings.CutPrefix(name, k.prefix); ok && !slices.Contains(all, feature) {
				all = append(all, feature)
			}
		}
	}
	slices.Sort(all)
	return slices.DeleteFunc(all, func(name string) bool { // a directory whose children have tests of their own
		return slices.ContainsFunc(all, func(other string) bool { return strings.HasPrefix(other, name+"/") })
	})
}

// cell says how many of the features passed with a tool.
func (k kind) cell(r result, features []string) string {
	passed, skipped := 0, 0
	for _, feature := range features {
		switch name := k.prefix + feature; {
		case slices.Contains(r.Passed, name):
			passed++
		case slices.Contains(r.Skipped, name):
			skipped++
		}
	}
	switch {
	case passed == len(features):
		return "all"
	case skipped == len(features):
		return "–"
	}
	return fmt.Sprintf("%d of %d", passed, len(features))
}

// table renders the results in Markdown.
func table(results []result) string {
	var b strings.Builder
	b.WriteString("| Feature |")
	for _, r := range results {
		fmt.Fprintf(&b, " %s %s |", r.Tool, r.Version)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(results)) + "\n")
	for _, k := range kinds {
		features := k.features(results)
		fmt.Fprintf(&b, "| %s (%d)", k.title, len(features))
		switch k.named {
		case asCode:
			b.WriteString(": `" + strings.Join(features, "`, `") + "`")
		case asWords:
			b.WriteString(": " + strings.ReplaceAll(strings.Join(features, "; "), "_", " "))
		case counted:
		}
		b.WriteString(" |")
		for _, r := range results {
			fmt.Fprintf(&b, " %s |", k.cell(r, features))
		}
		b.WriteString("\n")
	}
	return b.String()
}

var errNoPlace = errors.New("README.md lacks the lines between which the table stands: " + begin + " and " + end)

// insert replaces what stands between the table's lines.
func insert(readme, table string) (string, error) {
	before, rest, found := strings.Cut(readme, begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return "", errNoPlace
	}
	return before + begin + "\n\n" + table + "\n" + end + after, nil
}
