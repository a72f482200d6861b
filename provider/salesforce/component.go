package salesforce

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/cosell-sync/terraform-provider-cosell/internal/problem"
	client "github.com/cosell-sync/terraform-provider-cosell/internal/salesforce"
	"github.com/cosell-sync/terraform-provider-cosell/internal/salesforce/metadata"
	"github.com/cosell-sync/terraform-provider-cosell/provider/remote"
)

// writeTimeout bounds one metadata write with all its repetitions.
const writeTimeout = 5 * time.Minute

// components reads and writes metadata of one type.
type components struct {
	remote *remote.Remote
	kind   string // "CustomField", "CustomObject"
}

// errExists says that a component of the name was there before.
var errExists = errors.New("it exists already")

// errDeleted says that a component was deleted between plan and apply.
var errDeleted = errors.New("it was deleted after the plan was made: plan again")

// errNameKept says that a name is taken although no component of it exists: a deleted one keeps it.
var errNameKept = errors.New("its name is still held by a deleted component")

// find looks a component up: see [remote.Remote.FindMetadata].
func (c components) find(ctx context.Context, fullName string) (metadata.Component, remote.Presence, error) {
	return c.remote.FindMetadata(ctx, c.kind, fullName)
}

// create makes a component. It fails with errExists or errNameKept when the name is taken: nothing is adopted. An answer
// that was lost is settled by reading back, because the component was seen to be absent before the first try.
func (c components) create(ctx context.Context, component metadata.Component) error {
	lost, checked := false, false // lost: an earlier try may have been applied
	return c.shared(ctx, component.FullName, func(ctx context.Context) error {
		if !checked {
			there, err := c.remote.MetadataListed(ctx, c.kind, component.FullName)
			if err != nil {
				return err
			}
			if there {
				return errExists
			}
			checked = true
		}
		err := c.remote.CreateMetadata(ctx, component)
		switch {
		case client.IsDuplicate(err) && lost:
			return nil
		case client.IsDuplicate(err):
			return c.whyTaken(ctx, component.FullName)
		case err == nil || client.IsLocked(err) || !client.IsAmbiguous(err):
			return err
		}
		lost = true
		state, readErr := c.findNow(ctx, component.FullName)
		switch {
		case readErr != nil:
			return err
		case state == remote.Absent:
			return problem.New(problem.AnswerLost, component.FullName, err.Error()) // not applied: send again
		default:
			return nil
		}
	})
}

// whyTaken tells a component that appeared meanwhile from a deleted one whose name is not free yet.
func (c components) whyTaken(ctx context.Context, fullName string) error {
	state, err := c.findNow(ctx, fullName)
	switch {
	case err != nil:
		return err
	case state == remote.Absent:
		return errNameKept
	default:
		return errExists
	}
}

// update changes a component that exists. The change is made on the live definition, because updateMetadata replaces the
// whole of it (source: "updateMetadata()"); without a readable one, change gets a component that holds its name only.
func (c components) update(ctx context.Context, fullName string, change func(metadata.Component) error) error {
	return c.write(ctx, fullName, func(ctx context.Context, api *client.Client) error {
		c.forget(fullName)
		live, state, err := c.find(ctx, fullName)
		switch {
		case err != nil:
			return err
		case state == remote.Absent:
			return errDeleted
		case state == remote.Hidden:
			live = metadata.New(c.kind, fullName)
		}
		if err := change(live); err != nil {
			return err
		}
		return repeatable(fullName, first(api.UpdateMetadata(ctx, live)))
	})
}

// delete removes a component. One that is gone already is no failure.
func (c components) delete(ctx context.Context, fullName string) error {
	return c.shared(ctx, fullName, func(ctx context.Context) error {
		err := c.remote.DeleteMetadata(ctx, c.kind, fullName)
		if err == nil || client.IsLocked(err) {
			return err
		}
		// It may have been deleted by somebody else, or by an earlier try whose answer was lost.
		if state, readErr := c.findNow(ctx, fullName); readErr == nil && state == remote.Absent {
			return nil
		}
		return repeatable(fullName, err)
	})
}

// write runs a metadata write in the organisation's turn, repeats it while setup is locked, and forgets what was read.
func (c components) write(ctx context.Context, fullName string, write func(context.Context, *client.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return c.remote.WriteMetadata(ctx, []string{c.affects(fullName)}, func(ctx context.Context, api *client.Client) error {
		err := write(ctx, api)
		if client.IsLocked(err) { // whatever its code: a locked request was not applied
			return problem.New(problem.Locked, fullName, err.Error())
		}
		return err
	})
}

// shared runs a write that goes out in a call with others, and repeats it while setup is locked.
func (c components) shared(ctx context.Context, fullName string, write func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return c.remote.Retry(ctx, func(ctx context.Context) error {
		err := write(ctx)
		if client.IsLocked(err) { // whatever its code: a locked request was not applied
			return problem.New(problem.Locked, fullName, err.Error())
		}
		return err
	})
}

// findNow looks a component up without what was read before.
func (c components) findNow(ctx context.Context, fullName string) (remote.Presence, error) {
	c.forget(fullName)
	_, state, err := c.find(ctx, fullName)
	return state, err
}

func (c components) forget(fullName string) { c.remote.Changed(c.affects(fullName)) }

// affects gives what is read anew after a change: a field changes its object, anything else only itself.
func (c components) affects(fullName string) string {
	if c.kind != "CustomField" {
		return fullName
	}
	object, _, _ := strings.Cut(fullName, ".")
	return object
}

// repeatable makes a lost answer one that is tried again: writing the same definition, or deleting, twice does no harm.
func repeatable(fullName string, err error) error {
	if client.IsAmbiguous(err) && !client.IsLocked(err) {
		return problem.New(problem.AnswerLost, fullName, err.Error())
	}
	return err
}

// first gives the failure of a call for one component, or of that component.
func first(results []client.MetadataResult, err error) error {
	if err != nil {
		return err
	}
	if len(results) != 1 {
		return errors.New("salesforce: the answer does not hold one result")
	}
	return results[0].Err()
}
