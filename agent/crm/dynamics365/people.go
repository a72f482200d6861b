package dynamics365

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/agent/crm"
	"github.com/cosell-sync/terraform-provider-cosell/agent/deal"
	"github.com/cosell-sync/terraform-provider-cosell/internal/dataverse"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// mostPeople bounds the contacts that are read; Partner Center takes fifty.
const mostPeople = 50

// peopleColumns say where a table keeps a person. Where phone is empty, mobile counts.
type peopleColumns struct{ first, last, phone, mobile, email string }

// userTable is the table of the environment's users.
const userTable = "systemuser"

var (
	contactColumns = peopleColumns{"firstname", "lastname", "telephone1", "mobilephone", "emailaddress1"}
	userColumns    = peopleColumns{"firstname", "lastname", "address1_telephone1", "mobilephone", "internalemailaddress"}
)

func personColumns(c peopleColumns) []string {
	return []string{c.first, c.last, c.phone, c.mobile, c.email}
}

func person(row map[string]any, c peopleColumns) deal.Person {
	phone := text(row[c.phone])
	if phone == "" {
		phone = text(row[c.mobile])
	}
	return deal.Person{FirstName: text(row[c.first]), LastName: text(row[c.last]), Phone: phone, Email: text(row[c.email])}
}

// primaryRow stands for the opportunity's own lookup to its contact, which is no row.
const primaryRow = contactLookup

func (e *Environment) readPeople(record *crm.Record, row map[string]any, roles []map[string]any) {
	record.Team = []deal.Person{person(related(row, e.ownerNavigation()), userColumns)}
	seen := map[string]bool{}
	add := func(rowID string, contact map[string]any) {
		found := person(contact, contactColumns)
		if contact == nil || seen[strings.ToLower(found.Email)] {
			return
		}
		seen[strings.ToLower(found.Email)] = true
		record.Contacts = append(record.Contacts, crm.ContactRow{RowID: rowID, Person: found})
	}
	add(primaryRow, related(row, e.contactNavigation()))
	navigation := e.role.navigation(e.names.RoleContact, e.contact.LogicalName)
	for _, role := range roles {
		add(strings.ToLower(text(role[e.role.PrimaryID])), related(role, navigation))
	}
}

// equalsAny gives a condition that a column equals one of some texts.
func equalsAny(column string, values []string) string {
	conditions := make([]string, len(values))
	for i, value := range values {
		conditions[i] = column + " eq " + dataverse.Quote(value)
	}
	return strings.Join(conditions, " or ")
}

// contactCompany holds the company that a contact is of.
const contactCompany = "parentcustomerid"

func (e *Environment) contactQuery(people []deal.Person) dataverse.Query {
	known := make([]string, len(people))
	for i, p := range people {
		known[i] = p.Email
	}
	return dataverse.Query{
		Select: append([]string{e.contact.PrimaryID, lookupValue(contactCompany)}, personColumns(contactColumns)...), OrderBy: e.contact.PrimaryID,
		Filter: "statecode eq 0 and (" + equalsAny(contactColumns.email, known) + ")",
	}
}

// Contacts implements [crm.CRM] with one query.
func (e *Environment) Contacts(ctx context.Context, accountID string, people []deal.Person) ([]crm.NewContact, error) {
	list := make([]crm.NewContact, len(people))
	for i, p := range people {
		list[i].Person = p
	}
	if len(list) == 0 {
		return list, nil
	}
	company := lookupValue(contactCompany)
	rows, err := e.list(ctx, e.contact.SetName, e.contactQuery(people))
	if err != nil {
		return nil, fmt.Errorf("look for contacts by their e-mail addresses: %w", err)
	}
	for i := range list {
		for _, row := range rows {
			found := person(row, contactColumns)
			ofAccount := accountID != "" && strings.EqualFold(text(row[company]), accountID)
			if same := strings.EqualFold(found.Email, list[i].Email); !same || list[i].ContactID != "" && !ofAccount {
				continue
			}
			list[i].ContactID = strings.ToLower(text(row[e.contact.PrimaryID]))
			list[i].Lacks = found.FirstName == "" || found.Phone == ""
			if ofAccount {
				break
			}
		}
	}
	return list, nil
}

// contactParts create and complete contacts. A contact that exists is only completed, never overwritten: other deals have it too.
// They stand before the opportunity in a change set, because it may refer to one of them. account is what a new contact is bound to;
// references are what the contacts are bound by, in their order.
func (e *Environment) contactParts(parts []dataverse.Part, account string, added []crm.NewContact) (all []dataverse.Part, references []string, err error) {
	for _, contact := range added {
		var part dataverse.Part
		switch {
		case contact.ContactID == "":
			fields := map[string]any{
				contactColumns.first: contact.FirstName, contactColumns.last: contact.LastName, contactColumns.phone: contact.Phone, contactColumns.email: contact.Email,
			}
			if navigation := e.contact.navigation(contactCompany, e.account.LogicalName); account != "" && navigation != "" {
				fields[bind(navigation)] = account
			}
			part = dataverse.Part{Method: http.MethodPost, Path: e.contact.SetName}
			if part.Body, err = encode(fields); err != nil {
				return nil, nil, err
			}
			parts = append(parts, part)
			references = append(references, fmt.Sprintf("$%d", len(parts)))
			continue
		case contact.Lacks:
			part = dataverse.Part{Method: http.MethodPatch, Path: e.contact.SetName + "(" + contact.ContactID + ")", Header: map[string]string{"If-Match": dataverse.Any}}
			if part.Body, err = encode(map[string]any{contactColumns.first: contact.FirstName, contactColumns.phone: contact.Phone}); err != nil {
				return nil, nil, err
			}
			parts = append(parts, part)
		}
		references = append(references, e.contact.row(contact.ContactID))
	}
	return parts, references, nil
}

// roleParts give contacts their place in an opportunity: the primary one is its own lookup, and written with it.
func (e *Environment) roleParts(parts []dataverse.Part, opportunity string, added []crm.NewContact, references, removed []string) ([]dataverse.Part, error) {
	for _, role := range removed {
		if role != primaryRow {
			parts = append(parts, dataverse.Part{Method: http.MethodDelete, Path: e.role.SetName + "(" + role + ")"})
		}
	}
	for i, contact := range added {
		if contact.HasRole || contact.Primary {
			continue
		}
		body, err := encode(map[string]any{
			bind(e.role.navigation(e.names.RoleOpportunity, e.opportunity.LogicalName)): opportunity,
			bind(e.role.navigation(e.names.RoleContact, e.contact.LogicalName)):         references[i],
		})
		if err != nil {
			return nil, err
		}
		parts = append(parts, dataverse.Part{Method: http.MethodPost, Path: e.role.SetName, Body: body})
	}
	return parts, nil
}

// primary sets the opportunity's own contact among its fields.
func (e *Environment) primary(fields map[string]any, added []crm.NewContact, references, removed []string) {
	for _, role := range removed {
		if role == primaryRow {
			fields[bind(e.contactNavigation())] = nil
		}
	}
	for i, contact := range added {
		if contact.Primary && !contact.HasRole {
			fields[bind(e.contactNavigation())] = references[i]
		}
	}
}

// userSet is the entity set of userTable.
const userSet = "systemusers"

// user is a row of systemuser.
type user struct{ id, name, email string }

// userQuery finds users who may own rows. Of several with one e-mail address the one comes first whose user name it is.
func userQuery(condition string) dataverse.Query {
	return dataverse.Query{
		Select: []string{"systemuserid", "domainname", "internalemailaddress"}, Filter: "isdisabled eq false and (" + condition + ")", OrderBy: "systemuserid",
	}
}

func (e *Environment) users(ctx context.Context, condition string) ([]user, error) {
	rows, err := e.list(ctx, userSet, userQuery(condition))
	if err != nil {
		return nil, fmt.Errorf("look for users: %w", err)
	}
	users := make([]user, len(rows))
	for i, row := range rows {
		users[i] = user{strings.ToLower(text(row["systemuserid"])), text(row["domainname"]), text(row["internalemailaddress"])}
	}
	return users, nil
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

// Owner implements [crm.CRM] with one query, or none where the referral names nobody.
func (e *Environment) Owner(ctx context.Context, people []deal.Person) (string, error) {
	known := addresses(people)
	if len(known) == 0 {
		return e.owner, nil
	}
	users, err := e.users(ctx, equalsAny("internalemailaddress", known))
	if err != nil {
		return "", err
	}
	for _, address := range known {
		if id := userNamed(users, address); id != "" {
			return id, nil
		}
	}
	return e.owner, nil
}

// userNamed gives the user with a user name, or else with an e-mail address.
func userNamed(users []user, name string) (id string) {
	for _, u := range users {
		switch {
		case strings.EqualFold(u.name, name):
			return u.id
		case strings.EqualFold(u.email, name) && id == "":
			id = u.id
		}
	}
	return id
}

// findFallbackOwner looks for the user who owns deals that name nobody else. It fails with a problem (UserMissing).
func (e *Environment) findFallbackOwner(ctx context.Context) error {
	name := e.names.FallbackOwner
	if name == "" {
		return nil
	}
	users, err := e.users(ctx, "domainname eq "+dataverse.Quote(name)+" or internalemailaddress eq "+dataverse.Quote(name))
	if err != nil {
		return err
	}
	if e.owner = userNamed(users, name); e.owner == "" {
		return problem.New(problem.UserMissing, environment, "fallback_owner "+name)
	}
	return nil
}
