// Command terraform-provider-cosell is the Terraform provider of the co-sell synchronisation.
package main

import (
	"context"
	"flag"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/cosell-sync/terraform-provider-cosell/provider"
)

// version is set by the release build.
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "wait for a debugger and print how Terraform reaches this process")
	flag.Parse()
	err := providerserver.Serve(context.Background(), provider.New(version, provider.Options{}), providerserver.ServeOpts{
		Address: "registry.terraform.io/cosell-sync/cosell",
		Debug:   *debug,
	})
	if err != nil {
		log.Fatal(err)
	}
}
