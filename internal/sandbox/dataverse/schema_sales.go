package dataverse

// salesTables are the tables of Dynamics 365 Sales as they are shipped, as far as a connector meets them (SALES opportunity.md, the
// metadata of a live organization for lead and annotation, and general knowledge of the platform for account and contact).
var salesTables = []tableOf{
	{
		schema: "Opportunity", set: "opportunities", primaryName: "name", code: 3, owned: true, display: [2]string{"Opportunity", "Opportunities"},
		states:  []any{0, "Open", 1, "Won", 2, "Lost"},
		reasons: []any{1, "In Progress", 0, 2, "On Hold", 0, 3, "Won", 1, 4, "Canceled", 2, 5, "Out-Sold", 2},
		columns: []column{
			text("Name", 300).named("Topic").required(), memo("Description", 2000), text("EmailAddress", 100),
			money("EstimatedValue", "Est. Revenue"), money("ActualValue", "Actual Revenue"), money("BudgetAmount", "Budget Amount"),
			date("EstimatedCloseDate").named("Est. Close Date"), date("ActualCloseDate"),
			yesNo("IsRevenueSystemCalculated", false).named("Revenue"), of(kindInteger, "CloseProbability").named("Probability"),
			customer("CustomerId", "opportunity_customer_accounts", "opportunity_customer_contacts").named("Potential Customer"),
			lookup("ParentAccountId", target{table: "account", schema: "opportunity_parent_account"}).named("Account"),
			lookup("ParentContactId", target{table: "contact", schema: "opportunity_parent_contact"}).named("Contact"),
			lookup("OriginatingLeadId", target{table: "lead", schema: "opportunity_originating_lead"}),
			choice("SalesStage", 0, "Qualify", 1, "Develop", 2, "Propose", 3, "Close"), text("StepName", 200).named("Pipeline Phase"),
			choice("OpportunityRatingCode", 1, "Hot", 2, "Warm", 3, "Cold").named("Rating"), memo("CustomerNeed", 2000), memo("ProposedSolution", 2000),
			memo("CurrentSituation", 2000), memo("QualificationComments", 2000),
		},
	},
	{
		schema: "Lead", set: "leads", primaryName: "fullname", code: 4, owned: true, tracking: true,
		states: []any{0, "Open", 1, "Qualified", 2, "Disqualified"},
		reasons: []any{
			1, "New", 0, 2, "Contacted", 0, 3, "Qualified", 1, 4, "Lost", 2, 5, "Cannot Contact", 2, 6, "No Longer Interested", 2, 7, "Canceled", 2,
		},
		columns: append([]column{
			text("Subject", 300).named("Topic").required(), text("FirstName", 50), text("LastName", 50).recommended(), text("FullName", 160).readOnly(),
			text("CompanyName", 100), text("JobTitle", 100), text("EMailAddress1", 100), text("Telephone1", 50), text("MobilePhone", 20),
			text("WebSiteUrl", 200), memo("Description", 2000), money("EstimatedAmount", "Est. Value"), money("BudgetAmount", "Budget Amount"),
			of(kindDouble, "EstimatedValue").named("Est. Value (deprecated)"), date("EstimatedCloseDate"),
			lookup("ParentAccountId", target{table: "account", schema: "lead_parent_account"}),
			lookup("ParentContactId", target{table: "contact", schema: "lead_parent_contact"}),
			lookup("QualifyingOpportunityId", target{table: "opportunity", schema: "lead_qualifying_opportunity"}),
			choice("LeadSourceCode", 1, "Advertisement", 2, "Employee Referral", 3, "External Referral", 4, "Partner", 10, "Other"),
		}, addressColumns...),
	},
	{
		schema: "Account", set: "accounts", primaryName: "name", code: 1, owned: true, tracking: true,
		columns: append([]column{
			text("Name", 160).named("Account Name").required(), text("AccountNumber", 20), text("Telephone1", 50), text("EMailAddress1", 100),
			text("WebSiteURL", 200), memo("Description", 2000), money("Revenue", "Annual Revenue"), of(kindInteger, "NumberOfEmployees"),
			lookup("PrimaryContactId", target{table: "contact", schema: "account_primary_contact"}),
			lookup("ParentAccountId", target{table: "account", schema: "account_parent_account"}),
			lookup("MasterId", target{table: "account", schema: "account_master_account"}).readOnly(), merged(),
		}, addressColumns...),
	},
	{
		schema: "Contact", set: "contacts", primaryName: "fullname", code: 2, owned: true, tracking: true,
		columns: append([]column{
			text("FirstName", 50).recommended(), text("LastName", 50).required(), text("FullName", 160).readOnly(), text("JobTitle", 100),
			text("EMailAddress1", 100), text("Telephone1", 50), text("MobilePhone", 50), memo("Description", 2000),
			customer("ParentCustomerId", "contact_customer_accounts", "contact_customer_contacts").named("Company Name"), merged(),
			lookup("MasterId", target{table: "contact", schema: "contact_master_contact"}).readOnly(),
		}, addressColumns...),
	},
	{
		schema: "OpportunityClose", set: "opportunitycloses", primaryName: "subject", code: 4208, owned: true,
		states:  []any{0, "Open", 1, "Completed", 2, "Canceled"},
		reasons: []any{1, "Open", 0, 2, "Completed", 1, 3, "Canceled", 2},
		columns: []column{
			text("Subject", 200), memo("Description", 2000), money("ActualRevenue", "Actual Revenue"), date("ActualEnd"),
			lookup("OpportunityId", target{table: "opportunity", schema: "Opportunity_OpportunityClose", cascade: "Cascade"}),
			of(kindInteger, "OpportunityStatusCode").readOnly(), of(kindInteger, "OpportunityStateCode").readOnly(),
		},
	},
	{
		schema: "Annotation", set: "annotations", primaryName: "subject", code: 5, owned: true, tracking: true, display: [2]string{"Note", "Notes"},
		columns: []column{
			text("Subject", 500).named("Title"), memo("NoteText", 100000).named("Description"), text("FileName", 255), memo("DocumentBody", 1073741823),
			text("MimeType", 256), yesNo("IsDocument", false), of(kindInteger, "FileSize").readOnly(), of(kindEntityName, "ObjectTypeCode").readOnly(),
			lookup("ObjectId", note("opportunity", "Opportunity_Annotation"), note("lead", "Lead_Annotation"), note("account", "Account_Annotation"),
				note("contact", "Contact_Annotation")).named("Regarding"),
		},
	},
	{
		schema: "TransactionCurrency", set: "transactioncurrencies", primaryName: "currencyname", code: 9105, display: [2]string{"Currency", "Currencies"},
		columns: []column{
			text("CurrencyName", 100).required(), text("ISOCurrencyCode", 5).required(), text("CurrencySymbol", 13).required(),
			of(kindInteger, "CurrencyPrecision").starts(int64(2)), of(kindDecimal, "ExchangeRate").starts(1.0),
		},
	},
	{
		schema: "Connection", set: "connections", primaryName: "name", code: 3234, owned: true,
		columns: []column{
			text("Name", 500).readOnly(), memo("Description", 2000),
			lookup("Record1Id", target{table: "opportunity", schema: "opportunity_connections1"}, target{table: "account", schema: "account_connections1"}),
			lookup("Record2Id", target{table: "systemuser", schema: "systemuser_connections2"}, target{table: "contact", schema: "contact_connections2"},
				target{table: "account", schema: "account_connections2"}),
			lookup("Record2RoleId", target{table: "connectionrole", schema: "connection_role_connections2"}),
		},
	},
	{
		schema: "ConnectionRole", set: "connectionroles", primaryName: "name", code: 3231,
		columns: []column{text("Name", 100).required(), choice("Category", 1, "Business", 1001, "Stakeholder", 1002, "Sales Team")},
	},
}

// addressColumns are the columns of the first address.
var addressColumns = []column{
	text("Address1_Line1", 250), text("Address1_Line2", 250), text("Address1_City", 80), text("Address1_StateOrProvince", 50),
	text("Address1_PostalCode", 20), text("Address1_Country", 80).named("Address 1: Country/Region"),
}

func merged() column { return yesNo("Merged", false).readOnly() }

func money(schema, display string) column {
	return column{schema: schema, kind: kindMoney, display: display, extra: map[string]any{"MinValue": -1e12, "MaxValue": 1e12}}
}

func customer(schema, accounts, contacts string) column {
	c := lookup(schema, target{table: "account", schema: accounts}, target{table: "contact", schema: contacts})
	c.kind = kindCustomer
	return c
}

// note is a table whose rows can have notes; they go with their row.
func note(table, schema string) target {
	return target{table: table, schema: schema, cascade: "Cascade"}
}
