package salesforce

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"golang.org/x/oauth2"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
)

const envelopeStart = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
	`<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="` +
	metadata.InstanceNamespace + `"><soapenv:Header xmlns="` + metadata.Namespace + `">`

// soapCall is one Metadata API request; write gives the operation's children.
type soapCall struct {
	operation string
	read      bool
	write     func(*bytes.Buffer)
}

// callSOAP sends a Metadata API request and gives the children of the response element. The envelope is built anew when
// the session is renewed, because the session id is part of it.
func (c *Client) callSOAP(ctx context.Context, request soapCall) ([]*metadata.Node, error) {
	name := "metadata " + request.operation
	response, err := c.soap.Do(ctx, func(token *oauth2.Token) (wire.Request, error) {
		if isJWT(token.AccessToken) {
			return wire.Request{}, ErrJWTAccessToken
		}
		instance, err := instanceOf(token)
		if err != nil {
			return wire.Request{}, err
		}
		return wire.Request{
			Operation: name, Method: http.MethodPost, URL: instance.String() + "/services/Soap/m/" + c.config.APIVersion,
			Header: http.Header{"Content-Type": {"text/xml; charset=UTF-8"}, "Soapaction": {`""`}, "Accept": {"text/xml"}},
			Body:   c.envelope(token.AccessToken, request), Read: request.read,
		}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("salesforce: %w", err)
	}
	content, fault, err := readEnvelope(response.Body)
	if response.Status >= 200 && response.Status <= 299 && fault == nil {
		if err == nil && content.Name() != request.operation+"Response" {
			err = fmt.Errorf("the body holds %s", content.Name())
		}
		if err != nil {
			return nil, &DecodeError{Operation: name, Err: err, ambiguous: !request.read}
		}
		return content.Children(), nil
	}
	refusal := &APIError{
		Operation: name, Method: http.MethodPost, Status: response.Status,
		ClientRequestID: response.ClientRequestID, RetryAfter: response.RetryAfter, settled: request.read,
	}
	if fault != nil {
		refusal.Errors = []Error{*fault}
	}
	return nil, refusal
}

func (c *Client) envelope(sessionID string, request soapCall) []byte {
	var b bytes.Buffer
	b.WriteString(envelopeStart)
	b.WriteString("<SessionHeader>")
	writeElement(&b, "sessionId", sessionID)
	b.WriteString("</SessionHeader>")
	if c.config.CallerName != "" {
		b.WriteString("<CallOptions>")
		writeElement(&b, "client", c.config.CallerName)
		b.WriteString("</CallOptions>")
	}
	b.WriteString(`</soapenv:Header><soapenv:Body xmlns="` + metadata.Namespace + `"><` + request.operation + ">")
	request.write(&b)
	b.WriteString("</" + request.operation + "></soapenv:Body></soapenv:Envelope>")
	return b.Bytes()
}

func writeElement(b *bytes.Buffer, name, text string) {
	b.WriteString("<" + name + ">")
	_ = xml.EscapeText(b, []byte(text)) // a buffer never fails to take bytes
	b.WriteString("</" + name + ">")
}

// readEnvelope gives the first element of the SOAP body, or the fault in it.
func readEnvelope(body []byte) (content *metadata.Node, fault *Error, err error) {
	root, err := metadata.Parse(body)
	if err != nil {
		return nil, nil, err
	}
	if root.Name() != "Envelope" || root.Child("Body") == nil || len(root.Child("Body").Children()) == 0 {
		return nil, nil, errors.New("no SOAP envelope with a body")
	}
	content = root.Child("Body").Children()[0]
	if content.Name() == "Fault" {
		f := readFault(content)
		return nil, &f, nil
	}
	return content, nil, nil
}

var faultText = regexp.MustCompile(`(?s)^\s*([A-Z][A-Z0-9_]+): (.*)$`)

// readFault finds the code in detail's exceptionCode, in faultcode (sf:CODE), or before the colon of faultstring.
func readFault(fault *metadata.Node) Error {
	_, code, qualified := strings.Cut(strings.TrimSpace(fault.ChildText("faultcode")), ":")
	if !qualified {
		code = strings.TrimSpace(fault.ChildText("faultcode"))
	}
	e := Error{Code: code, Message: strings.TrimSpace(fault.ChildText("faultstring"))}
	if parts := faultText.FindStringSubmatch(e.Message); parts != nil {
		e.Message = parts[2]
		if code == "" || code == "Client" || code == "Server" {
			e.Code = parts[1]
		}
	}
	detail := fault.Child("detail")
	if detail == nil {
		return e
	}
	for _, exception := range detail.Children() {
		if code := exception.ChildText("exceptionCode"); code != "" {
			e.Code = strings.TrimSpace(code)
		}
		if message := exception.ChildText("exceptionMessage"); message != "" {
			e.Message = message
		}
	}
	return e
}

// soapSessionExpired reads the fault: SOAP answers 500 to an invalid session.
func soapSessionExpired(response wire.Response) bool {
	if response.Status == http.StatusUnauthorized {
		return true
	}
	if response.Status < 400 || !bytes.Contains(response.Body, []byte("INVALID_SESSION_ID")) {
		return false
	}
	_, fault, err := readEnvelope(response.Body)
	return err == nil && fault != nil && fault.Code == "INVALID_SESSION_ID"
}
