package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cosell-sync/terraform-provider-cosell/internal/partnercenter"
)

const maxDepth = 8 // of a webhook's JSON; real ones are flat

// ResourceHosts are the hosts that events name their referrals on (page "Partner Center webhook events", and the referrals
// API itself).
var ResourceHosts = []string{"api.partnercenter.microsoft.com", "api.partner.microsoft.com"}

var referralPath = regexp.MustCompile(
	`^/(?:engagements/v1|v1\.0/engagements)/referrals/([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$`)

// event is a webhook's body (page "Partner Center webhook events"). AuditUri is not read.
type event struct {
	name         string
	resourceURI  string
	resourceName string
	changed      string
}

// parseEvent reads one strict JSON object. Names are compared exactly, and a document that another parser could read
// differently is refused: repeated or case-variant names, invalid UTF-8, lone surrogates, more than one document.
// It returns DocumentMalformed or EventMalformed.
func parseEvent(body []byte) (event, error) {
	if !utf8.Valid(body) || !json.Valid(body) {
		return event{}, DocumentMalformed
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := walk(decoder, 0); err != nil {
		return event{}, DocumentMalformed
	}
	var properties map[string]any
	if err := json.Unmarshal(body, &properties); err != nil || properties == nil {
		return event{}, DocumentMalformed
	}
	var e event
	for name, into := range map[string]*string{
		"EventName": &e.name, "ResourceUri": &e.resourceURI, "ResourceName": &e.resourceName,
		"ResourceChangeUtcDate": &e.changed, "AuditUri": new(string),
	} {
		if !text(properties, name, into) {
			return event{}, EventMalformed
		}
	}
	if e.name == "" {
		return event{}, EventMalformed
	}
	return e, nil
}

// text reads a property that is a string, null or absent. Another spelling of its name is refused.
func text(properties map[string]any, name string, into *string) bool {
	for key := range properties {
		if key != name && fold(key) == fold(name) {
			return false
		}
	}
	switch value := properties[name].(type) {
	case nil:
		return true
	case string:
		*into = value
		return true
	default:
		return false
	}
}

var errNotStrict = errors.New("not strict JSON")

// walk reads one value and refuses depth, repeated names, and what the decoder replaced by U+FFFD.
func walk(decoder *json.Decoder, depth int) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	switch t := token.(type) {
	case string:
		return faithful(t)
	case json.Delim:
		if depth >= maxDepth {
			return errNotStrict
		}
		if t == '{' {
			err = walkObject(decoder, depth+1)
		} else {
			err = walkArray(decoder, depth+1)
		}
		return err
	}
	return nil
}

func walkObject(decoder *json.Decoder, depth int) error {
	seen := make(map[string]bool)
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		name, ok := token.(string)
		if !ok || seen[fold(name)] {
			return errNotStrict
		}
		if err := faithful(name); err != nil {
			return err
		}
		seen[fold(name)] = true
		if err := walk(decoder, depth); err != nil {
			return err
		}
	}
	_, err := decoder.Token() // the closing delimiter
	return err
}

func walkArray(decoder *json.Decoder, depth int) error {
	for decoder.More() {
		if err := walk(decoder, depth); err != nil {
			return err
		}
	}
	_, err := decoder.Token() // the closing delimiter
	return err
}

func faithful(s string) error {
	if strings.ContainsRune(s, utf8.RuneError) {
		return errNotStrict
	}
	return nil
}

// fold maps names that encoding/json takes for equal to one text, the letters that only Unicode folds among them.
func fold(name string) string { return strings.ToLower(strings.ToUpper(name)) }

// referralEvent reports whether the event says that a referral may have changed.
func referralEvent(name string) bool {
	return slices.Contains([]string{
		partnercenter.EventReferralCreated, partnercenter.EventReferralUpdated,
		partnercenter.EventRelatedReferralCreated, partnercenter.EventRelatedReferralUpdated,
	}, name)
}

// referralID takes the referral's id from the event's resource. The address is only read, never called, so the scheme does
// not matter: the service's own samples write http.
func (e event) referralID(hosts []string) (string, bool) {
	u, err := url.Parse(e.resourceURI)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.ForceQuery ||
		u.Fragment != "" || strings.Contains(e.resourceURI, "#") {
		return "", false
	}
	if !slices.Contains(hosts, u.Host) || !strings.EqualFold(e.resourceName, "referral") {
		return "", false
	}
	match := referralPath.FindStringSubmatch(u.EscapedPath())
	if match == nil {
		return "", false
	}
	return match[1], true
}

// timely reports whether the change lies in the window around now.
func (e event) timely(now time.Time) bool {
	var changed partnercenter.Time
	if err := changed.UnmarshalJSON([]byte(strconv.Quote(e.changed))); err != nil || changed.IsZero() {
		return false
	}
	age := now.Sub(changed.Time)
	return age <= OldestEvent && age >= -NewestEvent
}

// judge says what an event means: Accepted with the referral's id, or why there is nothing to do. None of it is the sender's
// fault: a refusal would only make the service repeat it.
func (e event) judge(now time.Time, hosts []string) (referral string, outcome Reason) {
	switch {
	case e.name == partnercenter.EventTestCreated:
		return "", TestEvent
	case !referralEvent(e.name):
		return "", OtherEvent
	}
	id, ok := e.referralID(hosts)
	if !ok {
		return "", OtherResource
	}
	if !e.timely(now) {
		return "", OutsideWindow
	}
	return id, Accepted
}
