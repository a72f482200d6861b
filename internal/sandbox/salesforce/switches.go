package salesforce

import "github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"

// Values that several switches share.
const (
	on  = "on"
	off = "off"
)

// Identifiers of the switches. What the references leave open is a switch; everything else is fixed.
const (
	switchTokenFormat        = "salesforce.token_format"
	switchJWTCeiling         = "salesforce.jwt_exp_ceiling"
	switchBadClientStatus    = "salesforce.bad_client_status"
	switchSessionExpiry      = "salesforce.session_expiry"
	switchMultiCurrency      = "salesforce.multi_currency"
	switchCountryPicklists   = "salesforce.state_country_picklists"
	switchConditional        = "salesforce.conditional_requests"
	switchBatchSize          = "salesforce.query_batch_size"
	switchCompositeQueries   = "salesforce.composite_query_limit"
	switchPrimaryRole        = "salesforce.primary_contact_role"
	switchRoleTouchesParent  = "salesforce.child_change_touches_parent"
	switchUpdatedGranularity = "salesforce.updated_granularity"
	switchDefaultAccess      = "salesforce.fls_default"
	switchRequiredFieldFLS   = "salesforce.fls_required_field_error"
	switchHiddenFieldRead    = "salesforce.metadata_hidden_field_read"
	switchDeletedName        = "salesforce.deleted_field_name"
	switchDuplicateCode      = "salesforce.metadata_duplicate_code"
	switchElementOrder       = "salesforce.metadata_element_order"
	switchMetadataUpdate     = "salesforce.metadata_update"
	switchMetadataLock       = "salesforce.metadata_lock_error"
	switchSettingsName       = "salesforce.settings_full_name"
	switchSettingsUpdate     = "salesforce.settings_update"
	switchDisableTeams       = "salesforce.disable_opportunity_teams"
	switchValueRemoval       = "salesforce.value_set_removal"
	switchDetailSharing      = "salesforce.master_detail_sharing"
	switchRelatedListCheck   = "salesforce.related_list_dependency"
	switchLayoutName         = "salesforce.layout_name_encoding"
	switchToolingSettings    = "salesforce.tooling_settings_query"
	switchToolingDelete      = "salesforce.tooling_field_delete"
	switchCallOptions        = "salesforce.composite_call_options"
	switchEventIdleClose     = "salesforce.event_idle_close"
	switchUndeleteValues     = "salesforce.event_undelete_values"
	switchFieldLimit         = "salesforce.custom_fields_per_object"
)

func sw(id, title, section, def string, others ...string) lab.Switch {
	return lab.Switch{ID: id, Title: title, Reference: "salesforce.md " + section, Default: def, Values: append([]string{def}, others...)}
}

// Switches is the table of every point on the paths of this package that the references leave open.
func Switches() []lab.Switch {
	return []lab.Switch{
		sw(switchTokenFormat, "format of access tokens; with jwt the SOAP APIs refuse them", "§1.4", "opaque", "jwt"),
		sw(switchJWTCeiling, "how far ahead the exp claim of a JWT assertion may be", "§1.2", "none", "5m", "3m"),
		sw(switchBadClientStatus, "HTTP status of the token endpoint for a wrong client id or secret", "§1.5", "400", "401"),
		sw(switchSessionExpiry, "whether use prolongs a session", "§1.6", "inactivity", "absolute"),
		sw(switchMultiCurrency, "multiple currencies: CurrencyIsoCode and CurrencyType exist", "§3.5", off, on),
		sw(switchCountryPicklists, "state and country picklists: the code fields exist and are checked", "§3.5", off, on),
		sw(switchConditional, "If-Modified-Since and If-Unmodified-Since on rows", "§3.2", "supported", "ignored"),
		sw(switchBatchSize, "Sforce-Query-Options: batchSize", "§3.2", "honoured", "ignored"),
		sw(switchCompositeQueries, "query and collection subrequests that one composite request may hold", "§3.1", "5", "none"),
		sw(switchPrimaryRole, "a second primary contact role on an opportunity", "§3.5", "demotes_first", "rejected", "allowed"),
		sw(switchRoleTouchesParent, "a change to a child row moves the SystemModstamp of its opportunity", "§4.1", "no", "yes"),
		sw(switchUpdatedGranularity, "resolution of start and end of the updated and deleted resources", "§4.1", "minute", "second"),
		sw(switchDefaultAccess, "who may see a new custom field or object before a permission set grants it", "§2.5, §7", "none", "admin"),
		sw(switchRequiredFieldFLS, "error for a FieldPermissions row on a required or master-detail field", "§2.10",
			"FIELD_INTEGRITY_EXCEPTION", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
		sw(switchHiddenFieldRead, "readMetadata of a field that the caller has no access to", "§8.3", "full", "empty"),
		sw(switchDeletedName, "whether the name of a deleted field can be used again at once", "§2.5, §8.4", "freed", "kept"),
		sw(switchDuplicateCode, "statusCode of createMetadata for a name that exists", "§2.3", "DUPLICATE_DEVELOPER_NAME", "DUPLICATE_VALUE"),
		sw(switchElementOrder, "whether metadata elements must come in the order of the WSDL", "§2.3", "any", "wsdl"),
		sw(switchMetadataUpdate, "what updateMetadata does to attributes that are left out", "§2.5", "replace", "merge"),
		sw(switchMetadataLock, "code of the fault for setup that another change has locked", "§2.13, §8.5",
			"UNABLE_TO_LOCK_ROW", "OPERATION_CONFLICT", "UNKNOWN_EXCEPTION"),
		sw(switchSettingsName, "full name of settings in metadata calls: Opportunity or OpportunitySettings", "§2.8, §8.2", "short", "type_name"),
		sw(switchSettingsUpdate, "what updateMetadata does to settings that are left out", "§8.2", "merge", "replace"),
		sw(switchDisableTeams, "switching Opportunity Teams off through metadata", "§2.8, §8.8", "allowed", "refused"),
		sw(switchValueRemoval, "a value that an update of a GlobalValueSet leaves out", "§2.12", "deactivated", "removed"),
		sw(switchDetailSharing, "sharing model of an object with a master-detail field", "§2.6", "converted", "required"),
		sw(switchRelatedListCheck, "a related list whose feature is switched off", "§2.7", "accepted", "rejected"),
		sw(switchLayoutName, "special characters in the full name of a layout, as listed and read back", "§2.7", "plain", "percent"),
		sw(switchToolingSettings, "settings objects in Tooling queries", "§2.2", "supported", "unsupported"),
		sw(switchToolingDelete, "DELETE on a Tooling CustomField", "§2.2", "unsupported", "supported"),
		sw(switchCallOptions, "whether the client named on a composite or collection request is part of changeOrigin", "§4.6, §8.6", "honoured", "ignored"),
		sw(switchEventIdleClose, "how long a subscription stays open that has asked for no further events", "§4.3, §8.9", "70s", "none"),
		sw(switchFieldLimit, "how many custom fields the edition allows on an object", "§5", "500", "5", "800"),
		sw(switchUndeleteValues, "whether the event of an undeleted row has its values", "§4.2", "none", "all"),
	}
}
