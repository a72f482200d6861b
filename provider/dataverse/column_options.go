package dataverse

import (
	"context"
	"errors"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
)

func errorsAs[T error](err error, target *T) bool { return errors.As(err, target) }

// matches reports whether a declared option is a live one: by its number, or by its label where none is declared.
func (o optionModel) matches(live client.Option) bool {
	if o.Value.IsNull() {
		return live.Label.Text() == o.Label.ValueString()
	}
	return live.Value != nil && int64(*live.Value) == o.Value.ValueInt64()
}

// liveOptions gives the live options in their order, as the model declares them: the number of one that is declared by its label
// alone stays out.
func (m *columnModel) liveOptions(ctx context.Context, live client.Column) types.List {
	if _, own := map[client.Kind]bool{client.Choice: true, client.Choices: true}[live.Kind]; !own || live.GlobalChoice != "" {
		return types.ListNull(optionType)
	}
	declared := m.options(ctx)
	values := []attr.Value{}
	for _, option := range live.Options {
		value := types.Int64Null()
		at := slices.IndexFunc(declared, func(o optionModel) bool { return o.matches(option) })
		if option.Value != nil && (at < 0 || !declared[at].Value.IsNull()) {
			value = types.Int64Value(int64(*option.Value))
		}
		values = append(values, types.ObjectValueMust(optionType.AttrTypes, map[string]attr.Value{"value": value, "label": types.StringValue(option.Label.Text())}))
	}
	return types.ListValueMust(optionType, values)
}

// updateOptions brings the live options to what is declared, one by one: an update of the definition leaves them alone ("Create and
// update column definitions").
func (m *columnModel) updateOptions(ctx context.Context, e *environment, solution string) error {
	if !m.GlobalChoice.IsNull() {
		return nil
	}
	language, err := e.remote.Language(ctx)
	if err != nil {
		return err
	}
	return e.change(ctx, []string{m.table()}, m.title(), func(ctx context.Context, api *client.Client) error {
		live, err := api.Column(ctx, m.table(), m.name(), m.kind())
		if err != nil {
			return err
		}
		edit := optionEdit{ctx: ctx, api: api, solution: solution, place: client.OptionPlace{Table: m.table(), Column: m.name()}, language: language}
		if m.kind() == client.YesNo {
			return errors.Join(edit.rename(1, live.YesLabel, m.TrueLabel), edit.rename(0, live.NoLabel, m.FalseLabel))
		}
		return edit.all(live.Options, m.options(ctx))
	})
}

// optionEdit changes the options of a column.
type optionEdit struct {
	ctx      context.Context
	api      *client.Client
	solution string
	place    client.OptionPlace
	language int
}

func (e optionEdit) rename(value int, live client.Label, text types.String) error {
	if live.Text() == text.ValueString() {
		return nil
	}
	return e.api.UpdateOption(e.ctx, e.solution, e.place, value, client.NewLabel(text.ValueString(), e.language))
}

func (e optionEdit) all(live []client.Option, declared []optionModel) error {
	var order, before []int
	for _, option := range declared {
		at := slices.IndexFunc(live, option.matches)
		if at < 0 {
			value, err := e.api.InsertOption(e.ctx, e.solution, e.place, number(option.Value), client.NewLabel(option.Label.ValueString(), e.language))
			if err != nil {
				return err
			}
			order, before = append(order, value), append(before, value)
			continue
		}
		if err := e.rename(*live[at].Value, live[at].Label, option.Label); err != nil {
			return err
		}
		order = append(order, *live[at].Value)
	}
	var kept []int
	for _, option := range live {
		if option.Value == nil {
			continue
		}
		if slices.Contains(order, *option.Value) {
			kept = append(kept, *option.Value)
			continue
		}
		if err := e.api.DeleteOption(e.ctx, e.solution, e.place, *option.Value); err != nil {
			return err
		}
	}
	if slices.Equal(append(kept, before...), order) {
		return nil
	}
	return e.api.OrderOptions(e.ctx, e.solution, e.place, order)
}
