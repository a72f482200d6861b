package partnercenter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

// CreateReferral sends the body's exact bytes (source: "Create a referral"). A co-sell deal takes two calls: the partner's
// own referral, then Microsoft's with the first one's engagementId. After an error for which [IsAmbiguous] holds the
// referral may exist.
func (c *Client) CreateReferral(ctx context.Context, body json.RawMessage) (*Referral, error) {
	request := call{operation: "create referral", method: http.MethodPost, url: c.collection(), body: body}
	response, err := c.do(ctx, &c.referrals, request)
	if err != nil {
		return nil, err
	}
	return decodeReferral(request, response)
}

// GetReferral reads one referral (source: "Get a referral by ID"). [IsNotFound] holds when it does not exist.
func (c *Client) GetReferral(ctx context.Context, id string) (*Referral, error) {
	address, err := c.item(id)
	if err != nil {
		return nil, err
	}
	request := call{operation: "get referral", method: http.MethodGet, url: address}
	response, err := c.do(ctx, &c.referrals, request)
	if err != nil {
		return nil, err
	}
	return decodeReferral(request, response)
}

// PatchReferral applies a JSON Patch, which may only add and replace (source: "Patch a referral"); the body's exact bytes
// are sent, see [EncodePatch]. A non-empty etag goes out as If-Match: [IsConflict] then holds when the referral changed
// meanwhile. The result is nil when the service applied the patch but sent no representation (204).
func (c *Client) PatchReferral(ctx context.Context, id, etag string, patch json.RawMessage) (*Referral, error) {
	address, err := c.item(id)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Prefer": {"return=representation"}}
	if etag != "" {
		header.Set("If-Match", etag)
	}
	request := call{operation: "patch referral", method: http.MethodPatch, url: address, header: header, body: patch}
	response, err := c.do(ctx, &c.referrals, request)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(response.Body)) == 0 {
		return nil, nil
	}
	return decodeReferral(request, response)
}

// Op is one operation of a JSON Patch.
type Op struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// Replace sets a property, e.g. /details/dealValue.
func Replace(path string, value any) Op { return Op{Op: "replace", Path: path, Value: value} }

// Add sets a property or, with a path that ends in /-, appends to an array.
func Add(path string, value any) Op { return Op{Op: "add", Path: path, Value: value} }

// EncodePatch gives the bytes of a JSON Patch, the same for the same operations.
func EncodePatch(ops ...Op) (json.RawMessage, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(ops); err != nil {
		return nil, fmt.Errorf("partner center: encode patch: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// ListReferrals yields the referrals that a query selects, page by page (source: "Get a list of referrals"). An error
// that is a [*DecodeError] with an ID concerns that one referral and the iteration goes on; any other error ends it.
func (c *Client) ListReferrals(ctx context.Context, query Query) iter.Seq2[*Referral, error] {
	return func(yield func(*Referral, error) bool) {
		seen := map[string]bool{}
		options := query.encode()
		for {
			seen[options] = true
			page, err := c.page(ctx, options)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, raw := range page.Value {
				referral, err := decodeItem(raw)
				if !yield(referral, err) {
					return
				}
			}
			if page.NextLink == "" {
				return
			}
			if options, err = nextOptions(page.NextLink); err == nil && seen[options] {
				err = errors.New("the next page is one that was already read")
			}
			if err != nil {
				yield(nil, &DecodeError{Operation: "list referrals", Err: err})
				return
			}
		}
	}
}

type page struct {
	Value    List[json.RawMessage] `json:"value"`
	NextLink string                `json:"@odata.nextLink"`
}

func (c *Client) page(ctx context.Context, options string) (page, error) {
	address := c.collection()
	if options != "" {
		address += "?" + options
	}
	request := call{operation: "list referrals", method: http.MethodGet, url: address}
	response, err := c.do(ctx, &c.referrals, request)
	if err != nil {
		return page{}, err
	}
	var p page
	if err := json.Unmarshal(response.Body, &p); err != nil {
		return page{}, &DecodeError{Operation: request.operation, Err: err}
	}
	return p, nil
}

// nextOptions takes only the query of a next link: the documented sample's scheme is http, its path lacks a segment, and
// a token must never go to an address that an answer names. Bytes that may not stand in a query are escaped; the opaque
// rest is left as it is.
func nextOptions(link string) (string, error) {
	_, options, found := strings.Cut(link, "?")
	options, _, _ = strings.Cut(options, "#")
	if !found || options == "" {
		return "", errors.New("next link has no query")
	}
	if !strings.Contains(strings.ToLower(strings.ReplaceAll(options, "%24", "$")), "$skip") {
		return "", errors.New("next link has no skip token")
	}
	var b strings.Builder
	for i := range len(options) {
		if ch := options[i]; ch <= ' ' || ch >= 0x7f || strings.IndexByte("\"<>\\^`{|}", ch) >= 0 {
			fmt.Fprintf(&b, "%%%02X", ch)
		} else {
			b.WriteByte(ch)
		}
	}
	return b.String(), nil
}

func (c *Client) collection() string { return c.base.String() + "/referrals" }

func (c *Client) item(id string) (string, error) {
	if id == "" || id == "." || id == ".." {
		return "", errors.New("partner center: referral id is empty or not an id")
	}
	return c.collection() + "/" + url.PathEscape(id), nil
}

func decodeReferral(request call, response wire.Response) (*Referral, error) {
	var referral Referral
	err := json.Unmarshal(response.Body, &referral)
	if err == nil && referral.ID == "" {
		err = errors.New("it has no id")
	}
	if err != nil {
		return nil, &DecodeError{Operation: request.operation, ID: idOf(response.Body), Err: err, ambiguous: request.method != http.MethodGet}
	}
	if referral.ETag == "" {
		referral.ETag = response.Header.Get("ETag")
	}
	return &referral, nil
}

func decodeItem(raw json.RawMessage) (*Referral, error) {
	var referral Referral
	if err := json.Unmarshal(raw, &referral); err != nil {
		return nil, &DecodeError{Operation: "list referrals", ID: idOf(raw), Err: err}
	}
	return &referral, nil
}

func idOf(raw []byte) string {
	var named struct {
		ID Text `json:"id"`
	}
	if json.Unmarshal(raw, &named) != nil {
		return ""
	}
	return string(named.ID)
}
