package dataverse

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

const (
	batchPath = "$batch"
	// MaxBatch is how many requests one batch takes ("Execute batch operations using the Web API").
	MaxBatch = 1000

	batchBoundary  = "batch_cosell"
	changeBoundary = "changeset_cosell"
)

// ErrTooMany is returned when a call is given more items than the service takes. Split the call.
var ErrTooMany = errors.New("dataverse: too many items for one call")

// Part is one request of a batch. Path is below the Web API's root. Within a change set, "$n" in the path or as the value of a
// binding is the row that the n-th part of the set, counted from 1, made.
type Part struct {
	Method string            `json:"method"`
	Path   string            `json:"path"`
	Header map[string]string `json:"header,omitempty"`
	Body   json.RawMessage   `json:"body,omitempty"`
}

// Result is the answer to one part.
type Result struct {
	Status int
	Header http.Header
	Body   []byte

	operation string
	wait      time.Duration // that the part was told
}

// Err gives the part's failure as an [*APIError], or nil.
func (r Result) Err() error {
	if r.Status >= 200 && r.Status <= 299 {
		return nil
	}
	e := &APIError{Operation: r.operation, Method: http.MethodPost, Status: r.Status, RetryAfter: r.wait, settled: true}
	e.read(r.Body)
	return e
}

// Decode reads the part's body into a value. It fails as [Result.Err] does when the part failed.
func (r Result) Decode(into any) error {
	if err := r.Err(); err != nil {
		return err
	}
	return decode(r.operation, r.Body, into)
}

// DecodePage reads a part's rows. The link to the next page is empty when there is none.
func (r Result) DecodePage(rows any) (nextLink string, err error) {
	var p struct {
		Value    json.RawMessage `json:"value"`
		NextLink string          `json:"@odata.nextLink"`
	}
	if err := r.Decode(&p); err != nil {
		return "", err
	}
	return p.NextLink, decode(r.operation, p.Value, rows)
}

// ReadBatch sends reads in one call, each with an answer of its own, in their order.
func (c *Client) ReadBatch(ctx context.Context, parts ...Part) ([]Result, error) {
	const operation = "batch of reads"
	answers, err := c.batch(ctx, call{operation: operation, read: true, header: goOn()}, Unit{Reads: parts})
	if err != nil {
		return nil, err
	}
	results := make([]Result, 0, len(parts))
	for _, answer := range answers {
		results = append(results, answer.results...)
	}
	for _, result := range results {
		if result.Status == http.StatusTooManyRequests || result.Status == http.StatusUnauthorized {
			return nil, result.Err()
		}
	}
	if len(results) != len(parts) {
		return nil, &DecodeError{Operation: operation, Err: fmt.Errorf("%d answers for %d parts", len(results), len(parts))}
	}
	return results, nil
}

// goOn asks for the answers to all parts, also behind one that failed.
func goOn() http.Header { return http.Header{"Prefer": {"odata.continue-on-error"}} }

// Unit is a change set, whose changes are made all or none, with reads that follow it and see them.
type Unit struct{ Changes, Reads []Part }

// Outcome is what became of a unit: the answers to its changes, followed by those to its reads, or why its changes were not made.
type Outcome struct {
	Results []Result
	Err     error
}

// ChangeSet sends changes in one call, all or none, and then reads, which see them. When the change set is refused, its one
// answer is the error; otherwise the answers stand in the order of the changes, followed by those of the reads.
func (c *Client) ChangeSet(ctx context.Context, changes []Part, reads ...Part) ([]Result, error) {
	unit, request := Unit{changes, reads}, call{operation: "change set"}
	answers, err := c.batch(ctx, request, unit)
	if err != nil {
		return nil, err
	}
	outcome := unit.outcome(request.operation, answers)
	return outcome.Results, outcome.Err
}

// ChangeSets sends several change sets in one call, and gives what became of each, in their order. One that is refused does not
// disturb the others. The error is that of the whole call.
func (c *Client) ChangeSets(ctx context.Context, units ...Unit) ([]Outcome, error) {
	request := call{operation: "change sets", header: goOn()}
	answers, err := c.batch(ctx, request, units...)
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(units))
	for i, unit := range units {
		outcomes[i] = unit.outcome(request.operation, answers)
		answers = answers[min(len(answers), unit.answers()):]
	}
	return outcomes, nil
}

// answers is how many answers a batch has for a unit.
func (u Unit) answers() int { return min(len(u.Changes), 1) + len(u.Reads) }

// parts is how many requests a unit is.
func (u Unit) parts() int { return len(u.Changes) + len(u.Reads) }

// outcome reads a unit's answers, which come first. What is not told of its changes is not known.
func (u Unit) outcome(operation string, answers []answer) Outcome {
	unknown := func(got int) Outcome {
		return Outcome{Err: &DecodeError{Operation: operation, Err: fmt.Errorf("%d answers for %d parts", got, u.parts()), ambiguous: true}}
	}
	if len(answers) == 0 {
		return unknown(0)
	}
	for _, result := range answers[0].results {
		if err := result.Err(); err != nil {
			return Outcome{Err: err}
		}
	}
	if len(answers) < u.answers() || !answers[0].set {
		return unknown(len(answers))
	}
	var results []Result
	for _, answer := range answers[:u.answers()] {
		results = append(results, answer.results...)
	}
	if len(results) != u.parts() {
		return unknown(len(results))
	}
	return Outcome{Results: results}
}

func (c *Client) batch(ctx context.Context, request call, units ...Unit) ([]answer, error) {
	count := 0
	for _, unit := range units {
		count += unit.parts()
	}
	if count > MaxBatch {
		return nil, fmt.Errorf("%w: %s: %d, at most %d", ErrTooMany, request.operation, count, MaxBatch)
	}
	request.method, request.path = http.MethodPost, batchPath
	if request.header == nil {
		request.header = http.Header{}
	}
	request.header.Set("Content-Type", "multipart/mixed; boundary="+batchBoundary)
	body, err := c.encodeBatch(units)
	if err != nil {
		return nil, fmt.Errorf("dataverse: %s: encode: %w", request.operation, err)
	}
	request.body = body
	response, err := c.do(ctx, request)
	var refused *APIError
	if errors.As(err, &refused) && isMultipart(response) {
		err = nil // the outer status is that of the part that failed
	}
	if err != nil {
		return nil, err
	}
	answers, err := readBatch(response.Header.Get("Content-Type"), response.Body, request.operation)
	if err != nil {
		return nil, &DecodeError{Operation: request.operation, Err: err, ambiguous: !request.read}
	}
	for _, answer := range answers {
		for i, result := range answer.results {
			answer.results[i].wait = wire.ParseRetryAfter(result.Header.Get("Retry-After"), c.wire.Now())
		}
	}
	return answers, nil
}

func isMultipart(response wire.Response) bool {
	return strings.HasPrefix(response.Header.Get("Content-Type"), "multipart/mixed")
}

// encodeBatch gives the same bytes for the same units. Their changes are counted through, so that no reference can be taken for one to
// the change of another unit.
func (c *Client) encodeBatch(units []Unit) ([]byte, error) {
	var b bytes.Buffer
	line := func(texts ...string) {
		for _, text := range texts {
			b.WriteString(text)
		}
		b.WriteString("\r\n")
	}
	counted := 0
	for number, unit := range units {
		if len(unit.Changes) > 0 {
			boundary := changeBoundary
			if number > 0 {
				boundary += strconv.Itoa(number + 1)
			}
			line("--", batchBoundary)
			line("Content-Type: multipart/mixed; boundary=", boundary)
			line()
			for i, part := range unit.Changes {
				part, err := part.behind(counted)
				if err != nil {
					return nil, err
				}
				line("--", boundary)
				line("Content-Type: application/http")
				line("Content-Transfer-Encoding: binary")
				line("Content-ID: ", strconv.Itoa(counted+i+1))
				line()
				c.encodePart(line, part)
			}
			line("--", boundary, "--")
			line()
			counted += len(unit.Changes)
		}
		for _, part := range unit.Reads {
			line("--", batchBoundary)
			line("Content-Type: application/http")
			line("Content-Transfer-Encoding: binary")
			line()
			c.encodePart(line, part)
		}
	}
	line("--", batchBoundary, "--")
	return b.Bytes(), nil
}

// behind gives the part as it refers to others when some changes stand before those of its unit.
func (p Part) behind(counted int) (Part, error) {
	if counted == 0 {
		return p, nil
	}
	p.Path = shifted(p.Path, counted)
	if !bytes.Contains(p.Body, []byte(bindSuffix)) {
		return p, nil
	}
	var fields map[string]any
	if err := decode("change set", p.Body, &fields); err != nil {
		return p, err
	}
	for name, value := range fields {
		if reference, isText := value.(string); isText && strings.HasSuffix(name, bindSuffix) {
			fields[name] = shifted(reference, counted)
		}
	}
	body, err := encodeJSON(fields)
	p.Body = body
	return p, err
}

// bindSuffix ends the name of a property that refers to a row.
const bindSuffix = "@odata.bind"

// shifted moves the number of a reference: "$2" or "$2/name". Other addresses stay.
func shifted(address string, by int) string {
	reference, isReference := strings.CutPrefix(address, "$")
	number, rest, deeper := strings.Cut(reference, "/")
	n, err := strconv.Atoi(number)
	if !isReference || err != nil {
		return address
	}
	if deeper {
		rest = "/" + rest
	}
	return "$" + strconv.Itoa(n+by) + rest
}

func (c *Client) encodePart(line func(...string), part Part) {
	path := c.root() + c.tagged(call{method: part.Method, path: part.Path})
	if strings.HasPrefix(part.Path, "$") { // a reference to another part stands for a whole address
		path = part.Path
	}
	line(part.Method, " ", path, " HTTP/1.1")
	line("Accept: application/json")
	for _, name := range []string{"If-Match", "If-None-Match", "Prefer"} {
		if value := part.Header[name]; value != "" {
			line(name, ": ", value)
		}
	}
	if part.Body != nil {
		line("Content-Type: application/json; type=entry")
	}
	line()
	line(string(part.Body))
}

// answer is one part of a batch's answer: that to a request, or those to a change set.
type answer struct {
	set     bool
	results []Result
}

// readBatch reads the answers in their order.
func readBatch(contentType string, body []byte, operation string) ([]answer, error) {
	_, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || parameters["boundary"] == "" {
		return nil, errors.New("the answer is not of several parts")
	}
	reader := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
	var answers []answer
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return answers, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		if nested := part.Header.Get("Content-Type"); strings.HasPrefix(nested, "multipart/mixed") {
			inner, err := readBatch(nested, content, operation)
			if err != nil {
				return nil, err
			}
			set := answer{set: true}
			for _, one := range inner {
				set.results = append(set.results, one.results...)
			}
			answers = append(answers, set)
			continue
		}
		result, err := readResult(content)
		if err != nil {
			return nil, err
		}
		result.operation = fmt.Sprintf("%s, part %d", operation, len(answers)+1)
		answers = append(answers, answer{results: []Result{result}})
	}
}

func readResult(content []byte) (Result, error) {
	reader := textproto.NewReader(bufio.NewReader(bytes.NewReader(content)))
	statusLine, err := reader.ReadLine()
	if err != nil {
		return Result{}, err
	}
	fields := strings.SplitN(statusLine, " ", 3)
	if len(fields) < 2 || !strings.HasPrefix(fields[0], "HTTP/") {
		return Result{}, errors.New("a part does not begin with a status line")
	}
	status, err := strconv.Atoi(fields[1])
	if err != nil {
		return Result{}, errors.New("a part's status is not a number")
	}
	header, err := reader.ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return Result{}, err
	}
	rest, err := io.ReadAll(reader.R)
	if err != nil {
		return Result{}, err
	}
	return Result{Status: status, Header: http.Header(header), Body: bytes.TrimSpace(rest)}, nil
}
