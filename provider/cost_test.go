package provider_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/provider"
)

// meter counts the calls of a walk, and lets each take as long as a service that is far away. In a bubble of testing/synctest that is
// until everybody else has come as far as they can, so that nothing depends on how fast this machine is.
type meter struct {
	next    http.RoundTripper
	latency time.Duration
	every   bool // every call takes so long, and not the metadata's only
	calls   atomic.Int64
}

// RoundTrip implements [http.RoundTripper].
func (m *meter) RoundTrip(request *http.Request) (*http.Response, error) {
	m.calls.Add(1)
	if m.latency > 0 && (m.every || strings.Contains(request.URL.Path, "/Soap/")) {
		timer := time.NewTimer(m.latency)
		defer timer.Stop()
		select {
		case <-request.Context().Done():
			return nil, request.Context().Err()
		case <-timer.C:
		}
	}
	return m.next.RoundTrip(request)
}

// terraform plays the walks of Terraform over fields, in one process: each walk has a provider of its own, and parallelism
// operations go on at the same time.
type terraform struct {
	testing.TB

	w           *world
	parallelism int
	alone       bool
	latency     time.Duration
	everyCall   bool // the latency is every call's; see meter
	kind        tftypes.Object
	states      []*tfprotov6.DynamicValue // by field; nil: it does not exist
	private     [][]byte
}

const fieldType = "cosell_salesforce_custom_field"

func newTerraform(tb testing.TB, w *world, fields int) *terraform {
	tb.Helper()
	server := providerserver.NewProtocol6(provider.New("test", provider.Options{})())()
	schemas, err := server.GetProviderSchema(tb.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		tb.Fatal(err)
	}
	kind, _ := schemas.ResourceSchemas[fieldType].ValueType().(tftypes.Object)
	return &terraform{TB: tb, w: w, parallelism: 10, latency: 50 * time.Millisecond, kind: kind, states: make([]*tfprotov6.DynamicValue, fields), private: make([][]byte, fields)}
}

// objects are those over which the fields are spread.
var costObjects = []string{"Opportunity", "Account", "Contact", "Lead"}

// config is the declaration of a field; nil label: it is to be destroyed.
func (tf *terraform) config(i int, label string) *tfprotov6.DynamicValue {
	values := map[string]tftypes.Value{}
	for name, attribute := range tf.kind.AttributeTypes {
		values[name] = tftypes.NewValue(attribute, nil)
	}
	for name, text := range map[string]string{
		"object": costObjects[i%len(costObjects)], "name": fmt.Sprintf("Field_%d__c", i), "label": label, "type": "text",
	} {
		values[name] = tftypes.NewValue(tftypes.String, text)
	}
	values["length"] = tftypes.NewValue(tftypes.Number, 80)
	values["deletion_protection"] = tftypes.NewValue(tftypes.Bool, false)
	return tf.encode(tftypes.NewValue(tf.kind, values))
}

func (tf *terraform) encode(value tftypes.Value) *tfprotov6.DynamicValue {
	encoded, err := tfprotov6.NewDynamicValue(tf.kind, value)
	if err != nil {
		tf.Fatal(err)
	}
	return &encoded
}

func (tf *terraform) null() *tfprotov6.DynamicValue { return tf.encode(tftypes.NewValue(tf.kind, nil)) }

// proposed is a configuration with what is computed taken from the state, or unknown.
func (tf *terraform) proposed(config, prior *tfprotov6.DynamicValue) *tfprotov6.DynamicValue {
	var wanted, known map[string]tftypes.Value
	tf.as(config, &wanted)
	tf.as(prior, &known)
	for name, attribute := range tf.kind.AttributeTypes {
		switch {
		case !wanted[name].IsNull() || name == "description" || name == "help_text" || name == "default_value" || name == "picklist" || name == "lookup":
		case known != nil:
			wanted[name] = known[name]
		default:
			wanted[name] = tftypes.NewValue(attribute, tftypes.UnknownValue)
		}
	}
	return tf.encode(tftypes.NewValue(tf.kind, wanted))
}

func (tf *terraform) as(encoded *tfprotov6.DynamicValue, into *map[string]tftypes.Value) {
	value, err := encoded.Unmarshal(tf.kind)
	if err == nil && !value.IsNull() {
		err = value.As(into)
	}
	if err != nil {
		tf.Fatal(err)
	}
}

// walk runs an operation for every field and gives the number of calls and the time. A test's walk runs in virtual time.
func (tf *terraform) walk(operation func(server tfprotov6.ProviderServer, i int)) (calls int64, took time.Duration) {
	outside, isTest := tf.TB.(*testing.T)
	if !isTest {
		return tf.walkNow(tf.w.losses.next, operation)
	}
	now := time.Now()
	synctest.Test(outside, func(t *testing.T) {
		time.Sleep(time.Until(now))                           // a bubble begins in the year 2000, where no assertion is valid
		tf.TB = t                                             // whose context belongs to the bubble
		transport := &http.Transport{DisableKeepAlives: true} // a connection that is kept would keep time from passing
		calls, took = tf.walkNow(transport, operation)
		time.Sleep(time.Second) // whoever gathers for a next call sees that there is none
	})
	tf.TB = outside
	return calls, took
}

func (tf *terraform) walkNow(transport http.RoundTripper, operation func(server tfprotov6.ProviderServer, i int)) (calls int64, took time.Duration) {
	m := &meter{next: transport, latency: tf.latency, every: tf.everyCall}
	options := provider.Options{
		Transport: m, Alone: tf.alone,
		LookupEnv: func(name string) (string, bool) { value, ok := tf.w.env[name]; return value, ok },
		Wait:      func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
	server := providerserver.NewProtocol6(provider.New("test", options)())()
	p := &protocol{server: server}
	response, err := server.ConfigureProvider(tf.Context(), &tfprotov6.ConfigureProviderRequest{Config: p.empty(tf.TB, server)})
	if err != nil || told(response.Diagnostics) != "" {
		tf.Fatal(err, told(response.Diagnostics))
	}
	start := time.Now()
	var group sync.WaitGroup
	next := make(chan int)
	for range tf.parallelism {
		group.Go(func() {
			for i := range next {
				operation(server, i)
			}
		})
	}
	for i := range tf.states {
		next <- i
	}
	close(next)
	group.Wait()
	return m.calls.Load(), time.Since(start)
}

func (p *protocol) empty(tb testing.TB, server tfprotov6.ProviderServer) *tfprotov6.DynamicValue {
	tb.Helper()
	schemas, err := server.GetProviderSchema(tb.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		tb.Fatal(err)
	}
	kind, _ := schemas.Provider.ValueType().(tftypes.Object)
	values := map[string]tftypes.Value{}
	for name, attribute := range kind.AttributeTypes {
		values[name] = tftypes.NewValue(attribute, nil)
	}
	encoded, err := tfprotov6.NewDynamicValue(kind, tftypes.NewValue(kind, values))
	if err != nil {
		tb.Fatal(err)
	}
	return &encoded
}

// plan refreshes and plans one field.
func (tf *terraform) plan(server tfprotov6.ProviderServer, i int, label string, refresh bool) *tfprotov6.PlanResourceChangeResponse {
	prior := tf.states[i]
	if prior != nil && refresh {
		read, err := server.ReadResource(tf.Context(), &tfprotov6.ReadResourceRequest{TypeName: fieldType, CurrentState: prior, Private: tf.private[i]})
		if err != nil || told(read.Diagnostics) != "" {
			tf.Error(err, told(read.Diagnostics))
			return nil
		}
		prior, tf.states[i] = read.NewState, read.NewState
	}
	if prior == nil {
		prior = tf.null()
	}
	config, proposed := tf.null(), tf.null()
	if label != "" {
		config = tf.config(i, label)
		proposed = tf.proposed(config, prior)
	}
	planned, err := server.PlanResourceChange(tf.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: fieldType, PriorState: prior, Config: config, ProposedNewState: proposed, PriorPrivate: tf.private[i]})
	if err != nil || told(planned.Diagnostics) != "" {
		tf.Error(err, told(planned.Diagnostics))
		return nil
	}
	return planned
}

// apply plans again and carries it out, as the walk of an apply does. An empty label destroys.
func (tf *terraform) apply(label func(i int) string) (calls int64, took time.Duration) {
	return tf.walk(func(server tfprotov6.ProviderServer, i int) {
		planned := tf.plan(server, i, label(i), false)
		prior := tf.states[i]
		if prior == nil {
			prior = tf.null()
		}
		if planned == nil || tf.same(prior, planned.PlannedState) {
			return
		}
		config := tf.null()
		if label(i) != "" {
			config = tf.config(i, label(i))
		}
		applied, err := server.ApplyResourceChange(tf.Context(), &tfprotov6.ApplyResourceChangeRequest{
			TypeName: fieldType, PriorState: prior, PlannedState: planned.PlannedState, Config: config, PlannedPrivate: planned.PlannedPrivate})
		if err != nil || told(applied.Diagnostics) != "" {
			tf.Error(err, told(applied.Diagnostics))
			return
		}
		tf.states[i], tf.private[i] = applied.NewState, applied.Private
		if label(i) == "" {
			tf.states[i] = nil
		}
	})
}

func (tf *terraform) same(a, b *tfprotov6.DynamicValue) bool {
	before, err := a.Unmarshal(tf.kind)
	after, otherErr := b.Unmarshal(tf.kind)
	return err == nil && otherErr == nil && before.Equal(after)
}

// unchanged plans everything as it is; changes counts the fields that the plan would change.
func (tf *terraform) unchanged() (calls, changes int64, took time.Duration) {
	var changed atomic.Int64
	calls, took = tf.walk(func(server tfprotov6.ProviderServer, i int) {
		if planned := tf.plan(server, i, "Field", true); planned == nil || !tf.same(tf.states[i], planned.PlannedState) {
			changed.Add(1)
		}
	})
	return calls, changed.Load(), took
}

func everyField(label string) func(int) string { return func(int) string { return label } }

// adopt makes fields beside Terraform, ten per call, and the states that an import would give.
func (tf *terraform) adopt() {
	length := 80
	for from := 0; from < len(tf.states); from += 10 {
		for object := range costObjects {
			var components []metadata.Component
			for i := from; i < min(from+10, len(tf.states)); i++ {
				if i%len(costObjects) != object {
					continue
				}
				component, err := metadata.Encode("CustomField", fmt.Sprintf("%s.Field_%d__c", costObjects[object], i), metadata.CustomField{Label: "Field", Type: "Text", Length: &length})
				if err != nil {
					tf.Fatal(err)
				}
				components = append(components, component)
			}
			client, err := tf.w.other.Salesforce(tf.Context())
			if err != nil {
				tf.Fatal(err)
			}
			results, err := client.CreateMetadata(tf.Context(), components...)
			if err != nil {
				tf.Fatal(err)
			}
			for _, result := range results {
				if err := result.Err(); err != nil {
					tf.Fatal(err)
				}
			}
		}
	}
	tf.walk(func(server tfprotov6.ProviderServer, i int) {
		imported, err := server.ImportResourceState(tf.Context(), &tfprotov6.ImportResourceStateRequest{
			TypeName: fieldType, ID: fmt.Sprintf("%s.Field_%d__c", costObjects[i%len(costObjects)], i)})
		if err != nil || told(imported.Diagnostics) != "" {
			tf.Error(err, told(imported.Diagnostics))
			return
		}
		tf.states[i], tf.private[i] = imported.ImportedResources[0].State, imported.ImportedResources[0].Private
		if planned := tf.plan(server, i, "Field", true); planned != nil {
			tf.states[i] = planned.PlannedState // with deletion_protection off
		}
	})
}

// TestCostOfAHundredFields creates, plans, changes and destroys a hundred fields on four objects within the calls that this
// project promises.
func TestCostOfAHundredFields(t *testing.T) {
	t.Parallel()
	tf := newTerraform(t, newWorld(t), 100)
	calls, _ := tf.apply(everyField("Field"))
	within(t, "create", calls, 15)
	calls, changes, _ := tf.unchanged()
	if within(t, "a plan without changes", calls, 3); changes != 0 {
		t.Errorf("the plan changes %d fields", changes)
	}
	calls, _ = tf.apply(func(i int) string {
		if i == 42 {
			return "Other"
		}
		return "Field"
	})
	within(t, "a change of one field", calls, 4)
	calls, _ = tf.apply(everyField(""))
	within(t, "destroy", calls, 15)
}

func within(t *testing.T, what string, calls, target int64) {
	t.Helper()
	t.Logf("%s: %d calls", what, calls)
	if calls > target {
		t.Errorf("%s took %d calls, want %d at most", what, calls, target)
	}
}

// TestCostDoesNotGrow compares a plan without changes over 10 and over 1,000 fields, at the usual parallelism and one by one.
func TestCostDoesNotGrow(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, map[string]string{"salesforce.fls_default": "admin"})
	few, many := newTerraform(t, w, 10), newTerraform(t, w, 1000)
	many.adopt()
	copy(few.states, many.states)
	copy(few.private, many.private)
	for _, parallelism := range []int{10, 1} {
		few.parallelism, many.parallelism = parallelism, parallelism
		little, changed, _ := few.unchanged()
		much, changes, _ := many.unchanged()
		t.Logf("parallelism %d: %d calls for 10 fields, %d for 1,000", parallelism, little, much)
		if much > little+2 {
			t.Errorf("parallelism %d: %d calls for 10 fields and %d for 1,000", parallelism, little, much)
		}
		if changed+changes != 0 {
			t.Errorf("parallelism %d: the plans change %d and %d fields", parallelism, changed, changes)
		}
	}
}

// BenchmarkWalks measures calls and time of whole walks at 50 ms for each call, at Terraform's usual parallelism and one by one, beside
// the same provider without sharing. A thousand fields are left out where everything goes alone and one by one: each of the calls that
// the other rows count would take its 50 ms, and the row shows nothing more.
func BenchmarkWalks(b *testing.B) {
	for _, parallelism := range []int{10, 1} {
		for _, alone := range []bool{false, true} {
			for _, fields := range []int{10, 100, 1000} {
				if alone && fields > 100 && parallelism == 1 {
					continue
				}
				sharing := "shared"
				if alone {
					sharing = "alone"
				}
				b.Run(fmt.Sprintf("parallelism=%d/%s/%d_fields", parallelism, sharing, fields), func(b *testing.B) {
					for b.Loop() {
						measure(b, fields, parallelism, alone)
					}
				})
			}
		}
	}
}

func measure(b *testing.B, fields, parallelism int, alone bool) {
	b.Helper()
	tf := newTerraform(b, newWorldWith(b, nil), fields)
	tf.alone, tf.parallelism, tf.everyCall = alone, parallelism, true
	report := func(what string, calls int64, took time.Duration) {
		b.ReportMetric(float64(calls), what+"-calls")
		b.ReportMetric(took.Seconds(), what+"-s")
	}
	calls, took := tf.apply(everyField("Field"))
	report("create", calls, took)
	calls, _, took = tf.unchanged()
	report("plan", calls, took)
	calls, took = tf.apply(func(i int) string {
		if i == 0 {
			return "Other"
		}
		return "Field"
	})
	report("change", calls, took)
	calls, took = tf.apply(everyField(""))
	report("destroy", calls, took)
}
