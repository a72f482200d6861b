package reconcile

import (
	"errors"

	"github.com/cosell-sync/terraform-provider-cosell/agent/mapping"
	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
)

// unreadable tells a value that the mapping cannot turn from one that no mapping could.
func unreadable(otherwise problem.Code, object string, err error) error {
	var failure *mapping.Failure
	if errors.As(err, &failure) {
		return problem.Wrap(problem.MappingFailed, object, err)
	}
	return problem.Wrap(otherwise, object, err)
}
