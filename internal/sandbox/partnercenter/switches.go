package partnercenter

import "github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"

// The switches of this service; Switches describes them.
const (
	switchCreateStatus       = "partner_center.create_status"
	switchNextLink           = "partner_center.next_link"
	switchDateFilter         = "partner_center.date_filter"
	switchFilterFields       = "partner_center.filter_fields"
	switchTopMaximum         = "partner_center.top_maximum"
	switchCount              = "partner_center.count"
	switchListLag            = "partner_center.list_lag"
	switchLinkGUID           = "partner_center.link_guid"
	switchValidation         = "partner_center.validation"
	switchUnknownProperties  = "partner_center.unknown_properties"
	switchExternalReference  = "partner_center.external_reference_id"
	switchEffectiveType      = "partner_center.effective_type"
	switchHelpCode           = "partner_center.help_code"
	switchSecondCounterpart  = "partner_center.second_counterpart"
	switchCounterpartOwner   = "partner_center.counterpart_owner"
	switchCounterpartListed  = "partner_center.counterpart_listed"
	switchMSXID              = "partner_center.msx_id"
	switchMarketplaceLeads   = "partner_center.marketplace_leads"
	switchPatchPaths         = "partner_center.patch_paths"
	switchPut                = "partner_center.put"
	switchPutWithoutIfMatch  = "partner_center.put_without_if_match"
	switchTerminalStatus     = "partner_center.terminal_status"
	switchCloseFromNew       = "partner_center.close_from_new"
	switchSubstatusError     = "partner_center.substatus_error"
	switchContactAfterShare  = "partner_center.contact_after_share"
	switchFraction           = "partner_center.fraction_digits"
	switchOptionalArrays     = "partner_center.optional_arrays"
	switchEscapedNames       = "partner_center.escaped_names"
	switchClientRequestID    = "partner_center.client_request_id"
	switchAppOnly            = "partner_center.app_only_status"
	switchMFA                = "partner_center.mfa"
	switchUserRole           = "partner_center.user_role"
	switchResourceURI        = "partner_center.resource_uri"
	switchRelatedEventID     = "partner_center.related_event_id"
	switchOwnWriteEvents     = "partner_center.own_write_events"
	switchRegistrationExists = "partner_center.registration_exists_status"
	switchRegistrationNone   = "partner_center.registration_none_status"
	switchRegistrationPut    = "partner_center.registration_put_when_none"
	switchRegistrationCase   = "partner_center.registration_case"
	switchEmptyEvents        = "partner_center.empty_events"
	switchValidationAnswer   = "partner_center.validation_answer"
	switchDeliverySuccess    = "partner_center.delivery_success"
)

// Switches lists every point of the Partner Center reference that its sources leave open, on the paths this service serves.
// The references are sections of partner-center.md.
func Switches() []lab.Switch {
	sw := func(id, title, reference string, values ...string) lab.Switch {
		return lab.Switch{ID: id, Title: title, Reference: "partner-center " + reference, Values: values, Default: values[0]}
	}
	return []lab.Switch{
		sw(switchCreateStatus, "status of a successful POST of a referral", "§1.2", "200", "201"),
		sw(switchNextLink, "@odata.nextLink: as in the documentation's sample (http, no engagements/), or a link that can be followed",
			"§1.3", "http_without_engagements", "complete"),
		sw(switchDateFilter, "gt, ge, lt and le on updatedDateTime and createdDateTime in $filter", "§1.3", "supported", "refused"),
		sw(switchFilterFields, "properties that $filter knows: those of the documentation's examples, or any", "§1.3", "documented", "any"),
		sw(switchTopMaximum, "$top above 100: served in pages of 100, or refused", "§1.3", "paged", "refused"),
		sw(switchCount, "@odata.count: always there, or with $count=true only", "§1.3", "always", "on_request"),
		sw(switchListLag, "time until a new referral shows up in lists", "§1.3", "none", "30s"),
		sw(switchLinkGUID, "engagement id in links.relatedReferrals: unquoted as recorded, or quoted as documented", "§1.5", "unquoted", "quoted"),
		sw(switchValidation, "validation of create and change: the rules of the portal, or only what the API page calls required",
			"§1.6", "strict", "minimal"),
		sw(switchUnknownProperties, "unknown properties in a body", "§1.6", "ignored", "refused"),
		sw(switchExternalReference, "externalReferenceId of a create: kept, or dropped", "§1.6", "kept", "dropped"),
		sw(switchEffectiveType, "type of a new referral: follows the consent to share, or the request", "§1.5", "consent", "request"),
		sw(switchHelpCode, "which POST of a co-sell deal carries the assistance request code", "§7", "either", "first", "second"),
		sw(switchSecondCounterpart, "a further POST to msft in an engagement that has Microsoft's referral", "§1.5", "created", "refused"),
		sw(switchCounterpartOwner, "organizationId of Microsoft's referral: msft, or a GUID (only its target says msft)", "§1.5", "msft", "guid"),
		sw(switchCounterpartListed, "Microsoft's referral in lists: always, or only when the filter names the engagement", "§1.5", "always", "by_engagement"),
		sw(switchMSXID, "referral that gets microsoftMsxId when Microsoft accepts: Microsoft's, or both of the engagement", "§1.5", "counterpart", "both"),
		sw(switchMarketplaceLeads, "marketplace leads in lists", "§1.3", "listed", "hidden"),
		sw(switchPatchPaths, "PATCH paths: those of the connector's definition, or /name too", "§1.2", "listed", "with_name"),
		sw(switchPut, "the deprecated PUT", "§1.2", "served", "gone"),
		sw(switchPutWithoutIfMatch, "status of a PUT without If-Match", "§1.2", "412", "400"),
		sw(switchTerminalStatus, "status of a change to a closed referral", "§1.4", "400", "409"),
		sw(switchCloseFromNew, "substatus with which a new referral can be closed directly", "§1.4", "any", "declined_only"),
		sw(switchSubstatusError, "closing with substatus Error through the API", "§1.4", "accepted", "refused"),
		sw(switchContactAfterShare, "customer contact after help was requested", "§1.5", "editable", "read_only"),
		sw(switchFraction, "fractional digits of times", "§1.6", "7", "6"),
		sw(switchOptionalArrays, "empty optional arrays in answers", "§1.6", "present", "null", "absent"),
		sw(switchEscapedNames, "HTML escapes in deal and customer names of answers", "§6.9", "off", "on"),
		sw(switchClientRequestID, "the client-request-id header", "§1.8", "optional", "required"),
		sw(switchAppOnly, "status for an application's own token on the referrals API", "§3", "403", "401"),
		sw(switchMFA, "tokens without the claim of multi-factor authentication", "§3", "refused", "accepted"),
		sw(switchUserRole, "role of the user who signs in", "§3", "referrals_admin", "none"),
		sw(switchResourceURI, "GET of a webhook's ResourceUri path on the events host", "§1.1", "404", "served"),
		sw(switchRelatedEventID, "referral id in related-referral events: Microsoft's, or the partner's own", "§2.3", "microsoft", "own"),
		sw(switchOwnWriteEvents, "webhooks for changes that came through the API", "§2.3", "on", "off"),
		sw(switchRegistrationExists, "status of a POST when a registration exists", "§2.1", "409", "400"),
		sw(switchRegistrationNone, "status of a GET when no registration exists", "§2.1", "404", "400"),
		sw(switchRegistrationPut, "a PUT when no registration exists: refused with 404, or taken as a create", "§2.1", "404", "created"),
		sw(switchRegistrationCase, "names in registration answers", "§2.1", "camel", "pascal"),
		sw(switchEmptyEvents, "a registration with an empty event list", "§2.2", "accepted", "refused"),
		sw(switchValidationAnswer, "answer to a validation event: an object, or the bare correlation id", "§2.1", "object", "string"),
		sw(switchDeliverySuccess, "answers that end a webhook delivery", "§2.4", "2xx", "200"),
	}
}
