package dataverse

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// list answers the read of a collection of rows.
func (c *call) list(ent *entity, all []*record, unpublished bool) response {
	if err := c.allow("$select", "$filter", "$expand", "$orderby", "$top", "$count", "$skiptoken", "$deltatoken"); err != nil {
		return c.failed(err)
	}
	if c.prefer().track || c.query.Has("$deltatoken") {
		return c.track(ent)
	}
	o, err := c.options()
	if err != nil {
		return c.failed(err)
	}
	rows, err := c.filtered(ent, all, o)
	if err != nil {
		return c.failed(err)
	}
	out := map[string]any{"@odata.context": c.context(contextOf(ent, o.selected))}
	if o.count {
		out["@odata.count"] = min(len(rows), maxPage)
		if p := c.prefer(); p.annotations != "" {
			out["@Microsoft.Dynamics.CRM.totalrecordcount"] = min(len(rows), maxPage)
			out["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] = len(rows) > maxPage
		}
	}
	page, next, err := c.page(rows, o, 0)
	if err != nil {
		return c.failed(err)
	}
	shown := []any{}
	for _, rec := range page {
		one, err := c.show(ent, rec, o, unpublished)
		if err != nil {
			return c.failed(err)
		}
		shown = append(shown, one)
	}
	out["value"] = shown
	if next != "" {
		out["@odata.nextLink"] = next
	}
	c.touch("read", ent.logical, "", nil)
	resp := ok(out)
	resp.header = c.applied(nil)
	return resp
}

// cookie is the place where a page ended: the number of rows before, the last row, and for change tracking the version that the
// first page began with.
type cookie struct {
	number, offset int
	last           string
	since          int64
}

var cookiePattern = regexp.MustCompile(`^<cookie pagenumber="(\d+)" pagingcookie="([^"]*)" istracking="(?:False|True)" />$`)

func (k cookie) text() string {
	inner := url.QueryEscape(fmt.Sprintf(`<cookie page="%d"><row last="{%s}" offset="%d" since="%d" /></cookie>`, k.number-1, k.last, k.offset, k.since))
	return fmt.Sprintf(`<cookie pagenumber="%d" pagingcookie="%s" istracking="False" />`, k.number, inner)
}

var innerPattern = regexp.MustCompile(`last="\{([^}]*)\}" offset="(\d+)" since="(\d+)"`)

func readCookie(text string) (cookie, bool) {
	outer := cookiePattern.FindStringSubmatch(text)
	if outer == nil {
		return cookie{}, false
	}
	raw, err := url.QueryUnescape(outer[2])
	inner := innerPattern.FindStringSubmatch(raw)
	if err != nil || inner == nil {
		return cookie{}, false
	}
	since, err := strconv.ParseInt(inner[3], 10, 64)
	return cookie{atoi(outer[1]), atoi(inner[2]), inner[1], since}, err == nil
}

// page cuts one page out of the rows and says where the next one is, "" for nowhere. A page begins after the last row of the one
// before, or where that was if it is gone.
func (c *call) page(rows []*record, o options, since int64) ([]*record, string, *apiError) {
	size := c.prefer().pageSize
	if size <= 0 || size > maxPage {
		size = maxPage
		if o.top >= 0 && c.prefer().pageSize <= 0 { // with maxpagesize, $top is ignored
			if len(rows) > o.top {
				rows = rows[:o.top]
			}
		}
	}
	at, start := cookie{number: 1}, 0
	if text := c.query.Get("$skiptoken"); text != "" {
		var valid bool
		if at, valid = readCookie(text); !valid {
			return nil, "", badRequest(codeResource, "The skip token is not valid.")
		}
		start = min(at.offset, len(rows))
		for i, rec := range rows {
			if rec.id == at.last {
				start = i + 1
			}
		}
	}
	end := min(start+size, len(rows))
	page := rows[start:end]
	if end == len(rows) || len(page) == 0 {
		return page, "", nil
	}
	next := cookie{at.number + 1, end, page[len(page)-1].id, since}
	return page, c.link("$skiptoken", next.text()), nil
}

// link is the URL of the request with one query option changed.
func (c *call) link(name, value string) string {
	var parts []string
	for key, values := range c.query {
		if key != "$skiptoken" && key != "$deltatoken" || key == "$deltatoken" && name == "$skiptoken" {
			parts = append(parts, key+"="+escape(values[0]))
		}
	}
	parts = append(sortedParts(parts), name+"="+escape(value))
	return c.e.baseURL + c.rawPath + "?" + strings.Join(parts, "&")
}

func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// countRows answers /$count.
func (c *call) countRows(ent *entity, all []*record) response {
	if c.method != http.MethodGet {
		return c.failed(errMethod(c.method))
	}
	if c.query.Has("$deltatoken") {
		return c.countChanges(ent)
	}
	o, err := c.options()
	if err != nil {
		return c.failed(err)
	}
	rows, err := c.filtered(ent, all, o)
	if err != nil {
		return c.failed(err)
	}
	return response{status: http.StatusOK, body: rawBody{"text/plain", []byte(strconv.Itoa(min(len(rows), maxPage)))}}
}
