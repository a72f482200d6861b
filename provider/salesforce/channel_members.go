package salesforce

import (
	"context"
	"slices"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	client "github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// The objects of the Tooling API that select entities for change events. The Metadata API does not create or delete them ("Metadata
// API Developer Guide", PlatformEventChannelMember).
const (
	memberObject  = "PlatformEventChannelMember"
	channelObject = "PlatformEventChannel"
	channelSuffix = "__chn"
)

// channelMember is an entity's selection on a channel.
type channelMember struct {
	ID             client.ID `json:"Id"`
	EventChannel   string    `json:"EventChannel"`
	SelectedEntity string    `json:"SelectedEntity"`
}

// entity gives the object whose changes the selected event tells of.
func (m channelMember) entity() string {
	name := strings.TrimSuffix(m.SelectedEntity, "ChangeEvent")
	if base, custom := strings.CutSuffix(name, "__"); custom {
		return base + "__c"
	}
	return name
}

// eventOf is the event that tells of an object's changes: OpportunityChangeEvent, Microsoft_Solution__ChangeEvent.
func eventOf(entity string) string {
	if base, custom := strings.CutSuffix(entity, "__c"); custom {
		return base + "__ChangeEvent"
	}
	return entity + "ChangeEvent"
}

// memberName is the full name of a selection. Names of set-up records have no two underscores in a row.
func memberName(channel, entity string) string {
	return strings.ReplaceAll(channel+"_"+eventOf(entity), "__", "_")
}

// members reads all selections of the organisation.
func (r *changeEvents) members(ctx context.Context) ([]channelMember, error) {
	api, err := r.remote.Salesforce(ctx)
	if err != nil {
		return nil, err
	}
	var members []channelMember
	err = r.remote.Retry(ctx, func(ctx context.Context) error {
		members, err = readMembers(ctx, api)
		return err
	})
	return members, err
}

func readMembers(ctx context.Context, api *client.Client) ([]channelMember, error) {
	return client.Query[channelMember](ctx, api.Tooling(), "SELECT Id, EventChannel, SelectedEntity FROM "+memberObject+" ORDER BY Id")
}

// settle makes the wanted entities selected and the prior ones that are not wanted any more deselected. Others stay. It reads before
// it writes, also when it is repeated after a lost answer.
func (r *changeEvents) settle(ctx context.Context, channel string, prior, wanted []string) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return r.remote.WriteMetadata(ctx, []string{memberObject}, func(ctx context.Context, api *client.Client) error {
		err := settleMembers(ctx, api, channel, prior, wanted)
		switch {
		case client.IsLocked(err):
			return problem.New(problem.Locked, channel, err.Error())
		case client.IsAmbiguous(err):
			return problem.New(problem.AnswerLost, channel, err.Error()) // the next try sees what came of it
		}
		return err
	})
}

func settleMembers(ctx context.Context, api *client.Client, channel string, prior, wanted []string) error {
	members, err := readMembers(ctx, api)
	if err != nil {
		return err
	}
	selected := map[string]client.ID{}
	for _, m := range members {
		if m.EventChannel == channel {
			selected[m.entity()] = m.ID
		}
	}
	for _, entity := range prior { // first, because of the limit
		if id, found := selected[entity]; found && !slices.Contains(wanted, entity) {
			if err := api.Tooling().Delete(ctx, memberObject, string(id)); err != nil && !client.IsNotFound(err) {
				return err
			}
			delete(selected, entity)
		}
	}
	if len(wanted) > 0 {
		if err := makeChannel(ctx, api, channel); err != nil {
			return err
		}
	}
	for _, entity := range slices.Sorted(slices.Values(wanted)) {
		if _, found := selected[entity]; found {
			continue
		}
		_, err := api.Tooling().Create(ctx, memberObject, map[string]any{"FullName": memberName(channel, entity),
			"Metadata": map[string]any{"eventChannel": channel, "selectedEntity": eventOf(entity)}})
		if err != nil {
			return err
		}
	}
	if len(wanted) == 0 && len(selected) == 0 {
		return removeChannel(ctx, api, channel)
	}
	return nil
}

// channelID finds a custom channel; "" when there is none.
func channelID(ctx context.Context, api *client.Client, channel string) (string, error) {
	row, found, err := client.QueryRow[struct{ ID string }](ctx, api.Tooling(),
		"SELECT Id FROM "+channelObject+" WHERE DeveloperName = "+client.Quote(strings.TrimSuffix(channel, channelSuffix)))
	if err != nil || !found {
		return "", err
	}
	return row.ID, nil
}

// makeChannel makes a custom channel that is not there. Its label is its name.
func makeChannel(ctx context.Context, api *client.Client, channel string) error {
	if channel == standardChannel {
		return nil
	}
	id, err := channelID(ctx, api, channel)
	if err != nil || id != "" {
		return err
	}
	_, err = api.Tooling().Create(ctx, channelObject, map[string]any{"FullName": channel,
		"Metadata": map[string]any{"channelType": "data", "label": strings.TrimSuffix(channel, channelSuffix)}})
	return err
}

// removeChannel removes a custom channel without members.
func removeChannel(ctx context.Context, api *client.Client, channel string) error {
	if channel == standardChannel {
		return nil
	}
	id, err := channelID(ctx, api, channel)
	if err != nil || id == "" {
		return err
	}
	if err := api.Tooling().Delete(ctx, channelObject, id); err != nil && !client.IsNotFound(err) {
		return err
	}
	return nil
}
