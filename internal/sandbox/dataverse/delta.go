package dataverse

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tokenForm is the time in a token of change tracking.
const tokenForm = "01/02/2006 15:04:05"

// track answers reads with change tracking: all rows and a token at first, then what changed since a token
// (use-change-tracking-synchronize-data-external-systems).
func (c *call) track(ent *entity) response {
	if !ent.yes("ChangeTrackingEnabled") {
		return c.failed(badRequest(codeNoTracking, "Change tracking is not enabled for the entity %s.", ent.logical))
	}
	if c.e.reach(c.who, "prvRead"+ent.schema) < depthOrganization {
		return c.failed(errPrivilege(c.who, "prvRead"+ent.schema, ent))
	}
	for _, name := range []string{"$filter", "$orderby", "$expand", "$top"} {
		if c.query.Has(name) {
			return c.failed(badRequest(codeResource, `The "${%s}" query parameter isn't supported when Change Tracking is enabled.`, strings.TrimPrefix(name, "$")))
		}
	}
	o, err := c.options()
	if err != nil {
		return c.failed(err)
	}
	if err := c.checkOptions(ent, o); err != nil {
		return c.failed(err)
	}
	c.touch("read", ent.logical, "", nil)
	if token := c.query.Get("$deltatoken"); token != "" {
		return c.changes(ent, o, token)
	}
	return c.allTracked(ent, o)
}

// allTracked is the first read: all rows in the order of their versions. The token on the last page is of the moment when the
// first page was read, so that nothing in between is missed.
func (c *call) allTracked(ent *entity, o options) response {
	rows := byVersion(c.e.table(ent.logical).all())
	since := c.e.version
	if at, valid := readCookie(c.query.Get("$skiptoken")); valid {
		since = at.since
	}
	page, next, err := c.page(rows, o, since)
	if err != nil {
		return c.failed(err)
	}
	out := map[string]any{"@odata.context": c.context(contextOf(ent, o.selected))}
	return c.answerTracked(ent, o, out, page, nil, next, since)
}

func byVersion(rows []*record) []*record {
	slices.SortStableFunc(rows, func(a, b *record) int {
		switch {
		case a.version < b.version:
			return -1
		case a.version > b.version:
			return 1
		}
		return 0
	})
	return rows
}

// readToken reads a token of change tracking: a version, an exclamation mark and a time. Old ones have expired.
func (c *call) readToken(token string) (int64, *apiError) {
	version, at, found := strings.Cut(token, "!")
	since, err := strconv.ParseInt(version, 10, 64)
	made, timeErr := time.Parse(tokenForm, at)
	if !found || err != nil || timeErr != nil {
		return 0, badRequest(codeResource, "The delta token '%s' is not valid.", token)
	}
	days := c.e.find("organization", c.e.names.organization).int("expirechangetrackingindays")
	if !made.After(c.e.forgotten) || c.e.now().Sub(made) > time.Duration(days)*24*time.Hour {
		status := atoi(c.e.kit.Switches.Get(switchExpiredStatus))
		return 0, errorf(status, codeExpiredToken, "Version stamp associated with the client has expired. Please perform a full sync.")
	}
	return since, nil
}

// ExpireTokens lets every token of change tracking that was given so far expire, as a change of the organization's retention does.
func (e *Environment) ExpireTokens() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.forgotten = e.now()
}

// changed are the rows and the tombstones since a version.
func (c *call) changed(ent *entity, since int64) ([]*record, []tombstone) {
	tab := c.e.table(ent.logical)
	rows := byVersion(slices.DeleteFunc(tab.all(), func(rec *record) bool { return rec.version <= since }))
	var dead []tombstone
	for _, t := range tab.dead {
		if t.version <= since || t.created > since && c.e.is(switchShortLived, "absent") || tab.rows[t.id] != nil {
			continue
		}
		dead = append(dead, t)
	}
	return rows, dead
}

// changes answers what changed since a token. The token stays valid: reading twice gives the same.
func (c *call) changes(ent *entity, o options, token string) response {
	since, err := c.readToken(token)
	if err != nil {
		return c.failed(err)
	}
	rows, dead := c.changed(ent, since)
	until := c.e.version
	if at, valid := readCookie(c.query.Get("$skiptoken")); valid {
		until = at.since
	}
	page, next, err := c.page(rows, o, until)
	if err != nil {
		return c.failed(err)
	}
	if next != "" {
		dead = nil // they come on the last page
	}
	out := map[string]any{"@odata.context": c.context(contextOf(ent, o.selected) + "/$delta")}
	return c.answerTracked(ent, o, out, page, dead, next, until)
}

func (c *call) answerTracked(ent *entity, o options, out map[string]any, page []*record, dead []tombstone, next string, until int64) response {
	list := []any{}
	for _, rec := range page {
		one, err := c.show(ent, rec, o, false)
		if err != nil {
			return c.failed(err)
		}
		list = append(list, one)
	}
	for _, t := range dead {
		list = append(list, map[string]any{"@odata.context": c.context(ent.set + "/$deletedEntity"), "id": t.id, "reason": "deleted"})
	}
	out["value"] = list
	if next != "" {
		out["@odata.nextLink"] = next
	} else {
		token := strconv.FormatInt(until, 10) + "!" + c.e.now().Format(tokenForm)
		out["@odata.deltaLink"] = c.link("$deltatoken", token)
	}
	resp := ok(out)
	resp.header = c.applied(nil)
	return resp
}

// countChanges answers /$count with a token.
func (c *call) countChanges(ent *entity) response {
	since, err := c.readToken(c.query.Get("$deltatoken"))
	if err != nil {
		return c.failed(err)
	}
	rows, dead := c.changed(ent, since)
	return response{status: http.StatusOK, body: rawBody{"text/plain", []byte(strconv.Itoa(len(rows) + len(dead)))}}
}

func sortedParts(parts []string) []string {
	slices.Sort(parts)
	return parts
}
