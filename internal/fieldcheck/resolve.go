// Package fieldcheck compares the rows of a field mapping with a Salesforce organisation's description of its objects: does the
// field exist, can it be written, does it take what the row writes. The provider asks at plan, the agent when it starts, and both
// get the same answer. Facts about descriptions are those of "sObject Describe".
package fieldcheck

import (
	"context"
	"fmt"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// Describe gives an object's description; nil when the object does not exist or is hidden from the user.
type Describe func(ctx context.Context, object string) (*salesforce.Describe, error)

// Place is where a path leads.
type Place struct {
	Object string                   // the object that has the field, or that lacks the next step
	Field  string                   // the field, or the lookup field that the missing relationship would belong to
	Found  bool                     // the path leads to a field
	As     salesforce.FieldDescribe // the field as described, when it was found
}

// String names the place.
func (p Place) String() string { return p.Object + "." + p.Field }

// Resolve follows a dotted path of relationships from an object to a field, e.g. Account.Owner.Email. A path that leads nowhere is
// not an error: the place then says where it ends.
func Resolve(ctx context.Context, describe Describe, object, path string) (Place, error) {
	step, rest, related := strings.Cut(path, ".")
	description, err := describe(ctx, object)
	if err != nil {
		return Place{}, fmt.Errorf("describe %s: %w", object, err)
	}
	if description == nil {
		return Place{Object: object, Field: step}, nil
	}
	if !related {
		field, found := description.Field(step)
		return Place{Object: object, Field: step, Found: found, As: field}, nil
	}
	var first *Place
	for _, field := range description.Fields {
		if field.RelationshipName != step {
			continue
		}
		for _, target := range field.ReferenceTo { // several, where a lookup can name records of several objects
			place, err := Resolve(ctx, describe, target, rest)
			if err != nil || place.Found {
				return place, err
			}
			if first == nil {
				first = &place
			}
		}
	}
	if first != nil {
		return *first, nil
	}
	return Place{Object: object, Field: lookupOf(step)}, nil
}

// lookupOf gives the field that makes a relationship: Region__c of Region__r, AccountId of Account.
func lookupOf(relationship string) string {
	if name, custom := strings.CutSuffix(relationship, "__r"); custom {
		return name + "__c"
	}
	return relationship + "Id"
}
