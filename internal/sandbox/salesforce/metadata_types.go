package salesforce

import (
	"slices"
	"strconv"
	"strings"
)

// metadataSchema is the part of the Metadata API WSDL (v67) that the org knows: for each complex type its elements as
// name:type, with * for repeated ones. Types that are not listed here are scalars or enumerations.
var metadataSchema = parseSchema(map[string]string{
	"CustomField": "fullName:string businessOwnerGroup:string businessOwnerUser:string businessStatus:string caseSensitive:boolean complianceGroup:string " +
		"customDataType:string defaultValue:string deleteConstraint:DeleteConstraint deprecated:boolean description:string displayFormat:string " +
		"encryptionScheme:string escapeMarkup:boolean externalDeveloperName:string externalId:boolean fieldManageability:string formula:string " +
		"formulaTreatBlanksAs:string inlineHelpText:string isAIPredictionField:boolean isConvertLeadDisabled:boolean isFilteringDisabled:boolean " +
		"isNameField:boolean isSortingDisabled:boolean label:string length:int lookupFilter:LookupFilter maskChar:string maskType:string " +
		"metadataRelationshipControllingField:string mktDataLakeFieldAttributes:any mktDataModelFieldAttributes:any populateExistingRows:boolean " +
		"precision:int readOnlyProxy:boolean referenceTargetField:string referenceTo:string relationshipLabel:string relationshipName:string " +
		"relationshipOrder:int reparentableMasterDetail:boolean required:boolean restrictedAdminField:boolean scale:int securityClassification:string " +
		"startingNumber:int stripMarkup:boolean summarizedField:string summaryFilterItems:FilterItem* summaryForeignKey:string summaryOperation:string " +
		"trackFeedHistory:boolean trackHistory:boolean trackTrending:boolean translateData:boolean type:FieldType unique:boolean valueSet:ValueSet " +
		"visibleLines:int writeRequiresMasterRead:boolean",
	"LookupFilter":             "active:boolean booleanFilter:string description:string errorMessage:string filterItems:FilterItem* infoMessage:string isOptional:boolean",
	"FilterItem":               "field:string operation:string value:string valueField:string",
	"ValueSet":                 "controllingField:string restricted:boolean valueSetDefinition:ValueSetValuesDefinition valueSetName:string valueSettings:ValueSettings*",
	"ValueSetValuesDefinition": "sorted:boolean value:CustomValue*",
	"ValueSettings":            "controllingFieldValue:string* valueName:string",
	"CustomValue":              "fullName:string color:string default:boolean description:string isActive:boolean label:string",
	"GlobalValueSet":           "fullName:string customValue:CustomValue* description:string masterLabel:string sorted:boolean",
	"CustomObject": "fullName:string actionOverrides:any* allowInChatterGroups:boolean businessProcesses:any* compactLayoutAssignment:string compactLayouts:any* " +
		"deploymentStatus:DeploymentStatus deprecated:boolean description:string enableActivities:boolean enableBulkApi:boolean enableDivisions:boolean " +
		"enableEnhancedLookup:boolean enableFeeds:boolean enableHistory:boolean enableLicensing:boolean enableReports:boolean enableSearch:boolean " +
		"enableSharing:boolean enableStreamingApi:boolean externalSharingModel:SharingModel fieldSets:any* fields:CustomField* gender:string " +
		"household:boolean indexes:any* label:string listViews:any* nameField:CustomField pluralLabel:string recordTypes:any* searchLayouts:any " +
		"sharingModel:SharingModel startsWith:string validationRules:any* visibility:string webLinks:any*",
	"OpportunitySettings": "fullName:string autoActivateNewReminders:boolean customizableForecastingSettings:any doesEnableTypeAheadForAddProducts:boolean " +
		"doesAutoAddSplitOwnerAsTeamMember:boolean enableExpandedPipelineInspectionSetup:boolean enableFindSimilarOpportunities:boolean " +
		"enableOpportunityFieldHistoryTracking:boolean enableOpportunityInsightsInMobile:boolean enableOpportunityTeam:boolean enableUpdateReminders:boolean " +
		"findSimilarOppFilter:any promptToAddProducts:boolean",
	"EnhancedNotesSettings": "fullName:string enableEnhancedNotes:boolean enableTasksOnEnhancedNotes:boolean",
	"Layout": "fullName:string customButtons:string* customConsoleComponents:any emailDefault:boolean excludeButtons:string* feedLayout:any headers:string* " +
		"layoutSections:LayoutSection* miniLayout:MiniLayout multilineLayoutFields:string* platformActionList:PlatformActionList quickActionList:QuickActionList " +
		"relatedContent:any relatedLists:RelatedListItem* relatedObjects:string* runAssignmentRulesDefault:boolean showEmailCheckbox:boolean " +
		"showHighlightsPanel:boolean showInteractionLogPanel:boolean showKnowledgeComponent:boolean showRunAssignmentRulesCheckbox:boolean " +
		"showSolutionSection:boolean showSubmitAndAttachButton:boolean summaryLayout:any",
	"LayoutSection": "customLabel:boolean detailHeading:boolean editHeading:boolean label:string layoutColumns:LayoutColumn* style:LayoutSectionStyle",
	"LayoutColumn":  "layoutItems:LayoutItem* reserved:string",
	"LayoutItem": "analyticsCloudComponent:any behavior:UiBehavior canvas:string component:string customLink:string emptySpace:boolean field:string height:int " +
		"page:string reportChartComponent:any scontrol:string showLabel:boolean showScrollbars:boolean width:string",
	"MiniLayout":             "fields:string* relatedLists:RelatedListItem*",
	"RelatedListItem":        "customButtons:string* excludeButtons:string* fields:string* quickActions:string* relatedList:string sortField:string sortOrder:SortOrder",
	"PlatformActionList":     "actionListContext:string platformActionListItems:PlatformActionListItem* relatedSourceEntity:string",
	"PlatformActionListItem": "actionName:string actionType:string sortOrder:int subtype:string",
	"QuickActionList":        "quickActionListItems:QuickActionListItem*",
	"QuickActionListItem":    "quickActionName:string",
})

// metadataEnums are the closed value lists that a type failure refers to.
var metadataEnums = map[string][]string{
	"FieldType": {"AutoNumber", "Lookup", "MasterDetail", "Checkbox", "Currency", "Date", "DateTime", "Email", "Number", "Percent", "Phone", "Picklist",
		"MultiselectPicklist", "Text", "TextArea", "LongTextArea", "Html", "Url", "EncryptedText", "Summary", "Hierarchy", "File", "MetadataRelationship",
		"Location", "ExternalLookup", "IndirectLookup", "CustomDataType", "Time", "Address", "Array", "Integer", "Long"},
	"DeleteConstraint": {"SetNull", "Restrict", "Cascade"},
	"DeploymentStatus": {"InDevelopment", "Deployed"},
	"SharingModel": {"Private", "Read", "ReadSelect", "ReadWrite", "ReadWriteTransfer", "FullAccess", "ControlledByParent", "ControlledByLeadOrContact",
		"ControlledByCampaign"},
	"LayoutSectionStyle": {"TwoColumnsTopToBottom", "TwoColumnsLeftToRight", "OneColumn", "CustomLinks"},
	"UiBehavior":         {"Edit", "Required", "Readonly"},
	"SortOrder":          {"Asc", "Desc"},
}

// metadataElement is one element of a complex type. The type "any" is kept without looking inside.
type metadataElement struct {
	typeName string
	repeated bool
}

func parseSchema(source map[string]string) map[string]map[string]metadataElement {
	schema := map[string]map[string]metadataElement{}
	for name, elements := range source {
		schema[name] = map[string]metadataElement{}
		for item := range strings.FieldsSeq(elements) {
			element, typeName, _ := strings.Cut(item, ":")
			base, repeated := strings.CutSuffix(typeName, "*")
			schema[name][element] = metadataElement{base, repeated}
		}
	}
	return schema
}

// checkSchema validates an element tree against its type. What does not fit is a fault of the whole call, as it is where
// the server binds XML to the WSDL.
func (o *Org) checkSchema(n *node, typeName string) *soapFault {
	elements := metadataSchema[typeName]
	seen := map[string]bool{}
	last := ""
	for _, c := range n.children {
		e, known := elements[c.name]
		outOfOrder := o.kit.Switches.Is(switchElementOrder, "wsdl") && sortKey(c.name) < last
		if !known || c.space != nsMetadata || seen[c.name] && !e.repeated || outOfOrder {
			return clientFault("Element {%s}%s invalid at this location in type %s", c.space, c.name, typeName)
		}
		seen[c.name], last = true, sortKey(c.name)
		if c.isNil || e.typeName == "any" {
			continue
		}
		if metadataSchema[e.typeName] != nil {
			if fault := o.checkSchema(c, e.typeName); fault != nil {
				return fault
			}
			continue
		}
		if fault := checkScalar(c, e.typeName); fault != nil {
			return fault
		}
	}
	return nil
}

func checkScalar(n *node, typeName string) *soapFault {
	valid := len(n.children) == 0
	shown := "xsd:" + typeName
	switch values := metadataEnums[typeName]; {
	case !valid:
	case values != nil:
		shown, valid = typeName, slices.Contains(values, n.text)
	case typeName == "boolean":
		valid = slices.Contains([]string{"true", "false", "1", "0"}, n.text)
	case typeName == "int":
		_, err := strconv.ParseInt(n.text, 10, 32)
		valid = err == nil
	}
	if !valid {
		return clientFault("'%s' is not valid for the type %s", clip(n.text), shown)
	}
	if typeName == "boolean" { // stored and read back in one spelling
		n.text = strconv.FormatBool(n.text == "true" || n.text == "1")
	}
	return nil
}
