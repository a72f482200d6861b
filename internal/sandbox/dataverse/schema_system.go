package dataverse

// systemTables are the tables of the platform: users and roles, customization, flows, and messages.
var systemTables = []tableOf{
	{
		schema: "SystemUser", set: "systemusers", primaryName: "fullname", code: 8, display: [2]string{"User", "Users"},
		states: []any{0, "Active"}, reasons: []any{1, "Active", 0},
		columns: []column{
			text("FirstName", 256), text("LastName", 256), text("FullName", 200).readOnly(), text("InternalEMailAddress", 100), text("DomainName", 1024),
			text("Address1_Telephone1", 64).named("Main Phone"), text("MobilePhone", 64),
			of(kindID, "ApplicationId").createOnly(), of(kindID, "AzureActiveDirectoryObjectId").createOnly(), yesNo("IsDisabled", false),
			choice("AccessMode", 0, "Read-Write", 1, "Administrative", 2, "Read", 3, "Support User", 4, "Non-interactive", 5, "Delegated Admin").starts(int64(0)),
			lookup("BusinessUnitId", target{table: "businessunit", schema: "business_unit_system_users"}),
		},
	},
	{schema: "Team", set: "teams", primaryName: "name", code: 9, columns: []column{
		text("Name", 160).required(), memo("Description", 2000), choice("TeamType", 0, "Owner", 1, "Access", 2, "Security Group").starts(int64(0)),
		lookup("BusinessUnitId", target{table: "businessunit", schema: "business_unit_teams"}),
		lookup("RegardingObjectId", target{table: "opportunity", schema: "opportunity_teams"}),
	}},
	{schema: "BusinessUnit", set: "businessunits", primaryName: "name", code: 10, columns: []column{
		text("Name", 160).required(), lookup("ParentBusinessUnitId", target{table: "businessunit", schema: "business_unit_parent_business_unit"}),
	}},
	{schema: "Role", set: "roles", primaryName: "name", code: 1036, display: [2]string{"Security Role", "Security Roles"}, columns: []column{
		text("Name", 100).required(), lookup("BusinessUnitId", target{table: "businessunit", schema: "business_unit_roles"}), text("RoleTemplate", 100).hidden(),
	}},
	{schema: "Organization", set: "organizations", primaryName: "name", code: 1019, columns: []column{
		text("Name", 160), of(kindInteger, "ExpireChangeTrackingInDays").starts(int64(7)), lookup("BaseCurrencyId", to("transactioncurrency")),
		of(kindInteger, "LanguageCode").starts(int64(language)),
	}},
	{schema: "Publisher", set: "publishers", primaryName: "friendlyname", code: 7101, columns: []column{
		text("UniqueName", 256).required(), text("FriendlyName", 256).required(), text("CustomizationPrefix", 8).required(), memo("Description", 2000),
		of(kindInteger, "CustomizationOptionValuePrefix").required(), yesNo("IsReadonly", false).readOnly(), text("EMailAddress", 100),
	}},
	{schema: "Solution", set: "solutions", primaryName: "friendlyname", code: 7100, columns: []column{
		text("UniqueName", 65).required(), text("FriendlyName", 256).required(), text("Version", 256).required(), memo("Description", 2000),
		yesNo("IsManaged", false).readOnly(), yesNo("IsVisible", true).readOnly(),
		lookup("PublisherId", target{table: "publisher", schema: "publisher_solution", single: "publisherid", cascade: "Restrict"}).required(),
	}},
	{schema: "SolutionComponent", set: "solutioncomponents", code: 7103, columns: []column{
		of(kindInteger, "ComponentType").readOnly(), of(kindID, "ObjectId").readOnly(), of(kindInteger, "RootComponentBehavior").readOnly(),
		lookup("SolutionId", target{table: "solution", schema: "solution_solutioncomponent", cascade: "Cascade"}).readOnly(),
	}},
	{schema: "SolutionComponentDefinition", set: "solutioncomponentdefinitions", primaryName: "name", code: 7104, columns: []column{
		text("Name", 256), text("PrimaryEntityName", 256), of(kindInteger, "SolutionComponentType"),
	}},
	{schema: "SystemForm", set: "systemforms", primaryName: "name", code: 1030, plain: true, display: [2]string{"System Form", "System Forms"}, columns: []column{
		text("Name", 100).required(), memo("Description", 2000), of(kindEntityName, "ObjectTypeCode").createOnly(), memo("FormXml", 1073741823), memo("FormJson", 1073741823),
		choice("Type", 2, "Main", 5, "Mobile - Express", 6, "Quick View Form", 7, "Quick Create", 11, "Card", 12, "Main - Interactive experience").createOnly(),
		choice("FormActivationState", 0, "Inactive", 1, "Active").starts(int64(1)), yesNo("IsDefault", false), yesNo("IsManaged", false).readOnly(),
		text("UniqueName", 100),
	}},
	{schema: "SavedQuery", set: "savedqueries", primaryName: "name", code: 1039, display: [2]string{"View", "Views"}, columns: []column{
		text("Name", 200).required(), memo("Description", 2000), of(kindEntityName, "ReturnedTypeCode").createOnly(), memo("FetchXml", 1073741823),
		memo("LayoutXml", 1073741823), of(kindInteger, "QueryType").starts(int64(0)), yesNo("IsDefault", false), yesNo("IsManaged", false).readOnly(),
	}},
	{
		schema: "EnvironmentVariableDefinition", set: "environmentvariabledefinitions", primaryName: "schemaname", code: 380, owned: true,
		columns: []column{
			text("SchemaName", 100).required().createOnly(), text("DisplayName", 100), memo("Description", 2000), memo("DefaultValue", 2000),
			choice("Type", 100000000, "String", 100000001, "Number", 100000002, "Boolean", 100000003, "JSON", 100000004, "Data Source", 100000005, "Secret").
				starts(int64(100000000)),
			choice("SecretStore", 0, "Azure Key Vault", 1, "Microsoft Dataverse").starts(int64(0)), text("Hint", 2000), memo("ValueSchema", 2000),
			yesNo("IsRequired", false), text("ApiId", 500), text("ParameterKey", 100), yesNo("IsManaged", false).readOnly(),
		},
	},
	{
		schema: "EnvironmentVariableValue", set: "environmentvariablevalues", primaryName: "schemaname", code: 381, owned: true,
		columns: []column{
			text("SchemaName", 100), memo("Value", 2000), yesNo("IsManaged", false).readOnly(),
			lookup("EnvironmentVariableDefinitionId", target{
				table: "environmentvariabledefinition", schema: "environmentvariabledefinition_environmentvariablevalue",
				single: "EnvironmentVariableDefinitionId", cascade: "Cascade",
			}).required(),
		},
	},
	{
		schema: "ConnectionReference", set: "connectionreferences", primaryName: "connectionreferencelogicalname", code: 10043, owned: true,
		columns: []column{
			text("ConnectionReferenceLogicalName", 200).required().createOnly(), text("ConnectionReferenceDisplayName", 200), text("ConnectorId", 1000),
			text("ConnectionId", 1000), of(kindID, "CustomConnectorId"), memo("Description", 2000), yesNo("IsManaged", false).readOnly(),
			choice("PromptingBehavior", 0, "Prompt on import", 1, "Skip prompt on import").starts(int64(0)),
		},
	},
	{
		schema: "Workflow", set: "workflows", primaryName: "name", code: 4703, owned: true, display: [2]string{"Process", "Processes"},
		states:  []any{0, "Draft", 1, "Activated", 2, "Suspended"},
		reasons: []any{1, "Draft", 0, 2, "Activated", 1, 3, "CompanyDLPViolation", 2},
		columns: []column{
			text("Name", 100).required(), memo("Description", 100000), memo("ClientData", 1073741823), text("PrimaryEntity", 64),
			of(kindID, "WorkflowIdUnique").readOnly(), yesNo("IsManaged", false).readOnly(),
			choice("Category", 0, "Workflow", 1, "Dialog", 2, "Business Rule", 3, "Action", 4, "Business Process Flow", 5, "Modern Flow", 6, "Desktop Flow",
				7, "AI Flow").createOnly(),
			choice("Type", 1, "Definition", 2, "Activation", 3, "Template").starts(int64(1)),
		},
	},
	{
		schema: "FlowRun", set: "flowruns", primaryName: "name", code: 10130, owned: true, display: [2]string{"Flow Run", "Flow Runs"},
		columns: []column{
			text("Name", 100).required(), of(kindDateTime, "StartTime"), of(kindDateTime, "EndTime"), of(kindInteger, "Duration"), text("Status", 100),
			text("TriggerType", 100), text("ErrorCode", 100), memo("ErrorMessage", 20000), text("WorkflowId", 100), text("ParentRunId", 100),
			text("PartitionId", 100), of(kindInteger, "TTLInSeconds"), lookup("Workflow", target{table: "workflow", schema: "workflow_flowrun_Workflow"}),
		},
	},
	{schema: "ServiceEndpoint", set: "serviceendpoints", primaryName: "name", code: 4618, columns: []column{
		text("Name", 200).required(), text("Url", 2000), memo("Description", 2000), text("AuthValue", 2048).writeOnly(), yesNo("IsAuthValueSet", false).readOnly(),
		choice("Contract", 1, "OneWay", 2, "Queue", 3, "Rest", 4, "TwoWay", 5, "Topic", 6, "Queue (Persistent)", 7, "Event Hub", 8, "Webhook", 9, "Event Grid",
			10, "Managed Data Lake").required(),
		choice("AuthType", 1, "ACS", 2, "SAS Key", 3, "SAS Token", 4, "Webhook Key", 5, "Http Header", 6, "Http Query String", 7, "Connection String"),
		choice("MessageFormat", 1, "Binary XML", 2, "Json", 3, "Text XML").starts(int64(2)),
	}},
	{schema: "SdkMessage", set: "sdkmessages", primaryName: "name", code: 4606, columns: []column{text("Name", 256)}},
	{schema: "SdkMessageFilter", set: "sdkmessagefilters", primaryName: "name", code: 4607, columns: []column{
		text("Name", 256), of(kindEntityName, "PrimaryObjectTypeCode"), lookup("SdkMessageId", target{table: "sdkmessage", schema: "sdkmessageid_sdkmessagefilter"}),
	}},
	{
		schema: "SdkMessageProcessingStep", set: "sdkmessageprocessingsteps", primaryName: "name", code: 4608,
		states: []any{0, "Enabled", 1, "Disabled"}, reasons: []any{1, "Enabled", 0, 2, "Disabled", 1},
		columns: []column{
			text("Name", 256).required(), memo("Description", 2000), memo("FilteringAttributes", 100000), yesNo("AsyncAutoDelete", false),
			choice("Stage", 10, "Pre-validation", 20, "Pre-operation", 40, "Post-operation").required(), choice("Mode", 0, "Synchronous", 1, "Asynchronous").required(),
			of(kindInteger, "Rank").starts(int64(1)), choice("SupportedDeployment", 0, "Server Only", 1, "Offline only", 2, "Both").starts(int64(0)),
			yesNo("CanBeBypassed", true),
			lookup("EventHandler", target{table: "serviceendpoint", schema: "serviceendpoint_sdkmessageprocessingstep", single: "eventhandler_serviceendpoint", cascade: "Restrict"}),
			lookup("SdkMessageId", target{table: "sdkmessage", schema: "sdkmessageid_sdkmessageprocessingstep"}).required(),
			lookup("SdkMessageFilterId", target{table: "sdkmessagefilter", schema: "sdkmessagefilterid_sdkmessageprocessingstep"}),
		},
	},
	{schema: "SdkMessageProcessingStepImage", set: "sdkmessageprocessingstepimages", primaryName: "name", code: 4615, columns: []column{
		text("Name", 256), text("EntityAlias", 256).required(), memo("Attributes", 100000), text("MessagePropertyName", 256).required(),
		choice("ImageType", 0, "PreImage", 1, "PostImage", 2, "Both").required(),
		lookup("SdkMessageProcessingStepId", target{table: "sdkmessageprocessingstep", schema: "sdkmessageprocessingstepid_sdkmessageprocessingstepimage", cascade: "Cascade"}),
	}},
	{
		schema: "AsyncOperation", set: "asyncoperations", primaryName: "name", code: 4700, owned: true, display: [2]string{"System Job", "System Jobs"},
		states: []any{0, "Ready", 1, "Suspended", 2, "Locked", 3, "Completed"},
		reasons: []any{
			0, "Waiting For Resources", 0, 10, "Waiting", 1, 20, "In Progress", 2, 21, "Pausing", 2, 22, "Canceling", 2, 30, "Succeeded", 3, 31, "Failed", 3,
			32, "Canceled", 3,
		},
		columns: []column{
			text("Name", 256), memo("Message", 1048576), memo("FriendlyMessage", 1048576), of(kindInteger, "ErrorCode"),
			lookup("OwningExtensionId", target{table: "sdkmessageprocessingstep", schema: "sdkmessageprocessingstep_asyncoperations"}),
		},
	},
}

// standardManyToMany are shipped relationships between many and many.
var standardManyToMany = []relationship{
	{schema: "systemuserroles_association", entity1: "systemuser", entity2: "role", intersect: "systemuserroles",
		nav1: "systemuserroles_association", nav2: "systemuserroles_association"},
	{schema: "teammembership_association", entity1: "team", entity2: "systemuser", intersect: "teammembership",
		nav1: "teammembership_association", nav2: "teammembership_association"},
}
