package salesforce

import (
	"context"
	"fmt"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// owner is a row of User.
type owner struct {
	ID       string `json:"Id"`
	Username string
	Email    string
}

// ownersOnly selects the users who can own opportunities.
const ownersOnly = "IsActive = true AND UserType = 'Standard'"

// owners finds the users who can own opportunities (active, and not of a chat-only licence; "User") by a condition. Of several
// with one e-mail address the one comes first whose user name it is.
func (o *Org) owners(ctx context.Context, condition string) ([]owner, error) {
	rows, err := salesforce.Query[owner](ctx, o.client.Data(), fmt.Sprintf("SELECT Id, Username, Email FROM User WHERE %s AND %s ORDER BY Id", ownersOnly, condition))
	if err != nil {
		return nil, fmt.Errorf("look for users: %w", err)
	}
	return rows, nil
}

// Owner implements [crm.CRM] with one query, or none where the referral names nobody.
func (o *Org) Owner(ctx context.Context, people []deal.Person) (string, error) {
	known := addresses(people)
	if len(known) == 0 {
		return o.fallbackOwner, nil
	}
	rows, err := o.shared().users.find(ctx, known...)
	if err != nil {
		return "", fmt.Errorf("look for users: %w", err)
	}
	users := make([]owner, len(rows))
	for i, found := range rows {
		users[i] = owner{ID: text(found["Id"]), Username: text(found["Username"]), Email: text(found["Email"])}
	}
	for _, person := range people {
		if id := ownerOf(users, person.Email); id != "" {
			return id, nil
		}
	}
	return o.fallbackOwner, nil
}

// ownerOf gives the user with an e-mail address or user name.
func ownerOf(users []owner, name string) (id string) {
	for _, user := range users {
		switch {
		case strings.EqualFold(user.Username, name):
			return user.ID
		case strings.EqualFold(user.Email, name) && id == "":
			id = user.ID
		}
	}
	return id
}

// findFallbackOwner looks for the user who owns deals that name nobody else. It fails with a problem (UserMissing).
func (o *Org) findFallbackOwner(ctx context.Context) error {
	name := o.names.FallbackOwner
	if name == "" {
		return nil
	}
	users, err := o.owners(ctx, fmt.Sprintf("(Username = %[1]s OR Email = %[1]s)", salesforce.Quote(name)))
	if err != nil {
		return err
	}
	if o.fallbackOwner = ownerOf(users, name); o.fallbackOwner == "" {
		return problem.New(problem.UserMissing, "Salesforce organisation", "fallback_owner "+name)
	}
	return nil
}
