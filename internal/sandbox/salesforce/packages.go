package salesforce

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// packageVersion is a version of a package that can be installed here. Which components Microsoft's own package brings, and under
// which namespace, is published nowhere; these are the fields of the documentation that came before it.
type packageVersion struct {
	id           string
	major, minor int
	fields       []string // Object.Name
}

const (
	packageID   = "0332w0000000001"
	packageName = "Partner Center referrals (sandbox)"
)

// packageVersions are in the order of their numbers. The second has the id that the connector's documentation gives.
func packageVersions() []packageVersion {
	first := []string{"Opportunity.Sync_with_Partner_Center__c", "Opportunity.Referral_Identifier__c", "Opportunity.Referral_Link__c"}
	return []packageVersion{
		{id18("04t2w000006WIwU"), 1, 0, first[:1]},
		{id18("04t2w000006WIwV"), 1, 1, first},
		{id18("04t2w000006WIwW"), 1, 2, append(slices.Clone(first), "Opportunity.Referral_Program__c")},
	}
}

func versionOf(id string) (packageVersion, bool) {
	versions := packageVersions()
	i := slices.IndexFunc(versions, func(v packageVersion) bool { return v.id == id || len(id) == 15 && v.id[:15] == id })
	if i < 0 {
		return packageVersion{}, false
	}
	return versions[i], true
}

// Setup objects of packages (source: Tooling API, "PackageInstallRequest" and the objects beside it).
const (
	installObject   = "PackageInstallRequest"
	uninstallObject = "SubscriberPackageVersionUninstallRequest"
	versionObject   = "SubscriberPackageVersion"
	installedObject = "InstalledSubscriberPackage"
)

func packageObjects() []*object {
	requests := func(name, prefix, key string) *object {
		column := typed("Errors", "Errors", typeComplex, 0)
		column.NotFilterable = true
		obj := newObject(name, name, name, prefix, text("Status", "Status", 40), text(key, key, 18), column)
		obj.rows = func(o *Org) []*record { return o.packageRequests(obj, key) }
		return obj
	}
	versions := newObject(versionObject, versionObject, versionObject, "04t", text("SubscriberPackageId", "Subscriber Package ID", 18), text("Name", "Name", 80).isName(),
		typed("MajorVersion", "Major", typeInt, 0), typed("MinorVersion", "Minor", typeInt, 0), typed("PatchVersion", "Patch", typeInt, 0),
		typed("BuildNumber", "Build", typeInt, 0), text("InstallValidationStatus", "Validation", 80))
	versions.rows = func(*Org) []*record {
		var rows []*record
		for _, v := range packageVersions() {
			rows = append(rows, &record{id: v.id, object: versions, values: map[string]any{"SubscriberPackageId": id18(packageID), "Name": packageName,
				"MajorVersion": float64(v.major), "MinorVersion": float64(v.minor), "PatchVersion": 0.0, "BuildNumber": 1.0, "InstallValidationStatus": "NO_ERRORS_DETECTED"}})
		}
		return rows
	}
	packages := newObject("SubscriberPackage", "SubscriberPackage", "SubscriberPackage", "033", text("Name", "Name", 80).isName(), text("NamespacePrefix", "Namespace", 15))
	packages.rows = func(*Org) []*record {
		return []*record{{id: id18(packageID), object: packages, values: map[string]any{"Name": packageName}}}
	}
	installed := newObject(installedObject, installedObject, installedObject, "0A3", text("SubscriberPackageId", "Subscriber Package ID", 18),
		text("SubscriberPackageVersionId", "Subscriber Package Version ID", 18))
	installed.rows = func(o *Org) []*record {
		if o.setup.installed == nil {
			return nil
		}
		return []*record{{id: o.setup.installed.id, object: installed, values: map[string]any{"SubscriberPackageId": id18(packageID),
			"SubscriberPackageVersionId": o.setup.installed.node.value("version")}}}
	}
	return []*object{requests(installObject, "0Hf", "SubscriberPackageVersionKey"), requests(uninstallObject, "06y", "SubscriberPackageVersionId"), versions, packages, installed}
}

func (o *Org) packageRequests(obj *object, key string) []*record {
	var rows []*record
	for _, id := range slices.Sorted(maps.Keys(o.setup.requests)) {
		request := o.setup.requests[id]
		if request.node.value("object") != obj.Name {
			continue
		}
		values := map[string]any{key: request.node.value("version"), "Status": request.node.value("status")}
		if message := request.node.value("error"); message != "" {
			values["Errors"] = doc{{"errors", []any{doc{{"message", message}}}}}
		}
		rows = append(rows, &record{id: id, object: obj, values: values})
	}
	return rows
}

// byID is how package versions must be asked for.
var byID = regexp.MustCompile(`(?i)\bWHERE\s+Id\s*(=|IN\b)`)

// checkPackageQuery refuses to list all package versions of the world.
func checkPackageQuery(statement string) *apiError {
	if !strings.EqualFold(queriedObject(statement), versionObject) || byID.MatchString(statement) {
		return nil
	}
	return badRequest("MALFORMED_QUERY", "Implementation restriction: You can only perform queries of the form Id = or Id IN on this object")
}

// states of requests, in progress and settled.
var requestStates = map[string]struct{ running, done, failed string }{
	installObject:   {"IN_PROGRESS", "SUCCESS", "ERROR"},
	uninstallObject: {"InProgress", "Success", "Error"},
}

// createPackageRequest answers POST /tooling/sobjects/PackageInstallRequest and the one that uninstalls. The work is done at once,
// and the request says so when it is asked about for the second time.
func (c *call) createPackageRequest(object string) response {
	var in struct {
		SubscriberPackageVersionKey, SubscriberPackageVersionID                                            string
		NameConflictResolution, PackageInstallSource, SecurityType, UpgradeType, ApexCompileType, Password string
		EnableRss                                                                                          bool
	}
	if err := decodeStrict(c.body, &in); err != nil {
		return failed(err)
	}
	key := in.SubscriberPackageVersionKey + in.SubscriberPackageVersionID
	version, known := versionOf(key)
	if !known {
		err := badRequest("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id: no package version %s", key)
		c.touch("create", object, key, nil, err)
		return failed(err)
	}
	inner := &metadataCall{o: c.o, r: c.r, who: c.who, tx: c.tx}
	final, message, mark := requestStates[object].done, "", c.tx.mark()
	if err := inner.settlePackage(object, version.id); err != nil {
		c.tx.rollbackTo(mark)
		final, message = requestStates[object].failed, err.message
	}
	request := inner.newComponent(map[string]string{installObject: "0Hf", uninstallObject: "06y"}[object], branch("metadata",
		leaf("object", object), leaf("version", version.id), leaf("status", requestStates[object].running), leaf("polls", "0"), leaf("final", final), leaf("message", message)))
	c.tx.store(c.o.setup.requests, request.id, request)
	c.touch("create", object, request.id, nil, nil)
	return response{status: http.StatusCreated, body: saved(request.id)}
}

// followPackage moves a request on when it is asked about.
func (c *call) followPackage(id string) {
	request := c.o.setup.requests[id]
	object := request.node.value("object")
	states := requestStates[object]
	if request.node.value("status") != states.running {
		return
	}
	inner := &metadataCall{o: c.o, r: c.r, who: c.who, tx: c.tx}
	next := inner.changedComponent(request, request.node.clone())
	polls, _ := strconv.Atoi(request.node.value("polls"))
	next.node.put("polls", strconv.Itoa(polls+1))
	if polls > 0 {
		next.node.put("status", request.node.value("final"))
		next.node.put("error", request.node.value("message"))
	}
	c.tx.store(c.o.setup.requests, id, next)
}

// settlePackage makes or removes what a version holds. A name that is taken blocks an installation, as NameConflictResolution Block
// says; an upgrade keeps what is there.
func (c *metadataCall) settlePackage(object, id string) *metadataError {
	version, _ := versionOf(id)
	var had []string
	if now := c.o.setup.installed; now != nil {
		before, _ := versionOf(now.node.value("version"))
		if object == installObject && (before.minor > version.minor) {
			return refuse("INVALID_OPERATION", "A newer version of this package is installed")
		}
		had = before.fields
	}
	old := c.o.setup.installed
	c.tx.onRollback(func() { c.o.setup.installed = old })
	if object == uninstallObject {
		for _, field := range had {
			if obj, f := c.o.fieldNamed(field); obj == nil || f == nil {
				continue
			}
			if err := c.removeField(field); err != nil {
				return err
			}
		}
		c.o.setup.installed = nil
		return nil
	}
	for _, field := range version.fields {
		if slices.Contains(had, field) {
			continue
		}
		_, name, _ := strings.Cut(field, ".")
		label := strings.ReplaceAll(strings.TrimSuffix(name, "__c"), "_", " ")
		n := branch("metadata", leaf("fullName", field), leaf("label", label), leaf("type", "Text"), leaf("length", "255"))
		if strings.HasPrefix(name, "Sync_") {
			n = branch("metadata", leaf("fullName", field), leaf("label", label), leaf("type", "Checkbox"), leaf("defaultValue", "false"))
		}
		if err := c.createField(field, n); err != nil {
			return err
		}
	}
	c.o.setup.installed = c.newComponent("0A3", branch("metadata", leaf("version", version.id)))
	return nil
}
