// Package functions holds the provider's functions. They are pure: no configuration, no network.
package functions

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/function"

	"github.com/cosell-sync/terraform-provider-cosell/internal/country"
)

// All lists the constructors of the functions.
func All() []func() function.Function {
	return []func() function.Function{NewDefaultMapping, NewMergeMapping, NewParseCountry}
}

// parseCountry is provider::cosell::parse_country.
type parseCountry struct{}

// NewParseCountry makes the function parse_country.
func NewParseCountry() function.Function { return parseCountry{} }

// Metadata implements [function.Function].
func (parseCountry) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "parse_country"
}

// Definition implements [function.Function].
func (parseCountry) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Gives the two-letter code of a country",
		MarkdownDescription: "Turns what an account's country field holds into the ISO 3166-1 alpha-2 code that Partner Center demands: a two- or three-letter or " +
			"three-digit code, or a name in one of many languages, whatever its case, accents and punctuation. It is what the agent does with a customer's country. " +
			"A text that is none of these, or may mean several countries, is an error.",
		Parameters: []function.Parameter{function.StringParameter{Name: "text", MarkdownDescription: "A country's code or name, for example `Norge` or `DEU`."}},
		Return:     function.StringReturn{},
	}
}

// Run implements [function.Function].
func (parseCountry) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var text string
	if resp.Error = req.Arguments.Get(ctx, &text); resp.Error != nil {
		return
	}
	code, ok := country.Code(text)
	if !ok {
		resp.Error = function.NewArgumentFuncError(0, quote(text)+" is no country, or may mean several: give its two-letter ISO 3166 code, for example NO.")
		return
	}
	resp.Error = resp.Result.Set(ctx, code)
}
