package dataverse

import (
	"encoding/xml"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Kinds of the authentication of a webhook (register-web-hook).
const (
	authKey    = 4
	authHeader = 5
	authQuery  = 6
	webhook    = 8
)

// maxContext is the size from which the body of a webhook is stripped.
const maxContext = 256 << 10

// endpointRule checks the registration of a webhook.
func endpointRule(w *change) *apiError {
	if w.next.int("contract") != webhook {
		return nil
	}
	target, err := url.Parse(w.next.str("url"))
	if err != nil || target.Scheme != "https" && target.Scheme != "http" || target.Host == "" {
		return badRequest(codeArgument, "The url %q of the webhook is not an absolute URL.", w.next.str("url"))
	}
	kind := w.next.int("authtype")
	if kind != authKey && kind != authHeader && kind != authQuery {
		return badRequest(codeArgument, "The authtype %d is not one of webhooks.", kind)
	}
	if _, valid := readSettings(w.next.str("authvalue")); kind != authKey && !valid && w.c.e.is(switchEndpointSettings, "stored") {
		return badRequest(codeArgument, "The authvalue is not a settings element with name and value pairs.")
	}
	w.next.set("isauthvalueset", w.next.str("authvalue") != "")
	return nil
}

// setting is a header or a query parameter that goes with every webhook.
type setting struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

func readSettings(text string) ([]setting, bool) {
	var settings struct {
		XMLName xml.Name  `xml:"settings"`
		List    []setting `xml:"setting"`
	}
	err := xml.Unmarshal([]byte(text), &settings)
	return settings.List, err == nil && len(settings.List) > 0
}

// stepRule checks the registration of a step.
func stepRule(w *change) *apiError {
	e := w.c.e
	if e.find("serviceendpoint", w.next.ref("eventhandler").id) == nil {
		return badRequest(codeArgument, "The step needs an event handler: a service endpoint.")
	}
	message := e.find("sdkmessage", w.next.ref("sdkmessageid").id)
	if message == nil {
		return nil // the column is required, which is said elsewhere
	}
	if filter := e.find("sdkmessagefilter", w.next.ref("sdkmessagefilterid").id); filter != nil && filter.ref("sdkmessageid").id != message.id {
		return badRequest(codeArgument, "The filter of the step is not one of the message %s.", message.str("name"))
	}
	if w.next.str("filteringattributes") != "" && message.str("name") != "Update" {
		return badRequest(codeArgument, "Filtering attributes are valid for Update only, not for %s.", message.str("name"))
	}
	if w.next.int("mode") == 1 && w.next.int("stage") != 40 {
		return badRequest(codeArgument, "An asynchronous step must be registered in the stage 40.")
	}
	return nil
}

// message is something that happened to a row, which steps can hear.
type message struct {
	name   string
	ent    *entity
	id     string
	before map[string]any
	after  map[string]any
	sent   []string
	row    int64 // version
	tag    string
	user   string
	depth  int
	custom bool            // asynchronous custom logic runs
	skip   map[string]bool // ids of steps that do not run
	at     time.Time
}

// raise notes a message; it is sent when the whole request is applied.
func (c *call) raise(name string, w *change) {
	m := message{
		name: name, ent: w.ent, id: w.next.id, after: w.next.values, sent: slices.Sorted(maps.Keys(w.sent)), row: w.next.version, tag: c.query.Get("tag"),
		user: c.who.id, depth: 1, custom: true, skip: map[string]bool{}, at: c.e.now(),
	}
	if w.old != nil {
		m.before = w.old.values
	}
	if w.own {
		m.depth = 2
	}
	if c.e.reach(c.who, privilegeBypass) == depthOrganization {
		m.custom = !strings.Contains(strings.ToLower(c.header.Get("MSCRM.BypassBusinessLogicExecution")), "customasync")
		if c.e.is(switchBypassSteps, honoured) {
			for id := range strings.SplitSeq(c.header.Get("MSCRM.BypassBusinessLogicExecutionStepIds"), ",") {
				m.skip[strings.ToLower(strings.TrimSpace(id))] = true
			}
		}
	}
	c.tx.events = append(c.tx.events, m)
}

// announce hands messages to the steps that hear them. The lock is held.
func (e *Environment) announce(messages []message) {
	for _, m := range messages {
		for _, step := range e.table("sdkmessageprocessingstep").all() {
			if step.int("statecode") == 0 && m.custom && !m.skip[step.id] && e.hears(step, m) {
				e.outbox.push(e.context(step, m))
			}
		}
	}
}

// hears says whether a step is registered for a message.
func (e *Environment) hears(step *record, m message) bool {
	name := e.nameOf(step.ref("sdkmessageid"))
	if name != m.name {
		return false
	}
	if filter := e.find("sdkmessagefilter", step.ref("sdkmessagefilterid").id); filter != nil && filter.str("primaryobjecttypecode") != m.ent.logical {
		return false
	}
	wanted := step.str("filteringattributes")
	if m.name != "Update" || wanted == "" {
		return true
	}
	for column := range strings.SplitSeq(wanted, ",") {
		if slices.Contains(m.sent, strings.TrimSpace(column)) {
			return true
		}
	}
	return false
}

// context makes the delivery of a message to a step: the body is a RemoteExecutionContext (use-webhooks).
func (e *Environment) context(step *record, m message) delivery {
	endpoint := e.find("serviceendpoint", step.ref("eventhandler").id)
	operation := guidOf([]byte(step.id), []byte(m.id), []byte(plain(m.row)), []byte(m.name))
	correlation := guidOf([]byte("correlation"), []byte(m.id), []byte(plain(m.row)))
	body := map[string]any{
		"BusinessUnitId": e.names.businessUnit, "CorrelationId": correlation, "Depth": m.depth, "InitiatingUserId": m.user, "UserId": m.user,
		"InputParameters": e.inputs(m), "IsExecutingOffline": false, "IsInTransaction": false, "IsOfflinePlayback": false, "IsolationMode": 1,
		"MessageName": m.name, "Mode": step.int("mode"), "OperationCreatedOn": jsonDate(m.at), "OperationId": operation,
		"OrganizationId": e.names.organization, "OrganizationName": e.opts.Name, "OutputParameters": []any{},
		"OwningExtension": map[string]any{"Id": step.id, "LogicalName": "sdkmessageprocessingstep", "Name": step.str("name"), "KeyAttributes": []any{}, "RowVersion": nil},
		"ParentContext":   nil, "PostEntityImages": e.images(step, m, false), "PreEntityImages": e.images(step, m, true), "PrimaryEntityId": m.id,
		"PrimaryEntityName": m.ent.logical, "RequestId": correlation, "SecondaryEntityName": "none", "SharedVariables": shared(m), "Stage": step.int("stage"),
	}
	data, large := encode(body), false
	if len(data) > maxContext {
		large = true
		body["InputParameters"], body["PreEntityImages"], body["PostEntityImages"], body["ParentContext"] = []any{}, []any{}, []any{}, nil
		data = encode(body)
	}
	return delivery{
		step: step.id, name: step.str("name"), url: endpoint.str("url"), auth: endpoint.int("authtype"), secret: endpoint.str("authvalue"), body: data, message: m.name,
		table: m.ent.logical, id: m.id, large: large, correlation: correlation, organization: e.opts.Name, autoDelete: step.yes("asyncautodelete"),
	}
}

func shared(m message) []any {
	if m.tag == "" {
		return []any{}
	}
	return []any{map[string]any{"key": "tag", "value": m.tag}}
}

func (e *Environment) inputs(m message) []any {
	if m.name == "Delete" {
		return []any{map[string]any{"key": "Target", "value": map[string]any{
			"__type": "EntityReference:http://schemas.microsoft.com/xrm/2011/Contracts", "Id": m.id, "KeyAttributes": []any{}, "LogicalName": m.ent.logical,
			"Name": nil, "RowVersion": nil,
		}}}
	}
	columns := m.sent
	if m.name == "Create" {
		columns = slices.Sorted(maps.Keys(m.after))
	} else {
		columns = append(slices.Clone(columns), "modifiedon", "modifiedby")
	}
	return []any{map[string]any{"key": "Target", "value": e.contract(m, m.after, columns)}}
}

// contract is a row in the form of the platform's data contracts.
func (e *Environment) contract(m message, values map[string]any, columns []string) map[string]any {
	attributes := []any{}
	formatted := []any{}
	rec := &record{table: e.table(m.ent.logical), id: m.id, values: values}
	for _, name := range columns {
		a := m.ent.attributes[name]
		if a == nil || a.writeOnly {
			continue
		}
		attributes = append(attributes, map[string]any{"key": name, "value": e.contractValue(a, values[name])})
		if text := e.formatted(rec, a); text != "" && values[name] != nil {
			formatted = append(formatted, map[string]any{"key": name, "value": text})
		}
	}
	attributes = append(attributes, map[string]any{"key": m.ent.primaryID, "value": m.id})
	return map[string]any{
		"__type": "Entity:http://schemas.microsoft.com/xrm/2011/Contracts", "Attributes": attributes, "EntityState": nil, "FormattedValues": formatted,
		"Id": m.id, "KeyAttributes": []any{}, "LogicalName": m.ent.logical, "RelatedEntities": []any{}, "RowVersion": plain(m.row),
	}
}

func (e *Environment) contractValue(a *attribute, value any) any {
	const space = ":http://schemas.microsoft.com/xrm/2011/Contracts"
	switch v := value.(type) {
	case ref:
		return map[string]any{"__type": "EntityReference" + space, "Id": v.id, "KeyAttributes": []any{}, "LogicalName": v.table, "Name": e.nameOf(v), "RowVersion": nil}
	case int64:
		if a.kind == kindPicklist || a.kind == kindState || a.kind == kindStatus {
			return map[string]any{"__type": "OptionSetValue" + space, "Value": v}
		}
	case float64:
		if a.kind == kindMoney {
			return map[string]any{"__type": "Money" + space, "Value": v}
		}
	case string:
		if a.kind == kindDateTime {
			for _, form := range []string{timeForm, time.DateOnly} {
				if t, err := time.Parse(form, v); err == nil {
					return jsonDate(t)
				}
			}
		}
	}
	return value
}

func jsonDate(t time.Time) string { return "/Date(" + plain(t.UnixMilli()) + ")/" }

// images are the copies of the row that are registered with a step.
func (e *Environment) images(step *record, m message, before bool) []any {
	list := []any{}
	values := m.after
	if before {
		values = m.before
	}
	for _, image := range e.table("sdkmessageprocessingstepimage").with("sdkmessageprocessingstepid", ref{"sdkmessageprocessingstep", step.id}) {
		kind := image.int("imagetype")
		if values == nil || kind != 2 && (kind == 0) != before || !before && m.name == "Delete" || before && m.name == "Create" {
			continue
		}
		columns := slices.Sorted(maps.Keys(values))
		if wanted := image.str("attributes"); wanted != "" {
			columns = strings.Split(wanted, ",")
		}
		list = append(list, map[string]any{"key": image.str("entityalias"), "value": e.contract(m, values, columns)})
	}
	return list
}
