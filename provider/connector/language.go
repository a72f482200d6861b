package connector

import "github.com/cosell-sync/terraform-provider-cosell/internal/problem"

// languages lists the languages of the problem catalogue, the default first.
func languages() []string {
	var tags []string
	for _, l := range problem.Languages() {
		tags = append(tags, string(l))
	}
	return tags
}

// languageOf leaves the default language out of the document, so that documents without one stay as they are.
func languageOf(language string) string {
	if language == string(problem.English) {
		return ""
	}
	return language
}
