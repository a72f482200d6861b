// Package dataverse holds the resource types that live in a Dataverse environment.
package dataverse

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// Resources lists the constructors of this package's resource types.
func Resources() []func() resource.Resource {
	return []func() resource.Resource{NewPublisher, NewSolution, NewTable, NewColumn, NewChangeEvents, NewEnvironmentVariable, NewFormSection, NewSubgrid, NewFlow}
}

// DataSources lists the constructors of this package's data sources.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{NewTableData, NewVariableData}
}

// environment is what all types of this package share.
type environment struct{ remote *remote.Remote }

// Configure implements [resource.ResourceWithConfigure].
func (e *environment) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	e.remote = remote.From(req.ProviderData, &resp.Diagnostics)
}

// reachable reports whether live checks can be made at plan. When the dataverse block depends on values that are not known yet it
// says so in a warning; any other failure is an error.
func (e *environment) reachable(ctx context.Context, diagnostics *diag.Diagnostics) bool {
	_, err := e.remote.Dataverse(ctx)
	var unknown *remote.UnknownError
	switch {
	case err == nil:
		return true
	case errors.As(err, &unknown):
		diagnostics.AddWarning("Dataverse was not checked", remote.Detail(err))
	default:
		diagnostics.AddError("Dataverse cannot be used", remote.Detail(err))
	}
	return false
}

// identify writes the identity where the CLI supports one (Terraform 1.12 and newer). The organisation's id makes the same
// component in staging and in production two identities.
func (e *environment) identify(ctx context.Context, identity *tfsdk.ResourceIdentity, diagnostics *diag.Diagnostics, attributes map[string]string) {
	if identity == nil {
		return
	}
	who, err := e.remote.DataverseIdentity(ctx)
	if err != nil {
		diagnostics.AddError("Dataverse identity could not be read", remote.Detail(err))
		return
	}
	diagnostics.Append(identity.SetAttribute(ctx, path.Root("organization_id"), who.OrganizationID)...)
	for name, value := range attributes {
		diagnostics.Append(identity.SetAttribute(ctx, path.Root(name), value)...)
	}
}

// sameOrganization checks the organisation that an import's identity names, if it names one.
func (e *environment) sameOrganization(ctx context.Context, identity *tfsdk.ResourceIdentity, diagnostics *diag.Diagnostics) {
	var organization *string
	diagnostics.Append(identity.GetAttribute(ctx, path.Root("organization_id"), &organization)...)
	if organization == nil || diagnostics.HasError() {
		return
	}
	who, err := e.remote.DataverseIdentity(ctx)
	if err != nil {
		diagnostics.AddError("Dataverse identity could not be read", remote.Detail(err))
		return
	}
	if !strings.EqualFold(*organization, who.OrganizationID) {
		diagnostics.AddError("Import names another Dataverse organisation",
			"The identity's organization_id is "+*organization+", the provider is signed in to "+who.OrganizationID+
				". Use a provider configured for that environment, or leave organization_id out.")
	}
}

// solutionOf gives the solution of a component: its own, or the provider's.
func (e *environment) solutionOf(own string) string {
	if config := e.remote.DataverseConfig(); own == "" && config != nil {
		return config.Solution
	}
	return own
}

// label writes a text in the environment's base language.
func (e *environment) label(ctx context.Context, text string) (client.Label, error) {
	language, err := e.remote.Language(ctx)
	return client.NewLabel(text, language), err
}

var (
	// errExists says that an object of the name was there before.
	errExists = errors.New("it exists already")
	// errDeleted says that an object was deleted between plan and apply.
	errDeleted = errors.New("it was deleted after the plan was made: plan again")
)

type (
	look func(context.Context) (found bool, err error)
	send func(context.Context, *client.Client) error
)

// create makes an object. It fails with errExists when there is one: nothing is adopted. An answer that was lost is settled by
// looking again, because the object was seen to be absent before the first try. Tables are those whose definition changes.
func (e *environment) create(ctx context.Context, tables []string, name string, present look, write send) error {
	checked, lost := false, false
	return e.remote.Customize(ctx, tables, func(ctx context.Context, api *client.Client) error {
		if !checked {
			e.remote.TableChanged(tables...)
			found, err := present(ctx)
			if err != nil {
				return err
			}
			if found {
				return errExists
			}
			checked = true
		}
		err := write(ctx, api)
		ambiguous := client.IsAmbiguous(err)
		lost = lost || ambiguous
		if err == nil || !lost {
			return err
		}
		e.remote.TableChanged(tables...)
		found, readErr := present(ctx)
		switch {
		case readErr != nil:
			return err
		case found:
			return nil
		case ambiguous:
			return problem.New(problem.AnswerLost, name, err.Error()) // not applied: send again
		default:
			return err
		}
	})
}

// change writes what may be written twice: an answer that was lost is asked for again.
func (e *environment) change(ctx context.Context, tables []string, name string, write send) error {
	return e.remote.Customize(ctx, tables, func(ctx context.Context, api *client.Client) error {
		e.remote.TableChanged(tables...)
		return repeatable(name, write(ctx, api))
	})
}

// remove deletes an object. One that is gone already is no failure.
func (e *environment) remove(ctx context.Context, tables []string, name string, write send) error {
	return e.change(ctx, tables, name, func(ctx context.Context, api *client.Client) error {
		if err := write(ctx, api); !client.IsNotFound(err) {
			return err
		}
		return nil
	})
}

// repeatable makes a lost answer one that is tried again.
func repeatable(name string, err error) error {
	if client.IsAmbiguous(err) {
		return problem.New(problem.AnswerLost, name, err.Error())
	}
	return err
}

// addProtected refuses to delete data and tells the way out.
func addProtected(diagnostics *diag.Diagnostics, what, name, fate string) {
	diagnostics.AddAttributeError(path.Root("deletion_protection"), fmt.Sprintf("Dataverse %s is protected from deletion", what),
		fmt.Sprintf("%s would be %s, and its data with it.\n\nIf that is meant, set deletion_protection = false and apply (before a destroy; "+
			"with a replacement it can be the same apply). To keep it in Dataverse and only stop managing it, use removed { lifecycle { destroy = false } }.", name, fate))
}
