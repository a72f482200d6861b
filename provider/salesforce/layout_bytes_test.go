package salesforce_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"html"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/cosell-sync/terraform-provider-cosell/provider/internal/tfcli"
)

const bytesLayout = "Opportunity-Opportunity Layout"

// layoutService answers the Metadata API for one layout and gives back the very bytes that it was sent. It shares no code with
// the provider, so that a byte which the provider drops, or reads and writes differently, is missed. All other requests go on to
// the organisation.
type layoutService struct {
	t    *testing.T
	base http.RoundTripper

	mu      sync.Mutex
	content string // of the layout's element, as it is kept
	rest    string // what must be left of it without our fragments
	updates []string
	// disturb acts at the n-th update (from 1): it may refuse it as locked, or lose its answer.
	disturb func(n int) disturbance
}

type disturbance int

const (
	undisturbed disturbance = iota
	locked
	answerLost
)

var errNoAnswer = errors.New("the connection ended before the answer came")

// edit is what a person does to the layout: the same to what is kept and to what is expected of the rest. The mutex is held.
func (s *layoutService) edit(from, to string) {
	s.t.Helper()
	if strings.Count(s.rest, from) == 0 {
		s.t.Errorf("the layout does not hold %q, so nothing is edited", from)
	}
	s.content, s.rest = strings.Replace(s.content, from, to, 1), strings.Replace(s.rest, from, to, 1)
}

const (
	soapStart = `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" ` +
		`xmlns="http://soap.sforce.com/2006/04/metadata" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>`
	soapEnd = `</soapenv:Body></soapenv:Envelope>`
)

var (
	namesAsked = regexp.MustCompile(`<fullNames>([^<]*)</fullNames>`)
	layoutSent = regexp.MustCompile(`(?s)<updateMetadata><metadata xsi:type="Layout">(.*)</metadata></updateMetadata>`)
)

// RoundTrip implements [http.RoundTripper].
func (s *layoutService) RoundTrip(request *http.Request) (*http.Response, error) {
	if !strings.Contains(request.URL.Path, "/services/Soap/m/") {
		return s.base.RoundTrip(request)
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	s.mu.Lock()
	defer s.mu.Unlock()
	switch text := string(body); {
	case strings.Contains(text, "<readMetadata><type>Layout</type>"):
		return answer(s.read(text))
	case layoutSent.MatchString(text):
		return s.update(layoutSent.FindStringSubmatch(text)[1])
	default:
		return s.base.RoundTrip(request)
	}
}

func (s *layoutService) read(text string) string {
	records := ""
	for _, name := range namesAsked.FindAllStringSubmatch(text, -1) {
		if html.UnescapeString(name[1]) == bytesLayout {
			records += `<records xsi:type="Layout">` + s.content + `</records>`
		} else {
			records += `<records xsi:nil="true"/>`
		}
	}
	return "<readMetadataResponse><result>" + records + "</result></readMetadataResponse>"
}

func (s *layoutService) update(sent string) (*http.Response, error) {
	s.updates = append(s.updates, sent)
	disturbed := undisturbed
	if s.disturb != nil {
		disturbed = s.disturb(len(s.updates))
	}
	if disturbed == locked {
		return answer(`<updateMetadataResponse><result><errors><message>unable to obtain exclusive access to this record</message><statusCode>UNABLE_TO_LOCK_ROW</statusCode></errors>` +
			`<fullName>` + bytesLayout + `</fullName><success>false</success></result></updateMetadataResponse>`)
	}
	s.content = sent
	s.check()
	if disturbed == answerLost {
		return nil, errNoAnswer
	}
	return answer(`<updateMetadataResponse><result><fullName>` + bytesLayout + `</fullName><success>true</success></result></updateMetadataResponse>`)
}

func answer(content string) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"text/xml; charset=UTF-8"}}, Body: io.NopCloser(strings.NewReader(soapStart + content + soapEnd)),
	}, nil
}

// check compares the rest of what is kept with what it must be. The mutex is held.
func (s *layoutService) check() {
	s.t.Helper()
	rest := withoutFragments(s.content)
	if rest != s.rest {
		at := 0
		for at < len(rest) && at < len(s.rest) && rest[at] == s.rest[at] {
			at++
		}
		s.t.Errorf("the rest of the layout changed at byte %d from\n%q\nto\n%q", at, around(s.rest, at), around(rest, at))
	}
	decoder := xml.NewDecoder(strings.NewReader(soapStart + s.content + soapEnd))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			s.t.Errorf("what was sent is not well-formed: %v\n%s", err, s.content)
			return
		}
	}
}

func around(text string, at int) string { return text[max(0, at-60):min(len(text), at+60)] }

// withoutFragments cuts our section and our list out, and nothing else.
func withoutFragments(content string) string {
	for mark, element := range map[string]string{
		"<label>Microsoft Partner Center</label>":                         "layoutSections",
		"<relatedList>Microsoft_Solution__c.Opportunity__c</relatedList>": "relatedLists",
	} {
		if at := strings.Index(content, mark); at >= 0 {
			start, end := strings.LastIndex(content[:at], "<"+element+">"), at+strings.Index(content[at:], "</"+element+">")+len("</"+element+">")
			content = content[:start] + content[end:]
		}
	}
	return content
}

// shapes are the ways in which the same layout may come.
var shapes = map[string]func(string) string{
	"as people write it":         func(text string) string { return text },
	"on one line, as it comes":   func(text string) string { return regexp.MustCompile(`\n\s*`).ReplaceAllString(text, "") },
	"with carriage returns":      func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") },
	"with tabs and blanks added": func(text string) string { return strings.ReplaceAll(text, "><", ">\t \n<") },
}

// Two fragments of a layout are made, changed at once, and removed, while a person edits the layout between plan and apply, in the
// moment between the provider's read and its write, and after a write whose answer is lost. Of all that is not ours, every byte
// that is sent, and that is there afterwards, is as the person left it.
func TestRestOfALayoutKeepsItsBytes(t *testing.T) {
	for fixture, inShapes := range map[string][]string{
		"sales": {"as people write it", "on one line, as it comes"},
		"feed":  {"on one line, as it comes", "with carriage returns"},
		"older": {"as people write it", "with tabs and blanks added"},
	} {
		for _, shape := range inShapes {
			reshape := shapes[shape]
			t.Run(fixture+" "+shape, func(t *testing.T) {
				t.Parallel()
				content, err := os.ReadFile(filepath.Join("testdata", fixture+".xml"))
				if err != nil {
					t.Fatal(err)
				}
				original := reshape(string(content))
				w := newWorld(t, nil)
				service := &layoutService{t: t, base: newTransport(), content: original, rest: withoutFragments(original)}
				w.filter.base = service
				imports := ""
				if fixture == "older" {
					imports = importBlock(sectionAddress, "Microsoft Partner Center") + importBlock(listAddress, "Microsoft_Solution__c.Opportunity__c")
				}
				restKeepsItsBytes(t, w, service, imports)
			})
		}
	}
}

func importBlock(address, name string) string {
	return "import {\n  to = " + address + "\n  id = \"" + bytesLayout + "/" + name + "\"\n}\n"
}

func restKeepsItsBytes(t *testing.T, w *world, service *layoutService, imports string) {
	t.Helper()
	holding := func(act func()) between {
		return func() {
			service.mu.Lock()
			defer service.mu.Unlock()
			service.updates, service.disturb = nil, nil
			act()
		}
	}
	empty := []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}
	config := func(sectionFields, listFields string) string {
		return imports + fragments("layout_section test:label = \"Microsoft Partner Center\"\nfields = ["+sectionFields+"]",
			"related_list test:list = \"Microsoft_Solution__c.Opportunity__c\"\nfields = ["+listFields+"]\nsort_field = \"NAME\"\nsort_order = \"asc\"")
	}
	w.run(
		resource.TestStep{
			Config: config(`{ name = "IsPrivate" }`, `"NAME"`),
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply: []plancheck.PlanCheck{holding(func() {
					service.edit("<showEmailCheckbox>false<", "<showEmailCheckbox>true<")
					service.disturb = func(n int) disturbance {
						if n != 1 {
							return undisturbed
						}
						// A person's save holds the lock: what the provider has read is no longer what is there.
						service.edit("Opportunity Information", "Opportunity &amp; more")
						return locked
					}
				})},
				PostApplyPostRefresh: empty,
			},
			PostApplyFunc: func() {
				if len(service.updates) != 3 {
					t.Errorf("%d updates were sent, want the refused one, and one for each fragment", len(service.updates))
				}
			},
		},
		resource.TestStep{
			Config: config(`{ name = "IsPrivate" }, { name = "Sync_Status__c", behavior = "readonly" }`, `"NAME", "CREATED_DATE"`),
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply: []plancheck.PlanCheck{tfcli.Changes(sectionAddress, "fields"), tfcli.Changes(listAddress, "fields"), holding(func() {
					service.edit("<sortOrder>Desc</sortOrder>", "")
					service.disturb = func(n int) disturbance {
						if n == 1 {
							return answerLost
						}
						service.check()
						return undisturbed
					}
				})},
				PostApplyPostRefresh: empty,
			},
			PostApplyFunc: func() {
				service.mu.Lock()
				defer service.mu.Unlock()
				if len(service.updates) != 2 {
					t.Errorf("%d updates were sent for two fragments", len(service.updates))
				}
				service.edit("<sizeX>4</sizeX>", "<!-- wider --><sizeX>5</sizeX>") // before destroy
			},
		},
	)
	service.mu.Lock()
	defer service.mu.Unlock()
	service.check()
	if service.content != service.rest {
		t.Errorf("destroy left\n%s\nof what was\n%s", service.content, service.rest)
	}
}
