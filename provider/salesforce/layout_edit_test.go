package salesforce

import (
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/internal/sandbox"
	"github.com/cosell-sync/terraform-provider-cosell/internal/wire"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

const seededLayout = "Opportunity-Opportunity Layout"

// newLayoutResource makes what the fragment types share, signed in to an organisation of its own.
func newLayoutResource(t *testing.T) *layoutResource {
	t.Helper()
	s, err := sandbox.New(sandbox.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	env := s.Env()
	return &layoutResource{orgResource{remote.New(remote.Config{
		Transport: wire.NewTransport(nil),
		Salesforce: &remote.SalesforceConfig{
			LoginURL: env["COSELL_SALESFORCE_LOGIN_URL"], ClientID: env["COSELL_SALESFORCE_CLIENT_ID"],
			Username: env["COSELL_SALESFORCE_USERNAME"], PrivateKeyPath: env["COSELL_SALESFORCE_PRIVATE_KEY_FILE"],
		},
	})}}
}

// What was read earlier in the walk is not written back: a person may have changed the layout since.
func TestLayoutIsReadRightBeforeItIsWritten(t *testing.T) {
	t.Parallel()
	r := newLayoutResource(t)
	layout, err := r.find(t.Context(), seededLayout) // kept from now on
	if err != nil {
		t.Fatal(err)
	}
	api, err := r.remote.Salesforce(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	layout.Node.SetChildText("showEmailCheckbox", "true")
	if err := first(api.UpdateMetadata(t.Context(), layout)); err != nil {
		t.Fatal(err)
	}
	files := fragment{relatedLists, "Opportunity", "Opportunity Layout", "RelatedFileList"}
	if err := r.create(t.Context(), files, "", func(_, _ *metadata.Node) error { return nil }); err != nil {
		t.Fatal(err)
	}
	layout, err = r.find(t.Context(), seededLayout)
	if err != nil || layout.Node.ChildText("showEmailCheckbox") != "true" || relatedLists.find(layout.Node, files.name) == nil {
		t.Errorf("the person's edit is lost, or ours: %v: %v", err, layout.Node)
	}
}

// Fragments that are changed at the same time wait for each other.
func TestManyFragmentsAtOnce(t *testing.T) {
	t.Parallel()
	r := newLayoutResource(t)
	names := []string{"RelatedFileList", "RelatedContentNoteList", "RelatedOpportunitySalesTeam", "RelatedQuoteList", "RelatedLineItemList", "RelatedCompetitorList"}
	failures := make(chan error, len(names))
	for _, name := range names {
		go func() {
			f := fragment{relatedLists, "Opportunity", "Opportunity Layout", name}
			failures <- r.create(t.Context(), f, "", func(_, _ *metadata.Node) error { return nil })
		}()
	}
	for range names {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
	layout, err := r.find(t.Context(), seededLayout)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if relatedLists.find(layout.Node, name) == nil {
			t.Errorf("%s is lost: %v", name, relatedLists.names(layout.Node))
		}
	}
}

func TestFragmentsOfLayoutsThatAreGone(t *testing.T) {
	t.Parallel()
	r := newLayoutResource(t)
	f := fragment{layoutSections, "Opportunity", "Gone", "Any"}
	var missing *noLayoutError
	if err := r.update(t.Context(), f, "", nil); !errors.As(err, &missing) || !strings.Contains(err.Error(), `Opportunity has: "Opportunity Layout"`) {
		t.Errorf("update: %v", err)
	}
	if node, err := r.read(t.Context(), f); node != nil || err != nil {
		t.Errorf("read: %v, %v", node, err)
	}
	if err := r.remove(t.Context(), f); err != nil {
		t.Errorf("remove: %v", err)
	}
	f.layout = "Opportunity Layout"
	if err := r.update(t.Context(), f, "", nil); !errors.Is(err, errDeleted) {
		t.Errorf("update of a section that is gone: %v", err)
	}
	if err := r.remove(t.Context(), f); err != nil {
		t.Errorf("remove of a section that is gone: %v", err)
	}
	f.object = "Nothing__c"
	if _, err := r.find(t.Context(), f.layoutName()); err == nil || !strings.Contains(err.Error(), "has no layouts") {
		t.Errorf("layout of an object that does not exist: %v", err)
	}
}

// What the same apply makes is not missed at plan; what nobody makes is.
func TestPlanMissesWhatNobodyMakes(t *testing.T) {
	t.Parallel()
	section := layoutSection{*newLayoutResource(t)}
	plan := sectionModel{
		Object: types.StringValue("Opportunity"), Layout: types.StringValue("Opportunity Layout"), Label: types.StringValue("New"),
		Fields: sectionFields([]sectionFieldModel{
			{types.StringValue("Later__c"), types.StringValue("edit")}, {types.StringValue("NextStep"), types.StringValue("edit")}, {types.StringUnknown(), types.StringUnknown()},
		}),
	}
	warnings := func() (texts string) {
		var diagnostics diag.Diagnostics
		section.plan(t.Context(), plan.fragment(), types.StringValue("Other"), &diagnostics)
		section.checkFields(t.Context(), plan, &diagnostics)
		if diagnostics.HasError() {
			t.Error(diagnostics)
		}
		for _, warning := range diagnostics.Warnings() {
			texts += warning.Detail() + "\n"
		}
		return texts
	}
	if got := warnings(); !strings.Contains(got, "Not found: Opportunity.Later__c.") || !strings.Contains(got, "does not have Other; it has: Opportunity Information") {
		t.Errorf("warnings are: %s", got)
	}
	section.remote.PlansMetadata("CustomField", "Opportunity.Later__c")
	section.remote.PlansMetadata("layoutSections", "Opportunity-Opportunity Layout/Other")
	if got := warnings(); got != "" {
		t.Errorf("warnings are: %s", got)
	}
}
