package salesforce

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
)

// mostPeople bounds the contact roles and team members that are read; Partner Center takes fifty of each.
const mostPeople = 50

// The opportunity team exists where it is switched on ("OpportunityTeamMember").
const (
	teamObject       = "OpportunityTeamMember"
	teamRelationship = "OpportunityTeamMembers"
)

// peopleQueries read an opportunity's contacts and team as parts of the opportunity.
func (o *Org) peopleQueries() []string {
	queries := []string{fmt.Sprintf("(SELECT Id, Contact.FirstName, Contact.LastName, Contact.Phone, Contact.Email FROM OpportunityContactRoles ORDER BY IsPrimary DESC, Id LIMIT %d)", mostPeople)}
	if o.hasTeam {
		queries = append(queries, fmt.Sprintf("(SELECT User.FirstName, User.LastName, User.Phone, User.Email FROM %s ORDER BY Id LIMIT %d)", teamRelationship, mostPeople))
	}
	return queries
}

func (o *Org) readPeople(record *crm.Record, row map[string]any) {
	record.Team = []deal.Person{person(row, "Owner")}
	for _, role := range children(row, "OpportunityContactRoles") {
		record.Contacts = append(record.Contacts, crm.ContactRow{RowID: text(role["Id"]), Person: person(role, "Contact")})
	}
	for _, member := range children(row, teamRelationship) {
		if found := person(member, "User"); !strings.EqualFold(found.Email, record.Team[0].Email) { // the owner may be of the team, too
			record.Team = append(record.Team, found)
		}
	}
}

// Contacts implements [crm.CRM] with one query.
func (o *Org) Contacts(ctx context.Context, accountID string, people []deal.Person) ([]crm.NewContact, error) {
	list := make([]crm.NewContact, len(people))
	for i, p := range people {
		list[i].Person = p
	}
	if len(list) == 0 {
		return list, nil
	}
	rows, err := o.shared().contacts.find(ctx, addresses(people)...)
	if err != nil {
		return nil, fmt.Errorf("look for contacts by their e-mail addresses: %w", err)
	}
	for i := range list {
		for _, row := range rows {
			same := strings.EqualFold(text(row["Email"]), list[i].Email)
			if ofAccount := accountID != "" && text(row["AccountId"]) == accountID; same && (list[i].ContactID == "" || ofAccount) {
				list[i].ContactID = text(row["Id"])
				list[i].Lacks = text(row["FirstName"]) == "" || text(row["Phone"]) == ""
				if ofAccount {
					break
				}
			}
		}
	}
	return list, nil
}

// addresses gives the e-mail addresses of the people who have one.
func addresses(people []deal.Person) []string {
	var known []string
	for _, person := range people {
		if person.Email != "" {
			known = append(known, person.Email)
		}
	}
	return known
}

// contactParts give people their roles as parts of an all-or-none composite call, and take roles away. A contact that exists is
// only completed, never overwritten: other deals have it too.
func (o *Org) contactParts(deal, opportunity, account string, added []crm.NewContact, removed []string) []salesforce.Subrequest {
	var parts []salesforce.Subrequest
	for i, role := range removed {
		parts = append(parts, salesforce.Subrequest{
			Method: http.MethodDelete, Path: "/sobjects/" + o.names.ContactRole + "/" + role, ReferenceID: fmt.Sprintf("removedRole%d%s", i, deal),
		})
	}
	for i, contact := range added {
		id, reference := contact.ContactID, fmt.Sprintf("contact%d%s", i, deal)
		switch {
		case id == "":
			id = "@{" + reference + ".id}"
			fields := map[string]any{"FirstName": contact.FirstName, "LastName": contact.LastName, "Phone": contact.Phone, "Email": contact.Email}
			if account != "" {
				fields["AccountId"] = account
			}
			parts = append(parts, salesforce.Subrequest{Method: http.MethodPost, Path: "/sobjects/" + o.names.Contact, ReferenceID: reference, Body: fields})
		case contact.Lacks:
			parts = append(parts, salesforce.Subrequest{
				Method: http.MethodPatch, Path: "/sobjects/" + o.names.Contact + "/" + id, ReferenceID: reference,
				Body: map[string]any{"FirstName": contact.FirstName, "Phone": contact.Phone},
			})
		}
		if !contact.HasRole {
			parts = append(parts, salesforce.Subrequest{
				Method: http.MethodPost, Path: "/sobjects/" + o.names.ContactRole, ReferenceID: fmt.Sprintf("role%d%s", i, deal),
				Body: map[string]any{"OpportunityId": opportunity, "ContactId": id, "IsPrimary": contact.Primary},
			})
		}
	}
	return parts
}
