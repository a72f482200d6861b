package salesforce

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	client "github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

var (
	_ resource.ResourceWithConfigure   = (*packageResource)(nil)
	_ resource.ResourceWithIdentity    = (*packageResource)(nil)
	_ resource.ResourceWithImportState = (*packageResource)(nil)
	_ resource.ResourceWithModifyPlan  = (*packageResource)(nil)
)

// packageResource is cosell_salesforce_package.
type packageResource struct{ orgResource }

// NewPackage makes the resource type cosell_salesforce_package.
func NewPackage() resource.Resource { return new(packageResource) }

// Metadata implements [resource.Resource].
func (r *packageResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_salesforce_package"
}

type packageModel struct {
	ID                 types.String `tfsdk:"id"`
	VersionID          types.String `tfsdk:"version_id"`
	Security           types.String `tfsdk:"security"`
	Name               types.String `tfsdk:"name"`
	Namespace          types.String `tfsdk:"namespace"`
	Version            types.String `tfsdk:"version"`
	CustomFields       types.Set    `tfsdk:"custom_fields"`
	DeletionProtection types.Bool   `tfsdk:"deletion_protection"`
}

const packageDescription = "A package that is installed in the organisation, by the id of one of its versions.\n\n" +
	"Microsoft's own connector brings its fields as a package; `custom_fields` names those that came, so that they can be granted by " +
	"`cosell_salesforce_permission_set`, named in `cosell_connector`, or imported. An organisation needs either such a package or the fields that " +
	"this provider makes itself, not both.\n\n" +
	"Another `version_id` of the same package upgrades it in place; one of another package replaces it. A package that was installed by " +
	"somebody else is not taken over: import it by its package id (033…) or version id (04t…). Versions that need an installation key are not supported, because no attribute carries a secret.\n\n" +
	"**Destroy.** Uninstalling deletes the package's fields with their data. With `deletion_protection` (the default) it fails at plan.\n\n" +
	"**Permissions.** The provider's user needs *Download AppExchange Packages* and *View Setup and Configuration*."

// Values of security, and what the Tooling API calls them.
var securityTypes = map[string]string{"admins_only": "None", "all_users": "Full"}

var versionPattern = regexp.MustCompile(`^04t[A-Za-z0-9]{12}([A-Za-z0-9]{3})?$`)

// Schema implements [resource.Resource].
func (r *packageResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: packageDescription,
		Attributes: map[string]schema.Attribute{
			"id": computedText("Id of the package (033…), which its versions share."),
			"version_id": schema.StringAttribute{Required: true, MarkdownDescription: "Id of the version (04t…), as in the installation link of the publisher.",
				Validators: []validator.String{stringvalidator.RegexMatches(versionPattern, "must be the id of a package version: 04t and 12 or 15 characters more")}},
			"security": schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString("admins_only"),
				MarkdownDescription: "Who sees what an installation brings: `admins_only` (default) or `all_users`. It counts for the next installation or upgrade.",
				Validators:          []validator.String{stringvalidator.OneOf("admins_only", "all_users")}},
			"name":      computedText("Name of the package."),
			"namespace": computedText("Namespace of the package; empty for one without."),
			"version":   computedText("Number of the version, for example `1.4.0.2`."),
			"custom_fields": schema.SetAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Full names of the custom fields that the installation brought, for example `Opportunity.Sync_with_Partner_Center__c`. After an import: those of the package's namespace."},
			"deletion_protection": schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Whether destroying (uninstalling) or replacing fails at plan. Default `true`."},
		},
	}
}

// IdentitySchema implements [resource.ResourceWithIdentity].
func (r *packageResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"org_id":     orgIdentity(),
		"package_id": identityschema.StringAttribute{RequiredForImport: true, Description: "Id of the package (033…)."},
	}}
}

// packageVersion is a row of SubscriberPackageVersion (Tooling API).
type packageVersion struct {
	ID                      string
	SubscriberPackageID     string
	Name                    string
	MajorVersion            int
	MinorVersion            int
	PatchVersion            int
	BuildNumber             int
	InstallValidationStatus string
}

func (v packageVersion) number() string {
	return fmt.Sprintf("%d.%d.%d.%d", v.MajorVersion, v.MinorVersion, v.PatchVersion, v.BuildNumber)
}

// query reads rows of a Tooling object.
func query[T any](ctx context.Context, r *remote.Remote, statement string) (rows []T, err error) {
	api, err := r.Salesforce(ctx)
	if err != nil {
		return nil, err
	}
	err = r.Retry(ctx, func(ctx context.Context) error {
		rows, err = client.Query[T](ctx, api.Tooling(), statement)
		return err
	})
	return rows, err
}

// version looks a version up. Only one at a time can be asked for.
func (r *packageResource) version(ctx context.Context, id string) (v packageVersion, found bool, err error) {
	rows, err := query[packageVersion](ctx, r.remote, "SELECT Id, SubscriberPackageId, Name, MajorVersion, MinorVersion, PatchVersion, BuildNumber, InstallValidationStatus "+
		"FROM SubscriberPackageVersion WHERE Id = "+client.Quote(id))
	if err != nil || len(rows) == 0 {
		return v, false, err
	}
	return rows[0], true, nil
}

type installedPackage struct{ SubscriberPackageID, SubscriberPackageVersionID string }

// installed finds the package of an id, or that of which a version is named.
func (r *packageResource) installed(ctx context.Context, id string) (p installedPackage, found bool, err error) {
	rows, err := query[installedPackage](ctx, r.remote, "SELECT SubscriberPackageId, SubscriberPackageVersionId FROM InstalledSubscriberPackage")
	for _, row := range rows {
		if client.SameID(row.SubscriberPackageID, id) || client.SameID(row.SubscriberPackageVersionID, id) {
			return row, true, err
		}
	}
	return p, false, err
}

// describe fills what follows from a version.
func (r *packageResource) describe(ctx context.Context, m *packageModel, v packageVersion) error {
	packages, err := query[struct{ Name, NamespacePrefix string }](ctx, r.remote,
		"SELECT Name, NamespacePrefix FROM SubscriberPackage WHERE Id = "+client.Quote(v.SubscriberPackageID))
	if err != nil {
		return err
	}
	m.ID, m.Name, m.Version, m.Namespace = types.StringValue(v.SubscriberPackageID), types.StringValue(v.Name), types.StringValue(v.number()), types.StringValue("")
	if len(packages) > 0 {
		m.Name, m.Namespace = types.StringValue(packages[0].Name), types.StringValue(packages[0].NamespacePrefix)
	}
	return nil
}

// ModifyPlan implements [resource.ResourceWithModifyPlan].
func (r *packageResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var plan packageModel
	var state *packageModel
	if !req.State.Raw.IsNull() {
		state = new(packageModel)
		resp.Diagnostics.Append(req.State.Get(ctx, state)...)
	}
	if req.Plan.Raw.IsNull() {
		if state != nil && state.DeletionProtection.ValueBool() {
			addProtected(&resp.Diagnostics, "package", state.Name.ValueString(), "uninstalled")
		}
		return
	}
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() || plan.VersionID.IsUnknown() || !r.reachable(ctx, &resp.Diagnostics) {
		return
	}
	if state != nil && client.SameID(plan.VersionID.ValueString(), state.VersionID.ValueString()) {
		plan.ID, plan.Name, plan.Namespace, plan.Version, plan.CustomFields = state.ID, state.Name, state.Namespace, state.Version, state.CustomFields
		resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
		return
	}
	v, found, err := r.version(ctx, plan.VersionID.ValueString())
	if err == nil && found {
		err = r.describe(ctx, &plan, v)
	}
	switch {
	case err != nil:
		resp.Diagnostics.AddError("Package version could not be read", remote.Detail(err))
		return
	case !found:
		resp.Diagnostics.AddAttributeError(path.Root("version_id"), "Package version does not exist",
			fmt.Sprintf("Salesforce knows no package version %s, or it is not available to this organisation. Take the id from the publisher's installation link.", plan.VersionID.ValueString()))
		return
	case state != nil && !client.SameID(v.SubscriberPackageID, state.ID.ValueString()):
		resp.RequiresReplace = path.Paths{path.Root("version_id")}
		if plan.DeletionProtection.ValueBool() {
			addProtected(&resp.Diagnostics, "package", state.Name.ValueString(), "replaced, because version_id is of another package")
		}
	}
	plan.CustomFields = types.SetUnknown(types.StringType)
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
}

// Create implements [resource.Resource].
func (r *packageResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan packageModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	v, found, err := r.version(ctx, plan.VersionID.ValueString())
	if err == nil && !found {
		err = fmt.Errorf("salesforce knows no package version %s", plan.VersionID.ValueString())
	}
	var there bool
	if err == nil {
		_, there, err = r.installed(ctx, v.SubscriberPackageID)
	}
	if err == nil && there {
		resp.Diagnostics.AddError("Salesforce package is installed already",
			fmt.Sprintf("%s was not installed by this configuration and is left alone. To manage it, import it:\n\n  terraform import cosell_salesforce_package.<name> %s", v.Name, v.SubscriberPackageID))
		return
	}
	if err == nil {
		err = r.describe(ctx, &plan, v)
	}
	if err == nil {
		err = r.install(ctx, &plan, nil)
	}
	if err != nil {
		resp.Diagnostics.AddError("Salesforce package was not installed", remote.Detail(fmt.Errorf("%s: %w", plan.VersionID.ValueString(), err)))
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, plan.identity())
}

func (m *packageModel) identity() map[string]string {
	return map[string]string{"package_id": m.ID.ValueString()}
}

// Read implements [resource.Resource].
func (r *packageResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state packageModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	live, found, err := r.installed(ctx, state.ID.ValueString())
	if err == nil && found {
		err = r.refresh(ctx, &state, live)
	}
	if err != nil {
		resp.Diagnostics.AddError("Salesforce package could not be read", remote.Detail(err))
		return
	}
	r.identify(ctx, resp.Identity, &resp.Diagnostics, state.identity()) // the framework wants it of one that is gone, too
	if !found {
		resp.State.RemoveResource(ctx)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &state)...)
}

// refresh takes over the installed version. The spelling of the same id is kept.
func (r *packageResource) refresh(ctx context.Context, m *packageModel, live installedPackage) error {
	if same := client.SameID(m.VersionID.ValueString(), live.SubscriberPackageVersionID); !same || m.Version.IsNull() {
		v, _, err := r.version(ctx, live.SubscriberPackageVersionID)
		if err != nil {
			return err
		}
		if err := r.describe(ctx, m, v); err != nil {
			return err
		}
		if !same {
			m.VersionID = types.StringValue(live.SubscriberPackageVersionID)
		}
	}
	fields, err := r.remote.ListMetadata(ctx, "CustomField")
	if err != nil {
		return err
	}
	if m.CustomFields.IsNull() {
		m.CustomFields = stringSet(ofNamespace(fields, m.Namespace.ValueString()))
		return nil
	}
	known := elements(m.CustomFields.Elements())
	m.CustomFields = stringSet(slices.DeleteFunc(fields, func(name string) bool { return !slices.Contains(known, name) }))
	return nil
}

// ofNamespace gives the fields whose name begins with a namespace; none without one.
func ofNamespace(fields []string, namespace string) []string {
	return slices.DeleteFunc(slices.Clone(fields), func(fullName string) bool {
		_, name, _ := strings.Cut(fullName, ".")
		return namespace == "" || !strings.HasPrefix(name, namespace+"__")
	})
}

func stringSet(values []string) types.Set {
	set := []attr.Value{}
	for _, value := range values {
		set = append(set, types.StringValue(value))
	}
	return types.SetValueMust(types.StringType, set)
}

// Update implements [resource.Resource].
func (r *packageResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state packageModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !client.SameID(plan.VersionID.ValueString(), state.VersionID.ValueString()) {
		if err := r.install(ctx, &plan, elements(state.CustomFields.Elements())); err != nil {
			resp.Diagnostics.AddError("Salesforce package was not upgraded", remote.Detail(fmt.Errorf("%s: %w", plan.VersionID.ValueString(), err)))
			return
		}
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.identify(ctx, resp.Identity, &resp.Diagnostics, plan.identity())
}

// Delete implements [resource.Resource]. A package that is gone already is no failure.
func (r *packageResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state packageModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	live, found, err := r.installed(ctx, state.ID.ValueString())
	if err == nil && found {
		err = r.request(ctx, "SubscriberPackageVersionUninstallRequest", map[string]any{"SubscriberPackageVersionId": live.SubscriberPackageVersionID}, func(ctx context.Context) (bool, error) {
			_, still, err := r.installed(ctx, state.ID.ValueString())
			return !still, err
		})
	}
	if err != nil {
		resp.Diagnostics.AddError("Salesforce package was not uninstalled", remote.Detail(fmt.Errorf("%s: %w", state.Name.ValueString(), err)))
	}
}

// ImportState implements [resource.ResourceWithImportState]. The id is that of the package (033…) or of its version (04t…).
func (r *packageResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	id := req.ID
	if id == "" && req.Identity != nil {
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("package_id"), &id)...)
		r.sameOrg(ctx, req.Identity, &resp.Diagnostics)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	live, found, err := r.installed(ctx, id)
	switch {
	case err != nil:
		resp.Diagnostics.AddError("Salesforce package could not be read", remote.Detail(err))
	case !found:
		resp.Diagnostics.AddError("Salesforce package is not installed",
			fmt.Sprintf("No installed package has the id %q. The id is that of the package (033…) or of the installed version (04t…).", id))
	default:
		for attribute, value := range map[string]any{
			"id": live.SubscriberPackageID, "version_id": live.SubscriberPackageVersionID, "security": "admins_only", "deletion_protection": true,
		} {
			resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(attribute), value)...)
		}
	}
}

// install installs or upgrades, and fills in the fields that came; brought are those of the version before.
func (r *packageResource) install(ctx context.Context, m *packageModel, brought []string) error {
	before, err := r.remote.ListMetadata(ctx, "CustomField")
	if err != nil {
		return err
	}
	id := m.VersionID.ValueString()
	err = r.request(ctx, "PackageInstallRequest", map[string]any{
		"SubscriberPackageVersionKey": id, "NameConflictResolution": "Block", "PackageInstallSource": "U", "EnableRss": false,
		"SecurityType": securityTypes[m.Security.ValueString()],
	}, func(ctx context.Context) (bool, error) {
		live, there, err := r.installed(ctx, m.ID.ValueString())
		return there && client.SameID(live.SubscriberPackageVersionID, id), err
	})
	if err != nil {
		return err
	}
	r.remote.Changed()
	after, err := r.remote.ListMetadata(ctx, "CustomField")
	if err != nil {
		return err
	}
	m.CustomFields = stringSet(slices.DeleteFunc(after, func(name string) bool { return slices.Contains(before, name) && !slices.Contains(brought, name) }))
	return nil
}

const (
	packagePollEvery = 5 * time.Second
	packagePolls     = 240 // twenty minutes
)

// packageRequest is a row that says how far Salesforce is.
type packageRequest struct {
	Status string
	Errors *struct {
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
}

// request starts what takes Salesforce minutes, and follows it. Whether a lost answer had an effect is told by the outcome.
func (r *packageResource) request(ctx context.Context, object string, body map[string]any, done func(context.Context) (bool, error)) error {
	defer r.remote.Lock(remote.LockMetadata)()
	api, err := r.remote.Salesforce(ctx)
	if err != nil {
		return err
	}
	var id client.ID
	err = r.remote.Retry(ctx, func(ctx context.Context) error {
		id, err = api.Tooling().Create(ctx, object, body)
		return err
	})
	if err != nil && !client.IsAmbiguous(err) {
		return err
	}
	started := err == nil
	for range packagePolls {
		if started {
			settled, err := r.poll(ctx, api, object, string(id))
			if settled || err != nil {
				return err
			}
		} else if ok, readErr := done(ctx); ok || readErr != nil {
			return readErr
		}
		if err := r.remote.Pause(ctx, packagePollEvery); err != nil {
			return err
		}
	}
	if !started {
		return err
	}
	return fmt.Errorf("salesforce has not finished the request %s; it goes on there: see Installed Packages in Setup, and apply again", id)
}

func (r *packageResource) poll(ctx context.Context, api *client.Client, object, id string) (settled bool, err error) {
	var row packageRequest
	if err := r.remote.Retry(ctx, func(ctx context.Context) error { return api.Tooling().Get(ctx, object, id, nil, &row) }); err != nil {
		return false, err
	}
	tflog.Info(ctx, "package request", map[string]any{"object": object, "id": id, "status": row.Status})
	switch strings.ToUpper(row.Status) {
	case "SUCCESS":
		return true, nil
	case "ERROR":
		return true, errors.New("salesforce refused it: " + row.messages())
	default:
		return false, nil
	}
}

func (p packageRequest) messages() string {
	var texts []string
	if p.Errors != nil {
		for _, e := range p.Errors.Errors {
			texts = append(texts, e.Message)
		}
	}
	if len(texts) == 0 {
		return "it gives no reason; see the e-mail that Salesforce sent to the provider's user"
	}
	return strings.Join(texts, "; ")
}
