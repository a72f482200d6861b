package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	readTimeout = 10 * time.Second
	largestBody = 16 << 20
)

// record is a remote object, flattened: details.dealValue, details.requirements.solutions.0.id, Account.Name.
// Null and absent are both "", numbers have no trailing zeros.
type record map[string]string

// statusError is an answer other than 200.
type statusError struct {
	status int
	body   string
}

func (e *statusError) Error() string { return fmt.Sprintf("HTTP %d: %s", e.status, e.body) }

// reader reads JSON with a bearer token that it fetches once.
type reader struct {
	client http.Client
	base   string
	token  string
}

// fetchToken posts a form to an OAuth token endpoint.
func fetchToken(ctx context.Context, endpoint string, form url.Values) (string, error) {
	r := reader{client: http.Client{Timeout: readTimeout}}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("token endpoint: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if err := r.do(request, &answer); err != nil {
		return "", fmt.Errorf("fetch a token from %s: %w", endpoint, err)
	}
	if answer.AccessToken == "" {
		return "", fmt.Errorf("the answer of %s has no access_token", endpoint)
	}
	return answer.AccessToken, nil
}

// get reads a path below the base; query may be nil.
func (r *reader) get(ctx context.Context, path string, query url.Values, into any) error {
	address := r.base + path
	if len(query) > 0 {
		address += "?" + strings.ReplaceAll(query.Encode(), "+", "%20")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("address %s: %w", address, err)
	}
	request.Header.Set("Authorization", "Bearer "+r.token)
	request.Header.Set("Accept", "application/json")
	if err := r.do(request, into); err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	return nil
}

func (r *reader) do(request *http.Request, into any) error {
	response, err := r.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, largestBody))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return &statusError{response.StatusCode, clip(string(body))}
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("decode the answer: %w", err)
	}
	return nil
}

// flatten turns decoded JSON into a record.
func flatten(object map[string]any) record {
	flat := record{}
	for name, value := range object {
		flat.add(name, value)
	}
	return flat
}

func (r record) add(path string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			r.add(path+"."+name, inner)
		}
	case []any:
		r[path+".length"] = strconv.Itoa(len(v))
		for i, inner := range v {
			r.add(path+"."+strconv.Itoa(i), inner)
		}
	case json.Number:
		r[path] = plainNumber(v.String())
	case bool:
		r[path] = strconv.FormatBool(v)
	case string:
		r[path] = v
	}
}

// plainNumber writes a number without exponent and trailing zeros, so that 250000, 250000.00 and 2.5e5 are equal.
func plainNumber(number string) string {
	const digits = 6
	value, ok := new(big.Rat).SetString(number)
	if !ok {
		return number
	}
	text := value.FloatString(digits)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
