// Package operate asks a running agent, by its admin API: a data source for what it does, and actions for what an operator
// would do with the command cosell-agent.
package operate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/cosell-sync/terraform-provider-cosell/internal/admin"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// DataSources lists the constructors of this package's data sources.
func DataSources() []func() datasource.DataSource {
	return []func() datasource.DataSource{NewAgentStatus}
}

// problemCode is the form of the catalogue's codes.
var problemCode = regexp.MustCompile(`^CS[0-9]{3}$`)

// errConnector says which connector was meant cannot be told.
var errConnector = errors.New("the connector that is meant cannot be told")

// chosen gives the connector of a name; without a name the only one that the agent runs.
func chosen(ctx context.Context, client *admin.Client, name string) (string, error) {
	if name != "" {
		return name, nil
	}
	names, err := client.Connectors(ctx)
	if err != nil {
		return "", err
	}
	if len(names) != 1 {
		return "", fmt.Errorf("%w: the agent runs %d (%s), so set connector to one of them", errConnector, len(names), strings.Join(names, ", "))
	}
	return names[0], nil
}

// detail explains a failed request.
func detail(err error) string {
	var refusal *admin.Error
	switch {
	case errors.Is(err, admin.ErrNobody):
		return remote.Detail(err) + "\n\nStart the agent with --admin-listen, or correct the provider's agent block (COSELL_AGENT_ADDRESS)."
	case errors.As(err, &refusal) && refusal.Status == http.StatusUnauthorized:
		return remote.Detail(err) + "\n\nGive the token that the agent was started with (--admin-token) in the provider's agent block, or as COSELL_AGENT_TOKEN."
	default:
		return remote.Detail(err)
	}
}

// connectorPath is the attribute that names the connector.
var connectorPath = path.Root("connector")
