package metadata

// CustomField is a field (source: Metadata API Developer Guide, "CustomField"). Nil pointers and empty texts are not
// sent. Element order is alphabetical, as the service writes it.
type CustomField struct {
	FullName                 string    `xml:"fullName,omitempty"`
	CaseSensitive            *bool     `xml:"caseSensitive,omitempty"` // of a unique text
	DefaultValue             *string   `xml:"defaultValue,omitempty"`
	DeleteConstraint         string    `xml:"deleteConstraint,omitempty"` // SetNull, Restrict, Cascade
	Description              *string   `xml:"description,omitempty"`
	DisplayFormat            string    `xml:"displayFormat,omitempty"`
	ExternalID               *bool     `xml:"externalId,omitempty"`
	Formula                  *string   `xml:"formula,omitempty"`
	InlineHelpText           *string   `xml:"inlineHelpText,omitempty"`
	Label                    string    `xml:"label,omitempty"`
	Length                   *int      `xml:"length,omitempty"`
	Precision                *int      `xml:"precision,omitempty"`
	ReferenceTo              string    `xml:"referenceTo,omitempty"`
	RelationshipLabel        *string   `xml:"relationshipLabel,omitempty"`
	RelationshipName         string    `xml:"relationshipName,omitempty"`
	RelationshipOrder        *int      `xml:"relationshipOrder,omitempty"`
	ReparentableMasterDetail *bool     `xml:"reparentableMasterDetail,omitempty"`
	Required                 *bool     `xml:"required,omitempty"`
	Scale                    *int      `xml:"scale,omitempty"`
	TrackFeedHistory         *bool     `xml:"trackFeedHistory,omitempty"`
	TrackHistory             *bool     `xml:"trackHistory,omitempty"`
	Type                     string    `xml:"type,omitempty"`
	Unique                   *bool     `xml:"unique,omitempty"`
	ValueSet                 *ValueSet `xml:"valueSet,omitempty"`
	VisibleLines             *int      `xml:"visibleLines,omitempty"`
	WriteRequiresMasterRead  *bool     `xml:"writeRequiresMasterRead,omitempty"`
}

// ValueSet of a picklist: its own definition, or the name of a global value set.
type ValueSet struct {
	ControllingField   string              `xml:"controllingField,omitempty"`
	Restricted         *bool               `xml:"restricted,omitempty"`
	ValueSetDefinition *ValueSetDefinition `xml:"valueSetDefinition,omitempty"`
	ValueSetName       string              `xml:"valueSetName,omitempty"`
}

// ValueSetDefinition lists a picklist's values in their order.
type ValueSetDefinition struct {
	Sorted bool          `xml:"sorted"`
	Value  []CustomValue `xml:"value"`
}

// CustomValue is one picklist value: FullName is its API name, Label what people see.
type CustomValue struct {
	FullName string `xml:"fullName"`
	Color    string `xml:"color,omitempty"`
	Default  bool   `xml:"default"`
	IsActive *bool  `xml:"isActive,omitempty"`
	Label    string `xml:"label,omitempty"`
}

// CustomObject is an object without its fields (source: "CustomObject"). A read also brings the fields as elements of the
// component's tree: see [FieldsOf].
type CustomObject struct {
	FullName             string     `xml:"fullName,omitempty"`
	DeploymentStatus     string     `xml:"deploymentStatus,omitempty"` // Deployed, InDevelopment
	Description          *string    `xml:"description,omitempty"`
	EnableActivities     *bool      `xml:"enableActivities,omitempty"`
	EnableBulkAPI        *bool      `xml:"enableBulkApi,omitempty"`
	EnableFeeds          *bool      `xml:"enableFeeds,omitempty"`
	EnableHistory        *bool      `xml:"enableHistory,omitempty"`
	EnableReports        *bool      `xml:"enableReports,omitempty"`
	EnableSearch         *bool      `xml:"enableSearch,omitempty"`
	EnableSharing        *bool      `xml:"enableSharing,omitempty"`
	EnableStreamingAPI   *bool      `xml:"enableStreamingApi,omitempty"`
	ExternalSharingModel string     `xml:"externalSharingModel,omitempty"`
	Label                string     `xml:"label,omitempty"`
	NameField            *NameField `xml:"nameField,omitempty"`
	PluralLabel          string     `xml:"pluralLabel,omitempty"`
	SharingModel         string     `xml:"sharingModel,omitempty"` // e.g. ReadWrite, ControlledByParent
	Visibility           string     `xml:"visibility,omitempty"`
}

// NameField of a custom object: Text, or AutoNumber with a display format such as "MS-{00000}".
type NameField struct {
	DisplayFormat  string `xml:"displayFormat,omitempty"`
	Label          string `xml:"label,omitempty"`
	StartingNumber *int   `xml:"startingNumber,omitempty"`
	Type           string `xml:"type,omitempty"`
}

// FieldsOf gives the fields inside a CustomObject that was read, as components of type CustomField whose full name has the
// object's prefix, e.g. "Microsoft_Solution__c.Opportunity__c".
func FieldsOf(object Component) []Component {
	if object.Node == nil {
		return nil
	}
	var fields []Component
	for _, element := range object.Node.All("fields") {
		name := element.ChildText("fullName")
		if name == "" {
			continue
		}
		field := Component{Type: "CustomField", FullName: object.FullName + "." + name, Node: element.Clone()}
		field.Node.SetChildText("fullName", field.FullName)
		fields = append(fields, field)
	}
	return fields
}
