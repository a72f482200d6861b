package dataverse

import "github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"

// Values that several switches share.
const (
	accepted = "accepted"
	refused  = "refused"
	honoured = "honoured"
	ignored  = "ignored"
)

// Identifiers of the switches. What the references leave open is a switch; everything else is fixed.
const (
	switchMetadataPatch    = "dataverse.metadata_patch_status"
	switchMetadataLock     = "dataverse.metadata_lock_error"
	switchMetadataCache    = "dataverse.metadata_cache"
	switchColumnLag        = "dataverse.column_lag"
	switchPrefixCode       = "dataverse.schema_prefix_code"
	switchShorten          = "dataverse.shorten_text_column"
	switchDependency       = "dataverse.dependency_error"
	switchReferenceType    = "dataverse.connection_reference_type"
	switchPublishElements  = "dataverse.publish_other_elements"
	switchFormError        = "dataverse.invalid_form_code"
	switchFormMatch        = "dataverse.form_if_match"
	switchBindCase         = "dataverse.variable_bind_lower_case"
	switchInvoker          = "dataverse.child_flow_invoker_connections"
	switchChildOff         = "dataverse.child_flow_off_under_parent"
	switchDefaultReason    = "dataverse.close_default_reason"
	switchRuleStatus       = "dataverse.refused_rule_status"
	switchTrackOpportunity = "dataverse.opportunity_change_tracking"
	switchShortLived       = "dataverse.created_and_deleted"
	switchExpiredStatus    = "dataverse.expired_token_status"
	switchEndpointSettings = "dataverse.endpoint_settings_check"
	switchBypassSteps      = "dataverse.bypass_step_ids"
	switchWinMessages      = "dataverse.win_messages"
	switchRequired         = "dataverse.required_columns"
	switchNullKeys         = "dataverse.null_key_values"
	switchNewApplication   = "dataverse.new_application_user"
	switchMicrosoftPrefix  = "dataverse.microsoft_solution_prefix"
	switchFlowRuns         = "dataverse.flow_run_rows"
)

func sw(id, title, section, def string, others ...string) lab.Switch {
	return lab.Switch{ID: id, Title: title, Reference: "dataverse " + section, Default: def, Values: append([]string{def}, others...)}
}

// Switches is the table of every point on the paths of this package that the references leave open.
func Switches() []lab.Switch {
	return []lab.Switch{
		sw(switchMetadataPatch, "HTTP status of PATCH on a metadata definition", "§2.0, §8.1", "405", "501"),
		sw(switchMetadataLock, "two changes of metadata at once: they queue, or the second is refused with the code of a concurrent import",
			"§2.0", "queued", codeSolutionImport),
		sw(switchMetadataCache, "how old a metadata read without Consistency: Strong may be", "§2.0", "none", "30s"),
		sw(switchColumnLag, "how long rows do not know a new column yet", "§2.0", "none", "3s"),
		sw(switchPrefixCode, "code for a schema name without a customization prefix", "§2.1, §8.9", codeSchemaName, codeArgument),
		sw(switchShorten, "a smaller MaxLength for a text column", "§2.2", accepted, refused),
		sw(switchDependency, "answer to a delete that other components depend on: code and HTTP status", "§2.2, §8.9",
			codeCannotDelete+"/405", codeCannotDelete+"/400", codeOperation+"/405"),
		sw(switchReferenceType, "component type number of connection references, as the environment is made with", "§2.6, §8.7", "10112", "10043"),
		sw(switchPublishElements, "ribbons, dashboards, sitemaps and web resources in PublishXml", "§2.7", accepted, refused),
		sw(switchFormError, "code for form XML that is not valid", "§2.8", codeArgument, codeUnexpected),
		sw(switchFormMatch, "If-Match against the draft of a form", "§8.6", honoured, ignored),
		sw(switchBindCase, "the lower-case name of the navigation property in binds of environmentvariablevalues", "§2.9, §8.2", refused, accepted),
		sw(switchInvoker, "turning on a parent whose child flow uses the invoker's connections", "§2.10", accepted, refused),
		sw(switchChildOff, "turning off a child flow whose parent is on", "§2.10, §8.10", accepted, refused),
		sw(switchDefaultReason, "Status -1 of WinOpportunity and LoseOpportunity", "§3.7", accepted, refused),
		sw(switchRuleStatus, "HTTP status of what the rules of the sales tables refuse", "§3.12", "400", "403"),
		sw(switchTrackOpportunity, "change tracking of opportunity, as the environment is made with", "§4.1, §8.12", "off", "on"),
		sw(switchShortLived, "a row that was made and deleted between two reads of changes", "§4.1", "deleted", "absent"),
		sw(switchExpiredStatus, "HTTP status of an expired token of change tracking", "§3.12, §8.8", "400", "410"),
		sw(switchEndpointSettings, "when authvalue settings that are not XML are noticed: when stored, or never, the header being left out",
			"§4.2, §8.3", "stored", "never"),
		sw(switchBypassSteps, "BypassBusinessLogicExecutionStepIds for webhook steps", "§3.11, §8.4", honoured, ignored),
		sw(switchWinMessages, "messages of closing an opportunity that steps hear", "§4.2, §8.11", "update", "win_and_update", "win"),
		sw(switchRequired, "who enforces ApplicationRequired on business tables: screens only, or the Web API too", "§2.0, §3.7", "screens", "api"),
		sw(switchNullKeys, "rows without a value in an alternate key", "§7.1", "exempt", "unique"),
		sw(switchNewApplication, "how long a new application user is not yet known", "§1.2", "0s", "10m"),
		sw(switchMicrosoftPrefix, "prefix of the columns and tables of Microsoft's solution", "§7, §8.13", "msft", "msp"),
		sw(switchFlowRuns, "when the run of a flow gets its row in flowruns: when it begins, with the status Running and no end, or when it has ended",
			"§2.10", "begin", "end"),
	}
}
