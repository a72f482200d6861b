package partnercenter

import (
	"encoding/json"
	"reflect"
	"slices"
	"sort"
	"strings"
)

// patchPaths are the paths of the connector's own definition of the API (PartnerCenterReferrals apiDefinition.swagger.json).
var patchPaths = []string{
	"/campaignId", "/consent/consentToShareReferralWithMicrosoftSellers", "/customerProfile/team", "/customerProfile/team/-",
	"/details/closingDateTime", "/details/currency", "/details/dealValue", "/details/notes",
	"/details/requirements/solutions", "/details/requirements/solutions/-", "/externalReferenceId", "/referralProgram",
	"/salesStage", "/status", "/substatus", "/statusReason", "/team", "/team/-",
}

// patchOperation is one operation of a JSON Patch; the service knows add and replace only (page "patch-a-referral").
type patchOperation struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

func (s *Service) decodePatch(body []byte) ([]patchOperation, error) {
	var operations []patchOperation
	if err := json.Unmarshal(body, &operations); err != nil || len(operations) == 0 {
		return nil, invalid("referral", "The body is not a JSON Patch: an array with at least one operation.")
	}
	for _, operation := range operations {
		known := slices.Contains(patchPaths, operation.Path) ||
			operation.Path == "/name" && s.kit.Switches.Is(switchPatchPaths, "with_name")
		switch {
		case operation.Op != "add" && operation.Op != "replace":
			return nil, invalid("referral", "The operation %q is not supported. Use add or replace.", operation.Op)
		case !known:
			return nil, invalid("referral", "The path %q cannot be patched.", operation.Path)
		case operation.Op == "replace" && strings.HasSuffix(operation.Path, "/-"):
			return nil, invalid("referral", "The path %q can only be added to.", operation.Path)
		case operation.Value == nil:
			return nil, invalid("referral", "The operation on %q has no value.", operation.Path)
		}
	}
	return operations, nil
}

// patch applies a JSON Patch, all of it or nothing.
func (s *Service) patch(o origin, id, ifMatch string, body []byte) (*record, error) {
	operations, err := s.decodePatch(body)
	if err != nil {
		return nil, err
	}
	var fields []string
	for _, operation := range operations {
		field := strings.TrimSuffix(operation.Path[1:], "/-")
		if !slices.Contains(fields, field) {
			fields = append(fields, field)
		}
	}
	return s.update(o, id, func(current *Referral) (*Referral, []string, error) {
		if err := s.checkWritable(current, ifMatch); err != nil {
			return nil, nil, err
		}
		next, err := patched(current, operations)
		if err != nil {
			return nil, nil, err
		}
		if slices.Contains(fields, "customerProfile/team") && s.contactIsFixed(current) {
			return nil, nil, invalid("customerProfile.team", "The customer contact cannot be changed after help was requested.")
		}
		return next, fields, s.checkChange(current, next, fields...)
	})
}

// patched returns a new version with the operations applied.
func patched(current *Referral, operations []patchOperation) (*Referral, error) {
	doc := document(current)
	for _, operation := range operations {
		var value any
		if err := json.Unmarshal(operation.Value, &value); err != nil {
			return nil, invalid("referral", "The value for %q is not JSON.", operation.Path)
		}
		names := strings.Split(operation.Path[1:], "/")
		parent := doc
		last := len(names) - 1
		if names[last] == "-" {
			last--
		}
		for _, name := range names[:last] {
			parent, _ = parent[name].(map[string]any) // every parent in the list of paths is an object
		}
		if last < len(names)-1 {
			list, _ := parent[names[last]].([]any)
			value = append(slices.Clone(list), value)
		}
		parent[names[last]] = value
	}
	data, err := json.Marshal(doc)
	if err != nil {
		return nil, invalid("referral", "The patched referral cannot be encoded.")
	}
	next, err := current.decodeNext(data)
	if err != nil {
		return nil, invalid("referral", "The patched referral is not valid: %s.", reason(err))
	}
	present(&next.Team)
	present(&next.CustomerProfile.Team)
	present(&next.Details.Requirements.Solutions)
	return next, nil
}

// replace is the deprecated PUT: the client's part of the referral as a whole (page "update-a-referral").
func (s *Service) replace(o origin, id, ifMatch string, body []byte) (*record, error) {
	asked, given, err := s.decodeReferral(body)
	if err != nil {
		return nil, err
	}
	if slices.Contains(given, "links") {
		return nil, invalid("links", "The property links must be removed from the body.")
	}
	if err := checkEnums(asked); err != nil {
		return nil, err
	}
	return s.update(o, id, func(current *Referral) (*Referral, []string, error) {
		if err := s.checkWritable(current, ifMatch); err != nil {
			return nil, nil, err
		}
		next := s.replaced(current, asked)
		if next.CustomerProfile.Name != current.CustomerProfile.Name ||
			!reflect.DeepEqual(next.CustomerProfile.Address, current.CustomerProfile.Address) {
			return nil, nil, invalid("customerProfile", "The customer's company cannot be changed after creation.")
		}
		return next, differing(current, next), s.checkChange(current, next)
	})
}

// replaced is the present version with the client's part taken from the request.
func (s *Service) replaced(current, asked *Referral) *Referral {
	next, from := current.clone(), asked.clone()
	next.Name, next.ExternalReferenceID, next.Qualification = from.Name, from.ExternalReferenceID, from.Qualification
	next.CampaignID, next.SalesStage, next.ReferralProgram = from.CampaignID, from.SalesStage, from.ReferralProgram
	next.Favorite, next.Target, next.Team = from.Favorite, from.Target, from.Team
	next.Consent, next.Details, next.InviteContext = from.Consent, from.Details, from.InviteContext
	next.InviteContext.InvitedBy = current.InviteContext.InvitedBy
	next.CustomerProfile = from.CustomerProfile
	if from.Status != "" {
		next.Status, next.Substatus, next.StatusReason = from.Status, from.Substatus, from.StatusReason
	}
	s.fill(next)
	return next
}

// differing names the top-level properties in which two versions differ.
func differing(current, next *Referral) []string {
	before, after := document(current), document(next)
	var fields []string
	for name := range after {
		if !reflect.DeepEqual(before[name], after[name]) {
			fields = append(fields, name)
		}
	}
	sort.Strings(fields)
	return fields
}

// checkWritable refuses writes to Microsoft's referral, to a closed one, and to another version than the caller has read.
func (s *Service) checkWritable(current *Referral, ifMatch string) error {
	if current.isMicrosofts() {
		return &refusal{status: 403, code: "accessDenied", target: "referral", message: "The referral belongs to another organization."}
	}
	if !matches(ifMatch, current.ETag) {
		return preconditionFailed("The referral has been changed since the version " + ifMatch + " was read.")
	}
	return s.checkOpen(current)
}

// matches evaluates an If-Match header; an absent one matches.
func matches(ifMatch, eTag string) bool {
	if ifMatch == "" {
		return true
	}
	for candidate := range strings.SplitSeq(ifMatch, ",") {
		if candidate = strings.TrimSpace(candidate); candidate == "*" || candidate == eTag {
			return true
		}
	}
	return false
}

// checkChange applies the rules about changes, and those about the changed fields.
func (s *Service) checkChange(current, next *Referral, fields ...string) error {
	if current.Consent.ShareWithMicrosoft && !next.Consent.ShareWithMicrosoft {
		return invalid("consent", "A deal that is visible to Microsoft sellers cannot be hidden again.")
	}
	if next.Consent.ShareWithMicrosoft && !current.Consent.ShareWithMicrosoft && s.kit.Switches.Is(switchEffectiveType, "consent") { // a lead, which is visible from the start, stays one
		next.Type = "Shared"
	}
	if err := checkEnums(next); err != nil {
		return err
	}
	if err := s.checkTransition(current, next); err != nil {
		return err
	}
	return s.checkRules(next, fields...)
}

// contactIsFixed says whether the customer contact can no longer change. The service's lock is held.
func (s *Service) contactIsFixed(r *Referral) bool {
	return s.kit.Switches.Is(switchContactAfterShare, "read_only") && (r.asksForHelp() || s.counterpartOf(r.EngagementID) != nil)
}
