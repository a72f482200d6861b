// Command providerschema prints the provider's schema in the form of "terraform providers schema -json".
//
// The documentation is generated from it, so that it does not depend on the command-line tool that happens to be installed:
// older ones leave out what they do not know, such as identities.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cosell-sync/terraform-provider-cosell/provider"
)

// source is the provider's address as the documentation generator expects it: it looks for names without a namespace of
// their own in this one.
const source = "registry.terraform.io/hashicorp/" + provider.TypeName

func main() {
	if err := write(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "providerschema:", err)
		os.Exit(1)
	}
}

func write(ctx context.Context, out io.Writer) error {
	server := providerserver.NewProtocol6(provider.New("", provider.Options{})())()
	schemas, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return fmt.Errorf("read the provider's schema: %w", err)
	}
	identities, err := server.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		return fmt.Errorf("read the identity schemas: %w", err)
	}
	if err := failure(append(schemas.Diagnostics, identities.Diagnostics...)); err != nil {
		return err
	}
	described := description{
		Provider:    schemaOf(schemas.Provider),
		Resources:   schemasOf(schemas.ResourceSchemas),
		DataSources: schemasOf(schemas.DataSourceSchemas),
		Lists:       schemasOf(schemas.ListResourceSchemas),
		Actions:     map[string]schema{},
		Functions:   map[string]function{},
		Identities:  map[string]identity{},
	}
	for name, action := range schemas.ActionSchemas {
		described.Actions[name] = schemaOf(action.Schema)
	}
	for name, f := range schemas.Functions {
		described.Functions[name] = functionOf(f)
	}
	for name, attributes := range identities.IdentitySchemas {
		described.Identities[name] = identityOf(attributes)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(document{Version: "1.0", Providers: map[string]description{source: described}})
}

func failure(diagnostics []*tfprotov6.Diagnostic) error {
	var failures []error
	for _, d := range diagnostics {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			failures = append(failures, fmt.Errorf("%s: %s", d.Summary, d.Detail))
		}
	}
	return errors.Join(failures...)
}

// The following are the parts of Terraform's JSON form that this provider uses (source: Terraform's documentation,
// "terraform providers schema").
type document struct {
	Version   string                 `json:"format_version"`
	Providers map[string]description `json:"provider_schemas"`
}

type description struct {
	Provider    schema              `json:"provider"`
	Resources   map[string]schema   `json:"resource_schemas,omitempty"`
	DataSources map[string]schema   `json:"data_source_schemas,omitempty"`
	Lists       map[string]schema   `json:"list_resource_schemas,omitempty"`
	Actions     map[string]schema   `json:"action_schemas,omitempty"`
	Functions   map[string]function `json:"functions,omitempty"`
	Identities  map[string]identity `json:"resource_identity_schemas,omitempty"`
}

type schema struct {
	Version int64 `json:"version"`
	Block   block `json:"block"`
}

type block struct {
	Attributes      map[string]attribute `json:"attributes,omitempty"`
	Description     string               `json:"description,omitempty"`
	DescriptionKind string               `json:"description_kind"`
	Deprecated      bool                 `json:"deprecated,omitempty"`
}

type attribute struct {
	Type            tftypes.Type `json:"type,omitempty"`
	Nested          *nested      `json:"nested_type,omitempty"`
	Description     string       `json:"description,omitempty"`
	DescriptionKind string       `json:"description_kind"`
	Deprecated      bool         `json:"deprecated,omitempty"`
	Required        bool         `json:"required,omitempty"`
	Optional        bool         `json:"optional,omitempty"`
	Computed        bool         `json:"computed,omitempty"`
	Sensitive       bool         `json:"sensitive,omitempty"`
	WriteOnly       bool         `json:"write_only,omitempty"`
}

type nested struct {
	Attributes map[string]attribute `json:"attributes"`
	Mode       string               `json:"nesting_mode"`
}

type identity struct {
	Version    int64                        `json:"version"`
	Attributes map[string]identityAttribute `json:"attributes"`
}

type identityAttribute struct {
	Type              tftypes.Type `json:"type"`
	Description       string       `json:"description,omitempty"`
	RequiredForImport bool         `json:"required_for_import,omitempty"`
	OptionalForImport bool         `json:"optional_for_import,omitempty"`
}

type function struct {
	Summary     string       `json:"summary,omitempty"`
	Description string       `json:"description,omitempty"`
	Return      tftypes.Type `json:"return_type"`
	Parameters  []parameter  `json:"parameters,omitempty"`
	Variadic    *parameter   `json:"variadic_parameter,omitempty"`
}

type parameter struct {
	Name        string       `json:"name"`
	Description string       `json:"description,omitempty"`
	Nullable    bool         `json:"is_nullable,omitempty"`
	Type        tftypes.Type `json:"type"`
}

func functionOf(f *tfprotov6.Function) function {
	described := function{Summary: f.Summary, Description: f.Description, Return: f.Return.Type}
	for _, p := range f.Parameters {
		described.Parameters = append(described.Parameters, parameterOf(p))
	}
	if f.VariadicParameter != nil {
		variadic := parameterOf(f.VariadicParameter)
		described.Variadic = &variadic
	}
	return described
}

func parameterOf(p *tfprotov6.FunctionParameter) parameter {
	return parameter{Name: p.Name, Description: p.Description, Nullable: p.AllowNullValue, Type: p.Type}
}

func schemasOf(all map[string]*tfprotov6.Schema) map[string]schema {
	described := map[string]schema{}
	for name, s := range all {
		described[name] = schemaOf(s)
	}
	return described
}

func schemaOf(s *tfprotov6.Schema) schema {
	return schema{Version: s.Version, Block: block{
		Attributes: attributesOf(s.Block.Attributes), Description: s.Block.Description,
		DescriptionKind: kindOf(s.Block.DescriptionKind), Deprecated: s.Block.Deprecated,
	}}
}

func attributesOf(from []*tfprotov6.SchemaAttribute) map[string]attribute {
	attributes := map[string]attribute{}
	for _, a := range from {
		described := attribute{
			Type: a.Type, Description: a.Description, DescriptionKind: kindOf(a.DescriptionKind), Deprecated: a.Deprecated,
			Required: a.Required, Optional: a.Optional, Computed: a.Computed, Sensitive: a.Sensitive, WriteOnly: a.WriteOnly,
		}
		if a.NestedType != nil {
			described.Type = nil
			described.Nested = &nested{Attributes: attributesOf(a.NestedType.Attributes), Mode: modeOf(a.NestedType.Nesting)}
		}
		attributes[a.Name] = described
	}
	return attributes
}

func identityOf(s *tfprotov6.ResourceIdentitySchema) identity {
	described := identity{Version: s.Version, Attributes: map[string]identityAttribute{}}
	for _, a := range s.IdentityAttributes {
		described.Attributes[a.Name] = identityAttribute{
			Type: a.Type, Description: a.Description, RequiredForImport: a.RequiredForImport, OptionalForImport: a.OptionalForImport,
		}
	}
	return described
}

func kindOf(kind tfprotov6.StringKind) string {
	if kind == tfprotov6.StringKindMarkdown {
		return "markdown"
	}
	return "plain"
}

func modeOf(mode tfprotov6.SchemaObjectNestingMode) string {
	switch mode {
	case tfprotov6.SchemaObjectNestingModeList:
		return "list"
	case tfprotov6.SchemaObjectNestingModeSet:
		return "set"
	case tfprotov6.SchemaObjectNestingModeMap:
		return "map"
	default:
		return "single"
	}
}
