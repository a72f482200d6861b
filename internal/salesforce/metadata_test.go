package salesforce

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
)

func envelopeOf(content string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="http://soap.sforce.com/2006/04/metadata" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>` +
		content + `</soapenv:Body></soapenv:Envelope>`
}

func faultOf(code, text, detail string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sf="http://soap.sforce.com/2006/04/metadata"><soapenv:Body><soapenv:Fault><faultcode>` +
		code + `</faultcode><faultstring>` + text + `</faultstring>` + detail + `</soapenv:Fault></soapenv:Body></soapenv:Envelope>`
}

const envelopeHead = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
	`<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">` +
	`<soapenv:Header xmlns="http://soap.sforce.com/2006/04/metadata"><SessionHeader><sessionId>00D000000000001!session&lt;1&gt;</sessionId></SessionHeader>` +
	`<CallOptions><client>cosell-agent/a1</client></CallOptions></soapenv:Header><soapenv:Body xmlns="http://soap.sforce.com/2006/04/metadata">`

func TestReadMetadata(t *testing.T) {
	f := newFake(t)
	f.reply(soap, 200, envelopeOf(`<readMetadataResponse><result><records xsi:type="CustomField"><fullName>Opportunity.Audit__c</fullName><label>Audit &amp; more</label><length>100000</length><type>LongTextArea</type></records><records xsi:nil="true"/><records/></result></readMetadataResponse>`))
	got, err := f.client().ReadMetadata(t.Context(), "CustomField", "Opportunity.Audit__c", "Opportunity.None__c", "Opportunity.A<B")
	if err != nil || len(got) != 1 || got[0].Type != "CustomField" || got[0].FullName != "Opportunity.Audit__c" || got[0].Node.ChildText("label") != "Audit & more" {
		t.Errorf("%+v %v", got, err)
	}
	request := f.last()
	want := envelopeHead + `<readMetadata><type>CustomField</type><fullNames>Opportunity.Audit__c</fullNames><fullNames>Opportunity.None__c</fullNames><fullNames>Opportunity.A&lt;B</fullNames></readMetadata></soapenv:Body></soapenv:Envelope>`
	if request.body != want {
		t.Errorf("got  %s\nwant %s", request.body, want)
	}
	if request.header.Get("Content-Type") != "text/xml; charset=UTF-8" || request.header.Get("SOAPAction") != `""` || request.header.Get("Authorization") != "" {
		t.Error(request.header)
	}
}

func TestReadMetadataInChunksOfTen(t *testing.T) {
	f := newFake(t)
	f.on(soap, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, envelopeOf(`<readMetadataResponse><result></result></readMetadataResponse>`))
	})
	var names []string
	for i := range 23 {
		names = append(names, fmt.Sprintf("Opportunity.F%d__c", i))
	}
	if got, err := f.client().ReadMetadata(t.Context(), "CustomField", names...); len(got) != 0 || err != nil {
		t.Error(got, err)
	}
	for i, want := range []int{10, 10, 3} {
		if got := strings.Count(f.seen()[i].body, "<fullNames>"); got != want {
			t.Errorf("call %d has %d names", i, got)
		}
	}
}

func TestCreateMetadata(t *testing.T) {
	f := newFake(t)
	f.reply(soap, 200, envelopeOf(`<createMetadataResponse><result><fullName>Opportunity.A__c</fullName><success>true</success></result>`+
		`<result><errors><fields>fullName</fields><fields>label</fields><message>There is already a field named B on Opportunity.</message><statusCode>DUPLICATE_DEVELOPER_NAME</statusCode></errors><fullName>Opportunity.B__c</fullName><success>false</success></result></createMetadataResponse>`))
	length := 100
	a, err := metadata.Encode("CustomField", "Opportunity.A__c", metadata.CustomField{Type: "Text", Length: &length, Label: "A & B"})
	if err != nil {
		t.Fatal(err)
	}
	b := metadata.New("CustomField", "Opportunity.B__c", metadata.NewText("type", "Checkbox"), metadata.NewText("defaultValue", "false"))
	results, err := f.client().CreateMetadata(t.Context(), a, b)
	if err != nil || len(results) != 2 || results[0].Err() != nil || !IsDuplicate(results[1].Err()) || problem.ClassOf(results[1].Err()) != problem.NeedsPerson || IsAmbiguous(results[1].Err()) {
		t.Errorf("%+v %v", results, err)
	}
	if fields := results[1].Errors[0].Fields; len(fields) != 2 {
		t.Error(fields)
	}
	want := envelopeHead + `<createMetadata><metadata xsi:type="CustomField"><fullName>Opportunity.A__c</fullName><label>A &amp; B</label><length>100</length><type>Text</type></metadata>` +
		`<metadata xsi:type="CustomField"><fullName>Opportunity.B__c</fullName><defaultValue>false</defaultValue><type>Checkbox</type></metadata></createMetadata></soapenv:Body></soapenv:Envelope>`
	if got := f.last().body; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestUpdateAndDeleteMetadataOfMissingComponents(t *testing.T) {
	f := newFake(t)
	c := f.client()
	missing := `<errors><message>In field: fullName - no CustomField named Opportunity.X__c found</message><statusCode>INVALID_CROSS_REFERENCE_KEY</statusCode></errors>`
	f.reply(soap, 200, envelopeOf(`<updateMetadataResponse><result>`+missing+`<success>false</success></result></updateMetadataResponse>`))
	results, err := c.UpdateMetadata(t.Context(), metadata.New("CustomField", "Opportunity.X__c"))
	if err != nil || results[0].FullName != "Opportunity.X__c" || !IsNotFound(results[0].Err()) {
		t.Error(results, err)
	}
	f.reply(soap, 200, envelopeOf(`<deleteMetadataResponse><result>`+missing+`<fullName>Opportunity.X__c</fullName><success>false</success></result></deleteMetadataResponse>`))
	if results, err = c.DeleteMetadata(t.Context(), "CustomField", "Opportunity.X__c"); err != nil || !IsNotFound(results[0].Err()) {
		t.Error(results, err)
	}
	if got := f.last().body; !strings.Contains(got, `<deleteMetadata><type>CustomField</type><fullNames>Opportunity.X__c</fullNames></deleteMetadata>`) {
		t.Error(got)
	}
	for message, want := range map[string]bool{
		"no CustomField named Opportunity.X__c found":                                               true,
		"no CustomField named Opportunity.X__c found.":                                              true,
		"In field: fullName - no CustomField named Opportunity.X__c found":                          true,
		"In field: fullName - no Layout named Opportunity-Opportunity Layout found":                 true,
		"In field: field - no CustomField named X found":                                            false,
		"In field: referenceTo - no CustomObject named X__c found":                                  false,
		"Cannot delete: in field: fullName - no CustomField named X found in the referenced layout": false,
	} {
		if err := (&APIError{Errors: []Error{{Code: "INVALID_CROSS_REFERENCE_KEY", Message: message}}}); IsNotFound(err) != want {
			t.Errorf("%q: a missing component %t, want %t", message, !want, want)
		}
	}
}

func TestMetadataCallsAreChecked(t *testing.T) {
	f := newFake(t)
	c := f.client()
	if _, err := c.CreateMetadata(t.Context(), make([]metadata.Component, 11)...); !errors.Is(err, ErrTooMany) {
		t.Error(err)
	}
	if _, err := c.DeleteMetadata(t.Context(), "CustomField", make([]string, 11)...); !errors.Is(err, ErrTooMany) {
		t.Error(err)
	}
	if _, err := c.ListMetadata(t.Context(), "A", "B", "C", "D"); !errors.Is(err, ErrTooMany) {
		t.Error(err)
	}
	if _, err := c.CreateMetadata(t.Context(), metadata.New("CustomField", "A"), metadata.New("CustomObject", "B")); err == nil {
		t.Error("two types in one call were accepted")
	}
	if len(f.seen()) != 0 {
		t.Error("a request went out")
	}
}

func TestListMetadata(t *testing.T) {
	f := newFake(t)
	f.reply(soap, 200, envelopeOf(`<listMetadataResponse><result><createdById>`+userID+`</createdById><createdByName>Integration</createdByName><createdDate>2026-01-01T00:00:00.000Z</createdDate><fileName>objects/Opportunity.object</fileName><fullName>Opportunity.Audit__c</fullName><id>00N000000000001AAA</id><lastModifiedById>`+userID+`</lastModifiedById><lastModifiedDate>2026-01-02T00:00:00.000Z</lastModifiedDate><manageableState>unmanaged</manageableState><type>CustomField</type></result><result xsi:nil="true"/></listMetadataResponse>`))
	got, err := f.client().ListMetadata(t.Context(), "CustomField", "CustomObject")
	if err != nil || len(got) != 1 || got[0].FullName != "Opportunity.Audit__c" || !got[0].LastModifiedDate.Equal(time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v %v", got, err)
	}
	if body := f.last().body; !strings.Contains(body, `<listMetadata><queries><type>CustomField</type></queries><queries><type>CustomObject</type></queries><asOfVersion>66.0</asOfVersion></listMetadata>`) {
		t.Error(body)
	}
}

func TestSOAPSessionIsRenewedAndTheEnvelopeRebuilt(t *testing.T) {
	f := newFake(t)
	f.on(soap, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(f.last().body, "session&lt;1&gt;") && len(f.issued()) == 1 {
			w.WriteHeader(500)
			_, _ = fmt.Fprint(w, faultOf("sf:INVALID_SESSION_ID", "INVALID_SESSION_ID: Invalid Session ID found in SessionHeader: Illegal Session", ""))
			return
		}
		_, _ = fmt.Fprint(w, envelopeOf(`<deleteMetadataResponse><result><fullName>A</fullName><success>true</success></result></deleteMetadataResponse>`))
	})
	results, err := f.client().DeleteMetadata(t.Context(), "CustomField", "A")
	if err != nil || !results[0].Success || len(f.seen()) != 2 || !strings.Contains(f.seen()[1].body, "<sessionId>00D000000000001!session&lt;2&gt;</sessionId>") {
		t.Errorf("%v %v", results, err)
	}
	// REST shares the renewed session.
	f.reply("GET "+data+"/limits", 200, `{}`)
	var group sync.WaitGroup
	c := f.client()
	for range 5 {
		group.Go(func() {
			if _, err := c.Limits(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(f.issued()) != 3 {
		t.Errorf("%d tokens", len(f.issued()))
	}
}

func TestSOAPFaults(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		code   string
		text   string
		class  problem.Class
		unsure bool
	}{
		"sf code":          {500, faultOf("sf:EXCEEDED_ID_LIMIT", "EXCEEDED_ID_LIMIT: record limit reached. cannot submit more than 10 records in this operation", ""), "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 10 records in this operation", problem.NeedsPerson, false},
		"client code":      {500, faultOf("soapenv:Client", "'' is not valid for the type xsd:double", ""), "Client", "'' is not valid for the type xsd:double", problem.NeedsPerson, false},
		"code in text":     {500, faultOf("soapenv:Server", "UNABLE_TO_LOCK_ROW: busy", ""), "UNABLE_TO_LOCK_ROW", "busy", problem.Later, false},
		"setup locked":     {500, faultOf("sf:UNKNOWN", "UNKNOWN: The administration setup has already been locked by another change", ""), "UNKNOWN", "The administration setup has already been locked by another change", problem.Later, false},
		"with detail":      {500, faultOf("sf:UNKNOWN_EXCEPTION", "UNKNOWN_EXCEPTION: x", `<detail><sf:UnexpectedErrorFault xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="sf:UnexpectedErrorFault"><sf:exceptionCode>INSUFFICIENT_ACCESS</sf:exceptionCode><sf:exceptionMessage>use of the Metadata API requires a user with the ModifyAllData permission</sf:exceptionMessage></sf:UnexpectedErrorFault></detail>`), "INSUFFICIENT_ACCESS", "use of the Metadata API requires a user with the ModifyAllData permission", problem.NeedsPerson, false},
		"still no session": {500, faultOf("sf:INVALID_SESSION_ID", "INVALID_SESSION_ID: x", ""), "INVALID_SESSION_ID", "x", problem.Later, false},
		"fault with 200":   {200, faultOf("sf:OPERATION_CONFLICT", "OPERATION_CONFLICT: x", ""), "OPERATION_CONFLICT", "x", problem.Later, false},
		"unknown":          {500, faultOf("sf:UNKNOWN_EXCEPTION", "UNKNOWN_EXCEPTION: An unexpected error occurred", ""), "UNKNOWN_EXCEPTION", "An unexpected error occurred", problem.Later, true},
		"gateway":          {502, `<html><body>bad gateway</body></html>`, "", "", problem.Later, true},
		"bare 500":         {500, ``, "", "", problem.Later, true},
		"unavailable":      {503, `busy`, "", "", problem.Later, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.reply(soap, test.status, test.body)
			_, err := f.client().UpdateMetadata(t.Context(), metadata.New("CustomField", "Opportunity.X__c"))
			var refused *APIError
			if !errors.As(err, &refused) {
				t.Fatalf("%T %v", err, err)
			}
			if test.code != "" && (refused.Errors[0].Code != test.code || refused.Errors[0].Message != test.text) {
				t.Errorf("%+v", refused.Errors)
			}
			if problem.ClassOf(err) != test.class || IsAmbiguous(err) != test.unsure {
				t.Errorf("%v: class %v, ambiguous %t", err, problem.ClassOf(err), IsAmbiguous(err))
			}
		})
	}
}

func TestUnreadableSOAPAnswers(t *testing.T) {
	for _, body := range []string{``, `<a/>`, `<html>`, envelopeOf(``), envelopeOf(`<readMetadataResponse/>`), envelopeOf(`<updateMetadataResponse/>`), `<!DOCTYPE x [<!ENTITY a "b">]><a/>`} {
		f := newFake(t)
		f.reply(soap, 200, body)
		_, err := f.client().UpdateMetadata(t.Context(), metadata.New("CustomField", "Opportunity.X__c"))
		var unreadable *DecodeError
		if !errors.As(err, &unreadable) || !IsAmbiguous(err) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestLostSOAPAnswers(t *testing.T) {
	f := newFake(t)
	f.on(soap, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	c := f.client()
	if _, err := c.CreateMetadata(t.Context(), metadata.New("CustomField", "Opportunity.X__c")); !IsAmbiguous(err) {
		t.Error(err)
	}
	if len(f.seen()) != 1 {
		t.Errorf("a write was sent %d times", len(f.seen()))
	}
	if _, err := c.ReadMetadata(t.Context(), "CustomField", "Opportunity.X__c"); err == nil || IsAmbiguous(err) {
		t.Error(err)
	}
	if len(f.seen()) != 3 {
		t.Errorf("a read was sent %d times", len(f.seen())-1)
	}
}

func FuzzReadEnvelope(f *testing.F) {
	for _, seed := range []string{
		faultOf("sf:INVALID_SESSION_ID", "INVALID_SESSION_ID: x", "<detail><a><exceptionCode>B</exceptionCode></a></detail>"),
		envelopeOf(`<readMetadataResponse><result><records xsi:type="Layout"><fullName>x</fullName></records></result></readMetadataResponse>`),
		"", "<a", "<Envelope><Body><Fault/></Body></Envelope>", "<Envelope><Body><x/></Body>",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		content, fault, err := readEnvelope(body)
		if err == nil && (content == nil) == (fault == nil) {
			t.Errorf("%q: neither or both of content and fault", body)
		}
		if err != nil && (content != nil || fault != nil) {
			t.Errorf("%q: an error with a result", body)
		}
	})
}
