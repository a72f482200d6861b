package dataverse

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// Limits of batches (execute-batch-operations-using-web-api).
const (
	maxParts   = 1000
	maxPartURL = 64 << 10
)

// part is one request of a batch, or a change set.
type part struct {
	id      string // Content-ID
	method  string
	url     string
	header  http.Header
	body    []byte
	changes []part // of a change set; then the above is empty
}

// batch answers $batch: parts one after the other, change sets all or nothing.
func (e *Environment) batch(c *call) response {
	if c.method != http.MethodPost {
		return c.failed(errMethod(c.method))
	}
	parts, err := readBatch(c.header.Get("Content-Type"), c.body)
	if err != nil {
		return c.failed(badRequest(codeResource, "The batch cannot be read: %v.", err))
	}
	count := 0
	for _, p := range parts {
		count += max(1, len(p.changes))
	}
	if count > maxParts {
		return c.failed(badRequest(codeResource, "The batch holds %d requests, more than %d.", count, maxParts))
	}
	e.mu.Lock()
	e.charge(c.who, count-1)
	boundary := "batchresponse_" + fixedID("batch", fmt.Sprint(e.version, count, len(c.body)))
	e.mu.Unlock()
	var out bytes.Buffer
	status, goOn := http.StatusOK, c.prefer().onError
	for i, p := range parts {
		var failed int
		if p.changes != nil {
			failed = e.changeSet(c, p, &out, boundary, i)
		} else {
			failed = e.single(c, p, &out, boundary)
		}
		if failed != 0 && !goOn {
			status = failed
			break
		}
	}
	fmt.Fprintf(&out, "--%s--\r\n", boundary)
	return response{status: status, body: rawBody{"multipart/mixed; boundary=" + boundary, out.Bytes()}}
}

// readBatch cuts a batch into its parts. Lines must end with CR LF.
func readBatch(contentType string, body []byte) ([]part, error) {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/mixed" || parameters["boundary"] == "" {
		return nil, fmt.Errorf("the content type %q is not multipart/mixed with a boundary", contentType)
	}
	if !bytes.Contains(body, []byte("\r\n")) {
		return nil, errors.New("lines must end with CR LF")
	}
	reader := multipart.NewReader(bytes.NewReader(body), parameters["boundary"])
	var parts []part
	for {
		raw, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(raw)
		if err != nil {
			return nil, err
		}
		p, err := readPart(raw.Header, content)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
}

func readPart(header textproto.MIMEHeader, content []byte) (part, error) {
	contentType := header.Get("Content-Type")
	if strings.HasPrefix(contentType, "multipart/mixed") {
		changes, err := readBatch(contentType, content)
		if err != nil {
			return part{}, err
		}
		for _, change := range changes {
			switch {
			case change.changes != nil:
				return part{}, errors.New("a change set cannot hold a change set")
			case change.method == http.MethodGet:
				return part{}, errors.New("a change set cannot hold GET requests")
			}
		}
		return part{changes: append([]part{}, changes...)}, nil
	}
	if !strings.HasPrefix(contentType, "application/http") || header.Get("Content-Transfer-Encoding") != "binary" {
		return part{}, errors.New("a part must be application/http with Content-Transfer-Encoding: binary")
	}
	reader := bufio.NewReader(bytes.NewReader(content))
	line, err := reader.ReadString('\n')
	words := strings.Fields(line)
	if err != nil && !errors.Is(err, io.EOF) || len(words) < 2 || len(words[1]) > maxPartURL {
		return part{}, fmt.Errorf("the request line %q is not valid", strings.TrimSpace(line))
	}
	p := part{id: header.Get("Content-ID"), method: words[0], url: words[1]}
	inner, err := textproto.NewReader(reader).ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return part{}, fmt.Errorf("the headers of %s cannot be read: %w", p.url, err)
	}
	p.header = http.Header(inner)
	p.body, err = io.ReadAll(reader)
	p.body = bytes.TrimSpace(p.body)
	return p, err
}

// within makes the call of a part.
func (c *call) within(p part, ids map[string]string) (*call, *apiError) {
	sub := &call{e: c.e, r: c.r, method: p.method, header: p.header, body: p.body, who: c.who, ids: ids, query: url.Values{}}
	link := p.url
	if id, isReference := strings.CutPrefix(strings.TrimPrefix(link, "/"), "$"); isReference && !strings.HasPrefix(id, "batch") {
		name, rest, _ := strings.Cut(id, "/")
		target, known := ids[name]
		if !known {
			return sub, badRequest(codeResource, "Content-ID Reference: '$%s' does not exist in the batch context.", name)
		}
		link = target
		if rest != "" {
			link += "/" + rest
		}
	}
	if i := strings.Index(link, api); i >= 0 {
		link = link[i:]
	} else {
		link = api + "v9.2/" + strings.TrimPrefix(link, "/")
	}
	path, query, _ := strings.Cut(link, "?")
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return sub, badRequest(codeResource, "The URL '%s' of a part cannot be read.", p.url)
	}
	if apiErr := sub.parseURL(decoded, query); apiErr != nil {
		return sub, apiErr
	}
	if len(sub.path) > 0 && sub.path[0].name == "$batch" {
		return sub, badRequest(codeResource, "A batch cannot hold a batch.")
	}
	return sub, nil
}

// single runs a part that stands alone. It returns the status if the part failed.
func (e *Environment) single(c *call, p part, out *bytes.Buffer, boundary string) int {
	sub, err := c.within(p, nil)
	var resp response
	if err != nil {
		resp = sub.failed(err)
	} else {
		resp = e.execute(sub)
	}
	c.touched = append(c.touched, stamped(sub, resp.status)...)
	writePart(out, boundary, "", resp)
	if resp.status >= http.StatusBadRequest {
		return resp.status
	}
	return 0
}

// changeSet runs the parts of a change set as one unit. A failed one answers with one error.
func (e *Environment) changeSet(c *call, set part, out *bytes.Buffer, boundary string, number int) int {
	var answers []response
	unit := &call{e: e, r: c.r, method: c.method, header: c.header, who: c.who, rawPath: c.rawPath}
	resp := e.executeUnit(unit, func() response {
		answers = nil
		ids := map[string]string{}
		for _, p := range set.changes {
			sub, err := unit.within(p, ids)
			if err != nil {
				return sub.failed(err)
			}
			sub.tx = unit.tx
			answer := dispatch(sub)
			if answer.status >= http.StatusBadRequest {
				return answer
			}
			unit.touched = append(unit.touched, stamped(sub, answer.status)...)
			answers = append(answers, answer)
			if where := answer.header["OData-EntityId"]; where != "" && p.id != "" {
				ids[p.id] = where
			} else if p.id != "" {
				ids[p.id] = p.url
			}
		}
		return noContent()
	})
	c.touched = append(c.touched, unit.touched...)
	if resp.status >= http.StatusBadRequest {
		writePart(out, boundary, "", resp)
		return resp.status
	}
	inner := "changesetresponse_" + fixedID("changeset", fmt.Sprint(boundary, number))
	fmt.Fprintf(out, "--%s\r\nContent-Type: multipart/mixed; boundary=%s\r\n\r\n", boundary, inner)
	for i, answer := range answers {
		writePart(out, inner, set.changes[i].id, answer)
	}
	fmt.Fprintf(out, "--%s--\r\n", inner)
	return 0
}

func writePart(out *bytes.Buffer, boundary, id string, resp response) {
	fmt.Fprintf(out, "--%s\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n", boundary)
	if id != "" {
		fmt.Fprintf(out, "Content-ID: %s\r\n", id)
	}
	fmt.Fprintf(out, "\r\nHTTP/1.1 %d %s\r\nOData-Version: 4.0\r\n", resp.status, http.StatusText(resp.status))
	for name, value := range resp.header {
		fmt.Fprintf(out, "%s: %s\r\n", name, value)
		if name == "OData-EntityId" {
			fmt.Fprintf(out, "Location: %s\r\n", value)
		}
	}
	switch body := resp.body.(type) {
	case nil:
		out.WriteString("\r\n\r\n")
	case rawBody:
		fmt.Fprintf(out, "Content-Type: %s\r\n\r\n%s\r\n", body.contentType, body.data)
	default:
		fmt.Fprintf(out, "Content-Type: application/json; odata.metadata=minimal\r\n\r\n%s\r\n", encode(body))
	}
}
