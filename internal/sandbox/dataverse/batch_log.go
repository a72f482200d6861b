package dataverse

import "github.com/cosell-sync/terraform-provider-cosell/internal/sandbox/lab"

// stamped are the rows of the operation log of a part, each with the part's own status; one for the part if it touched nothing.
func stamped(c *call, status int) []lab.Operation {
	if len(c.touched) == 0 && len(c.path) > 0 {
		c.touch("request", c.path[0].name, "", nil)
	}
	for i := range c.touched {
		if c.touched[i].Status == 0 {
			c.touched[i].Status = status
		}
	}
	return c.touched
}
