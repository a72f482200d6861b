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
}

// Err gives the part's failure as an [*APIError], or nil.
func (r Result) Err() error {
	if r.Status >= 200 && r.Status <= 299 {
		return nil
	}
	e := &APIError{Operation: r.operation, Status: r.Status, settled: true}
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
	return c.batch(ctx, call{operation: "batch of reads", read: true, header: http.Header{"Prefer": {"odata.continue-on-error"}}}, nil, parts)
}

// ChangeSet sends changes in one call, all or none, and then reads, which see them. When the change set is refused, its one
// answer is the error; otherwise the answers stand in the order of the changes, followed by those of the reads.
func (c *Client) ChangeSet(ctx context.Context, changes []Part, reads ...Part) ([]Result, error) {
	results, err := c.batch(ctx, call{operation: "change set"}, changes, reads)
	if err != nil {
		return nil, err
	}
	if len(results) > 0 && results[0].Err() != nil {
		return nil, results[0].Err()
	}
	if len(results) != len(changes)+len(reads) {
		return nil, &DecodeError{Operation: "change set", Err: fmt.Errorf("%d answers for %d parts", len(results), len(changes)+len(reads)), ambiguous: true}
	}
	for _, result := range results[:len(changes)] {
		if err := result.Err(); err != nil {
			return nil, err
		}
	}
	return results, nil
}

func (c *Client) batch(ctx context.Context, request call, changes, reads []Part) ([]Result, error) {
	if len(changes)+len(reads) > MaxBatch {
		return nil, fmt.Errorf("%w: %s: %d, at most %d", ErrTooMany, request.operation, len(changes)+len(reads), MaxBatch)
	}
	request.method, request.path = http.MethodPost, batchPath
	if request.header == nil {
		request.header = http.Header{}
	}
	request.header.Set("Content-Type", "multipart/mixed; boundary="+batchBoundary)
	request.body = c.encodeBatch(changes, reads)
	response, err := c.do(ctx, request)
	var refused *APIError
	if errors.As(err, &refused) && isMultipart(response) {
		err = nil // the outer status is that of the part that failed
	}
	if err != nil {
		return nil, err
	}
	results, err := readBatch(response.Header.Get("Content-Type"), response.Body, request.operation)
	if err != nil {
		return nil, &DecodeError{Operation: request.operation, Err: err, ambiguous: !request.read}
	}
	for _, result := range results {
		if result.Status == http.StatusTooManyRequests || result.Status == http.StatusUnauthorized {
			wait := wire.ParseRetryAfter(result.Header.Get("Retry-After"), c.wire.Now())
			e := &APIError{Operation: request.operation, Method: http.MethodPost, Status: result.Status, RetryAfter: wait, settled: true}
			e.read(result.Body)
			return nil, e
		}
	}
	if request.read && len(results) != len(reads) {
		return nil, &DecodeError{Operation: request.operation, Err: fmt.Errorf("%d answers for %d parts", len(results), len(reads))}
	}
	return results, nil
}

func isMultipart(response wire.Response) bool {
	return strings.HasPrefix(response.Header.Get("Content-Type"), "multipart/mixed")
}

// encodeBatch gives the same bytes for the same parts.
func (c *Client) encodeBatch(changes, reads []Part) []byte {
	var b bytes.Buffer
	line := func(texts ...string) {
		for _, text := range texts {
			b.WriteString(text)
		}
		b.WriteString("\r\n")
	}
	if len(changes) > 0 {
		line("--", batchBoundary)
		line("Content-Type: multipart/mixed; boundary=", changeBoundary)
		line()
		for i, part := range changes {
			line("--", changeBoundary)
			line("Content-Type: application/http")
			line("Content-Transfer-Encoding: binary")
			line("Content-ID: ", strconv.Itoa(i+1))
			line()
			c.encodePart(line, part)
		}
		line("--", changeBoundary, "--")
		line()
	}
	for _, part := range reads {
		line("--", batchBoundary)
		line("Content-Type: application/http")
		line("Content-Transfer-Encoding: binary")
		line()
		c.encodePart(line, part)
	}
	line("--", batchBoundary, "--")
	return b.Bytes()
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

// readBatch reads the answers, those of a change set among them.
func readBatch(contentType string, body []byte, operation string) ([]Result, error) {
	_, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || parameters["boundary"] == "" {
		return nil, errors.New("the answer is not of several parts")
	}
	reader := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
	var results []Result
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return results, nil
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
			results = append(results, inner...)
			continue
		}
		result, err := readResult(content)
		if err != nil {
			return nil, err
		}
		result.operation = fmt.Sprintf("%s, part %d", operation, len(results)+1)
		results = append(results, result)
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
