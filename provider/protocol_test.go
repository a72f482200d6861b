package provider_test

import (
	"context"
	"math/big"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cosell-sync/terraform-provider-cosell/provider"
)

// protocol speaks to a configured provider as Terraform does. Command-line tools before Terraform 1.14 know neither actions
// nor list resources, and every tool is slow.
type protocol struct {
	t       *testing.T
	server  tfprotov6.ProviderServer
	schemas *tfprotov6.GetProviderSchemaResponse
}

func (w *world) protocol(t *testing.T, changes map[string]string) *protocol {
	t.Helper()
	server, err := w.providersWith(changes)[provider.TypeName]()
	if err != nil {
		t.Fatal(err)
	}
	p := &protocol{t: t, server: server, schemas: schemas(t)}
	response, err := server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{Config: p.config(p.schemas.Provider, nil)})
	if err != nil || told(response.Diagnostics) != "" {
		t.Fatal(err, told(response.Diagnostics))
	}
	return p
}

// config makes a block in which everything is null but what is given.
func (p *protocol) config(schema *tfprotov6.Schema, given map[string]tftypes.Value) *tfprotov6.DynamicValue {
	p.t.Helper()
	kind, _ := schema.ValueType().(tftypes.Object)
	values := map[string]tftypes.Value{}
	for name, attribute := range kind.AttributeTypes {
		values[name] = tftypes.NewValue(attribute, nil)
	}
	for name, value := range given {
		values[name] = value
	}
	encoded, err := tfprotov6.NewDynamicValue(kind, tftypes.NewValue(kind, values))
	if err != nil {
		p.t.Fatal(err)
	}
	return &encoded
}

func textValue(text string) tftypes.Value { return tftypes.NewValue(tftypes.String, text) }

// read reads a data source.
func (p *protocol) read(typeName string, given map[string]tftypes.Value) (values any, problems string) {
	p.t.Helper()
	schema := p.schemas.DataSourceSchemas[typeName]
	response, err := p.server.ReadDataSource(p.t.Context(), &tfprotov6.ReadDataSourceRequest{TypeName: typeName, Config: p.config(schema, given)})
	if err != nil {
		p.t.Fatal(err)
	}
	if problems := told(response.Diagnostics); problems != "" {
		return nil, problems
	}
	return p.plain(response.State, schema.ValueType()), ""
}

// invoke runs an action and gives its progress.
func (p *protocol) invoke(typeName string, given map[string]tftypes.Value) (progress []string, problems string) {
	p.t.Helper()
	return p.invokeWith(p.t.Context(), typeName, given)
}

func (p *protocol) invokeWith(ctx context.Context, typeName string, given map[string]tftypes.Value) (progress []string, problems string) {
	p.t.Helper()
	config := p.config(p.schemas.ActionSchemas[typeName].Schema, given)
	server, ok := p.server.(tfprotov6.ActionServer)
	if !ok {
		p.t.Fatal("the provider serves no actions")
	}
	stream, err := server.InvokeAction(ctx, &tfprotov6.InvokeActionRequest{ActionType: typeName, Config: config})
	if err != nil {
		p.t.Fatal(err)
	}
	for event := range stream.Events {
		switch event := event.Type.(type) {
		case tfprotov6.ProgressInvokeActionEventType:
			progress = append(progress, event.Message)
		case tfprotov6.CompletedInvokeActionEventType:
			problems = told(event.Diagnostics)
		}
	}
	return progress, problems
}

// hit is a result of a query.
type hit struct {
	name     string
	identity map[string]any
	resource map[string]any
	problems string
}

func (p *protocol) list(typeName string, given map[string]tftypes.Value, whole bool, limit int64) []hit {
	p.t.Helper()
	identities, err := p.server.GetResourceIdentitySchemas(p.t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		p.t.Fatal(err)
	}
	server, ok := p.server.(tfprotov6.ListResourceServer)
	if !ok {
		p.t.Fatal("the provider serves no list resources")
	}
	stream, err := server.ListResource(p.t.Context(), &tfprotov6.ListResourceRequest{
		TypeName: typeName, Config: p.config(p.schemas.ListResourceSchemas[typeName], given), IncludeResource: whole, Limit: limit,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	var hits []hit
	for result := range stream.Results {
		h := hit{name: result.DisplayName, problems: told(result.Diagnostics)}
		if result.Identity != nil {
			h.identity, _ = p.plain(result.Identity.IdentityData, identities.IdentitySchemas[typeName].ValueType()).(map[string]any)
		}
		if result.Resource != nil {
			h.resource, _ = p.plain(result.Resource, p.schemas.ResourceSchemas[typeName].ValueType()).(map[string]any)
		}
		hits = append(hits, h)
	}
	return hits
}

func (p *protocol) plain(encoded *tfprotov6.DynamicValue, kind tftypes.Type) any {
	p.t.Helper()
	value, err := encoded.Unmarshal(kind)
	if err != nil {
		p.t.Fatal(err)
	}
	return plainValue(p.t, value)
}

// plainValue turns a value into maps, lists, texts, booleans and numbers (float64).
func plainValue(t *testing.T, value tftypes.Value) any {
	t.Helper()
	if value.IsNull() {
		return nil
	}
	switch kind := value.Type(); {
	case kind.Is(tftypes.String):
		var text string
		check(t, value.As(&text))
		return text
	case kind.Is(tftypes.Bool):
		var flag bool
		check(t, value.As(&flag))
		return flag
	case kind.Is(tftypes.Number):
		var number big.Float
		check(t, value.As(&number))
		float, _ := number.Float64()
		return float
	}
	var members map[string]tftypes.Value
	if value.As(&members) == nil {
		object := map[string]any{}
		for name, member := range members {
			object[name] = plainValue(t, member)
		}
		return object
	}
	var elements []tftypes.Value
	check(t, value.As(&elements))
	list := []any{}
	for _, element := range elements {
		list = append(list, plainValue(t, element))
	}
	return list
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func told(diagnostics []*tfprotov6.Diagnostic) string {
	var b strings.Builder
	for _, d := range diagnostics {
		b.WriteString(d.Severity.String() + " " + d.Attribute.String() + " " + d.Summary + ": " + d.Detail + "\n")
	}
	return b.String()
}
