package salesforce

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// defaultBatch is how many records one answer of a query holds, and the most that a client may ask for.
const defaultBatch, smallestBatch = 2000, 200

// maxLocators bounds the open query cursors of the org; the oldest is dropped.
const maxLocators = 50

// locator keeps the records of a query that did not fit into one answer.
type locator struct {
	id      string
	owner   *principal
	tooling bool
	batch   int
	set     *resultSet
}

// runQuery answers /query, /queryAll and the continuation of either.
func (c *call) runQuery(cat *catalog, p []string) response {
	if len(p) == 2 {
		return c.continueQuery(p[1])
	}
	if err := c.allow("q"); err != nil {
		return failed(err)
	}
	statement := c.query.Get("q")
	if statement == "" {
		return failed(badRequest("MALFORMED_QUERY", "A query string has to be specified"))
	}
	prefix := c.prefix()
	if cat == c.o.tooling {
		if err := checkPackageQuery(statement); err != nil {
			return failed(err)
		}
		prefix += "/tooling"
	}
	scope := &soqlScope{o: c.o, access: c.acc, catalog: cat, deleted: p[0] == "queryAll"}
	set, err := scope.run(statement, prefix)
	c.touch("read", queriedObject(statement), "", nil, err)
	if err != nil {
		return failed(err)
	}
	if set.count {
		return ok(doc{{"totalSize", set.total}, {"done", true}, {"records", []any{}}})
	}
	batch, err := c.batchSize()
	if err != nil {
		return failed(err)
	}
	l := &locator{owner: c.who, set: set, batch: batch, tooling: cat == c.o.tooling}
	if len(set.records) > batch {
		l.id = c.o.ids.make("01g")
		if c.o.locators = append(c.o.locators, l); len(c.o.locators) > maxLocators {
			c.o.locators = c.o.locators[1:]
		}
	}
	return ok(c.page(l, 0))
}

var fromPattern = regexp.MustCompile(`(?i)\bFROM\s+(\w+)(?:[^()]|\([^()]*\))*$`)

// queriedObject names the object of a statement for the operation log.
func queriedObject(statement string) string {
	if m := fromPattern.FindStringSubmatch(statement); m != nil {
		return m[1]
	}
	return "query"
}

var batchPattern = regexp.MustCompile(`^\s*batchSize\s*=\s*(\d{1,9})\s*$`)

func (c *call) batchSize() (int, *apiError) {
	header := c.header.Get("Sforce-Query-Options")
	if header == "" {
		return defaultBatch, nil
	}
	m := batchPattern.FindStringSubmatch(header)
	if m == nil {
		return 0, badRequest("INVALID_HEADER", "Sforce-Query-Options: %s", clip(header))
	}
	if c.o.kit.Switches.Is(switchBatchSize, "ignored") {
		return defaultBatch, nil
	}
	n, _ := strconv.Atoi(m[1])
	return min(max(n, smallestBatch), defaultBatch), nil
}

func (c *call) page(l *locator, from int) doc {
	to := min(from+l.batch, len(l.set.records))
	records := l.set.records[from:to]
	if records == nil {
		records = []doc{}
	}
	out := doc{{"totalSize", l.set.total}, {"done", to == len(l.set.records)}}
	if to < len(l.set.records) {
		base := c.prefix()
		if l.tooling {
			base += "/tooling"
		}
		out = append(out, member{"nextRecordsUrl", fmt.Sprintf("%s/query/%s-%d", base, l.id, to)})
	}
	return append(out, member{"records", records})
}

func (c *call) continueQuery(place string) response {
	if err := c.allow(); err != nil {
		return failed(err)
	}
	id, offset, _ := strings.Cut(place, "-")
	from, convErr := strconv.Atoi(offset)
	for _, l := range c.o.locators {
		if full, _ := normalizeID(id); full != l.id || l.owner != c.who || convErr != nil || from < 0 || from > len(l.set.records) {
			continue
		}
		c.touch("read", "query", l.id, nil, nil)
		return ok(c.page(l, from))
	}
	return failed(badRequest("INVALID_QUERY_LOCATOR", "invalid query locator"))
}
