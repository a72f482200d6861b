package dataverse

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// fragment is one section of a form. A form is written whole, so whoever owns a fragment reads the form's draft, changes that section
// and sends everything back, the rest byte for byte.
type fragment struct {
	table, form, name string
	tab               string // empty: where it is, or the first
}

func (f fragment) title() string { return f.table + "/" + f.form + "/" + f.name }

// find gives the form, by its name or id.
func (f fragment) find(ctx context.Context, e *environment) (client.Form, error) {
	forms, err := e.remote.Forms(ctx, f.table)
	if err != nil {
		return client.Form{}, err
	}
	var names []string
	var found []client.Form
	for _, form := range forms {
		if form.Name == f.form || strings.EqualFold(form.ID, f.form) {
			found = append(found, form)
		}
		names = append(names, fmt.Sprintf("%q", form.Name))
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return client.Form{}, &noFormError{f, names}
	default:
		return client.Form{}, fmt.Errorf("%s has %d main forms %q: give the form's id instead of its name", f.table, len(found), f.form)
	}
}

// noFormError says that a form does not exist, and which ones do.
type noFormError struct {
	fragment fragment
	exist    []string
}

func (e *noFormError) Error() string {
	return fmt.Sprintf("%s has no main form %q; it has: %s", e.fragment.table, e.fragment.form, strings.Join(e.exist, ", "))
}

// read gives the live section; ok is false when it or its form is gone.
func (f fragment) read(ctx context.Context, e *environment) (found span, ok bool, err error) {
	form, err := f.find(ctx, e)
	var missing *noFormError
	if errorsAs(err, &missing) {
		return span{}, false, nil
	}
	if err != nil {
		return span{}, false, err
	}
	return findSection(form.XML, f.name)
}

// edit changes the draft of a form that is read right before, while nobody else of this provider writes it, and publishes it. Nothing is
// sent when the change leaves it as it is.
func (f fragment) edit(ctx context.Context, e *environment, change func(text string) (string, error)) error {
	form, err := f.find(ctx, e)
	if err != nil {
		return err
	}
	defer e.remote.Lock("form/" + form.ID)()
	if err := e.change(ctx, []string{f.table}, f.title(), func(ctx context.Context, api *client.Client) error {
		draft, err := api.UnpublishedForm(ctx, form.ID)
		if err != nil {
			return err
		}
		text, err := change(draft.XML)
		if err != nil || text == draft.XML {
			return err
		}
		err = api.UpdateForm(ctx, form.ID, draft.Version, text)
		if client.IsConflict(err) { // somebody else saved it meanwhile: read again
			return problem.New(problem.Locked, "form "+f.form, err.Error())
		}
		return err
	}); err != nil {
		return err
	}
	if err := e.remote.Publish(ctx, f.table); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// create adds the section. It fails with errExists when the form has it already.
func (f fragment) create(ctx context.Context, e *environment, section string) error {
	tried := false // an earlier try may have been applied although its answer was lost
	return f.edit(ctx, e, func(text string) (string, error) {
		old, exists, err := findSection(text, f.name)
		switch {
		case err != nil:
			return "", err
		case exists && tried && text[old.start:old.end] == section:
			return text, nil
		case exists:
			return "", errExists
		}
		tried = true
		return putSection(text, f.name, f.tab, section)
	})
}

func (f fragment) update(ctx context.Context, e *environment, section string) error {
	return f.edit(ctx, e, func(text string) (string, error) {
		if _, exists, err := findSection(text, f.name); err != nil || !exists {
			if err == nil {
				err = errDeleted
			}
			return "", err
		}
		return putSection(text, f.name, f.tab, section)
	})
}

// remove takes the section off the form. One that is gone already is no failure.
func (f fragment) remove(ctx context.Context, e *environment) error {
	err := f.edit(ctx, e, func(text string) (string, error) { return dropSection(text, f.name) })
	var missing *noFormError
	if errorsAs(err, &missing) {
		return nil
	}
	return err
}

// checkForm looks for the form, which no resource makes.
func checkForm[M any](ctx context.Context, e *environment, f fragment, p *planning[M]) {
	_, err := f.find(ctx, e)
	var missing *noFormError
	switch {
	case errorsAs(err, &missing):
		p.AddAttributeError(path.Root("form"), "Form does not exist", remote.Detail(err)+"\n\nForms are made in Power Apps. Correct the name, or make the form first.")
	case err != nil:
		p.AddError("Form could not be read", remote.Detail(err))
	}
}

// guid makes the id of an element of the form, the same each time.
func (f fragment) guid(parts ...string) string {
	id := uuid.NewSHA1(uuid.NameSpaceURL, []byte("cosell/"+f.title()+"/"+strings.Join(parts, "/")))
	return "{" + id.String() + "}"
}

// render writes the section around its rows.
func (f fragment) render(label string, showLabel bool, columns, language int, rows string) string {
	return fmt.Sprintf(`<section name="%s" showlabel="%t" showbar="false" columns="%s" id="%s" IsUserDefined="1">`+
		`<labels><label description="%s" languagecode="%d" /></labels><rows>%s</rows></section>`,
		escaped(f.name), showLabel, strings.Repeat("1", columns), f.guid("section"), escaped(label), language, rows)
}

// checkColumns warns of columns that are not there yet.
func checkColumns[M any](ctx context.Context, e *environment, at, table string, names []types.String, p *planning[M]) {
	var missing []string
	for _, name := range names {
		column := strings.ToLower(name.ValueString())
		if column == "" || e.remote.MetadataPlanned("column", table+"."+column) {
			continue
		}
		_, found, err := e.remote.AnyColumn(ctx, table, column)
		if err != nil {
			p.AddError("Columns could not be checked", remote.Detail(err))
			return
		}
		if !found {
			missing = append(missing, table+"."+column)
		}
	}
	if len(missing) > 0 {
		p.AddAttributeWarning(path.Root(at), "Form names columns that do not exist yet",
			fmt.Sprintf("Not found: %s. Applying fails unless they are made by then: refer to their resources, so that they come first.", strings.Join(missing, ", ")))
	}
}
