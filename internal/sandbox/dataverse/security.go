package dataverse

import (
	"net/http"
	"strings"
	"time"
)

// depth is how far a privilege reaches.
type depth int

// The depths, as roles name them.
const (
	depthNone         depth = iota
	depthUser               // rows that the user owns
	depthOrganization       // all rows
)

// principal is a user who makes requests, or a person who acts on the screen.
type principal struct {
	id    string // systemuserid
	actor string // in the operation log
}

// Privileges that are not about the rows of a table.
const (
	privilegeCustomize = "prvCustomize" // stands for the privileges to write metadata that have no name here
	privilegeBypass    = "prvBypassCustomBusinessLogic"
	everything         = "*" // of System Administrator
)

// authenticate finds the application user whom the token names. The lock is held.
func (e *Environment) authenticate(r *http.Request, header http.Header) (*principal, *apiError) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	claims, err := e.opts.Tokens.Verify(token)
	if err != nil || strings.TrimRight(claims.Audience, "/") != e.baseURL {
		return nil, errUnauthenticated(header.Set)
	}
	if users := e.table("systemuser").with("applicationid", claims.Subject); len(users) > 0 {
		user := users[0] // an application has one user
		created, parseErr := time.Parse(timeForm, user.str("createdon"))
		wait, waitErr := time.ParseDuration(e.kit.Switches.Get(switchNewApplication))
		fresh := parseErr == nil && waitErr == nil && e.kit.Clock.Now().Before(created.Add(wait))
		if user.yes("isdisabled") || fresh && user.id != e.people.provider && user.id != e.people.agent {
			return nil, errNotMember()
		}
		return &principal{id: user.id, actor: e.actorOf(user)}, nil
	}
	return nil, errNotMember()
}

func errNotMember() *apiError {
	return errorf(http.StatusForbidden, codeNotMember, "The user is not a member of the organization.")
}

// actorOf names a user in the operation log.
func (e *Environment) actorOf(user *record) string {
	switch user.id {
	case e.people.provider:
		return "provider"
	case e.people.agent:
		return "agent"
	case e.people.seller:
		return "seller"
	}
	return user.str("fullname")
}

// reach is how far a user's privilege goes: the furthest of all roles.
func (e *Environment) reach(who *principal, privilege string) depth {
	most := depthNone
	for pair := range e.table("systemuserroles").links {
		if pair[0] != who.id {
			continue
		}
		rights := e.rights[pair[1]]
		most = max(most, rights[everything], rights[strings.ToLower(privilege)])
	}
	return most
}

// may refuses who lacks a privilege on a table: Create, Read, Write, Delete, Append or AppendTo. A row, if given, must be within
// the privilege's depth.
func (e *Environment) may(who *principal, verb string, ent *entity, rec *record) *apiError {
	privilege := "prv" + verb + ent.schema
	switch e.reach(who, privilege) {
	case depthOrganization:
		return nil
	case depthUser:
		if rec == nil || rec.ref("ownerid").id == who.id {
			return nil
		}
	}
	return errPrivilege(who, privilege, ent)
}

func errPrivilege(who *principal, privilege string, ent *entity) *apiError {
	on := ""
	if ent != nil {
		on = " on OTC=" + plain(int64(ent.typeCode)) + " for entity '" + ent.logical + "'"
	}
	return errorf(http.StatusForbidden, codePrivilege, "Principal user (Id=%s, type=8) is missing %s privilege%s.", who.id, privilege, on)
}

// mayCustomize refuses who may not change metadata, or lacks one of the privileges to do so.
func (c *call) mayCustomize(privileges ...string) *apiError {
	for _, privilege := range privileges {
		if c.e.reach(c.who, privilege) < depthOrganization {
			return errPrivilege(c.who, privilege, nil)
		}
	}
	if c.e.reach(c.who, privilegeCustomize) < depthOrganization {
		return errPrivilege(c.who, "prvWriteCustomization", nil)
	}
	return nil
}

// grant gives a role a privilege, by the name of the privilege.
func (e *Environment) grant(role string, reach depth, privileges ...string) {
	if e.rights[role] == nil {
		e.rights[role] = map[string]depth{}
	}
	for _, privilege := range privileges {
		if reach == depthNone {
			delete(e.rights[role], strings.ToLower(privilege))
			continue
		}
		e.rights[role][strings.ToLower(privilege)] = reach
	}
}

// rowPrivileges are the names of all privileges on the rows of tables.
func rowPrivileges(schemas ...string) []string {
	var list []string
	for _, schema := range schemas {
		for _, verb := range []string{"Create", "Read", "Write", "Delete", "Append", "AppendTo", "Assign", "Share"} {
			list = append(list, "prv"+verb+schema)
		}
	}
	return list
}
