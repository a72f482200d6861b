package document

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/invopop/jsonschema"

	"github.com/cosell-sync/terraform-provider-cosell/internal/secret"
)

// Schema gives the JSON Schema of the document, generated from the Go struct.
func Schema() ([]byte, error) {
	reflector := jsonschema.Reflector{
		ExpandedStruct: true,
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			if t != reflect.TypeOf(secret.Reference("")) {
				return nil
			}
			return &jsonschema.Schema{Type: "string", Pattern: `^(env:[A-Za-z_][A-Za-z0-9_]*|file:(/|[A-Za-z]:[\\/]).*)$`,
				Description: "Where the secret is kept; never the secret itself."}
		},
	}
	schema := reflector.Reflect(&Document{})
	schema.ID = "https://github.com/cosell-sync/terraform-provider-cosell/docs/agent-document.schema.json"
	schema.Title = "cosell agent document"
	encoded, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode document schema: %w", err)
	}
	return append(encoded, '\n'), nil
}
