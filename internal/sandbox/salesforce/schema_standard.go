package salesforce

// standardCatalog builds the objects that every org has. Only columns that exist in a real org are listed; an org has
// many more, and naming one of those is an error here.
func standardCatalog() *catalog {
	return newCatalog(
		accountObject(), contactObject(), leadObject(), opportunityObject(), contactRoleObject(), teamMemberObject(), stageObject(), userObject(),
		organizationObject(), currencyTypeObject(), permissionSetObject(), fieldPermissionsObject(),
		objectPermissionsObject(), assignmentObject(), contentNoteObject(), documentLinkObject(),
	)
}

func multiCurrency(o *Org) bool { return o.kit.Switches.Is(switchMultiCurrency, on) }

func countryPicklists(o *Org) bool { return o.kit.Switches.Is(switchCountryPicklists, on) }

func currencyField() *field {
	f := pick("CurrencyIsoCode", "Currency ISO Code", true, "USD", "EUR", "GBP", "JPY")
	f.Length, f.Default = 3, "USD"
	return f.hiddenUnless(multiCurrency)
}

// addressFields are the columns of one compound address. The code columns exist when state and country picklists are on
// ("How Syncing State and Country/Territory Fields Works").
func addressFields(prefix string) []*field {
	stateCode := pick(prefix+"StateCode", prefix+" State/Province Code", true)
	stateCode.Length, stateCode.values = 10, func(*Org) []picklistValue { return stateValues() }
	countryCode := pick(prefix+"CountryCode", prefix+" Country/Territory Code", true)
	countryCode.Length, countryCode.values = 10, func(*Org) []picklistValue { return countryValues() }
	compound := typed(prefix+"Address", prefix+" Address", typeAddress, 0).readOnly()
	compound.NotFilterable = true
	compound.compute = func(o *Org, rec *record) any { return compoundAddress(o, rec, prefix) }
	return []*field{
		area(prefix+"Street", prefix+" Street", 255),
		text(prefix+"City", prefix+" City", 40),
		text(prefix+"State", prefix+" State/Province", 80),
		text(prefix+"PostalCode", prefix+" Zip/Postal Code", 20),
		text(prefix+"Country", prefix+" Country", 80),
		stateCode.hiddenUnless(countryPicklists),
		countryCode.hiddenUnless(countryPicklists),
		compound,
	}
}

func accountObject() *object {
	fields := []*field{text("Name", "Account Name", 255).require().isName()}
	fields = append(fields, addressFields("Billing")...)
	fields = append(fields, addressFields("Shipping")...)
	fields = append(fields,
		typed("Phone", "Account Phone", typePhone, 40),
		typed("Website", "Website", typeURL, 255),
		pick("Type", "Account Type", false, "Prospect", "Customer", "Partner", "Other"),
		pick("Industry", "Industry", false, "Education", "Finance", "Manufacturing", "Retail", "Technology", "Other"),
		number("NumberOfEmployees", "Employees", typeInt, 8, 0),
		number("AnnualRevenue", "Annual Revenue", typeCurrency, 18, 0),
		text("AccountNumber", "Account Number", 40),
		area("Description", "Account Description", 32000),
		ref("ParentId", "Parent Account ID", "Account", "Parent", "ChildAccounts", setNull),
		currencyField(),
	)
	obj := newObject("Account", "Account", "Accounts", "001", fields...).withOwner("").withAudit()
	obj.beforeSave = func(o *Org, w *write) *apiError {
		if err := syncAddress(o, w, "Billing"); err != nil {
			return err
		}
		return syncAddress(o, w, "Shipping")
	}
	return obj
}

func contactObject() *object {
	name := text("Name", "Full Name", 121).readOnly().isName()
	fields := []*field{
		name,
		text("FirstName", "First Name", 40),
		text("LastName", "Last Name", 80).require(),
		ref("AccountId", "Account ID", "Account", "Account", "Contacts", cascade),
		typed("Email", "Email", typeEmail, 80),
		typed("Phone", "Business Phone", typePhone, 40),
		typed("MobilePhone", "Mobile Phone", typePhone, 40),
		text("Title", "Title", 128),
		text("Department", "Department", 80),
		area("Description", "Contact Description", 32000),
		currencyField(),
	}
	fields = append(fields, addressFields("Mailing")...)
	obj := newObject("Contact", "Contact", "Contacts", "003", fields...).withOwner("").withAudit()
	obj.beforeSave = func(o *Org, w *write) *apiError {
		full := w.next.str("LastName")
		if first := w.next.str("FirstName"); first != "" {
			full = first + " " + full
		}
		w.next.values["Name"] = full
		return syncAddress(o, w, "Mailing")
	}
	return obj
}

func opportunityObject() *object {
	stage := pick("StageName", "Stage", false).require()
	stage.values = func(o *Org) []picklistValue { return o.stageValues() }
	category := pick("ForecastCategoryName", "Forecast Category", true, "Omitted", "Pipeline", "Best Case", "Commit", "Closed")
	obj := newObject("Opportunity", "Opportunity", "Opportunities", "006",
		text("Name", "Name", 120).require().isName(),
		ref("AccountId", "Account ID", "Account", "Account", "Opportunities", cascade),
		area("Description", "Description", 32000),
		stage,
		number("Amount", "Amount", typeCurrency, 18, 2),
		number("Probability", "Probability (%)", typePercent, 3, 0),
		number("ExpectedRevenue", "Expected Amount", typeCurrency, 18, 2).readOnly(),
		typed("CloseDate", "Close Date", typeDate, 0).require(),
		pick("Type", "Opportunity Type", false, "New Customer", "Existing Customer - Upgrade", "Existing Customer - Renewal"),
		pick("LeadSource", "Lead Source", false, "Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other"),
		text("NextStep", "Next Step", 255),
		flag("IsClosed", "Closed", false).readOnly(),
		flag("IsWon", "Won", false).readOnly(),
		category,
		flag("IsPrivate", "Private", false),
		currencyField(),
		ref("ContactId", "Contact ID", "Contact", "Contact", "", setNull).createOnly(),
	).withOwner("").withAudit()
	obj.beforeSave = deriveStage
	return obj
}

// teamMemberObject exists only where opportunity teams are on (Object Reference, "OpportunityTeamMember").
func teamMemberObject() *object {
	obj := newObject("OpportunityTeamMember", "Opportunity Team Member", "Opportunity Team Members", "00q",
		ref("OpportunityId", "Opportunity ID", "Opportunity", "Opportunity", "OpportunityTeamMembers", cascade).require().createOnly(),
		ref("UserId", "User ID", "User", "User", "", restrict).require().createOnly(),
		pick("TeamMemberRole", "Team Role", false, "Account Manager", "Channel Manager", "Executive Sponsor", "Lead Qualifier", "Pre-Sales Consultant", "Sales Rep"),
		pick("OpportunityAccessLevel", "Opportunity Access", false, "Read", "Edit", "All").readOnly(),
		currencyField(),
	).withAudit()
	obj.Hidden = func(o *Org) bool { return !o.opportunityTeams() }
	return obj
}

func contactRoleObject() *object {
	obj := newObject("OpportunityContactRole", "Opportunity Contact Role", "Opportunity Contact Roles", "00K",
		ref("OpportunityId", "Opportunity ID", "Opportunity", "Opportunity", "OpportunityContactRoles", cascade).require().createOnly(),
		ref("ContactId", "Contact ID", "Contact", "Contact", "OpportunityContactRoles", cascade).require(),
		pick("Role", "Role", false, "Business User", "Decision Maker", "Economic Buyer", "Evaluator", "Executive Sponsor", "Influencer", "Other"),
		flag("IsPrimary", "Primary", false),
		currencyField(),
	).withAudit()
	obj.beforeSave = checkPrimaryRole
	obj.afterSave = settlePrimaryRole
	return obj
}

func stageObject() *object {
	obj := newObject("OpportunityStage", "Opportunity Stage", "Opportunity Stages", "01J",
		text("MasterLabel", "Master Label", 255).isName(),
		text("ApiName", "API Name", 255),
		flag("IsActive", "Is Active", true),
		number("SortOrder", "Sort Order", typeInt, 8, 0),
		flag("IsClosed", "Is Closed", false),
		flag("IsWon", "Is Won", false),
		pick("ForecastCategory", "Forecast Category", true, "Omitted", "Pipeline", "BestCase", "Forecast", "Closed"),
		pick("ForecastCategoryName", "Forecast Category Name", true, "Omitted", "Pipeline", "Best Case", "Commit", "Closed"),
		number("DefaultProbability", "Default Probability (%)", typePercent, 3, 0),
		text("Description", "Description", 255),
	).withAudit()
	obj.remove("IsDeleted")
	obj.ReadOnly = true
	return obj
}

func userObject() *object {
	obj := newObject("User", "User", "Users", "005",
		text("Username", "Username", 80).require(),
		text("Name", "Full Name", 121).readOnly().isName(),
		text("FirstName", "First Name", 40),
		text("LastName", "Last Name", 80).require(),
		typed("Email", "Email", typeEmail, 128).require(),
		text("Alias", "Alias", 8),
		text("Title", "Title", 80),
		typed("Phone", "Phone", typePhone, 40),
		flag("IsActive", "Active", true),
		pick("UserType", "User Type", true, "Standard", "CsnOnly").readOnly(),
		pick("TimeZoneSidKey", "Time Zone", true, "GMT", "America/Los_Angeles", "Europe/Paris"),
		pick("LocaleSidKey", "Locale", true, "en_US", "en_GB", "fr_FR"),
		pick("LanguageLocaleKey", "Language", true, "en_US", "fr"),
	).withAudit()
	obj.remove("IsDeleted")
	obj.ReadOnly, obj.Setup = true, true
	return obj
}

func organizationObject() *object {
	obj := newObject("Organization", "Organization", "Organizations", "00D",
		text("Name", "Name", 80).isName(),
		text("Country", "Country", 80),
		pick("OrganizationType", "Edition", true, "Developer Edition", "Enterprise Edition", "Unlimited Edition"),
		flag("IsSandbox", "Is Sandbox", false),
		text("InstanceName", "Instance Name", 5),
		text("NamespacePrefix", "Namespace Prefix", 15),
		pick("LanguageLocaleKey", "Language", true, "en_US", "fr"),
		pick("TimeZoneSidKey", "Time Zone", true, "GMT", "America/Los_Angeles", "Europe/Paris"),
		pick("DefaultLocaleSidKey", "Locale", true, "en_US", "en_GB", "fr_FR"),
	).withAudit()
	obj.remove("IsDeleted")
	obj.ReadOnly, obj.Setup = true, true
	return obj
}

// currencyTypeObject exists only in multi-currency orgs (Object Reference, "CurrencyType").
func currencyTypeObject() *object {
	obj := newObject("CurrencyType", "Currency Type", "Currency Types", "01L",
		pick("IsoCode", "Currency ISO Code", true, "USD", "EUR", "GBP", "JPY").isName(),
		number("ConversionRate", "Conversion Rate", typeDouble, 18, 6),
		number("DecimalPlaces", "Decimal Places", typeInt, 1, 0),
		flag("IsActive", "Active", true),
		flag("IsCorporate", "Corporate Currency", false),
	).withAudit()
	obj.remove("IsDeleted")
	obj.ReadOnly, obj.Setup = true, true
	obj.Hidden = func(o *Org) bool { return !multiCurrency(o) }
	return obj
}

func permissionSetObject() *object {
	obj := newObject("PermissionSet", "Permission Set", "Permission Sets", "0PS",
		text("Name", "Permission Set Name", 80).require().isName(),
		text("Label", "Permission Set Label", 80).require(),
		text("Description", "Description", 255),
		typed("LicenseId", "License ID", typeReference, 18).createOnly(),
		flag("IsOwnedByProfile", "Is Owned By Profile", false).readOnly(),
		flag("IsCustom", "Is Custom", true).readOnly(),
		pick("Type", "Type", true, "Regular", "Standard", "Session").readOnly(),
		text("NamespacePrefix", "Namespace Prefix", 15).readOnly(),
		flag("HasActivationRequired", "Session Activation Required", false),
	).withAudit()
	obj.field("Type").Default = "Regular"
	obj.field("Name").Unique = true
	obj.remove("IsDeleted")
	obj.Setup, obj.NoRecycleBin = true, true
	obj.beforeSave = checkPermissionSetName
	return obj
}

func fieldPermissionsObject() *object {
	obj := newObject("FieldPermissions", "Field Permissions", "Field Permissions", "01k",
		ref("ParentId", "Parent ID", "PermissionSet", "Parent", "FieldPerms", cascade).require().createOnly(),
		text("SobjectType", "Object Type", 255).require().createOnly(),
		text("Field", "Field Name", 255).require().createOnly(),
		flag("PermissionsRead", "Read", false),
		flag("PermissionsEdit", "Edit", false),
		&field{Name: "SystemModstamp", Label: "System Modstamp", Type: typeDateTime, NotCreateable: true, NotUpdateable: true},
	)
	obj.Setup, obj.NoRecycleBin = true, true
	obj.beforeSave, obj.afterSave = checkFieldPermission, dropUnreadable
	return obj
}

func objectPermissionsObject() *object {
	obj := newObject("ObjectPermissions", "Object Permissions", "Object Permissions", "110",
		ref("ParentId", "Parent ID", "PermissionSet", "Parent", "ObjectPerms", cascade).require().createOnly(),
		text("SobjectType", "Object Type", 255).require().createOnly(),
		flag("PermissionsRead", "Read", false),
		flag("PermissionsCreate", "Create", false),
		flag("PermissionsEdit", "Edit", false),
		flag("PermissionsDelete", "Delete", false),
		flag("PermissionsViewAllRecords", "View All Records", false),
		flag("PermissionsModifyAllRecords", "Modify All Records", false),
	).withAudit()
	obj.remove("IsDeleted")
	obj.Setup, obj.NoRecycleBin = true, true
	obj.beforeSave, obj.afterSave = checkObjectPermission, dropUnreadable
	return obj
}

func assignmentObject() *object {
	obj := newObject("PermissionSetAssignment", "Permission Set Assignment", "Permission Set Assignments", "0Pa",
		ref("AssigneeId", "Assignee ID", "User", "Assignee", "PermissionSetAssignments", cascade).require().createOnly(),
		ref("PermissionSetId", "Permission Set ID", "PermissionSet", "PermissionSet", "Assignments", cascade).require().createOnly(),
		flag("IsActive", "Is Active", true).readOnly(),
		&field{Name: "SystemModstamp", Label: "System Modstamp", Type: typeDateTime, NotCreateable: true, NotUpdateable: true},
	)
	obj.Setup, obj.NoRecycleBin = true, true
	obj.beforeSave = checkAssignment
	return obj
}
