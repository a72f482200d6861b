package provider_test

import (
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

const packageAddress = "cosell_salesforce_package.test"

// TestPackageUpgrade names the fields that an installation and its upgrade brought, upgrades in place, and tells why Salesforce
// refuses to go back.
func TestPackageUpgrade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	brought := func(names ...string) statecheck.StateCheck {
		var checks []knownvalue.Check
		for _, name := range names {
			checks = append(checks, knownvalue.StringExact("Opportunity."+name+"__c"))
		}
		return statecheck.ExpectKnownValue(packageAddress, tfjsonpath.New("custom_fields"), knownvalue.SetExact(checks))
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{
			Config: packageConfig("04t2w000006WIwV"),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectKnownValue(packageAddress, tfjsonpath.New("version"), knownvalue.StringExact("1.1.0.1")),
			}},
			ConfigStateChecks: []statecheck.StateCheck{brought("Sync_with_Partner_Center", "Referral_Identifier", "Referral_Link")},
		},
		{
			Config: packageConfig("04t2w000006WIwW"),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(packageAddress, plancheck.ResourceActionUpdate),
			}},
			ConfigStateChecks: []statecheck.StateCheck{brought("Sync_with_Partner_Center", "Referral_Identifier", "Referral_Link", "Referral_Program")},
		},
		{Config: packageConfig("04t2w000006WIwV"), ExpectError: words("A newer version of this package is installed")},
		{Config: packageConfig("04t2w000006WIwW")},
	}})
}

// TestPackageIsNotTakenOver leaves alone what somebody else installed, and an installation blocks on a name that is taken.
func TestPackageIsNotTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.packageRequest(t, "PackageInstallRequest", "SubscriberPackageVersionKey", "04t2w000006WIwV")
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: w.providers(), Steps: []resource.TestStep{
		{Config: packageConfig("04t2w000006WIwV"), ExpectError: words("terraform import cosell_salesforce_package.<name>")},
	}})
	taken := newWorld(t)
	taken.provision(t)
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: taken.providers(), Steps: []resource.TestStep{
		{Config: packageConfig("04t2w000006WIwV"), ExpectError: regexp.MustCompile(`already\s+a\s+field\s+named`)},
	}})
}
