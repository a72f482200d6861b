package main

import (
	"cmp"
	"errors"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// languageOf chooses the language of what the command line says about problems: the flag, or else the system's locale in the order
// of POSIX. Logs, JSON's codes and the documentation stay as they are.
func languageOf(flag string, env func(string) string) problem.Language {
	return problem.MatchLanguage(cmp.Or(flag, env("LC_ALL"), env("LC_MESSAGES"), env("LANG")))
}

// errorText is an error for people: the problem in it, if any, in their language.
func errorText(err error, language problem.Language) string {
	var p *problem.Problem
	if errors.As(err, &p) {
		return language.Translate(err.Error(), p)
	}
	return err.Error()
}
