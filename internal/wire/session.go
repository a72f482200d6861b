package wire

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"golang.org/x/oauth2"
)

// Session sends requests that carry a token, and renews the token once when the service says that it is not valid.
type Session struct {
	Client *Client
	Tokens *Tokens
	// Expired tells an answer that refuses the token itself from one that refuses the request.
	Expired func(Response) bool
}

// Do builds the request with the current token and sends it. When the answer refuses the token, the token is renewed,
// the request built anew (a token may be part of the body) and sent once more; a refused request was not applied, so
// this holds for writes too.
func (s *Session) Do(ctx context.Context, build func(*oauth2.Token) (Request, error)) (Response, error) {
	token, err := s.Tokens.Token(ctx)
	if err != nil {
		return Response{}, err
	}
	response, err := s.send(ctx, token, build)
	if err != nil || !s.Expired(response) {
		return response, err
	}
	if token, err = s.Tokens.Renew(ctx, token); err != nil {
		return Response{}, err
	}
	return s.send(ctx, token, build)
}

func (s *Session) send(ctx context.Context, token *oauth2.Token, build func(*oauth2.Token) (Request, error)) (Response, error) {
	request, err := build(token)
	if err != nil {
		return Response{}, err
	}
	return s.Client.Do(ctx, request)
}

// http gives the answer in the form of net/http.
func (r Response) http(request *http.Request) *http.Response {
	return &http.Response{
		Status: http.StatusText(r.Status), StatusCode: r.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.Header, Body: io.NopCloser(bytes.NewReader(r.Body)), ContentLength: int64(len(r.Body)), Request: request,
	}
}

func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	defer r.Body.Close()
	return io.ReadAll(r.Body)
}
