package problem

// 1xx: a deal cannot be shared as it is. 2xx: one side refused a change. 3xx: which records belong together.
// 4xx: configuration. 5xx: the network and the remote systems.
const (
	SolutionMissing     Code = "CS101"
	CountryInvalid      Code = "CS102"
	ContactMissing      Code = "CS103"
	DealValueMissing    Code = "CS104"
	CurrencyMissing     Code = "CS105"
	CloseDateMissing    Code = "CS106"
	CustomerMissing     Code = "CS107"
	AddressIncomplete   Code = "CS108"
	TeamIncomplete      Code = "CS109"
	AlreadyClosed       Code = "CS110"
	DealNameMissing     Code = "CS111"
	HelpUnknown         Code = "CS112"
	ReferralRefused     Code = "CS201"
	OpportunityRefused  Code = "CS202"
	AccessDenied        Code = "CS203"
	ReferralClosed      Code = "CS204"
	RecordDeleted       Code = "CS205"
	NameNotShared       Code = "CS206"
	ConflictDecided     Code = "CS207"
	VisibilityKept      Code = "CS208"
	HoldNotShared       Code = "CS209"
	ReadOnlyRestored    Code = "CS210"
	MicrosoftDeclined   Code = "CS211"
	ValueWithheld       Code = "CS212"
	LastSolutionKept    Code = "CS213"
	HelpKept            Code = "CS214"
	HelpNotNeeded       Code = "CS215"
	MicrosoftAccepted   Code = "CS216"
	MicrosoftExpired    Code = "CS217"
	MicrosoftClosed     Code = "CS218"
	ConflictWaits       Code = "CS219"
	MappingFailed       Code = "CS220"
	OpportunityClosed   Code = "CS221"
	BoundElsewhere      Code = "CS301"
	CreateUnknown       Code = "CS302"
	AccountAmbiguous    Code = "CS303"
	AccountMissing      Code = "CS304"
	LeadNotShared       Code = "CS305"
	OutOfScope          Code = "CS306"
	LeadWithoutDeal     Code = "CS307"
	DocumentVersion     Code = "CS401"
	DocumentInvalid     Code = "CS402"
	WrongAccount        Code = "CS403"
	FieldMissing        Code = "CS404"
	StageMissing        Code = "CS405"
	WebhookTaken        Code = "CS406"
	SecretUnavailable   Code = "CS407"
	FlowDisabled        Code = "CS408"
	FieldNotWritable    Code = "CS409"
	FieldTypeMismatch   Code = "CS410"
	PicklistUnknown     Code = "CS411"
	LeadStatusMissing   Code = "CS412"
	UserMissing         Code = "CS413"
	CurrencyUnknown     Code = "CS414"
	ChangesUntracked    Code = "CS415"
	NotesOff            Code = "CS416"
	FieldUnfit          Code = "CS417"
	FieldUnfilled       Code = "CS418"
	Unavailable         Code = "CS501"
	Throttled           Code = "CS502"
	SessionExpired      Code = "CS503"
	Locked              Code = "CS504"
	AnswerLost          Code = "CS505"
	ChangedMeanwhile    Code = "CS506"
	CredentialsRejected Code = "CS507"
	ClockWrong          Code = "CS508"
)

var catalogue = []Entry{
	{SolutionMissing, NeedsPerson, "The opportunity names no Microsoft solution.", "Add at least one co-sell ready solution to the opportunity's Microsoft Solutions."},
	{CountryInvalid, NeedsPerson, "The customer account's country is not a two-letter ISO 3166 code and cannot be turned into one.", "Set the account's country, for example US or Norway."},
	{ContactMissing, NeedsPerson, "Microsoft's help is requested but the opportunity has no complete customer contact.", "Add a primary contact role whose contact has first name, last name, phone and e-mail."},
	{DealValueMissing, NeedsPerson, "The deal value is empty or zero.", "Enter the deal value on the opportunity."},
	{CurrencyMissing, NeedsPerson, "The deal value has no currency.", "Set the opportunity's currency, or the default currency of the connector."},
	{CloseDateMissing, NeedsPerson, "The close date is empty.", "Enter the close date on the opportunity."},
	{CustomerMissing, NeedsPerson, "The opportunity belongs to no customer account.", "Set the account on the opportunity."},
	{AddressIncomplete, NeedsPerson, "The customer account's address lacks its street or city.", "Complete the account's billing address."},
	{TeamIncomplete, NeedsPerson, "The opportunity's owner lacks first name, last name, phone or e-mail.", "Complete the owner's user record."},
	{AlreadyClosed, NeedsPerson, "The opportunity was closed before it was ever shared.", "Reopen the opportunity if it should be shared, or set Sync with Partner Center to No."},
	{DealNameMissing, NeedsPerson, "The deal has no name.", "Enter a name on the opportunity."},
	{HelpUnknown, NeedsPerson, "The kind of help requested from Microsoft is not one that Partner Center knows.", "Choose a value that the document's help table maps."},
	{ReferralRefused, NeedsPerson, "Partner Center refused the change.", "Correct what its message names; the change is sent again when the deal is edited."},
	{OpportunityRefused, NeedsPerson, "The CRM refused the change.", "Correct what its message names (a validation rule, a required field, a picklist value); it is tried again when the deal changes."},
	{AccessDenied, NeedsPerson, "The agent's account may not do this.", "Grant the permission that the message names to the agent's user."},
	{ReferralClosed, NeedsPerson, "The referral is closed in Partner Center and can no longer be changed.", "Create a new opportunity if the deal goes on."},
	{RecordDeleted, Gone, "The record was deleted.", "Nothing needs to be done; the other side's record is kept."},
	{NameNotShared, NeedsPerson, "The deal's name cannot be changed in Partner Center after it was shared.", "Nothing needs to be done; the new name stays in the CRM."},
	{ConflictDecided, NeedsPerson, "Both sides changed the same field at the same time.", "Check the value that was kept."},
	{VisibilityKept, NeedsPerson, "A deal that Microsoft can see cannot be hidden again.", "Nothing can be done in the CRM; ask Microsoft support if it was shared by mistake."},
	{HoldNotShared, NeedsPerson, "The opportunity is back in the on-hold stage, but an accepted referral cannot return to waiting.", "Move the opportunity to an open stage; edits are held until then."},
	{ReadOnlyRestored, NeedsPerson, "A field that only Partner Center fills was edited.", "Nothing needs to be done; its value was restored."},
	{MicrosoftDeclined, NeedsPerson, "Microsoft declined the co-sell request.", "Read the reason; the deal stays shared as your own."},
	{ValueWithheld, NeedsPerson, "An empty or zero deal value, or one without a currency, is never sent.", "Enter the deal value and its currency on the opportunity."},
	{LastSolutionKept, NeedsPerson, "A shared deal names one Microsoft solution at least, so the removal of the last is not sent.", "Add another solution to the opportunity; the removal is then sent with it."},
	{HelpKept, NeedsPerson, "The help that was requested from Microsoft cannot be changed or withdrawn any more.", "Nothing needs to be done; its value was restored."},
	{HelpNotNeeded, NeedsPerson, "Microsoft sent this deal and takes part in it already; help is not requested for it.", "Nothing needs to be done; talk to the Microsoft seller whom the referral names."},
	{MicrosoftAccepted, NeedsPerson, "Microsoft accepted the co-sell request.", "Nothing needs to be done; Microsoft's identifier of the deal is on the opportunity."},
	{MicrosoftExpired, NeedsPerson, "Microsoft did not answer the co-sell request in time.", "Nothing needs to be done; the deal stays shared as your own."},
	{MicrosoftClosed, NeedsPerson, "Microsoft closed its part of the deal.", "Nothing needs to be done; your own referral stays open."},
	{ConflictWaits, NeedsPerson, "Both sides changed the same field, and its mapping leaves the decision to a person.", "Give the field the same value on both sides; everything else is kept equal meanwhile."},
	{MappingFailed, NeedsPerson, "The field mapping cannot turn this value into the other side's.", "Correct the value, or the mapping's values or expression."},
	{OpportunityClosed, NeedsPerson, "The CRM changes nothing on an opportunity that is closed.", "Nothing needs to be done unless the change is wanted in the CRM; then reopen the opportunity."},
	{BoundElsewhere, NeedsPerson, "The record already belongs to another deal.", "Clear the referral identifier on the copy, or link the right records."},
	{CreateUnknown, NeedsPerson, "It is unknown whether a create reached Partner Center, and the referral cannot be found again by its reference.", "Look for the deal in Partner Center; link it by its referral identifier, or edit the opportunity to send it again."},
	{AccountAmbiguous, NeedsPerson, "Several customer accounts may be the referral's, and none is it beyond doubt.", "Give the right account, or a new one, exactly the referral's customer name and postal code, and merge accounts that are the same; the deal goes on when it is next edited."},
	{AccountMissing, NeedsPerson, "No customer account matches the referral, and the connector does not create accounts.", "Create the account with the referral's customer name and postal code."},
	{LeadNotShared, NeedsPerson, "The referral is a lead, and only co-sell opportunities are synchronised.", "Handle the lead in Partner Center."},
	{OutOfScope, NeedsPerson, "The referral is outside the connector's scope.", "Widen referral_scope if this environment should handle it."},
	{LeadWithoutDeal, NeedsPerson, "The lead was converted without an opportunity, so nothing was accepted in Partner Center.", "Accept or decline the referral in Partner Center; once accepted, it becomes an opportunity."},
	{DocumentVersion, NeedsPerson, "The agent document has a version that this program does not know.", "Use a provider and an agent of matching releases."},
	{DocumentInvalid, NeedsPerson, "The agent document is not valid.", "Apply the Terraform configuration again and pass its output unchanged."},
	{WrongAccount, NeedsPerson, "The credentials belong to another tenant or organisation than the one that is pinned.", "Use the credentials of the pinned environment, or correct the pin."},
	{FieldMissing, NeedsPerson, "A field that the document names does not exist or is not visible to this user.", "Create the field and grant it through the permission set, or correct its API name."},
	{StageMissing, NeedsPerson, "A stage that the document names does not exist in the organisation.", "Create the stage, or correct its name."},
	{WebhookTaken, NeedsPerson, "The tenant's one webhook registration points elsewhere.", "Import it, set overwrite_existing, or use intake = \"poll\"."},
	{SecretUnavailable, NeedsPerson, "A secret that the document refers to cannot be read.", "Set the environment variable or provide the file that the reference names."},
	{FlowDisabled, NeedsPerson, "The change waits because its flow is switched off.", "Enable the flow; what waited is then carried out."},
	{FieldNotWritable, NeedsPerson, "A field that the mapping writes cannot be written.", "Map another field, use direction outbound, or grant the agent's user the right to edit it."},
	{FieldTypeMismatch, NeedsPerson, "A field cannot hold what the mapping writes into it.", "Map a field of a fitting type, or turn the value into the field's type by an expression."},
	{PicklistUnknown, NeedsPerson, "The mapping names a picklist value that the field does not have.", "Correct the value, or add it to the picklist; it is the API name that counts, not the label."},
	{LeadStatusMissing, NeedsPerson, "The status that new leads get is not in the organisation's picklist.", "Set the variable lead_status_name to an active value of the lead's Status, or add the value."},
	{UserMissing, NeedsPerson, "A user whom the document names does not exist in the organisation, or is not active.", "Name an active user by the user name or e-mail address."},
	{CurrencyUnknown, NeedsPerson, "The CRM does not have the deal's currency.", "Add the currency to the CRM, or change it in Partner Center; it is tried again when the deal changes."},
	{ChangesUntracked, NeedsPerson, "The CRM does not track the changes of a table that the agent follows.", "Switch on change tracking for the table."},
	{NotesOff, NeedsPerson, "The mapping names Salesforce Notes, and they are switched off in the organisation, or the agent's user does not see them.", "Switch Notes on (cosell_salesforce_settings, notes), or map a field."},
	{FieldUnfit, NeedsPerson, "A field does not fit what the agent keeps in it.", "Name a field of the type that is asked for, or change the field's type, length or uniqueness."},
	{FieldUnfilled, NeedsPerson, "The organisation requires a field of new records, and the connector gives it no value.", "Map the field, inbound on create, with a constant, a default or a value; make it optional; or fill it by a flow or trigger that runs before the record is saved."},
	{Unavailable, Later, "The remote system did not answer as it should.", "Nothing needs to be done; it is tried again."},
	{Throttled, Later, "The remote system asked for fewer calls.", "Nothing needs to be done; it is tried again after the time it gave."},
	{SessionExpired, Later, "The session expired.", "Nothing needs to be done; it is renewed."},
	{Locked, Later, "Another change holds the record or the organisation's metadata.", "Nothing needs to be done; it is tried again."},
	{AnswerLost, Later, "A change was sent but its answer never came.", "Nothing needs to be done; the record is read back first."},
	{ChangedMeanwhile, Later, "The record was changed by somebody else at the same moment.", "Nothing needs to be done; it is read and merged again."},
	{CredentialsRejected, Later, "The remote system rejected the credentials.", "Renew the secret that the document refers to; the agent reads it again."},
	{ClockWrong, Later, "This machine's clock is not the remote system's; while it is far off, nothing is written.", "Set the machine's clock, and let a time service keep it; what waits is then carried out."},
}

var byCode = func() map[Code]Entry {
	m := make(map[Code]Entry, len(catalogue))
	for _, e := range catalogue {
		m[e.Code] = e
	}
	return m
}()
