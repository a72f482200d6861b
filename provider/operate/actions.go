package operate

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cosell-sync/terraform-provider-cosell/internal/admin"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// Actions lists the constructors of this package's actions.
func Actions() []func() action.Action {
	var all []func() action.Action
	for _, what := range operations {
		all = append(all, func() action.Action { return &operation{operationKind: what} })
	}
	return all
}

// operationKind is one row of the table of actions.
type operationKind struct {
	name        string
	description string
	attributes  map[string]schema.Attribute // beside connector and reason
	run         func(o *operation, ctx context.Context, call *invocation) error
}

// operation is an action on a running agent.
type operation struct {
	operationKind

	remote *remote.Remote
}

// invocation is what one run of an action works with.
type invocation struct {
	client    *admin.Client
	connector string
	who       admin.Who
	config    func(attribute string, into any)
	progress  func(format string, values ...any)
}

const twin = "\n\nThe same is done by the command `%s`, which also serves tools without actions (Terraform before 1.14, OpenTofu)."

var operations = []operationKind{
	{
		name: "agent_backfill",
		description: "Lets the agent look once at all referrals and all opportunities that are shared or wanted to be, and link, share or create what is missing. " +
			"It goes on behind everything that happens meanwhile, within the day's budget of calls." + fmt.Sprintf(twin, "cosell-agent backfill"),
		attributes: map[string]schema.Attribute{"wait": schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether to wait until it is through; default `true`."}},
		run:        (*operation).backfill,
	},
	{
		name: "agent_replay",
		description: "Makes parked deals due again, after what they waited for was mended for many at once." +
			fmt.Sprintf(twin, "cosell-agent replay"),
		attributes: map[string]schema.Attribute{
			"codes": schema.ListAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Only deals with one of these problems, such as `CS101`; all parked deals when left out.",
				Validators: []validator.List{listvalidator.SizeAtLeast(1), listvalidator.ValueStringsAre(stringvalidator.RegexMatches(problemCode, "must be a code such as CS101"))}},
			"dry_run": schema.BoolAttribute{Optional: true, MarkdownDescription: "Only count them; default `false`."},
		},
		run: (*operation).replay,
	},
	{
		name: "agent_reload",
		description: "Lets the agent read its document again, and waits until the wanted one is in force. The document must have reached the agent's file before." +
			fmt.Sprintf(twin, "cosell-agent reload"),
		attributes: map[string]schema.Attribute{"sha256": schema.StringAttribute{Optional: true, MarkdownDescription: "Hash of the document that must be in force afterwards: `agent_config_sha256` of " +
			"`cosell_connector`. Left out, whatever the agent reads is taken."}},
		run: (*operation).reload,
	},
	{
		name: "agent_pause",
		description: "Pauses a connector, or lets it go on. Deals that are under way are finished first, webhooks are still received and stored, and the pause outlives a restart. " +
			"The declaration stays as it is: to switch something off for good, use `cosell_sync_flow`." + fmt.Sprintf(twin, "cosell-agent pause") + " To go on: `cosell-agent resume`.",
		attributes: map[string]schema.Attribute{"paused": schema.BoolAttribute{Optional: true, MarkdownDescription: "`true` (default) pauses, `false` lets the connector go on."}},
		run:        (*operation).pause,
	},
}

// Metadata implements [action.Action].
func (o *operation) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + o.name
}

// Schema implements [action.Action].
func (o *operation) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	attributes := map[string]schema.Attribute{
		"connector": schema.StringAttribute{Optional: true, MarkdownDescription: "Name of the connector; may be left out where the agent runs one only."},
		"reason":    schema.StringAttribute{Optional: true, MarkdownDescription: "Why; the agent keeps it in its history."},
	}
	for name, attribute := range o.attributes {
		attributes[name] = attribute
	}
	resp.Schema = schema.Schema{MarkdownDescription: o.description + "\n\n**Permissions.** The token of the agent's admin API, or being the user who owns its socket.", Attributes: attributes}
}

// Configure implements [action.ActionWithConfigure].
func (o *operation) Configure(_ context.Context, req action.ConfigureRequest, resp *action.ConfigureResponse) {
	o.remote = remote.From(req.ProviderData, &resp.Diagnostics)
}

// by is whom the agent's history names as the person who acts.
const by = "terraform"

// Invoke implements [action.Action].
func (o *operation) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	call := &invocation{
		config: func(attribute string, into any) {
			resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root(attribute), into)...)
		},
		progress: func(format string, values ...any) {
			resp.SendProgress(action.InvokeProgressEvent{Message: fmt.Sprintf(format, values...)})
		},
	}
	var name, reason types.String
	call.config("connector", &name)
	call.config("reason", &reason)
	if resp.Diagnostics.HasError() {
		return
	}
	call.who = admin.Who{By: by, Reason: reason.ValueString()}
	client, err := o.remote.Agent()
	if err == nil {
		call.client = client
		call.connector, err = chosen(ctx, client, name.ValueString())
	}
	if err == nil {
		err = o.run(o, ctx, call)
	}
	if err != nil {
		resp.Diagnostics.AddError("Agent did not do what was asked", detail(err))
	}
}

// followEvery is the pause between two looks at what the agent does.
const followEvery = time.Second

func (o *operation) backfill(ctx context.Context, call *invocation) error {
	var wait types.Bool
	call.config("wait", &wait)
	status, err := call.client.Act(ctx, call.connector, admin.ActBackfill, call.who)
	if err != nil {
		return err
	}
	for wait.IsNull() || wait.ValueBool() {
		b := status.Backfill
		switch {
		case b == nil:
			return nil
		case !status.Running:
			call.progress("no agent works on %s; the next one begins with the backfill", call.connector)
			return nil
		}
		call.progress("%d referrals and %d opportunities looked at%s", b.Position.Referrals, b.Position.Records, waits(b.Waits))
		if b.Ended != "" {
			return nil
		}
		if err := o.remote.Pause(ctx, followEvery); err != nil {
			return fmt.Errorf("stopped waiting; the agent goes on with the backfill: %w", err)
		}
		if status, err = call.client.Status(ctx, call.connector); err != nil {
			return err
		}
	}
	return nil
}

func waits(why string) string {
	if why == "" {
		return ""
	}
	return "; it waits because " + why
}

func (o *operation) replay(ctx context.Context, call *invocation) error {
	var codes []string
	var dryRun types.Bool
	call.config("codes", &codes)
	call.config("dry_run", &dryRun)
	done, err := call.client.Replay(ctx, call.connector, codes, dryRun.ValueBool(), call.who)
	if err != nil {
		return err
	}
	if done.DryRun {
		call.progress("%d parked deals would be tried again", done.Deals)
	} else {
		call.progress("%d parked deals are due again", done.Deals)
	}
	return nil
}

// reloadTries bounds the wait for a document, which is on its way to the agent's file.
const reloadTries = 60

func (o *operation) reload(ctx context.Context, call *invocation) error {
	var wanted types.String
	call.config("sha256", &wanted)
	for try := 1; ; try++ {
		status, err := call.client.Act(ctx, call.connector, admin.ActReload, call.who)
		if err != nil {
			return err
		}
		if wanted.IsNull() || status.SHA256 == wanted.ValueString() {
			call.progress("revision %d is in force, sha256 %s", status.Revision, status.SHA256)
			return nil
		}
		if try == reloadTries {
			return fmt.Errorf("the agent works with the document of sha256 %s (revision %d), not with %s: see that terraform output -raw agent_config reaches the file that it was started with",
				status.SHA256, status.Revision, wanted.ValueString())
		}
		call.progress("still revision %d, sha256 %s", status.Revision, status.SHA256)
		if err := o.remote.Pause(ctx, followEvery); err != nil {
			return err
		}
	}
}

func (o *operation) pause(ctx context.Context, call *invocation) error {
	var paused types.Bool
	call.config("paused", &paused)
	act, state := admin.ActPause, "rests"
	if !paused.IsNull() && !paused.ValueBool() {
		act, state = admin.ActResume, "goes on"
	}
	if _, err := call.client.Act(ctx, call.connector, act, call.who); err != nil {
		return err
	}
	call.progress("%s %s", call.connector, state)
	return nil
}
